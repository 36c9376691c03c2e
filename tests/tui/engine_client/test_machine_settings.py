"""A person's own settings of the machine: where they come from, what stands above them, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.tui.engine_client import machine_settings
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.machine_settings import machine_settings_path
from babytrain.tui.engine_client.validation import check_changes, check_new_run


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "machine.toml"
    monkeypatch.setenv("BABYTRAIN_MACHINE", str(file))
    return file


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        check_new_run()
    return caught.value.problems


def test_a_new_run_starts_from_them_and_everything_typed_stands_above(machine: Path, tmp_path: Path) -> None:
    machine.write_text(
        'electricity_price_per_kwh = 0.31\ncurrency = "EUR"\nquiet_hours = "23:00-07:00"\nencouragement = false\n'
        "temperature_ceiling_celsius = 70\n",
        encoding="utf-8",
    )
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("temperature_ceiling_celsius = 75\nelectricity_price_per_kwh = 0.2\n", encoding="utf-8")
    config = check_new_run(config_file=recipe, settings={"electricity_price_per_kwh": "0.5"}).config
    assert (config.electricity_price_per_kwh, config.temperature_ceiling_celsius, config.currency) == (0.5, 75.0, "EUR")
    assert (config.quiet_hours, config.encouragement) == ("23:00-07:00", False)


def test_a_resume_does_not_look_at_them(machine: Path) -> None:
    machine.write_text("temperature_ceiling_celsius = 70\n", encoding="utf-8")
    assert check_changes({"steps": "10"}) == {"steps": 10}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr = 0.1", "'lr' is no machine setting"),
        ('quiet_hour = "23:00-07:00"', "Did you mean quiet_hours?"),
        ('quiet_hours = "11 PM"', "is no stretch of the day"),
        ("temperature_ceiling_celsius = 500", "between 0 and 120"),
        ('on_battery = "panic"', "one of train, pause"),
        ('[machine]\ngpu_nickname = "Ember"', "'machine' is no machine setting"),
        ("quiet_hours = [23, 7]", "takes one value"),
        ("quiet_hours = ", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_a_sentence_that_names_the_file(machine: Path, text: str, words: str) -> None:
    (sentence,) = problems(machine, text)
    assert str(machine) in sentence
    assert words in sentence


def test_all_of_it_is_told_at_once(machine: Path) -> None:
    assert len(problems(machine, 'lr = 1\nwidth = 3\ncurrency = "euro"\n')) == 3


def test_a_named_file_must_exist_and_an_unnamed_one_need_not(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="which does not exist"):
        check_new_run()
    monkeypatch.delenv("BABYTRAIN_MACHINE")
    assert check_new_run().config.quiet_hours == ""
    path, variable = machine_settings_path({})
    assert (path.name, variable) == ("machine.toml", "")


def test_old_names_are_understood_and_told(machine: Path, tmp_path: Path) -> None:
    machine.write_text('electricity_price = 0.31\ncurrency = "EUR"\nnickname = "Ember"\n', encoding="utf-8")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('noise = 0.1\n[guard]\noverfitting = "say"\n', encoding="utf-8")
    request = check_new_run(config_file=recipe)
    config = request.config
    assert (config.electricity_price_per_kwh, config.gpu_nickname) == (0.31, "Ember")
    assert (config.token_noise, config.on_overfitting) == (0.1, "report")
    assert request.notes == (
        f"{machine}: electricity_price is called electricity_price_per_kwh now.",
        f"{machine}: nickname is called gpu_nickname now.",
        "noise is called token_noise now.",
        "overfitting is called on_overfitting now.",
        "on_overfitting=say is called on_overfitting=report now.",
    )


@pytest.mark.parametrize("has_new_file", [False, True])
def test_an_old_file_is_read_where_there_is_no_new_one(
    has_new_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BABYTRAIN_MACHINE")
    monkeypatch.setattr(machine_settings.platformdirs, "user_config_path", lambda _: tmp_path)
    (tmp_path / "house.toml").write_text("wall_watts = 60\n", encoding="utf-8")
    if has_new_file:
        (tmp_path / "machine.toml").write_text("wall_watts = 90\n", encoding="utf-8")
    request = check_new_run()
    assert request.config.wall_watts == (90 if has_new_file else 60)
    told = f"house.toml is called machine.toml now: rename {tmp_path / 'house.toml'}."
    assert request.notes == (() if has_new_file else (told,))


def test_the_old_variable_is_read_where_there_is_no_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, watts in (("old", 60), ("new", 90)):
        (tmp_path / name).write_text(f"wall_watts = {watts}\n", encoding="utf-8")
    monkeypatch.setenv("BABYTRAIN_HOUSE", str(tmp_path / "old"))
    monkeypatch.setenv("BABYTRAIN_MACHINE", str(tmp_path / "new"))
    request = check_new_run()
    assert (request.config.wall_watts, request.notes) == (90, ())
    monkeypatch.delenv("BABYTRAIN_MACHINE")
    request = check_new_run()
    assert request.config.wall_watts == 60
    assert request.notes == ("BABYTRAIN_HOUSE is called BABYTRAIN_MACHINE now: rename the variable.",)
