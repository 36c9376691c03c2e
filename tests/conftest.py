"""No test depends on who runs it: on their settings, on how they started it, on a seed, or on how busy they are."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import hypothesis
import pytest

# The same examples everywhere, and no limit on how long one takes; `--hypothesis-profile=search` draws new ones.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "search", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True, scope="session")
def _nobodys_machine_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    file = tmp_path_factory.mktemp("nobodys-machine") / "machine.toml"
    file.touch()
    patch = pytest.MonkeyPatch()
    patch.setenv("BABYTRAIN_MACHINE", str(file))
    patch.setenv("BABYTRAIN_TRIALS", str(file.with_name("trials.json")))
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _signals_as_in_a_terminal() -> Iterator[None]:
    """A shell starts what runs in its background deaf to Ctrl-C, and so are the children of that."""
    deaf = [number for number in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_IGN]
    for number in deaf:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number in deaf:
        signal.signal(number, signal.SIG_IGN)
