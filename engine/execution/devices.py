"""Chooses the device, the number of threads and the number format.

`auto` is the NVIDIA or ROCm card if torch can use it, then Apple's, then the CPU. `auto` precision is bf16 on a CUDA
card that has it in hardware, else fp32; on a CPU a trial decides (`sessions/thread_and_precision_trial.py`).
"""

from __future__ import annotations

import os
import sys

import torch

from babytrain.engine.config.errors import DeviceError
from babytrain.engine.config.settings import Precision
from babytrain.engine.execution.processor_cores import count_cores, default_threads


def choose_device(name: str) -> tuple[str, str]:
    """(device for torch, reason) for "auto", "cpu", "cuda" or "mps". Raises DeviceError."""
    if name == "cpu":
        return "cpu", "the processor, as asked"
    if name not in ("auto", "cuda", "mps"):
        raise DeviceError(f"device is auto, cpu, cuda or mps, not {name!r}.")
    cuda_problem, mps_problem = why_not_cuda(), why_not_mps()
    if name == "cuda" and cuda_problem:
        raise DeviceError(f"device=cuda does not work here: {cuda_problem}. Use device=auto or device=cpu.")
    if name == "mps" and mps_problem:
        raise DeviceError(f"device=mps does not work here: {mps_problem}. Use device=auto or device=cpu.")
    if name == "cuda" or (name == "auto" and not cuda_problem):
        return "cuda", torch.cuda.get_device_name(0)
    if name == "mps" or not mps_problem:
        return "mps", "this Mac's graphics processor"
    return "cpu", f"the processor, because {mps_problem if sys.platform == 'darwin' else cuda_problem}"


def why_not_cuda() -> str | None:
    """Why torch cannot use an NVIDIA or ROCm card, as half a sentence; None when it can."""
    if not (torch.version.cuda or torch.version.hip):
        return "this torch is built without CUDA"
    if not torch.cuda.is_available():
        return "torch finds no usable graphics card (none there, none visible, or an old driver)"
    # A card that the build has no code for is listed as available and fails at the first kernel.
    built_for = [int(arch[3:]) for arch in torch.cuda.get_arch_list() if arch.startswith("sm_") and arch[3:].isdigit()]
    major, minor = torch.cuda.get_device_capability(0)
    if built_for and major * 10 + minor < min(built_for):
        return (
            f"{torch.cuda.get_device_name(0)} (compute capability {major}.{minor}) is too old for torch "
            f"{torch.__version__}"
        )
    return None


def why_not_mps() -> str | None:
    """Why torch cannot use Apple's graphics processor, as half a sentence; None when it can."""
    if not torch.backends.mps.is_built():
        return "this torch is built without Apple's Metal"
    if not torch.backends.mps.is_available():
        return "Metal needs an Apple graphics processor and macOS 14 or newer"
    return None


def choose_threads(requested: int) -> int:
    """CPU threads for torch: `requested`, or for 0 the default. Raises ValueError for a negative number."""
    if requested < 0:
        raise ValueError(f"threads is 0 (choose) or more, not {requested}.")
    return requested or default_threads(os.environ, count_cores())


def choose_precision(requested: str, device: str) -> Precision:
    """Number format of the matrix products for "auto", "fp32" or "bf16". Raises DeviceError.

    bf16 is allowed on every CPU, though slow on some: a run may be resumed on another machine.
    """
    if requested == "fp32":
        return "fp32"
    if requested == "auto":
        return "bf16" if device == "cuda" and supports_bf16(device) else "fp32"
    if requested != "bf16":
        raise DeviceError(f"precision is auto, fp32 or bf16, not {requested!r}.")
    if device != "cpu" and not supports_bf16(device):
        raise DeviceError(f"precision=bf16 does not work on {device} here. Use precision=fp32.")
    return "bf16"


def supports_bf16(device: str) -> bool:
    """Whether "cpu", "cuda" or "mps" here computes bf16 products in hardware, not by emulation."""
    if device == "cuda":
        return why_not_cuda() is None and torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "mps":
        return why_not_mps() is None and _mps_makes_bf16()
    if device == "cpu":
        return _cpu_has_bf16()
    return False


def _mps_makes_bf16() -> bool:
    # Torch has no function to ask: macOS before 14 and Intel Macs raise here.
    try:
        torch.ones(1, dtype=torch.bfloat16, device="mps")
    except (TypeError, RuntimeError):
        return False
    return True


def _cpu_has_bf16() -> bool:
    """AVX-512 BF16 or AMX on x86, the BF16 extension on Arm."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        return any(bool(capabilities().get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    # torch before 2.10 has only private names for it.
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(bool(check()) for check in checks if check is not None)


def device_uuid(device: torch.device) -> str:
    """The UUID of a torch device as torch spells it, "" if unknown."""
    if device.type != "cuda":
        return ""
    try:
        return str(getattr(torch.cuda.get_device_properties(device), "uuid", ""))
    except (RuntimeError, AssertionError, ValueError):  # there is no such device
        return ""
