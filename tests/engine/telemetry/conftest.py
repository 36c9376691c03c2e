"""A fake NVIDIA driver: compiled once, pointed at by LD_LIBRARY_PATH of a child process, changed while that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
import pytest

from babytrain.runs.events import GpuReading
from tests.timeouts import LONGEST_WAIT_SECONDS

ROOT = Path(__file__).parents[3]
SOURCE = Path(__file__).with_name("fake_nvml.c")


class Said(msgspec.Struct):
    """A line of the child."""

    gpus: tuple[GpuReading, ...] = ()
    note: str = ""
    host: float | None = None
    hung: bool = False
    interval: float = 0.0
    stopped: bool | None = None


class FakeDriver:
    """A driver whose answers can be set at any time, and a child process that asks it."""

    def __init__(self, folder: Path, library: Path | None) -> None:
        self._state = folder / "nvml.txt"
        self._log = folder / "asked.txt"
        self._errors = folder / "errors.txt"
        self._library = library
        self._values: dict[str, Any] = {}
        self._child: subprocess.Popen[str] | None = None
        self.set({})

    def set(self, values: dict[str, Any]) -> None:
        """Add or change answers, all at once."""
        self._values |= values
        lines = "".join(f"{key} {value}\n" for key, value in self._values.items())
        fresh = self._state.with_suffix(".new")
        fresh.write_text(lines, encoding="utf-8")
        fresh.replace(self._state)

    def forget(self, *keys: str) -> None:
        """Stop supporting something."""
        for key in keys:
            del self._values[key]
        self.set({})

    def asked(self, key: str) -> int:
        """How often the driver was asked this so far."""
        text = self._log.read_text() if self._log.exists() else ""
        return text.splitlines().count(key)

    def start(self, mode: str) -> None:
        """Start the child: `read`, `read:` and the UUID of torch's card, or `sample`."""
        environ = os.environ | {"FAKE_NVML": str(self._state), "FAKE_NVML_LOG": str(self._log)}
        environ["LD_LIBRARY_PATH"] = str(self._library) if self._library else "/nonexistent"
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.telemetry.nvml_child", mode],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors.open("ab"),
            text=True,
        )

    def read(self) -> Said:
        """One look at the cards."""
        if self._child is None:
            self.start("read")
        self._pipe("stdin").write("\n")
        self._pipe("stdin").flush()
        return self.next()

    def next(self) -> Said:
        """The next thing the child says."""
        line = self._pipe("stdout").readline()
        assert line, f"the child died: {self._errors.read_text()}"
        return msgspec.json.decode(line, type=Said)

    def until(self, wanted: Callable[[Said], bool]) -> Said:
        """The first thing the child says that is wanted."""
        while not wanted(said := self.next()):
            pass
        return said

    def end_input(self) -> None:
        """Tell the child that it is over."""
        self._pipe("stdin").close()

    def exit_code(self) -> int:
        """Wait for the child to end by itself."""
        assert self._child is not None
        return self._child.wait(LONGEST_WAIT_SECONDS)

    def close(self) -> None:
        """End the child, which must have had nothing to complain of."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for name in ("stdin", "stdout"):
                self._pipe(name).close()
            assert self._errors.read_text() == ""

    def _pipe(self, name: str) -> IO[str]:
        pipe = getattr(self._child, name)
        assert pipe is not None
        return pipe  # type: ignore[no-any-return]


def card(number: int = 0, **changes: Any) -> dict[str, Any]:
    """The answers of an ordinary card with one fan; `None` takes an answer away."""
    answers: dict[str, Any] = {
        "name": "NVIDIA GeForce RTX 4070",
        "uuid": f"GPU-{number}",
        "utilization": 97,
        "memory_total": 12 * 1024**3,
        "memory_used": 3 * 1024**3,
        "temperature": 61,
        "slowdown": 83,
        "fans": 1,
        "fan0": 43,
        "rpm0": 1320,
        "power": 143_500,
        "power_limit": 200_000,
        "clock": 2475,
        "throttle": 0,
        "max_clock": 3105,
        "energy": 5_000_000,
        "mig": 0,
        "field82": 70,
        "field74": 3_000_000_000,
        "field269": 0,
        "field270": 0,
        "field271": 0,
    } | changes
    return {f"{number}.{what}": value for what, value in answers.items() if value is not None}


@pytest.fixture(scope="session")
def compile_driver(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler to build the fake driver")
    built: dict[tuple[str, ...], Path] = {}

    def build(*flags: str) -> Path:
        if flags not in built:
            folder = tmp_path_factory.mktemp("driver")
            library = folder / "libnvidia-ml.so.1"
            subprocess.run([compiler, "-shared", "-fPIC", *flags, "-o", library, SOURCE], check=True)
            built[flags] = folder
        return built[flags]

    return build


@pytest.fixture
def driver(tmp_path: Path, compile_driver: Callable[..., Path]) -> Iterator[FakeDriver]:
    fake = FakeDriver(tmp_path, compile_driver())
    yield fake
    fake.close()


@pytest.fixture
def old_driver(tmp_path: Path, compile_driver: Callable[..., Path]) -> Iterator[FakeDriver]:
    fake = FakeDriver(tmp_path, compile_driver("-DOLD_DRIVER"))
    yield fake
    fake.close()


@pytest.fixture
def no_driver(tmp_path: Path) -> Iterator[FakeDriver]:
    fake = FakeDriver(tmp_path, None)
    yield fake
    fake.close()
