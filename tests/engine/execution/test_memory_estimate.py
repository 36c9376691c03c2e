"""What does not fit is refused with what would, and control groups count."""

from pathlib import Path

import pytest

from babytrain.engine.config.build import build_config
from babytrain.engine.config.errors import ConfigError, CorpusError
from babytrain.engine.execution import memory_estimate
from babytrain.engine.execution.memory_estimate import (
    batch_that_fits,
    check_model_fits,
    check_text_fits,
    parameter_count,
    window_bytes,
)
from babytrain.engine.execution.memory_limits import free_memory_bytes
from babytrain.engine.model.gpt import build_model

BABY = build_config("baby")


def test_parameters_are_counted_without_the_model() -> None:
    assert parameter_count(BABY, 50) == build_model(BABY, 50, device="cpu", seed=1).parameter_count


def test_a_model_that_cannot_fit_is_refused_with_what_would() -> None:
    check_model_fits(BABY, 50, 2**30)
    with pytest.raises(ConfigError, match=r"parameters takes at least .* 8.0 MiB of memory are free: .*width=64"):
        check_model_fits(BABY, 50, 8 * 2**20)
    with pytest.raises(ConfigError, match=r"free: tokenizer=byte or "):
        check_model_fits(BABY, 30_000, 30 * 2**20)


def test_the_batch_that_fits_divides_the_batch() -> None:
    window = window_bytes(BABY, 50)
    assert batch_that_fits(BABY, 50, 12, 100 * window) == 12
    assert batch_that_fits(BABY, 50, 12, 5 * window) == 4
    assert batch_that_fits(BABY, 50, 12, 0) == 1


def test_a_text_that_cannot_fit_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"a" * 2**20)
    monkeypatch.setattr(memory_estimate, "free_memory_bytes", lambda: 3 * 2**20)
    check_text_fits([str(file)], "char")
    with pytest.raises(CorpusError, match=r"of which 3.0 MiB are free: give at most .* of text or use tokenizer=byte"):
        check_text_fits([str(file)], "bpe")


def test_the_limit_of_a_control_group_counts(tmp_path: Path) -> None:
    group = tmp_path / "sys" / "fs" / "cgroup" / "box"
    group.mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text("0::/box\n")
    (group / "memory.max").write_text("5000000\n")
    (group / "memory.current").write_text("4000000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 234567\n")
    assert free_memory_bytes(tmp_path, tmp_path / "sys") == 1_234_567
    (group / "memory.max").write_text("max\n")
    assert free_memory_bytes(tmp_path, tmp_path / "sys") > 5_000_000
