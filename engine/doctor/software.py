"""Checks of Python, the packages, torch's build, and what torch.compile needs."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from babytrain.engine.doctor.check_result import CheckResult

# Distribution names; a test compares them with pyproject.toml.
PACKAGES = (
    "textual", "rich", "torch", "nvidia-ml-py", "psutil", "tomli-w", "msgspec", "numpy", "safetensors", "platformdirs",
    "typer", "tokenizers", "pooch", "resvg-py",
)  # fmt: skip
OLDEST_PYTHON = (3, 11)


def check_python() -> CheckResult:
    """The interpreter and its version."""
    what = f"Python {platform.python_version()} ({platform.system()} {platform.machine()})"
    if sys.version_info < OLDEST_PYTHON:
        return CheckResult("python", False, what, "Needs Python 3.11 or newer: install one and make a new environment.")
    return CheckResult("python", True, what)


def check_packages(names: Sequence[str] = PACKAGES) -> list[CheckResult]:
    """The versions of the required packages, and conflicting packages."""
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    what = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    why = f"Install what is missing: pip install {' '.join(missing)}" if missing else "Nothing to do."
    results = [CheckResult("packages", not missing, what, why)]
    if deprecated := _version("pynvml"):
        what = f"the deprecated package pynvml {deprecated} is installed beside nvidia-ml-py"
        why = "pip uninstall pynvml, then pip install --force-reinstall nvidia-ml-py"
        results.append(CheckResult("packages", False, what, f"Old versions of it hide the real one: {why}"))
    return results


def check_torch() -> CheckResult:
    """torch's version and what it was built for. Imports torch."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return CheckResult("torch", False, f"torch cannot be imported ({error})", "Reinstall it: pip install torch")
    builds = [f"CUDA {torch.version.cuda}"] if torch.version.cuda else []
    builds += [f"ROCm {torch.version.hip}"] if torch.version.hip else []
    builds += ["Metal (MPS)"] if torch.backends.mps.is_built() else []
    what = f"torch {torch.__version__}, built for {' and '.join(builds or ['the CPU only'])}"
    return CheckResult("torch", True, what)


def check_compile(environ: Mapping[str, str], device: str, include: Path | None = None) -> CheckResult:
    """Whether compile=on has a C++ compiler and Python's headers, and Triton on a CUDA card.

    `include` is the folder of Python.h, by default the interpreter's.
    """
    compiler = find_compiler(environ)
    headers = (include or Path(sysconfig.get_path("include"))) / "Python.h"
    what = "no C++ compiler found" if compiler is None else f"C++ compiler {compiler}"
    if compiler is None:
        why = "compile=on needs one: sudo apt install g++, or set CXX to yours."
    elif not headers.is_file():
        what += f", but no Python.h in {headers.parent}"
        why = "compile=on needs Python's headers: sudo apt install python3-dev, or a Python from uv or python.org."
    elif device == "cuda" and importlib.util.find_spec("triton") is None:
        what += ", but no Triton"
        why = "compile=on needs it here: pip install triton"
    else:
        return CheckResult("compile", True, what, "compile=on can be tried; the first step then waits.")
    return CheckResult("compile", None, what, why)


def find_compiler(environ: Mapping[str, str]) -> str | None:
    """The C++ compiler that torch would call: CXX, else the system's default."""
    usual = ("clang++",) if sys.platform == "darwin" else ("g++",)
    for name in (environ.get("CXX", ""), *usual):
        path = shutil.which(name, path=environ.get("PATH")) if name else None
        if path is not None:
            return path
    return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
