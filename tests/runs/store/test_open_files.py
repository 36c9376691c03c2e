"""What a session keeps open of its run folder, to write it again when it is removed."""

from __future__ import annotations

import shutil
from pathlib import Path

from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.open_files import MOST_CHECKPOINT_FILES, OpenFiles


def write_checkpoint(folder: RunFolder, step: int) -> Path:
    path = folder.checkpoints / f"step-{step:09d}"
    path.mkdir(parents=True)
    for name in ("model.safetensors", "optimizer.safetensors", "trainer.json"):
        (path / name).write_text(f"{name} of {step}")
    return path


def make_folder(tmp_path: Path, checkpoints: int) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.config_file.write_text("settings")
    folder.journal.write_text("journal")
    (folder.path / "texts").mkdir()
    (folder.path / "texts" / "kept.gz").write_text("text")
    for step in range(checkpoints):
        write_checkpoint(folder, step)
    return folder


def test_all_but_the_journal_is_written_again_elsewhere(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, 2)
    files = OpenFiles(folder)
    shutil.rmtree(folder.path)
    new = RunFolder(tmp_path / "new")
    new.path.mkdir()
    files.write_to(new)
    files.close()
    assert new.config_file.read_text() == "settings"
    assert (new.path / "texts" / "kept.gz").read_text() == "text"
    assert (new.checkpoints / "step-000000001" / "trainer.json").read_text() == "trainer.json of 1"
    assert not new.journal.exists()


def test_of_many_checkpoints_the_best_and_the_newest_are_held(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, 40)
    (folder.checkpoints / "best").write_text("step-000000003\n")
    files = OpenFiles(folder)
    for step in range(40, 60):
        write_checkpoint(folder, step)
        assert files.look(folder) == []
    shutil.rmtree(folder.checkpoints)
    missing = files.look(folder)
    assert len(missing) == MOST_CHECKPOINT_FILES
    files.write_to(folder, missing)
    kept = {path.parent.name for path in folder.checkpoints.glob("*/trainer.json")}
    assert {"step-000000003", "step-000000059", "step-000000058"} <= kept
    assert "step-000000000" not in kept
    files.close()


def test_one_removed_checkpoint_is_let_go_and_its_room_is_free(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, 3)
    files = OpenFiles(folder)
    shutil.rmtree(folder.checkpoints / "step-000000001")
    assert files.look(folder) == files.look(folder) == []
    new = RunFolder(tmp_path / "new")
    new.path.mkdir()
    files.write_to(new)
    files.close()
    assert sorted(path.name for path in new.checkpoints.iterdir()) == ["step-000000000", "step-000000002"]


def test_what_is_no_file_or_a_link_is_not_held(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, 1)
    (tmp_path / "foreign").write_text("of somebody else")
    (folder.path / "link").symlink_to(tmp_path / "foreign")
    files = OpenFiles(folder)
    new = RunFolder(tmp_path / "new")
    new.path.mkdir()
    files.write_to(new)
    files.close()
    assert sorted(path.name for path in new.path.iterdir()) == ["checkpoints", "run.toml", "texts"]
