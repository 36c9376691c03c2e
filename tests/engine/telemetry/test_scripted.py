"""The scripted card, on which tests and demonstrations rely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.telemetry.scripted import ScriptedGpu, warming_card
from babytrain.runs.events import GpuReading

COOL = (GpuReading(index=0, name="card", temperature_celsius=30.0),)
WARM = (GpuReading(index=0, name="card", temperature_celsius=70.0),)


def test_the_latest_beat_is_played_and_the_last_one_stays() -> None:
    now = [1000.0]
    gpu = ScriptedGpu([(5.0, COOL), (20.0, OSError("gone")), (10.0, WARM)], clock=lambda: now[0], note="a script")
    assert gpu.read() == ()
    now[0] = 1005.0
    assert gpu.read() == COOL
    now[0] = 1019.9
    assert gpu.read() == WARM
    now[0] = 9999.0
    with pytest.raises(OSError, match="gone"):
        gpu.read()
    assert gpu.note == "a script"
    gpu.close()
    assert gpu.closed


@given(ambient=st.floats(10, 40), load=st.floats(50, 110), slowdown=st.floats(60, 100))
def test_a_working_card_warms_up_and_its_fan_follows(ambient: float, load: float, slowdown: float) -> None:
    timeline = warming_card(ambient_celsius=ambient, load_celsius=load, slowdown_celsius=slowdown)
    cards = [beat[0] for _, beat in timeline if isinstance(beat, tuple)]
    assert len(cards) == len(timeline) == 181
    degrees = [card.temperature_celsius or 0.0 for card in cards]
    fans = [card.fans[0].percent or 0.0 for card in cards]
    assert degrees == sorted(degrees)
    assert fans == sorted(fans)
    assert fans[0] == 0.0
    assert fans[-1] <= 100.0
    assert all(
        ("hot" in card.throttle_reasons) == (degree >= slowdown) for card, degree in zip(cards, degrees, strict=True)
    )
