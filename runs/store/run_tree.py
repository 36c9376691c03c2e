"""Which run came from which: forks under their parent, reruns under what they repeat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from babytrain.runs.store.summary import RunSummary

RunRelation: TypeAlias = Literal["", "fork", "rerun"]


@dataclass(frozen=True)
class RunNode:
    """A run in the tree; roots have `depth` 0."""

    summary: RunSummary
    depth: int
    relation: RunRelation
    parent_run: str  # a run id; that run may be gone
    is_last: tuple[bool, ...]  # of its siblings, for each level from the second to its own


def relation_of(summary: RunSummary) -> tuple[RunRelation, str]:
    """How a run came from another one, and the other's id. A rerun of a fork is a rerun."""
    if summary.rerun_of:
        return "rerun", summary.rerun_of
    if summary.parent:
        return "fork", summary.parent
    return "", ""


def run_tree(summaries: Sequence[RunSummary]) -> list[RunNode]:
    """Every run once, each followed by its descendants, siblings in the order given."""
    known = {summary.run_id for summary in summaries}
    children: dict[str, list[RunSummary]] = {}
    roots: list[RunSummary] = []
    for summary in summaries:
        _, parent_run = relation_of(summary)
        if parent_run in known and parent_run != summary.run_id:
            children.setdefault(parent_run, []).append(summary)
        else:
            roots.append(summary)
    tree: list[RunNode] = []
    placed: set[str] = set()
    for summary in (*roots, *summaries):  # after the roots, cycles, which only an edited journal can have
        if summary.run_id not in placed:
            tree.extend(_subtree(summary, children, placed))
    return tree


def _subtree(root: RunSummary, children: dict[str, list[RunSummary]], placed: set[str]) -> Iterable[RunNode]:
    # Not recursive: a chain of forks may be deeper than Python's stack.
    waiting: list[tuple[RunSummary, tuple[bool, ...]]] = [(root, ())]
    while waiting:
        summary, is_last = waiting.pop()
        if summary.run_id in placed:
            continue
        placed.add(summary.run_id)
        relation, parent_run = relation_of(summary)
        yield RunNode(summary, len(is_last), relation, parent_run, is_last)
        new = [child for child in children.get(summary.run_id, []) if child.run_id not in placed]
        waiting.extend((child, (*is_last, index == len(new) - 1)) for index, child in reversed(list(enumerate(new))))
