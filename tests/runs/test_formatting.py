"""Numbers in panes: the right digits, and never wider than the room kept for them."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs import formatting

ANY_NUMBER = st.one_of(st.none(), st.floats(), st.integers(-(10**18), 10**18))
FORMATTERS = [
    formatting.format_count,
    formatting.format_compact,
    formatting.format_bytes,
    formatting.format_seconds,
    formatting.format_loss,
    formatting.format_learning_rate,
    formatting.format_percent,
    formatting.format_watts,
    formatting.format_factor,
]


# Numbers for programs, differences down to the bit, ticks of an axis, and rounding that is no text.
EXACT = {
    "rerun_script.py",
    "rerun.py",
    "notifications.py",
    "dial_steps.py",
    "charts.py",
    "formatting.py",
    "time_of_day.py",
}


def test_a_number_that_is_told_is_formatted_here() -> None:
    """No sentence or label has digits of its own: `5.0e0`, four decimals of a loss, minutes with a point."""
    root = Path(formatting.__file__).resolve().parents[1]
    own = re.compile(r"\{[^{}]*(:,?(\.\d+[eg]|\.[4-9]f)|/ 60:[^{}]*|/ 1e[369]:[^{}]*)\}")
    found = [
        f"{path.name}: {line.strip()}"
        for floor in ("engine", "runs", "tui")
        for path in (root / floor).rglob("*.py")
        if path.name not in EXACT
        for line in path.read_text(encoding="utf-8").splitlines()
        if own.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("formatter", FORMATTERS)
@given(value=ANY_NUMBER)
def test_any_number_becomes_a_short_printable_text(formatter, value):
    text = formatter(value)
    assert 1 <= len(text) <= formatting.MAX_FORMATTED_CHARACTERS
    assert text.isprintable()


@given(value=ANY_NUMBER)
def test_a_rate_is_as_short_with_its_unit(value):
    text = formatting.format_rate(value)
    assert text.endswith(" tok/s")
    assert len(text) <= formatting.MAX_FORMATTED_CHARACTERS + len(" tok/s")


@given(used=ANY_NUMBER, total=ANY_NUMBER)
def test_used_of_total_has_a_length_limit(used, total):
    assert 1 <= len(formatting.format_bytes_of(used, total)) <= 25


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_what_is_not_known_is_not_a_zero(formatter):
    assert formatter(None) == formatting.UNKNOWN
    assert formatter(math.nan) == "NaN"
    assert formatter(math.inf) == "inf"
    assert formatter(-math.inf) == "-inf"


@given(value=st.floats(1e-3, 1e15))
def test_a_compact_count_is_right_to_three_digits(value):
    text = formatting.format_compact(value)
    factor = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)
    number = float(text.rstrip("kMBT").replace(",", ""))
    tolerance = max(0.5, 0.051 * value) if value < 1e4 else 0.051 * value
    assert abs(number * factor - value) <= tolerance


@given(value=st.floats(1e-4, 99_000))
def test_a_loss_keeps_its_first_digits(value):
    assert float(formatting.format_loss(value).replace(",", "")) == pytest.approx(value, rel=0.05, abs=0.0006)


@given(first=st.floats(0, 1e8), second=st.floats(0, 1e8))
def test_a_longer_time_never_reads_as_a_shorter_one(first, second):
    def seconds(text: str) -> float:
        total, digits = 0.0, ""
        units_of = {"ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
        index = 0
        while index < len(text):
            if text[index].isdigit() or text[index] in ".,":
                digits += text[index]
                index += 1
                continue
            unit = "ms" if text[index : index + 2] == "ms" else text[index]
            total += float(digits.replace(",", "")) * units_of[unit]
            digits, index = "", index + len(unit)
        return total

    low, high = sorted((first, second))
    assert seconds(formatting.format_seconds(low)) <= seconds(formatting.format_seconds(high)) + 1e-9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formatting.format_count(1204), "1,204"),
        (formatting.format_count(25_000), "25,000"),
        (formatting.format_count(3_250_000), "3,250,000"),
        (formatting.format_count(-0.3), "0"),
        (formatting.format_compact(843), "843"),
        (formatting.format_compact(1_204), "1.20k"),
        (formatting.format_compact(12_345), "12.3k"),
        (formatting.format_compact(802_000), "802k"),
        (formatting.format_compact(124e6), "124M"),
        (formatting.format_compact(999_999_999), "1.00B"),
        (formatting.format_bytes(3.1 * 2**30), "3.1 GiB"),
        (formatting.format_bytes(812 * 2**20), "812 MiB"),
        (formatting.format_bytes(6.44 * 2**20), "6.4 MiB"),
        (formatting.format_bytes(412 * 2**10), "412 KiB"),
        (formatting.format_bytes_of(3.1 * 2**30, 12 * 2**30), "3.1/12.0 GiB"),
        (formatting.format_bytes_of(None, 12 * 2**30), "12.0 GiB"),
        (formatting.format_seconds(102), "1m42s"),
        (formatting.format_seconds(59.96), "1m00s"),
        (formatting.format_seconds(7500), "2h05m"),
        (formatting.format_seconds(0.42), "420ms"),
        (formatting.format_rate(12_300), "12.3k tok/s"),
        (formatting.format_rate(843), "843 tok/s"),
        (formatting.format_loss(1.6234), "1.623"),
        (formatting.format_loss(53.6094), "53.609"),
        (formatting.format_loss(0.0412), "0.041"),
        (formatting.format_loss(-0.25), "-0.250"),
        (formatting.format_loss(4.04e-4), "4e-4"),
        (formatting.format_learning_rate(3e-3), "3e-3"),
        (formatting.format_learning_rate(2.746e-4), "2.75e-4"),
        (formatting.format_learning_rate(0.02), "2e-2"),
        (formatting.format_learning_rate(0.5), "0.5"),
        (formatting.format_learning_rate(5.0), "5"),
        (formatting.format_percent(97.2), "97%"),
        (formatting.format_percent(0.4), "0.4%"),
        (formatting.format_percent(3.14), "3%"),
        (formatting.format_share(0.034), "3%"),
        (formatting.format_percent(-0.04), "0%"),
        (formatting.format_percent(104), "104%"),
        (formatting.format_watts(218.4), "218 W"),
        (formatting.format_watts(4.32), "4.3 W"),
        (formatting.format_factor(0.5), "0.5"),
    ],
)
def test_numbers_read_as_people_write_them(text, expected):
    assert text == expected
