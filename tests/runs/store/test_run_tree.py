"""The family tree of runs: everybody once, children under their parent, whatever the journals claim."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.store.run_tree import run_tree
from babytrain.runs.store.summary import RunSummary


def run(run_id: str, *, parent: str = "", rerun_of: str = "") -> RunSummary:
    return RunSummary(run_id=run_id, path=Path(run_id), name=run_id, status="done", parent=parent, rerun_of=rerun_of)


def test_children_stand_under_their_parent_in_the_order_given() -> None:
    tree = run_tree(
        [
            run("d", parent="b"),
            run("c", parent="a"),
            run("b", parent="a"),
            run("other"),
            run("a"),
            run("e", rerun_of="c"),
        ]
    )
    assert [(one.summary.run_id, one.depth, one.relation) for one in tree] == [
        ("other", 0, ""),
        ("a", 0, ""),
        ("c", 1, "fork"),
        ("e", 2, "rerun"),
        ("b", 1, "fork"),
        ("d", 2, "fork"),
    ]
    assert [one.is_last for one in tree] == [(), (), (False,), (False, True), (True,), (True, True)]


def test_a_rerun_of_a_fork_stands_under_the_fork() -> None:
    tree = run_tree([run("a"), run("b", parent="a"), run("c", parent="a", rerun_of="b")])
    assert [(one.summary.run_id, one.depth, one.parent_run) for one in tree] == [
        ("a", 0, ""),
        ("b", 1, "a"),
        ("c", 2, "b"),
    ]


def test_a_fork_of_a_run_that_is_gone_stands_by_itself() -> None:
    (only,) = run_tree([run("b", parent="gone")])
    assert (only.depth, only.relation, only.parent_run) == (0, "fork", "gone")


def test_a_line_of_a_thousand_forks_is_no_trouble() -> None:
    line = [run("0"), *(run(str(number), parent=str(number - 1)) for number in range(1, 2000))]
    assert [one.depth for one in run_tree(line)] == list(range(2000))


@given(st.lists(st.integers(0, 9), min_size=10, max_size=10))
def test_everybody_stands_there_once_whoever_claims_to_be_whose_child(parents: list[int]) -> None:
    runs = [dataclasses.replace(run(str(number)), parent=str(parent)) for number, parent in enumerate(parents)]
    assert sorted(one.summary.run_id for one in run_tree(runs)) == sorted(map(str, range(10)))
