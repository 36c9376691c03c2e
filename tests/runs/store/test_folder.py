"""Run folders: made once, named safely, described in run.toml, and clear about what is in the way."""

from __future__ import annotations

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from babytrain.runs.dials.renamed_settings import present_settings
from babytrain.runs.errors import RunsError
from babytrain.runs.store.folder import (
    MAX_SLUG_LENGTH,
    RunFolder,
    create_run,
    default_runs_dir,
    friendly_name,
    read_run_toml,
    slug,
    write_run_toml,
)
from tests.runs.builders import same

NOON = datetime(2026, 1, 31, 12, 0, 0)


def test_a_run_is_named_after_its_name_and_the_second(tmp_path: Path) -> None:
    runs_dir = tmp_path / "not" / "yet" / "there"
    folder = create_run(runs_dir, "My first!", now=NOON)
    assert folder.path == runs_dir / "my-first-20260131-120000"
    assert (folder.run_id, folder.name) == ("my-first-20260131-120000", "my-first")
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_runs_of_the_same_name_and_second_get_numbers(tmp_path: Path) -> None:
    ids = [create_run(tmp_path, "ziggy", now=NOON).run_id for _ in range(3)]
    assert ids == ["ziggy-20260131-120000", "ziggy-20260131-120000-2", "ziggy-20260131-120000-3"]
    assert {RunFolder(tmp_path / run_id).name for run_id in ids} == {"ziggy"}


def test_runs_made_at_the_same_moment_never_share_a_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: create_run(tmp_path, "ziggy", now=NOON), range(40)))
    assert len({folder.path for folder in folders}) == 40


def test_without_a_name_one_is_drawn(tmp_path: Path) -> None:
    assert create_run(tmp_path, None, now=NOON, seed=3).name == create_run(tmp_path, "🦦", now=NOON, seed=3).name
    assert create_run(tmp_path).name


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@given(name=st.text(alphabet=st.characters()) | st.sampled_from(["../x", "/", ".", "\x00", "x" * 300, "-", "CON"]))
def test_no_name_leads_out_of_the_runs_folder(runs_dir: Path, name: str) -> None:
    folder = create_run(runs_dir, name, now=NOON)
    assert folder.path.is_dir()
    assert folder.path.resolve().parent == runs_dir.resolve()
    assert not folder.run_id.startswith(".")
    folder.path.rmdir()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "runs"
    in_the_way.write_text("")
    for runs_dir in (in_the_way, in_the_way / "deeper"):
        with pytest.raises(RunsError, match=r"is a file and not a folder; .*--runs-dir") as caught:
            create_run(runs_dir, "ziggy")
        assert str(runs_dir) in str(caught.value)


@pytest.mark.parametrize(
    ("number", "words"), [(13, "permission denied"), (30, "permission denied"), (28, "the disk is full"), (5, "error")]
)
def test_a_folder_that_cannot_be_made_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "Input/output error")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunsError, match=words) as caught:
        create_run(tmp_path / "runs", "ziggy")
    assert "BABYTRAIN_RUNS_DIR" in str(caught.value)


def test_where_runs_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BABYTRAIN_RUNS_DIR", str(tmp_path))
    assert default_runs_dir() == tmp_path
    monkeypatch.setenv("BABYTRAIN_RUNS_DIR", "~/somewhere")
    assert default_runs_dir() == Path.home() / "somewhere"
    monkeypatch.setenv("BABYTRAIN_RUNS_DIR", "")
    assert default_runs_dir().parts[-2:] == ("babytrain", "runs")


def test_config_and_provenance_come_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    config = {"lr": 3e-3, "seed": 2**63 - 1, "bias": False, "prompt": 'a "snake"\n\x1b[31m\\'}
    provenance = {"argv": ["babytrain-tui", "train", "odd\udcffname"], "cores": 2}
    write_run_toml(folder, config, provenance)
    read_config, read_provenance = read_run_toml(folder)
    assert read_config == config
    assert read_provenance == {"argv": ["babytrain-tui", "train", r"odd\udcffname"], "cores": 2}


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    write_run_toml(folder, {"lr": 1.0}, {})

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunsError, match="No space left"):
        write_run_toml(folder, {"lr": 2.0}, {})
    assert read_run_toml(folder)[0] == {"lr": 1.0}
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]


@pytest.mark.parametrize("content", [b"[config", b"\xff\xfe", b"config = 1\n", b"", b"[provenance]\nx = 1\n"])
def test_a_damaged_run_toml_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    folder = RunFolder(tmp_path)
    folder.config_file.write_bytes(content)
    with pytest.raises(RunsError, match=r"run\.toml is damaged"):
        read_run_toml(folder)


def test_a_folder_without_run_toml_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunsError, match="is not a run"):
        read_run_toml(RunFolder(tmp_path))


values = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(), st.lists(st.text(), max_size=3)
)
tables = st.dictionaries(st.text(), values, max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, tables)
def test_every_value_of_run_toml_comes_back(
    tmp_path: Path, config: dict[str, object], facts: dict[str, object]
) -> None:
    write_run_toml(RunFolder(tmp_path), config, facts)
    assert same(read_run_toml(RunFolder(tmp_path)), (present_settings(config), facts))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_categories=())))
@example("caf\udce9 \x9b31m\u2028")
def test_no_control_character_and_no_surrogate_reaches_run_toml(tmp_path: Path, text: str) -> None:
    write_run_toml(RunFolder(tmp_path), {"k": text, text: [text]}, {})
    written = (tmp_path / "run.toml").read_bytes().decode("utf-8")
    assert not [letter for letter in written if (ord(letter) < 32 and letter != "\n") or 0x7F <= ord(letter) < 0xA0]
    assert read_run_toml(RunFolder(tmp_path))[0]["k"] == text.encode("utf-8", "backslashreplace").decode("utf-8")


def test_numbers_in_run_toml_keep_their_type(tmp_path: Path) -> None:
    config = {"bias": True, "steps": 1, "lr": 1.0, "small": 1e-5, "big": 1e22}
    write_run_toml(RunFolder(tmp_path), config, {})
    assert same(read_run_toml(RunFolder(tmp_path))[0], config)


@given(st.text(alphabet=st.characters()))
def test_any_text_is_harmless_as_a_folder_name(name: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", slug(name))
    assert len(slug(name)) <= MAX_SLUG_LENGTH
    assert slug(slug(name)) == slug(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ziggy", "ziggy"),
        ("my first run!", "my-first-run"),
        ("../../etc/passwd", "etc-passwd"),
        ("Grüße", "grusse"),
        ("🦦", ""),
        ("...", ""),
        ("\x1b[2J", "2j"),
        ("a" * 300, "a" * MAX_SLUG_LENGTH),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_what_is_left_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.integers(0, 10_000))
def test_a_drawn_name_is_its_own_slug_and_follows_from_the_seed(seed: int) -> None:
    assert friendly_name(seed) == slug(friendly_name(seed))
    assert friendly_name(seed)


def test_drawn_names_differ() -> None:
    names = {friendly_name(seed) for seed in range(200)}
    assert len(names) > 120
    assert any("-" in name for name in names)
    assert any("-" not in name for name in names)
