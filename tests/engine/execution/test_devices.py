"""The device, the threads and the number format that a config gets on different machines."""

from __future__ import annotations

import sys

import pytest
import torch

from babytrain.engine.execution.devices import choose_device, choose_precision, choose_threads, supports_bf16


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without any graphics card, and torch built for the CPU."""
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def add_cuda(patch: pytest.MonkeyPatch, capability: tuple[int, int] = (8, 9), available: bool = True) -> None:
    patch.setattr(torch.version, "cuda", "13.0")
    patch.setattr(torch.cuda, "is_available", lambda: available)
    patch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_90a", "sm_120", "compute_120"])
    patch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    patch.setattr(torch.cuda, "get_device_name", lambda _: "RTX 4070")
    patch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: capability[0] >= 8)


def add_mps(patch: pytest.MonkeyPatch, available: bool = True) -> None:
    patch.setattr(torch.backends.mps, "is_built", lambda: True)
    patch.setattr(torch.backends.mps, "is_available", lambda: available)


def test_auto_prefers_cuda_then_mps_then_cpu(bare: pytest.MonkeyPatch) -> None:
    assert choose_device("auto")[0] == "cpu"
    assert "without CUDA" in choose_device("auto")[1]
    add_mps(bare)
    assert choose_device("auto")[0] == "mps"
    add_cuda(bare)
    assert choose_device("auto") == ("cuda", "RTX 4070")
    assert choose_device("cpu") == ("cpu", "the processor, as asked")
    assert choose_device("mps")[0] == "mps"


def test_asking_for_what_is_not_there_is_refused_with_the_reason(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"built without CUDA.*device=cpu\.$"):
        choose_device("cuda")
    with pytest.raises(ValueError, match="without Apple's Metal"):
        choose_device("mps")
    add_cuda(bare, available=False)
    with pytest.raises(ValueError, match="no usable graphics card"):
        choose_device("cuda")
    add_mps(bare, available=False)
    with pytest.raises(ValueError, match="macOS 14"):
        choose_device("mps")
    with pytest.raises(ValueError, match="not 'tpu'"):
        choose_device("tpu")


def test_a_card_too_old_for_this_torch_is_not_chosen(bare: pytest.MonkeyPatch) -> None:
    add_cuda(bare, capability=(6, 1))
    device, reason = choose_device("auto")
    assert device == "cpu"
    assert "compute capability 6.1" in reason
    with pytest.raises(ValueError, match="too old"):
        choose_device("cuda")


def test_threads_are_those_asked_for_or_those_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert choose_threads(3) == 3
    assert choose_threads(0) == 5
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert choose_threads(0) >= 1
    with pytest.raises(ValueError, match="not -1"):
        choose_threads(-1)


def test_precision(bare: pytest.MonkeyPatch) -> None:
    assert choose_precision("auto", "cpu") == "fp32"  # always, or a run would not repeat itself on another day
    assert choose_precision("bf16", "cpu") == "bf16"
    add_cuda(bare)
    assert choose_precision("auto", "cuda") == "bf16"
    assert choose_precision("fp32", "cuda") == "fp32"
    add_cuda(bare, capability=(7, 5))
    assert choose_precision("auto", "cuda") == "fp32"
    with pytest.raises(ValueError, match="precision=fp32"):
        choose_precision("bf16", "cuda")
    with pytest.raises(ValueError, match="not 'fp8'"):
        choose_precision("fp8", "cpu")


@pytest.mark.parametrize(
    ("capabilities", "supported"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"architecture": "aarch64", "bf16": True}, True),
        ({"avx2": True, "avx512_bf16": False}, False),
    ],
)
def test_bf16_on_the_processor_means_hardware(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, object], supported: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert supports_bf16("cpu") is supported


def test_bf16_on_the_processor_with_an_older_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert supports_bf16("cpu")
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert not supports_bf16("cpu")


def test_bf16_where_there_is_no_card(bare: pytest.MonkeyPatch) -> None:
    assert not supports_bf16("cuda")
    assert not supports_bf16("mps")
    assert not supports_bf16("tpu")


@pytest.mark.skipif(sys.platform == "darwin", reason="here the trial would succeed")
def test_bf16_on_a_mac_is_a_trial_that_may_fail(bare: pytest.MonkeyPatch) -> None:
    add_mps(bare)  # torch still has no Metal in it, so the trial ends as on a Mac that is too old
    assert not supports_bf16("mps")
    with pytest.raises(ValueError, match="does not work on mps"):
        choose_precision("bf16", "mps")
