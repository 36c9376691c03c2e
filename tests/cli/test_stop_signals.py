"""Signals to a run without a screen, counted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from babytrain.tui.cli import headless
from babytrain.tui.cli.headless import StopSignals


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in headless._SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_once_is_a_wish_and_raises_nothing(number: int) -> None:
    left: list[int] = []
    with StopSignals(130, left.append) as stop:
        assert not stop.wanted
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # the same moment
        assert stop.wanted
    assert left == []


def test_twice_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    with StopSignals(130, left.append):
        os.kill(os.getpid(), signal.SIGINT)
        monkeypatch.setattr(headless, "_SAME_SIGNAL_SECONDS", 0.0)
        os.kill(os.getpid(), signal.SIGTERM)
    assert left == [130]


def test_a_second_one_in_the_last_moments_has_the_same_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    with StopSignals(130, left.append):
        os.kill(os.getpid(), signal.SIGINT)
    monkeypatch.setattr(headless, "_SAME_SIGNAL_SECONDS", 0.0)
    os.kill(os.getpid(), signal.SIGINT)
    assert left == [130]


def test_one_that_comes_while_python_ends_does_not_change_the_exit_code() -> None:
    program = """
import os, signal, sys
from babytrain.tui.cli.headless import StopSignals

class Late:
    def __del__(self, kill=os.kill, process=os.getpid(), number=signal.SIGINT):
        kill(process, number)

late = Late()
with StopSignals(130):
    os.kill(os.getpid(), signal.SIGINT)
sys.exit(130)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 130


def test_what_was_ignored_stays_ignored_and_the_rest_is_as_before() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        handlers = [signal.getsignal(number) for number in headless._SIGNALS]
        with StopSignals(130) as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.wanted
        assert [signal.getsignal(number) for number in headless._SIGNALS] == handlers
    finally:
        signal.signal(signal.SIGHUP, before)
