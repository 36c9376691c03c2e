"""`bill` as a person types it: totals on stdout, what was not measured said, problems in a sentence."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from babytrain.runs.energy.bill import BillAmounts, read_bill
from babytrain.runs.events import AnyEvent, Energy, EnergySource, GuardEvent
from babytrain.runs.journal import encode_event
from babytrain.runs.store.run_list import run_folders
from babytrain.tui.cli import output
from babytrain.tui.cli.bill_tables import runs_bill_table
from babytrain.tui.cli.commands import app
from babytrain.tui.export.run_facts import bill_sentence, bill_total
from babytrain.tui.widgets.vitals.bill_lines import bill_lines
from tests.runs.builders import checkpoint, ended, resumed, started, step

NOON = time.mktime((2026, 11, 10, 12, 0, 0, 0, 0, -1))
JANUARY = time.mktime((2027, 1, 10, 12, 0, 0, 0, 0, -1))
LATER = time.mktime((2026, 12, 10, 12, 0, 0, 0, 0, -1))


def bill(runs_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["bill", "--runs-dir", str(runs_dir), *arguments])


def save(
    runs_dir: Path, run_id: str, status: Any = "done", *more: AnyEvent, wall_time: float = NOON, **told: Any
) -> None:
    """A run of ten seconds. `told` are kwh, currency, co2, sensors."""
    folder = runs_dir / run_id
    folder.mkdir(parents=True)
    config = {
        "co2_grams_per_kwh": told.get("co2", 475.0),
        "currency": told.get("currency", ""),
        "electricity_price_per_kwh": 0.5,
        "sensors": told.get("sensors", "auto"),
    }
    events: list[AnyEvent] = [started(config=config, wall_time=wall_time, name=""), step(20)]
    if "kwh" in told:
        joules = told["kwh"] * 3.6e6
        source = EnergySource(
            name="gpu 0", scope="gpu", quality="counter", joules=joules, measured_seconds=10.0, unmeasured_seconds=61.0
        )
        money = told["kwh"] * 0.5 if told.get("currency") else None
        events.append(Energy(t=10.0, step=20, joules=joules, money=money, measured_seconds=10.0, sources=(source,)))
    events += [*more, ended(20, status)]
    (folder / "journal.jsonl").write_bytes(b"".join(map(encode_event, events)))


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    place = tmp_path / "runs"
    save(place, "ziggy-20261110-120000", kwh=0.5, currency="EUR")
    save(place, "nanny-20261110-130000", "failed", kwh=0.1, currency="EUR")
    save(place, "delhi-20261210-120000", kwh=1.0, currency="INR", co2=700.0, wall_time=LATER)
    save(place, "elder-20251110-120000")
    return place


def test_all_runs_and_what_they_add_up_to(runs_dir: Path) -> None:
    result = bill(runs_dir)
    assert result.exit_code == 0, result.output
    said = result.stdout
    elder = next(line for line in said.splitlines() if line.startswith("elder"))
    assert "not measured" in elder
    assert " 0" not in elder.replace("2026-11-10 12:00", "")
    assert "Together 1.60 kWh, 0.300 EUR, 0.500 INR, " in said
    assert "What the NaNs cost you: 100 Wh, 0.0500 EUR" in said
    assert "1 of 4 runs not measured" in said
    assert "475 g/kWh" in said
    assert "2026-11" in said
    assert "2026-12" in said


def test_one_run_is_told_in_full(runs_dir: Path) -> None:
    said = bill(runs_dir, "ziggy").stdout
    for words in ("500 Wh", "0.250 EUR", "238 g*", "gpu 0", "counter", "1m01s unmeasured", "without the processor"):
        assert words in said
    assert "by outcome" not in said


def test_a_single_run_without_a_meter_says_so(runs_dir: Path) -> None:
    result = bill(runs_dir, "elder")
    assert result.exit_code == 0
    assert "not measured" in result.stdout
    assert "kettle" not in result.stdout


def test_json_has_null_for_what_is_not_known(runs_dir: Path) -> None:
    document = json.loads(bill(runs_dir, "--json").stdout)
    runs = {one["run_id"]: one for one in document["runs"]}
    elder = runs["elder-20251110-120000"]
    assert (elder["measured"], elder["kwh"], elder["money"], elder["wasted_joules"]) == (False, None, None, None)
    assert runs["ziggy-20261110-120000"]["kwh"] == pytest.approx(0.5)
    assert runs["ziggy-20261110-120000"]["forecast"] is None  # of a run in training alone
    assert document["total"]["money"] == {"EUR": pytest.approx(0.3), "INR": 0.5}
    assert document["total"]["wasted_joules"] == pytest.approx(0.36e6)
    assert [month["label"] for month in document["months"]] == ["2026-11", "2026-12"]
    alone = json.loads(bill(runs_dir, "elder", "--json").stdout)
    assert alone["total"]["kwh"] is None


def test_what_a_script_made_up_says_so_and_is_in_no_total(runs_dir: Path) -> None:
    before = json.loads(bill(runs_dir, "--json").stdout)
    save(runs_dir, "stage-20270110-120000", "failed", kwh=7.0, currency="EUR", sensors="scripted", wall_time=JANUARY)
    said = bill(runs_dir).stdout
    line = next(line for line in said.splitlines() if line.startswith("stage"))
    assert "simulated" in line
    assert "kWh" not in line
    assert "EUR" not in line
    assert "Together 1.60 kWh, 0.300 EUR, 0.500 INR, " in said
    assert "What the NaNs cost you: 100 Wh, 0.0500 EUR" in said
    assert "1 of 5 runs not measured" in said
    assert "1 of 5 runs simulated by a script" in said
    assert "simulated" in next(line for line in said.splitlines() if line.startswith("2027-01"))
    document = json.loads(bill(runs_dir, "--json").stdout)
    (stage,) = [one for one in document["runs"] if one["run_id"].startswith("stage")]
    assert (stage["simulated"], stage["measured"]) == (True, False)
    assert document["total"] == before["total"] | {"runs": 5, "simulated": 1}
    alone = bill(runs_dir, "stage").stdout
    assert "simulated" in alone
    assert "NaNs" not in alone
    assert json.loads(bill(runs_dir, "stage", "--json").stdout)["total"]["kwh"] is None


def test_a_run_that_went_on_with_real_sensors_is_still_made_up_in_part(tmp_path: Path) -> None:
    onwards = resumed(20, 10.0, changes={"sensors": "auto"})
    save(tmp_path, "half-20261110-120000", "done", onwards, kwh=1.0, currency="EUR", sensors="scripted")
    save(tmp_path, "late-20261110-130000", "done", resumed(20, 10.0, changes={"sensors": "scripted"}), kwh=1.0)
    assert json.loads(bill(tmp_path, "--json").stdout)["total"]["simulated"] == 2


def test_wherever_else_a_bill_is_shown_it_says_that_it_is_made_up() -> None:
    facts = BillAmounts(joules=3.6e6, money=0.3, currency="EUR", simulated=True)
    (line, *_) = bill_lines(facts, 60, 6)
    assert "simulated" in "".join(text for text, _ in line)
    assert bill_total(facts) == "simulated"
    assert bill_sentence(facts) == "its electricity is simulated"


def test_a_month_by_itself(runs_dir: Path) -> None:
    document = json.loads(bill(runs_dir, "--month", "2026-12", "--json").stdout)
    assert [one["run_id"] for one in document["runs"]] == ["delhi-20261210-120000"]
    empty = bill(runs_dir, "--month", "2020-01")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "2020-01" in empty.stderr


@pytest.mark.parametrize(
    ("arguments", "words"), [(("--month", "2026-13"), "2026-13"), (("nobody",), "There is no run 'nobody'")]
)
def test_what_cannot_be_meant_is_a_usage_error(runs_dir: Path, arguments: tuple[str, ...], words: str) -> None:
    result = bill(runs_dir, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def test_no_runs_at_all(tmp_path: Path) -> None:
    result = bill(tmp_path / "nowhere")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No runs" in result.stderr
    assert json.loads(bill(tmp_path / "nowhere", "--json").stdout)["runs"] == []


def test_names_and_currencies_are_data(tmp_path: Path) -> None:
    save(tmp_path, "[bold]a\x1b[31mb-20261110-120000", kwh=0.5, currency="\x1b[2J")
    save(tmp_path, "plain-20261110-120000", kwh=0.5, currency="EUR")
    result = bill(tmp_path)
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "[bold]a␛[31mb-20261110-120000" in result.stdout


def test_broken_runs_are_listed_and_cost_nothing(tmp_path: Path) -> None:
    save(tmp_path, "fine-20261110-120000", kwh=0.5, currency="EUR")
    broken = tmp_path / "broken-20261110-130000"
    broken.mkdir()
    (broken / "journal.jsonl").write_bytes(b"\x00garbage\n")
    result = bill(tmp_path)
    assert result.exit_code == 0
    assert "unreadable" in result.stdout
    assert "Together 500 Wh" in result.stdout


def test_what_a_rescue_gave_up_is_waste_of_a_run_that_went_well(tmp_path: Path) -> None:
    rescue = GuardEvent(t=10.0, step=10, cause="not finite", action="rolled back", text="")
    going_back = (checkpoint(10, t=5.0), resumed(10, 10.0, rollback=True, checkpoint="step-000000010"), rescue)
    save(tmp_path, "saved-20261110-120000", "done", *going_back, kwh=1.0, currency="EUR")
    said = bill(tmp_path).stdout
    assert "What the NaNs cost you: 500 Wh, 0.250 EUR" in said


@pytest.mark.parametrize("width", [72, 80, 100, 120, 200])
def test_a_table_of_runs_shows_whole_numbers_or_names_what_it_leaves_out(runs_dir: Path, width: int) -> None:
    save(runs_dir, "a-run-with-a-name-that-is-far-too-long-for-it-20261110-150000", kwh=0.2, currency="EUR")
    bills = [read_bill(folder) for folder in run_folders(runs_dir)]
    table, left_out = runs_bill_table(bills, width)
    console = Console(width=width, file=io.StringIO(), color_system=None)
    with console.capture() as capture:
        console.print(table)
    said = capture.get()
    assert "…" not in said
    lines = said.splitlines()
    assert max(map(len, lines)) <= width
    for words in ("ziggy-20261110-120000", "500 Wh", "0.250 EUR", "not measured"):
        assert words in said
    assert ("238 g*" in said) is ("CO2" not in left_out)
    assert [heading in lines[0] for heading in ("J/token", "started", "measured")] == [
        heading not in left_out for heading in ("J/token", "started", "measured")
    ]
    assert (left_out == ()) is (width == 200)


def test_what_a_narrow_terminal_has_no_room_for_is_said(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "PIPED_WIDTH", 80)
    said = bill(runs_dir).stdout
    assert "where there is more room (or with --json): started, " in said


def test_the_mark_beside_made_up_co2_is_explained_too(tmp_path: Path) -> None:
    save(tmp_path, "actor-20261110-120000", kwh=0.5, currency="EUR", sensors="scripted")
    said = bill(tmp_path).stdout
    assert "238 g*" in said
    assert "* with the world's average" in said


def test_a_run_measured_in_part_says_of_what_its_units_are(tmp_path: Path) -> None:
    source = EnergySource(name="gpu 0", scope="gpu", quality="counter", joules=7680.0, measured_seconds=10.0)
    later: list[AnyEvent] = [
        Energy(t=10.0, step=20, joules=7680.0, measured_seconds=10.0, sources=(source,)),
        *(step(number) for number in range(21, 81)),
        Energy(t=40.0, step=80, joules=7680.0, measured_seconds=10.0, unmeasured_seconds=30.0, sources=(source,)),
    ]
    save(tmp_path, "dusky-20261110-120000", "done", *later)
    said = " ".join(bill(tmp_path).stdout.split())
    assert "a token 500 mJ" in said
    assert "25% of its tokens" in said
