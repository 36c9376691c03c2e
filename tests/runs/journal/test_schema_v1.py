"""Journals of versions up to 0.2 read as if they had been written today."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.dials.renamed_settings import RENAMED_SETTINGS
from babytrain.runs.events import SCHEMA_VERSION, AnyEvent, GuardEvent, Plan, PolicyEvent, Resumed, Step, Verdict
from babytrain.runs.journal import JournalTail, JournalWriter, encode_event, load_state, read_journal
from babytrain.runs.journal.codec import decode_event
from babytrain.runs.journal.schema_v1 import FIELDS, KINDS, VALUES, is_schema_1, upgrade_lines
from babytrain.runs.recorded import recorded_runs
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.summary import summarize_run
from tests.runs.builders import any_event, recorded_run, same, started, step
from tests.runs.journal.old_recordings import OLD_RECORDINGS, in_present_schema

# Lines as version 0.2 wrote them, with what they are today.
LINES: list[tuple[str, dict[str, Any]]] = [
    (
        '{"kind":"reading","t":1,"step":2,"sample_id":3,"parrot_index":1.5}',
        {"kind": "text_metrics", "sample_id": 3, "memorisation": 1.5},
    ),
    (
        '{"kind":"restraint","t":1,"step":2,"cause":"heat","deed":"overruled","text":"x","duty":0.5}',
        {"kind": "policy", "cause": "heat", "action": "overridden", "text": "x", "duty_cycle": 0.5},
    ),
    (
        '{"kind":"rescue","t":1,"step":2,"cause":"spike","deed":"skipped","text":"x","loss":"NaN"}',
        {"kind": "guard", "cause": "spike", "action": "skipped", "text": "x", "loss": math.nan},
    ),
    (
        '{"kind":"exam","t":1,"step":2,"poems":9,"valid":5,"new":3,"never_paired":2,"temperature":1,"seed":1,"seconds":1}',
        {
            "kind": "final_evaluation",
            "poems": 9,
            "valid": 5,
            "new": 3,
            "unseen_pairs": 2,
            "temperature": 1,
            "seed": 1,
            "seconds": 1,
        },
    ),
    ('{"kind":"note","t":1,"step":2,"level":"info","text":"x"}', {"kind": "log", "level": "info", "text": "x"}),
    (
        '{"kind":"verdict","t":1,"step":2,"verdict":"slow","why":"w","next":"n","advice":'
        '{"label":"l","action":"go_back","text":"best"},"again":true}',
        {
            "kind": "verdict",
            "verdict": "slow",
            "why": "w",
            "next": "n",
            "repeated": True,
            "advice": {"label": "l", "action": "rollback", "text": "best"},
        },
    ),
    (
        '{"kind":"resumed","t":1,"step":2,"wall_time":3,"checkpoint":"c","total_steps":9,"within":true}',
        {"kind": "resumed", "wall_time": 3, "checkpoint": "c", "total_steps": 9, "rollback": True},
    ),
    (
        '{"kind":"sample","t":1,"step":2,"sample_id":1,"prompt":"","text":"asked","seed":1,"temperature":1,"seconds":1,'
        '"asked":true}',
        {
            "kind": "sample",
            "sample_id": 1,
            "prompt": "",
            "text": "asked",
            "seed": 1,
            "temperature": 1,
            "seconds": 1,
            "requested": True,
        },
    ),
    (
        '{"kind":"letters","t":1,"step":2,"symbols":["e"],"shares":[1],"recalls":[1],"precisions":[null],'
        '"confusions":[{"truth":"e","guessed":"a","share":0.5}],"favourite":"e","favourite_recall":0.25}',
        {
            "kind": "letters",
            "symbols": ["e"],
            "shares": [1],
            "recalls": [1],
            "precisions": [None],
            "confusions": [{"truth": "e", "predicted": "a", "share": 0.5}],
            "tracked_letter": "e",
            "tracked_letter_recall": 0.25,
        },
    ),
    (
        '{"kind":"command","t":1,"step":2,"command_id":1,"action":"go_back","status":"applied","text":"best"}',
        {"kind": "command", "command_id": 1, "action": "rollback", "status": "applied", "text": "best"},
    ),
    (
        '{"kind":"checkpoint","t":1,"step":2,"directory":"d","reason":"asked","seconds":1}',
        {"kind": "checkpoint", "directory": "d", "reason": "requested", "seconds": 1},
    ),
    (
        '{"kind":"command","t":1,"step":2,"command_id":1,"action":"set","status":"applied","dial":"jitter","value":0.5}',
        {
            "kind": "command",
            "command_id": 1,
            "action": "set",
            "status": "applied",
            "dial": "window_shift",
            "value": 0.5,
        },
    ),
    (
        '{"kind":"resumed","t":1,"step":2,"wall_time":3,"checkpoint":"c","total_steps":9,'
        '"changes":{"overfitting":"go_back","lr":0.5}}',
        {
            "kind": "resumed",
            "wall_time": 3,
            "checkpoint": "c",
            "total_steps": 9,
            "changes": {"on_overfitting": "rollback", "lr": 0.5},
        },
    ),
    ('{"kind":"phase","t":1,"step":2,"phase":"resting"}', {"kind": "phase", "phase": "policy_pause"}),
    (
        '{"kind":"energy","t":1,"step":2,"joules":5,"sources":[{"name":"wall meter","scope":"computer",'
        '"quality":"typed","joules":5,"measured_seconds":1}]}',
        {
            "kind": "energy",
            "joules": 5,
            "sources": [
                {"name": "wall meter", "scope": "computer", "quality": "manual", "joules": 5, "measured_seconds": 1}
            ],
        },
    ),
]


@pytest.mark.parametrize(("line", "now"), LINES, ids=[now["kind"] for _, now in LINES])
def test_every_renamed_kind_field_and_value(line: str, now: dict[str, Any]) -> None:
    upgraded = decode_event(upgrade_lines(line.encode()))
    assert same(upgraded, msgspec.convert({"t": 1, "step": 2} | now, AnyEvent, strict=False))


def test_the_lines_above_hold_every_name_of_the_tables() -> None:
    text = "".join(line for line, _ in LINES)
    values = [
        old
        for by_field in VALUES.values()
        for words in by_field.values()
        for old in words
        if old not in RENAMED_SETTINGS
    ]
    for name in (*KINDS, *(old for fields in FIELDS.values() for old in fields), *values):
        assert f'"{name}"' in text, name


def test_no_setting_has_the_former_name_of_another() -> None:
    assert not RENAMED_SETTINGS.keys() & set(RENAMED_SETTINGS.values())


any_line = st.one_of(
    st.sampled_from([line for line, _ in LINES]).map(str.encode),
    any_event(st.text(max_size=8)).map(lambda event: encode_event(event)[:-1]),
    st.tuples(st.sampled_from([line for line, _ in LINES]), st.integers(0, 60)).map(
        lambda cut: cut[0].encode()[: -1 - cut[1]]
    ),
    st.sampled_from(sorted(KINDS)).flatmap(
        lambda kind: st.binary(max_size=20).map(lambda rest: f'{{"kind":"{kind}"'.encode() + rest.replace(b"\n", b""))
    ),
    st.sampled_from([b'{"kind":"note","t":1e999}', b'{"kind":"note","kind":[1]}', b'{"kind":"note","t":%d}' % 2**90]),
    st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")),
)


@given(lines=st.lists(any_line, max_size=6))
def test_upgrading_twice_is_upgrading_once(lines: list[bytes]) -> None:
    once = upgrade_lines(b"\n".join(lines))
    assert once.count(b"\n") == max(0, len(lines) - 1)
    assert upgrade_lines(once) == once


present_text = st.text(max_size=8).filter(lambda text: text not in RENAMED_SETTINGS)


@given(event=any_event(present_text))
def test_a_line_of_the_present_schema_is_never_changed(event: AnyEvent) -> None:
    line = encode_event(event)
    assert upgrade_lines(line) == line


@given(run=recorded_run(), cut=st.integers(1, 60), at=st.integers(0, 25))
def test_a_damaged_old_line_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, run: list[AnyEvent], cut: int, at: int
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "journal.jsonl"
    lines = [encode_event(event) for event in run]
    lines.insert(min(at + 1, len(lines)), LINES[1][0].encode()[:-cut] + b"\n")
    path.write_bytes(as_schema_1(b"".join(lines)))
    contents = read_journal(path)
    assert (contents.bad_lines, contents.unknown_lines) == (1, 0)
    assert same([as_in_schema_1(event) for event in contents.events], [as_in_schema_1(event) for event in run])
    tail = JournalTail(path)
    assert same(tail.poll(), contents.events)
    assert tail.bad_lines == 1


def as_schema_1(data: bytes) -> bytes:
    """What a beginning of schema 2 was in schema 1; the names of this test's other events are the same in both."""
    return data.replace(b'"schema":2', b'"schema":1', 1).replace(b'{"kind":"log"', b'{"kind":"note"')


def test_the_schema_stands_at_the_beginning_of_a_journal() -> None:
    line = encode_event(started(run_id="r" * 300, name="n" * 300))
    assert not is_schema_1(line[:512])
    assert is_schema_1(as_schema_1(line)[:512])
    assert SCHEMA_VERSION == 2


@pytest.mark.parametrize("old", OLD_RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_of_version_0_2_is_the_run_it_was(old: Path) -> None:
    new = in_present_schema(old)
    then, now = load_state(old), load_state(new)
    assert (then.bad_lines, then.unknown_lines, now.bad_lines) == (0, 0, 0)
    events = [event for event in read_journal(new).events if not isinstance(event, Plan)]
    assert same(
        [as_in_schema_1(event) for event in events], [as_in_schema_1(event) for event in read_journal(old).events]
    )
    for t in (0.0, now.last_t / 3, now.last_t / 2, math.inf):
        before, after = then.at(t), now.at(t)
        assert (before.step, before.loss, before.phase, before.verdict) == (
            after.step, after.loss, after.phase, after.verdict
        )  # fmt: skip
        assert before.dials.positions() == after.dials.positions()
        assert before.plan is not None
        assert after.plan is not None
        assert msgspec.structs.replace(before.plan, dials={}) == msgspec.structs.replace(after.plan, dials={})


def as_in_schema_1(event: AnyEvent) -> AnyEvent:
    """An event without what schema 1 lacks."""
    absent: dict[str, Any] = {"schema": 1} if event.__struct_config__.tag == "started" else {}
    if event.__struct_config__.tag == "command":
        absent["dials"] = None
    return msgspec.structs.replace(event, **absent)


def test_shipped_recordings_need_no_upgrade() -> None:
    for path in recorded_runs():
        data = path.read_bytes()
        assert not is_schema_1(data[:512])
        assert upgrade_lines(data) == data
        assert any(isinstance(event, Plan) for event in read_journal(path).events)


def test_an_old_journal_resumed_by_this_version_reads_as_one_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "ziggy-20260131-120000")
    folder.path.mkdir()
    old = [started(), *(step(number) for number in range(1, 21))]
    lines = [line.encode() + b"\n" for line, _ in LINES if '"resumed"' not in line]
    folder.journal.write_bytes(as_schema_1(b"".join(map(encode_event, old))) + b"".join(lines))
    before = folder.journal.read_bytes()
    new: list[AnyEvent] = [
        Resumed(t=30.0, step=20, wall_time=1.0, checkpoint="c", total_steps=40),
        Plan(t=30.0, step=20, dials={"dropout": 0.25, "total_steps": 40}),
        *(step(number, t=30.0 + number) for number in range(21, 31)),
        GuardEvent(t=70.0, step=30, cause="spike", action="noted", text="new"),
    ]
    tail = JournalTail(folder.journal)
    followed = tail.poll()
    with JournalWriter(folder.journal) as writer:
        for event in new:
            writer.append(event)
    assert folder.journal.read_bytes().startswith(before)
    state = load_state(folder.journal)
    assert (state.bad_lines, state.unknown_lines) == (0, 0)
    assert [event.text for event in state.guard_events.events] == ["x", "new"]
    assert [event.text for event in state.log_messages.events] == ["x"]
    snapshot = state.at()
    assert (snapshot.step, snapshot.total_steps, snapshot.dials.dropout) == (30, 40, 0.25)
    followed += tail.poll()
    assert same(followed, read_journal(folder.journal).events)
    assert (tail.bad_lines, tail.restarted) == (0, False)
    assert [type(event) for event in followed if isinstance(event, PolicyEvent | Verdict)] == [PolicyEvent, Verdict]
    assert sum(isinstance(event, Step) for event in followed) == 30
    assert summarize_run(folder).step == 30
