"""Only regular files of a sensible size are read, and nothing is reached by a link or waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from babytrain.runs.files.regular_files import (
    UnfitFileError,
    is_real_folder,
    open_regular_file,
    read_json_file,
    read_regular_file,
    read_toml_file,
)


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder", "device", "socket"])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_CREAT])
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, kind: str, flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    foreign = tmp_path / "foreign"
    match kind:
        case "link":
            foreign.write_text("kept")
            path.symlink_to(foreign)
        case "dangling link":
            path.symlink_to(foreign)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path = Path("/dev/zero")
        case _:
            monkeypatch.chdir(tmp_path)  # names of sockets are short
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind("file")
    with pytest.raises(UnfitFileError, match=f"it is a {kind.split()[-1]}"):
        open_regular_file(path, flags)
    assert foreign.exists() == (kind == "link")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 11)
    assert read_regular_file(path, 11) == b"x" * 11
    with pytest.raises(UnfitFileError, match="larger than 10 bytes"):
        read_regular_file(path, 10)


def test_a_document_nested_too_deeply_is_an_ordinary_error(tmp_path: Path) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    (tmp_path / "a.json").write_text(deep)
    (tmp_path / "a.toml").write_text(f"a = {deep}")
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json_file(tmp_path / "a.json")
    with pytest.raises(ValueError, match="nested too deeply"):
        read_toml_file(tmp_path / "a.toml")


def test_a_link_to_a_folder_is_no_real_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert is_real_folder(tmp_path / "real")
    assert not is_real_folder(tmp_path / "link")
    assert not is_real_folder(tmp_path / "missing")
