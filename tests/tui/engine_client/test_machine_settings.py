"""A person's own settings of the house: where they come from, what stands above them, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.machine_settings import machine_settings_path
from babytrain.tui.engine_client.validation import check_changes, check_new_run


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "house.toml"
    monkeypatch.setenv("BABYTRAIN_HOUSE", str(file))
    return file


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        check_new_run()
    return caught.value.problems


def test_a_new_run_starts_from_them_and_everything_typed_stands_above(house: Path, tmp_path: Path) -> None:
    house.write_text(
        'electricity_price = 0.31\ncurrency = "EUR"\nquiet_hours = "23:00-07:00"\nencouragement = false\n'
        "temperature_ceiling = 70\n",
        encoding="utf-8",
    )
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("temperature_ceiling = 75\nelectricity_price = 0.2\n", encoding="utf-8")
    config = check_new_run(config_file=recipe, settings={"electricity_price": "0.5"}).config
    assert (config.electricity_price, config.temperature_ceiling, config.currency) == (0.5, 75.0, "EUR")
    assert (config.quiet_hours, config.encouragement) == ("23:00-07:00", False)


def test_a_resume_does_not_look_at_them(house: Path) -> None:
    house.write_text("temperature_ceiling = 70\n", encoding="utf-8")
    assert check_changes({"steps": "10"}) == {"steps": 10}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr = 0.1", "'lr' is no setting of the house"),
        ('quiet_hour = "23:00-07:00"', "Did you mean quiet_hours?"),
        ('quiet_hours = "11 PM"', "is no stretch of the day"),
        ("temperature_ceiling = 500", "between 0 and 120"),
        ('on_battery = "panic"', "one of train, pause"),
        ('[house]\nnickname = "Ember"', "'house' is no setting of the house"),
        ("quiet_hours = [23, 7]", "takes one value"),
        ("quiet_hours = ", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_a_sentence_that_names_the_file(house: Path, text: str, words: str) -> None:
    (sentence,) = problems(house, text)
    assert str(house) in sentence
    assert words in sentence


def test_all_of_it_is_told_at_once(house: Path) -> None:
    assert len(problems(house, 'lr = 1\nwidth = 3\ncurrency = "euro"\n')) == 3


def test_a_named_file_must_exist_and_an_unnamed_one_need_not(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="which does not exist"):
        check_new_run()
    monkeypatch.delenv("BABYTRAIN_HOUSE")
    assert check_new_run().config.quiet_hours == ""
    path, named = machine_settings_path({})
    assert (path.name, named) == ("house.toml", False)
