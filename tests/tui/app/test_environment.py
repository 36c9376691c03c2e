"""What the environment says wrongly does not keep the app from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.tui.app.babytrain_app import BabytrainApp
from babytrain.tui.app.start_screen import StartAtHome
from babytrain.tui.app.themes import DARK_THEME
from babytrain.tui.engine_client.client import EngineClient


@pytest.mark.parametrize(("named", "theme"), [("nonsense", DARK_THEME.name), ("nord", "nord"), ("", DARK_THEME.name)])
def test_a_theme_that_is_not_there_is_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, theme: str
) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", named)
    assert BabytrainApp(engine_client=EngineClient(tmp_path), start_screen=StartAtHome()).theme == theme
