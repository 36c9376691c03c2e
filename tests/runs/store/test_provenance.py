"""Where a run came from, found out without ever failing."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from babytrain.runs.store import provenance
from babytrain.runs.store.folder import RunFolder, read_run_toml, write_run_toml


def git(*arguments: str, cwd: Path) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


def test_everything_fits_into_run_toml(tmp_path: Path) -> None:
    table = provenance.collect_provenance(["babytrain-tui", "train"])
    write_run_toml(RunFolder(tmp_path), {}, table)
    assert read_run_toml(RunFolder(tmp_path))[1] == table
    assert table["argv"] == ["babytrain-tui", "train"]
    assert table["cores"] >= 1
    assert table["cpu_model"]
    assert table["torch_version"].startswith("2")
    assert datetime.fromisoformat(table["started"]).tzinfo is not None


def test_looking_up_versions_imports_none_of_them() -> None:
    code = "from babytrain.runs.store import provenance; provenance.collect_provenance([]); "
    code += "import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_commit_and_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", cwd=tmp_path)
    (tmp_path / "file").write_text("one")
    git("add", "file", cwd=tmp_path)
    git("commit", "-m", "one", cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    clean = provenance.collect_provenance([])
    assert len(clean["git_commit"]) == 40
    assert clean["git_dirty"] is False
    (tmp_path / "untracked").write_text("does not count")
    assert provenance.collect_provenance([])["git_dirty"] is False
    (tmp_path / "file").write_text("two")
    assert provenance.collect_provenance([])["git_dirty"] is True


def test_no_repository_no_git_and_a_git_that_hangs_are_all_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "git_commit" not in provenance.collect_provenance([])

    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 2.0)

    monkeypatch.setattr(subprocess, "run", hang)
    assert "git_commit" not in provenance.collect_provenance([])
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git_commit" not in provenance.collect_provenance([])


def test_a_hostile_repository_cannot_have_a_program_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", cwd=tmp_path)
    (tmp_path / "file").write_text("one")
    git("add", "file", cwd=tmp_path)
    git("commit", "-m", "one", cwd=tmp_path)
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git("config", "core.fsmonitor", str(trap), cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    assert provenance.collect_provenance([])["git_dirty"] is False
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        ("processor\t: 0\nmodel name\t: Quartz 9000 @ 3 GHz\n", "Quartz 9000 @ 3 GHz"),
        ("processor: 0\nModel\t\t: Raspberry Pi 5\n", "Raspberry Pi 5"),
    ],
)
def test_the_processor_has_a_name(tmp_path: Path, cpuinfo: str, model: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(cpuinfo)
    assert provenance.cpu_model(path) == model


def test_a_processor_without_a_name_has_an_architecture(tmp_path: Path) -> None:
    assert provenance.cpu_model(tmp_path / "absent")
