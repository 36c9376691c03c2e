"""A kept text comes back whole or not at all, whatever stands in its place."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.kept_text import TEXT_FILE, keep_text, pack_text, read_kept_text, unpack_text

TEXT = b"an old diary, day after day\n" * 100
SHA = hashlib.sha256(TEXT).hexdigest()
LIMIT = 10_000


def run(runs_dir: Path, name: str) -> RunFolder:
    (runs_dir / name).mkdir(parents=True)
    return RunFolder(runs_dir / name)


def keep(runs_dir: Path, name: str) -> RunFolder:
    folder = run(runs_dir, name)
    keep_text(folder, pack_text(TEXT, LIMIT), SHA)
    return folder


def texts(runs_dir: Path) -> list[Path]:
    return sorted((runs_dir / ".texts").iterdir())


def test_runs_of_one_text_share_it(tmp_path: Path) -> None:
    first, second = keep(tmp_path, "a"), keep(tmp_path, "b")
    assert (first.path / TEXT_FILE).samefile(second.path / TEXT_FILE)
    assert [path.name for path in texts(tmp_path)] == [f"{SHA}.gz"]
    assert read_kept_text(second, SHA, LIMIT) == (TEXT, "")


def test_a_text_is_dropped_once_no_run_has_it(tmp_path: Path) -> None:
    first = keep(tmp_path, "a")
    shutil.rmtree(first.path)
    other = run(tmp_path, "b")
    keep_text(other, pack_text(b"another", LIMIT), hashlib.sha256(b"another").hexdigest())
    assert [path.name for path in texts(tmp_path)] == [f"{hashlib.sha256(b'another').hexdigest()}.gz"]


def test_a_run_folder_is_whole_wherever_it_is_copied(tmp_path: Path) -> None:
    first = keep(tmp_path / "here", "a")
    shutil.copytree(first.path, tmp_path / "there" / "a")
    shutil.rmtree(tmp_path / "here")
    assert read_kept_text(RunFolder(tmp_path / "there" / "a"), SHA, LIMIT) == (TEXT, "")


def test_without_hard_links_each_run_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    for name in ("a", "b"):
        assert read_kept_text(keep(tmp_path, name), SHA, LIMIT) == (TEXT, "")


def damage(path: Path, how: str, foreign: Path) -> None:
    packed = path.read_bytes()
    path.unlink()
    match how:
        case "torn":
            path.write_bytes(packed[: len(packed) // 2])
        case "something after its end":
            path.write_bytes(packed + packed)
        case "no gzip":
            path.write_bytes(b"plain")
        case "another text":
            path.write_bytes(gzip.compress(b"another"))
        case "a bomb":
            path.write_bytes(gzip.compress(bytes(50_000_000)))
        case "a link":
            foreign.write_bytes(packed)
            path.symlink_to(foreign)
        case "a pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a device":
            path.symlink_to("/dev/zero")


DAMAGE = (
    "torn",
    "something after its end",
    "no gzip",
    "another text",
    "a bomb",
    "a link",
    "a pipe",
    "a folder",
    "a device",
)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_text_is_read_from_another_run_and_said(tmp_path: Path, how: str) -> None:
    folder = keep(tmp_path, "a")
    file = folder.path / TEXT_FILE
    packed = file.read_bytes()
    file.unlink()
    file.write_bytes(packed)  # no link any more
    damage(file, how, tmp_path / "foreign")
    text, problem = read_kept_text(folder, SHA, LIMIT)
    assert text == TEXT
    assert str(file) in problem
    shutil.rmtree(tmp_path / ".texts")
    assert read_kept_text(folder, SHA, LIMIT) == (None, problem)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_shared_text_is_replaced_by_the_next_run(tmp_path: Path, how: str) -> None:
    first = keep(tmp_path, "a")
    damage(texts(tmp_path)[0], how, tmp_path / "foreign")
    second = keep(tmp_path, "b")
    for folder in (first, second):
        assert read_kept_text(folder, SHA, LIMIT) == (TEXT, "")
    if (tmp_path / "foreign").exists():
        assert gzip.decompress((tmp_path / "foreign").read_bytes()) == TEXT  # the target of a link is left alone


def test_runs_that_start_at_once_all_have_their_text(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda number: keep(tmp_path, f"run-{number}"), range(40)))
    assert all(read_kept_text(folder, SHA, LIMIT) == (TEXT, "") for folder in folders)


def test_a_link_in_the_place_of_the_shared_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".texts").symlink_to(tmp_path / "elsewhere")
    assert read_kept_text(keep(tmp_path / "runs", "a"), SHA, LIMIT) == (TEXT, "")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("sha256", ["unknown", "", "../../" + "0" * 58, "0" * 65])
def test_a_hash_that_is_none_names_no_file(tmp_path: Path, sha256: str) -> None:
    assert read_kept_text(keep(tmp_path, "a"), sha256, LIMIT) == (None, "")


def test_limits(tmp_path: Path) -> None:
    assert pack_text(TEXT, len(TEXT) - 1) == b""
    assert unpack_text(pack_text(TEXT, len(TEXT)), len(TEXT)) == TEXT
    with pytest.raises(ValueError, match="larger"):
        unpack_text(pack_text(TEXT, len(TEXT)), len(TEXT) - 1)
