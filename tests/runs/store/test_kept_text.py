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
    keep_text(folder, pack_text(TEXT, LIMIT))
    return folder


def test_runs_of_one_text_share_it(tmp_path: Path) -> None:
    other = run(tmp_path, "other")
    keep_text(other, pack_text(TEXT.upper(), LIMIT))
    first, second = keep(tmp_path, "a"), keep(tmp_path, "b")
    assert (first.path / TEXT_FILE).samefile(second.path / TEXT_FILE)
    assert not (first.path / TEXT_FILE).samefile(other.path / TEXT_FILE)
    shutil.rmtree(first.path)
    assert read_kept_text(second, SHA, LIMIT) == (TEXT, "")


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
def test_a_damaged_text_is_not_used_and_not_handed_on(tmp_path: Path, how: str) -> None:
    folder = keep(tmp_path, "a")
    file = folder.path / TEXT_FILE
    damage(file, how, tmp_path / "foreign")
    text, problem = read_kept_text(folder, SHA, LIMIT)
    assert text is None
    assert str(file) in problem
    assert read_kept_text(keep(tmp_path, "b"), SHA, LIMIT) == (TEXT, "")


def test_runs_that_start_at_once_all_have_their_text(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda number: keep(tmp_path, f"run-{number}"), range(40)))
    assert all(read_kept_text(folder, SHA, LIMIT) == (TEXT, "") for folder in folders)


def test_limits(tmp_path: Path) -> None:
    assert pack_text(TEXT, len(TEXT) - 1) == b""
    assert unpack_text(pack_text(TEXT, len(TEXT)), len(TEXT)) == TEXT
    with pytest.raises(ValueError, match="larger"):
        unpack_text(pack_text(TEXT, len(TEXT)), len(TEXT) - 1)
