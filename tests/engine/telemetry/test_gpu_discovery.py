"""Which card trains: torch and the driver spell the same card differently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.execution.devices import device_uuid
from babytrain.engine.sessions import background_services
from babytrain.engine.sessions.background_services import gpu_opener
from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.engine.telemetry.gpu_discovery import find_training_card
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.events import AnyEvent, GpuReading, Phase
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from tests.engine.telemetry.fake_gpu import FakeGpu
from tests.engine.tiny_runs import tiny_config

UUID = "8f9f1a3c-0d2e-4b5a-9c7d-112233445566"
OTHER = "00000000-1111-2222-3333-444444444444"


def gpu(index: int, uuid: str, name: str = "card", shared: bool = False) -> GpuReading:
    return GpuReading(index=index, name=name, uuid=uuid, shared=shared)


TWO = (gpu(0, f"GPU-{OTHER}"), gpu(1, f"GPU-{UUID}"))


def opened(
    cards: tuple[GpuReading, ...], device: str, monkeypatch: pytest.MonkeyPatch, uuid: str | None = UUID
) -> GpuBackend:
    properties = SimpleNamespace() if uuid is None else SimpleNamespace(uuid=uuid)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    return gpu_opener("auto", "Toaster", torch.device(device), lambda: FakeGpu(cards, note="a note"))()


def test_the_card_of_torch_is_marked_and_called_by_its_nickname(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = opened(TWO, "cuda:0", monkeypatch)
    first, second = backend.read()
    assert (first.trains, first.nickname) == (False, "")
    assert (second.trains, second.nickname) == (True, "Toaster")
    assert backend.note == "a note"


def test_on_a_processor_no_card_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(card.trains or card.nickname for card in opened(TWO, "cpu", monkeypatch).read())


@pytest.mark.parametrize(
    ("cards", "identity", "position"),
    [
        (TWO, UUID.upper(), 1),
        (TWO, f"GPU-{UUID}", 1),
        (TWO, UUID.replace("-", ""), 1),
        (TWO, "", None),
        (TWO, "99999999-1111-2222-3333-444444444444", None),
        ((TWO[1],), "", 0),
        ((TWO[0],), UUID, None),  # the driver sees another card than torch has
        ((gpu(0, ""),), UUID, 0),
        ((gpu(0, f"GPU-{OTHER}", shared=True),), f"MIG-{UUID}", 0),
        (TWO, f"MIG-GPU-{UUID}/7/0", 1),
        ((gpu(0, f"GPU-{OTHER}"), gpu(1, "PCI-0000:00:02.0", name="Intel graphics 3e92 (i915)")), "", 0),
        ((gpu(0, "AMD-5c88007d6d5ba7c2"), gpu(1, "AMD-0000000000000001")), b"5c88007d6d5ba7c2".hex(), 0),
        ((gpu(0, "PCI-0000:03:00.0", name="AMD graphics 73bf"),), b"5c88007d6d5ba7c2".hex(), 0),
        ((), UUID, None),
    ],
)
def test_the_card_is_found_by_its_uuid_or_because_it_is_the_only_one(
    cards: tuple[GpuReading, ...], identity: str, position: int | None
) -> None:
    assert find_training_card("cuda", identity, cards) == position


def test_an_instance_belongs_to_the_card_that_lists_it() -> None:
    instances: Callable[[int], tuple[str, ...]] = {0: (f"MIG-{OTHER}",), 1: (f"MIG-{UUID}",)}.__getitem__
    cards = (gpu(0, "GPU-a", shared=True), gpu(1, "GPU-b", shared=True))
    assert find_training_card("cuda", UUID, cards, instances) == 1
    assert find_training_card("cuda", "12345678-1111-2222-3333-444444444444", cards, instances) is None


@pytest.mark.parametrize(("cards", "position"), [((gpu(0, ""),), 0), (TWO, None)])
def test_the_one_graphics_processor_of_a_mac(cards: tuple[GpuReading, ...], position: int | None) -> None:
    assert find_training_card("mps", "", cards) == position


@given(st.uuids(), st.uuids())
def test_two_different_cards_are_never_taken_for_each_other(one: object, other: object) -> None:
    cards = (gpu(0, f"GPU-{one}"), gpu(1, f"GPU-{other}"))
    if one != other:
        assert find_training_card("cuda", str(other), cards) == 1


def test_a_torch_that_tells_no_uuid_or_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened((TWO[0],), "cuda", monkeypatch, uuid=None).read()[0].trains

    def refuse(_: torch.device) -> None:
        raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(torch.cuda, "get_device_properties", refuse)
    assert device_uuid(torch.device("cuda")) == device_uuid(torch.device("cpu")) == ""


def test_the_scripted_card_rests_when_the_run_does(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(background_services, "time", SimpleNamespace(monotonic=lambda: now[0]))
    backend = gpu_opener("scripted", "", torch.device("cpu"), rested_seconds=lambda: max(0.0, now[0] - 60.0))()
    watts = []
    for second in range(120):
        now[0] = float(second)
        watts.append(backend.read()[0].power_watts or 0.0)
    assert min(watts[10:60]) > 100.0
    assert max(watts[62:]) < 20.0


def test_a_run_tells_its_sensors_when_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Callable[[], float]] = []

    def opener(*_: object, rested_seconds: Callable[[], float]) -> Callable[[], GpuBackend]:
        asked.append(rested_seconds)
        return lambda: FakeGpu()

    monkeypatch.setattr(background_services, "gpu_opener", opener)
    now = [0.0]
    recorder = Recorder(NoJournal(), LiveFeed(), RunFolder(Path()), clock=lambda: now[0])
    with background_services.start_telemetry(tiny_config(), recorder, torch.device("cpu"), None):
        recorder.emit(Phase(t=0.0, step=0, phase="paused"))
        now[0] = 7.0
        assert [rested() for rested in asked] == [7.0]


class NoJournal:
    failing_since: float | None = None
    last_error = ""
    dropped = 0

    def append(self, event: AnyEvent) -> None:
        pass


def test_the_scripted_card_trains_on_any_device() -> None:
    (card,) = gpu_opener("scripted", "Toaster", torch.device("cpu"))().read()
    assert (card.trains, card.nickname, card.name) == (True, "Toaster", "Scripted GPU")
