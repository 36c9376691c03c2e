"""No test reads the settings of whoever runs it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def _nobodys_house(tmp_path_factory: pytest.TempPathFactory):
    file = tmp_path_factory.mktemp("nobodys-house") / "house.toml"
    file.touch()
    patch = pytest.MonkeyPatch()
    patch.setenv("BABYTRAIN_HOUSE", str(file))
    yield
    patch.undo()
