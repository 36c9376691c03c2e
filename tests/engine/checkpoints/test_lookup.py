"""One search finds checkpoints, wherever somebody asks for one."""

from __future__ import annotations

import pytest

from babytrain.engine.checkpoints.lookup import CheckpointNotFound, find_checkpoint, name_problem

FOLDERS = [
    "step-000000005",
    "step-000000007-5",
    "step-000000010-before-the-storm",
    "step-000001000",
    "step-000001200-best",
]


def found(wanted: str) -> str:
    return find_checkpoint(FOLDERS, wanted, best=FOLDERS[2], last=FOLDERS[3])


@pytest.mark.parametrize(
    ("wanted", "folder"),
    [
        ("best", FOLDERS[2]),
        ("last", FOLDERS[3]),
        ("before-the-storm", FOLDERS[2]),
        ("Before the storm!", FOLDERS[2]),
        (" 10 ", FOLDERS[2]),
        ("1,000", FOLDERS[3]),
        ("0001000", FOLDERS[3]),
        ("5", FOLDERS[1]),
        ("step-000000005", FOLDERS[0]),
        ("1200", FOLDERS[4]),
        ("step-000001200-best", FOLDERS[4]),
    ],
)
def test_words_names_steps_and_folders(wanted: str, folder: str) -> None:
    assert found(wanted) == folder


@pytest.mark.parametrize("wanted", ["", " ", ",", "-", "!", "storm", "6", "²", "9" * 5000])
def test_what_names_nothing_finds_nothing(wanted: str) -> None:
    with pytest.raises(CheckpointNotFound, match="there are 5, 5, before-the-storm, 1,000, best"):
        found(wanted)


def test_without_a_best_or_any_checkpoint_it_says_so() -> None:
    with pytest.raises(CheckpointNotFound, match="no checkpoint 'best'"):
        find_checkpoint(FOLDERS[:2], "best", best=None, last=None)
    with pytest.raises(CheckpointNotFound, match="no checkpoint yet"):
        find_checkpoint([], "last", best=None, last=None)


@pytest.mark.parametrize("name", ["best", "Last", " BEST! ", "1000", "12"])
def test_a_name_that_means_another_checkpoint_is_refused(name: str) -> None:
    assert "choose a name" in name_problem(name)


@pytest.mark.parametrize("name", ["", "the best one", "step 5", "5b"])
def test_other_names_are_not(name: str) -> None:
    assert name_problem(name) == ""
