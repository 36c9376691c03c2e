"""What the sensors cost: processor time of the sampler at one reading a second, as a share of a core.

Where there is a C compiler the real NVIDIA binding asks the fake driver of the tests about a card with two fans; else
the scripted card is asked. The driver is in a child process that does nothing else, so its processor time is the
sampler's: both threads, host and cards, publishing included. The first readings are left out, because they ask what is
asked once. `--busy` lets a thread of pure Python fight for the interpreter meanwhile: then only the wall time of a
round means anything.

    python -m bench.machine.telemetry --seconds 60
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.engine.telemetry.gpu_discovery import open_cards
from babytrain.engine.telemetry.host import HostSensors
from babytrain.engine.telemetry.sampler import TelemetrySampler
from babytrain.engine.telemetry.scripted_card import ScriptedBackend
from babytrain.runs.events import GpuReading, HostReading
from bench.measuring import PROJECT, BenchError, load_now, machine_facts, narrate, print_result

GOAL_SHARE = 0.003
WARM_UP_READINGS = 3
SOURCE = PROJECT / "tests" / "engine" / "telemetry" / "fake_nvml.c"
CARD = """\
count 1
0.name NVIDIA GeForce RTX 4070
0.uuid GPU-0
0.utilization 97
0.memory_total 12884901888
0.memory_used 3221225472
0.temperature 61
0.slowdown 83
0.fans 2
0.fan0 43
0.fan1 43
0.rpm0 1320
0.rpm1 1310
0.power 143500
0.power_limit 200000
0.clock 2475
0.max_clock 3105
0.throttle 4
0.energy 5000000
0.mig 0
0.field74 0
0.field82 70
0.field269 0
0.field270 0
0.field271 0
"""


class TimedCards(GpuBackend):
    """A wrapped backend, with the wall time of each reading in seconds."""

    def __init__(self, cards: GpuBackend, looks: list[float]) -> None:
        super().__init__(cards.note, cards.costs)
        self._cards = cards
        self._looks = looks

    def read(self) -> tuple[GpuReading, ...]:
        """A timed reading."""
        started = time.perf_counter()
        readings = self._cards.read()
        self._looks.append(time.perf_counter() - started)
        return readings

    def close(self) -> None:
        """Close the backend."""
        self._cards.close()


def measure(open_gpu: Callable[[], GpuBackend], seconds: float, *, busy: bool) -> dict[str, float | int | str]:
    """Sample in this process, which must have nothing else to do."""
    looks: list[float] = []
    spent: list[float] = []
    names: list[str] = []

    def publish(host: HostReading, gpus: tuple[GpuReading, ...], note: str) -> None:
        spent.append(time.process_time())
        names.append(gpus[0].name if gpus else note)

    sampler = TelemetrySampler(
        publish, open_gpu=lambda: TimedCards(open_gpu(), looks), read_host=HostSensors(Path()).read
    )
    if busy:
        threading.Thread(target=_burn, daemon=True).start()
    sampler.start()
    time.sleep(seconds + WARM_UP_READINGS)
    sampler.stop()
    rounds = np.diff(spent[WARM_UP_READINGS:])
    if not len(rounds):
        raise BenchError(f"Too few readings ({len(spent)}) in {seconds:g} s: sample for longer.")
    return {
        "card": names[-1],
        "readings": len(rounds),
        "share_of_a_core": float(rounds.mean() / sampler.interval_seconds),
        "worst_round_cpu_ms": float(rounds.max() * 1e3),
        "median_look_at_cards_wall_ms": float(np.median(looks[WARM_UP_READINGS:]) * 1e3),
        "worst_look_at_cards_wall_ms": float(max(looks[WARM_UP_READINGS:]) * 1e3),
        "interval_seconds": sampler.interval_seconds,
    }


def _burn() -> None:
    total = 0
    while True:
        total += 1


def in_a_child(seconds: float, *, busy: bool) -> dict[str, float | int | str]:
    """The same in a child process, with the fake driver where it can be built."""
    compiler = shutil.which("cc")
    with tempfile.TemporaryDirectory() as folder:
        environ = dict(os.environ)
        if compiler is not None and sys.platform == "linux" and SOURCE.exists():
            library = Path(folder) / "libnvidia-ml.so.1"
            subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
            (Path(folder) / "card.txt").write_text(CARD, encoding="utf-8")
            environ |= {"LD_LIBRARY_PATH": folder, "FAKE_NVML": str(Path(folder) / "card.txt")}
        driver = "nvml" if "FAKE_NVML" in environ else "scripted"
        command = [sys.executable, "-m", "bench.machine.telemetry", "--child", driver, "--seconds", str(seconds)]
        if busy:
            command.append("--busy")
        done = subprocess.run(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, check=True)
    return {"driver": driver, **json.loads(done.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--busy", action="store_true", help="with a thread of pure Python beside it")
    parser.add_argument("--child", choices=("nvml", "scripted"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        opener = ScriptedBackend if arguments.child == "scripted" else open_cards
        print(json.dumps(measure(opener, arguments.seconds, busy=arguments.busy)))
        return
    load = load_now()
    result = in_a_child(arguments.seconds, busy=arguments.busy)
    if arguments.busy:
        del result["share_of_a_core"], result["worst_round_cpu_ms"]
    else:
        narrate(f"{100 * float(result['share_of_a_core']):.3f}% of a core (goal {100 * GOAL_SHARE}%)")
    print_result({**result, "goal_share": GOAL_SHARE, "machine": machine_facts(1), "load": load})


if __name__ == "__main__":
    main()
