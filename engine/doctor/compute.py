"""Device, cores, threads, and a trial of matrix products to see whether bf16 is faster on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from babytrain.engine.doctor.check_result import CheckResult
from babytrain.engine.execution.processor_cores import Cores, default_threads
from babytrain.runs.formatting import format_count

if TYPE_CHECKING:
    import torch

# The baby preset's largest product: batch 12 x context 64 rows through its MLP, 128 -> 512.
BABY_ROWS, BABY_IN, BABY_OUT = 768, 128, 512
MATMUL_TRIAL_SECONDS = 0.1
BF16_WORTHWHILE_SPEEDUP = 1.3  # products are under half of a step, so casts cost more than a smaller speedup gains


def check_device(cards_seen: int) -> tuple[str, CheckResult]:
    """The device that device=auto chooses, and why. `cards_seen` is how many cards the NVIDIA driver counts."""
    from babytrain.engine.execution.devices import choose_device

    device, reason = choose_device("auto")
    what = f"device=auto computes on {device}: {reason}"
    if device == "cpu" and cards_seen:
        why = (
            "The driver sees a card that torch cannot use: install the torch build for your driver "
            "(https://pytorch.org/get-started), and look at CUDA_VISIBLE_DEVICES."
        )
        return device, CheckResult("device", False, what, why)
    return device, CheckResult("device", True, what, "Nothing to do; device=cpu, cuda or mps overrides it.")


def check_cores(cores: Cores, environ: Mapping[str, str] = os.environ) -> CheckResult:
    """Usable cores, and how many threads torch gets by default."""
    limit = "" if cores.quota is None else f", limited to {cores.quota:g} by the container"
    threads = default_threads(environ, cores)
    origin = "from OMP_NUM_THREADS" if threads != cores.usable else "one a core"
    what = f"{cores.physical} physical cores ({cores.logical} logical){limit}; threads for torch: {threads}, {origin}"
    if threads > cores.usable:
        why = f"More threads than cores slow each other down: threads={cores.usable}"
        return CheckResult("threads", False, what, why)
    return CheckResult("threads", True, what, "Nothing to do; threads=N overrides it.")


def check_bf16(device: str, threads: int) -> CheckResult:
    """fp32 against bf16 on the baby preset's largest matrix product, timed on `device` for 0.1 s each."""
    import torch

    from babytrain.engine.execution.devices import supports_bf16

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        fp32 = measure_matmul(device, torch.float32)
        bf16 = measure_matmul(device, torch.bfloat16)
    except (RuntimeError, TypeError) as error:
        return CheckResult("bf16", None, f"bf16 does not work on {device} ({error})", "Keep precision=fp32.")
    finally:
        torch.set_num_threads(before)
    shape = f"{BABY_ROWS}x{BABY_IN}x{BABY_OUT}"
    hardware = "" if supports_bf16(device) else ", emulated"
    speeds = f"{format_count(fp32)} GFLOP/s in fp32, {format_count(bf16)} in bf16{hardware}"
    what = f"matrix products of {shape} on {device}: {speeds}"
    if bf16 >= BF16_WORTHWHILE_SPEEDUP * fp32:
        why = f"bf16 is {bf16 / fp32:.1f} times as fast here; precision=auto tries real steps before a run."
        return CheckResult("bf16", True, what, why)
    why = "bf16 gains nothing here now; precision=auto tries both on real steps before a run."
    return CheckResult("bf16", None, what, why)


def measure_matmul(device: str, dtype: torch.dtype, seconds: float = MATMUL_TRIAL_SECONDS) -> float:
    """GFLOP/s of [768, 128] @ [128, 512] in `dtype`, repeated for about `seconds`. Raises what torch raises."""
    import torch

    left = torch.ones(BABY_ROWS, BABY_IN, dtype=dtype, device=device)
    right = torch.ones(BABY_IN, BABY_OUT, dtype=dtype, device=device)
    synchronize = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(device, lambda: None)
    for _ in range(3):  # the first product chooses kernels and starts threads
        torch.mm(left, right)
    synchronize()
    products = 0
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds or products == 0:
        for _ in range(10):
            torch.mm(left, right)
        synchronize()
        products += 10
    return products * 2 * BABY_ROWS * BABY_IN * BABY_OUT / elapsed / 1e9
