"""The same terminal for every test: no animations, no settings of whoever runs them."""

from __future__ import annotations

import os
import time

# What the screen says may depend on the hour, and pictures of it must not depend on where they are taken.
os.environ["TZ"] = "UTC"
if hasattr(time, "tzset"):
    time.tzset()

# Textual reads these once, when it is imported.
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ.pop("TEXTUAL_THEME", None)

from pathlib import Path

import pytest
import textual._wait

from tests.tui.snapshots import Golden

# An assertion that fails there shows its values, as one in a test does.
pytest.register_assert_rewrite("tests.tui.keys.every_key")

# A pilot waits for messages to be handled and then for an idle processor, in pieces of 20 ms. The messages are what
# counts here, and whatever takes longer is waited for by a condition; with pieces of 4 ms a key costs a fifth.
textual._wait.SLEEP_GRANULARITY = 1 / 250
textual._wait.SLEEP_IDLE = textual._wait.SLEEP_GRANULARITY / 20


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the text snapshots of screens anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(update=bool(request.config.getoption("--update-golden", default=False)))


@pytest.fixture(autouse=True)
def _no_settings_of_mine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-settings"))
    monkeypatch.delenv("BABYTRAIN_KEYS", raising=False)
    monkeypatch.setenv("BABYTRAIN_CHARSET", "braille")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"
