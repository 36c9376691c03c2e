"""Settings: every problem named at once, text and numbers mean the same, presets are valid."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config.build import build_config, load_toml, parse_value
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.presets import PRESETS
from babytrain.engine.config.settings import SETTINGS, Config
from babytrain.runs.store.folder import RunFolder, write_run_toml


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset: str) -> None:
    build_config(preset)


def test_all_problems_are_listed_at_once_with_the_nearest_names() -> None:
    with pytest.raises(ConfigError) as caught:
        build_config("babby", {"batchsize": 3, "mlp": "relu", "steps": 0, "lr": "fast", "width": 130, "heads": 4})
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    for expected in ("'baby'", "'batch_size'", "'relu2'", "steps must lie", "lr is a number", "multiple of heads"):
        assert expected in text


@given(st.sampled_from(sorted(SETTINGS)), st.text(max_size=20))
def test_text_is_taken_or_refused_with_a_sentence(key: str, text: str) -> None:
    refusal, value = "", None
    try:
        value = parse_value(key, text)
    except ValueError as error:
        refusal = str(error)
    assert key in refusal or isinstance(value, type(getattr(Config(), key)))


@given(st.integers(0, 2**63 - 1))
def test_a_63_bit_seed_survives_text(seed: int) -> None:
    assert build_config("baby", {"seed": str(seed)}).seed == seed


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e9, 0.0])
def test_absurd_learning_rates_are_refused(value: float) -> None:
    with pytest.raises(ConfigError, match="lr must lie between"):
        build_config("baby", {"lr": value})


def test_a_config_round_trips_through_plain_values() -> None:
    config = build_config("fmn", {"lr": "1e-2", "compile": "off", "tied": "yes"})
    assert build_config("baby", config.to_dict()) == config


def test_toml_tables_are_flattened_and_later_layers_win(tmp_path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("lr = 1e-2\n[model]\nlayers = 2\ntied = true\n")
    config = build_config("baby", load_toml(file), {"lr": 5e-3})
    assert (config.lr, config.layers, config.tied) == (5e-3, 2, True)


@pytest.mark.parametrize("content", [b"lr = ", b"\xff\xfe", None])
def test_a_bad_config_file_is_named(tmp_path, content) -> None:
    file = tmp_path / "broken.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        load_toml(file)


def test_every_setting_explains_itself() -> None:
    for field in dataclasses.fields(Config):
        assert len(field.metadata["doc"]) > 8, field.name


def test_a_short_run_is_evaluated_ten_times_unless_told_otherwise() -> None:
    assert [build_config("baby", {"steps": steps}).eval_every for steps in (3, 150, 1999, 5000)] == [1, 15, 199, 200]
    assert build_config("baby", {"steps": 150, "eval_every": 200}).eval_every == 200


def test_a_text_given_as_a_setting_is_told_where_it_belongs() -> None:
    with pytest.raises(ConfigError, match="give its path after `train`"):
        build_config("baby", {"paths": "/a/poem.txt"})


def test_the_run_toml_of_a_run_is_a_config_file(tmp_path) -> None:
    config = build_config("baby", {"width": 32})
    folder = RunFolder(tmp_path)
    write_run_toml(folder, config.to_dict(), {"argv": ["train"], "paths": ["poem.txt"], "hostname": "here"})
    assert build_config("baby", load_toml(folder.config_file)) == config
