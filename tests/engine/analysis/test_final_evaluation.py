"""The final exam: every poem counts once, however its tokens are cut, and one without an end does not last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from babytrain.engine.analysis.final_evaluation import LONGEST_POEM_CHARACTERS, evaluate_poems
from babytrain.engine.analysis.haiku import HaikuAnalyzer, HaikuMetrics
from babytrain.engine.generation.sampling import SamplingSettings

GOOD = ("the adder sleeps in\n", "white frost whitens his deep door\n", "the old deer looks up")


class Pieces:
    """A vocabulary of pieces of text of any length, as a bpe vocabulary has them."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    def encode(self, text: str) -> Any:
        return np.array([self.pieces.index(text)])

    def decode(self, ids: Any) -> str:
        return "".join(self.pieces[token] for token in np.asarray(ids))


def examined(
    monkeypatch: pytest.MonkeyPatch, scripts: list[list[str]], poems: int
) -> tuple[HaikuMetrics | None, list[int]]:
    """The report on what is written when each stretch of writing repeats its script, and how long each lasted."""
    tokenizer = Pieces("\n", *{piece: None for script in scripts for piece in script if piece != "\n"})
    lasted: list[int] = []

    def written(model: Any, ids: Any, settings: Any, *, max_tokens: int, seed: int, **_: Any) -> Iterator[int]:
        script = scripts[min(seed, len(scripts) - 1)]
        lasted.append(0)
        for place in range(max_tokens):
            lasted[-1] += 1
            yield tokenizer.pieces.index(script[place % len(script)])

    monkeypatch.setattr("babytrain.engine.analysis.final_evaluation.generate", written)
    report = evaluate_poems(
        None, tokenizer, HaikuAnalyzer("a text"), "\n", SamplingSettings(),  # type: ignore[arg-type]  # scripted
        seed=0, device=torch.device("cpu"), stop=lambda: False, poems=poems,
    )  # fmt: skip
    return report, lasted


@pytest.mark.parametrize(
    "script",
    [
        [*"".join(GOOD), "\n", "\n"],
        [*GOOD, "\n\n"],
        [*GOOD[:2], GOOD[2] + "\n\n" + GOOD[0], *GOOD[1:], "\n", "\n"],  # a token from one poem into the next
        ["\n\n", *GOOD, "\n\n\n"],
    ],
)
def test_a_poem_ends_at_its_blank_line_in_any_vocabulary(script: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    report, (lasted,) = examined(monkeypatch, [script], 7)
    assert report is not None
    assert (report.poems, report.valid) == (7, 7)
    assert lasted <= 7 * len(script)  # and nothing is written that nobody judges


@pytest.mark.parametrize("endless", [["on and "], ["the old deer\n"], ["x"]])
def test_a_poem_without_an_end_counts_as_none_and_the_next_begins(
    endless: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report, lasted = examined(monkeypatch, [endless, [*GOOD, "\n\n"]], 3)
    assert report is not None
    assert (report.poems, report.valid) == (3, 2)
    assert lasted[0] <= LONGEST_POEM_CHARACTERS + 1
    never, lasted = examined(monkeypatch, [endless], 3)
    assert never is not None
    assert (never.poems, never.valid) == (3, 0)
    assert len(lasted) == 3


def test_blank_lines_alone_are_no_poem_and_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    report, lasted = examined(monkeypatch, [["\n"]], 3)
    assert report is not None
    assert report.poems == 0
    assert sum(lasted) == 3 * (LONGEST_POEM_CHARACTERS + 1)
