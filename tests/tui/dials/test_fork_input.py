"""A fork as it is typed: which checkpoint, which settings, and everything that is wrong at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.tui.dials.dial_input import DialInputError
from babytrain.tui.dials.fork_input import ForkRequest, parse_fork, setting_in_progress
from babytrain.tui.engine_client.validation import fork_rules

RULES = fork_rules()
CHECKPOINTS = ("step-000000500", "before-the-cliff")


@pytest.mark.parametrize(
    ("typed", "at", "changes"),
    [
        ("", "best", {}),
        ("  ", "best", {}),
        ("last", "last", {}),
        ("best lr 1e-3, steps 3000", "best", {"lr": "1e-3", "steps": "3000"}),
        ("lr=1e-3", "best", {"lr": "1e-3"}),
        ("dropout 0.1,steps: 3,000", "best", {"dropout": "0.1", "steps": "3000"}),
        ("1,250 drop 0.1", "1250", {"dropout": "0.1"}),
        ("1250", "1250", {}),
        ("best, lr 1e-3", "best", {"lr": "1e-3"}),
        ("before-the-cliff sched = cosine", "before-the-cliff", {"schedule": "cosine"}),
        ("step-000000500 weight-decay 0.2", "step-000000500", {"weight_decay": "0.2"}),
        ("gone", "gone", {}),
        ("gone lr 1e-3", "gone", {"lr": "1e-3"}),
        ("prompt the old frog", "best", {"prompt": "the old frog"}),
        ("quiet_hours 23:00-07:00", "best", {"quiet_hours": "23:00-07:00"}),
        (
            "best quiet_h 22:00-06:00,12:00-13:00, lr 1e-3",
            "best",
            {"quiet_hours": "22:00-06:00, 12:00-13:00", "lr": "1e-3"},
        ),
        ("last, quiet_hours 22:00-06:00 , 12:00-13:00", "last", {"quiet_hours": "22:00-06:00, 12:00-13:00"}),
        ("12,500 steps 14,000", "12500", {"steps": "14000"}),
    ],
)
def test_what_a_line_means(typed: str, at: str, changes: dict[str, str]) -> None:
    assert parse_fork(typed, RULES, CHECKPOINTS) == ForkRequest(at, changes)


def test_old_names_are_understood_and_told() -> None:
    request = parse_fork("best noise 0.1, overfitting say, lr 1e-3", RULES)
    assert request.changes == {"token_noise": "0.1", "on_overfitting": "report", "lr": "1e-3"}
    assert request.notes == (
        "noise is called token_noise now.",
        "overfitting is called on_overfitting now.",
        "on_overfitting=say is called on_overfitting=report now.",
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("best lr 50", ["lr must lie between 1e-9 and 10"]),
        ("lr x, dropout 2, layers 3", ["lr is a number", "dropout must lie between 0 and 0.9", "no setting layers"]),
        ("best lr", ["lr needs a value: 1e-9 to 10"]),
        ("best lr 0,001", ["lr takes one value"]),
        ("best quiet_hours 22:00-06:00, 25:00-26:00", ["a time that no clock shows"]),
        ("best, 3", ["no setting 3"]),
        ("lr 1e-3 dropout 0.1", ["lr takes one value"]),
        ("best schedule flat", ["schedule is one of linear, cosine"]),
        ("best lr 1, lr 2", ["lr stands there twice"]),
        ("best s 3", ["s may mean steps or"]),
        ("bset 3", ["neither a checkpoint nor a setting bset"]),
        ("best lrr 3", ["no setting lrr of its own (did you mean lr?)"]),
        ("lr_range_test perhaps", ["lr_range_test is on or off"]),
    ],
)
def test_everything_wrong_is_said_at_once_and_with_the_range(typed: str, said: list[str]) -> None:
    with pytest.raises(DialInputError) as caught:
        parse_fork(typed, RULES)
    assert len(caught.value.problems) == len(said)
    for problem, words in zip(caught.value.problems, said, strict=True):
        assert words in problem


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_request_or_a_sentence(typed: str) -> None:
    try:
        request = parse_fork(typed, RULES, CHECKPOINTS)
    except DialInputError as error:
        problems = error.problems
    else:
        assert request.at
        assert set(request.changes) <= {rule.name for rule in RULES}
        return
    assert problems
    assert all(problem.isprintable() for problem in problems)


def test_nothing_is_offered_that_a_fork_cannot_have() -> None:
    names = {rule.name for rule in RULES}
    assert {"lr", "muon_lr", "steps", "dropout", "seed", "warmup"} <= names
    assert not names & {"layers", "width", "corpus", "tokenizer", "optimizer", "nickname"}
    assert len(names) == len(RULES)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("", None),
        ("best", None),
        ("best l", None),
        ("best lr", "lr"),
        ("lr 1e-3, drop", "dropout"),
        ("steps 3", "steps"),
        ("best quiet_hours 22:00-06:00, 12", "quiet_hours"),
    ],
)
def test_the_setting_that_is_being_typed_is_known(typed: str, name: str | None) -> None:
    rule = setting_in_progress(typed, RULES)
    assert (rule.name if rule else None) == name
