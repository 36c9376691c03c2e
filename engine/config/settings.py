"""The settings of a run, in groups: each field has its default, its explanation, its limits or its check.

The keys are flat, so that `--set lr=3e-3`, TOML files and the dials pane use the same names. The choices of a setting
follow from its type; error messages and `babytrain-tui settings` are made from the fields.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, get_type_hints

from babytrain.runs.dials.spec import ScheduleName
from babytrain.runs.energy.tariff import DEFAULT_CO2_GRAMS_PER_KWH, is_currency, parse_bands
from babytrain.runs.time_of_day import parse_windows

LONGEST_NICKNAME = 40
GuardPolicy: TypeAlias = Literal["rollback", "skip", "stop"]
Precision: TypeAlias = Literal["fp32", "bf16"]
TokenizerKind: TypeAlias = Literal["char", "byte", "bpe"]


def _check_currency(text: str) -> None:
    if text and not is_currency(text):
        raise ValueError(f"{text!r} is no currency; write three capital letters such as EUR, INR or USD")


def _check_nickname(text: str) -> None:
    if len(text) > LONGEST_NICKNAME:
        raise ValueError(f"a nickname has at most {LONGEST_NICKNAME} characters")
    if not text.isprintable():
        raise ValueError("a nickname has no control characters")


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    check: Callable[[str], object] | None = None,
) -> Any:
    """A field with its explanation and inclusive limits. `check` raises ValueError for an invalid text."""
    return dataclasses.field(default=default, metadata={"doc": doc, "low": low, "high": high, "check": check})


@dataclass(frozen=True)
class DataSettings:
    """The text, its tokens, and the augmentation of training windows."""

    corpus: Literal["haiku", "tinyshakespeare"] = option("haiku", "built-in corpus when no text is given")
    text_field: str = option(
        "text", "field of JSON lines, or column of a table, that holds the text; empty reads tables as they are"
    )
    tokenizer: TokenizerKind = option("char", "how text becomes tokens")
    vocabulary: int = option(512, "tokens in a bpe vocabulary", low=257, high=65536)
    val_fraction: float = option(0.1, "share of the text, at its end, kept for validation", low=0.001, high=0.5)
    canaries: int = option(0, "made-up lines planted in the training text, to ask the model for later", low=0, high=16)
    window_shift: float = option(
        0.0, "largest random shift of each training window, as a share of the context", low=0.0, high=1.0
    )
    token_noise: float = option(0.0, "share of the tokens read in training replaced by random ones", low=0.0, high=0.5)


@dataclass(frozen=True)
class ModelSettings:
    """The shape of the model, and its regularisation in training."""

    layers: int = option(4, "transformer blocks", low=1, high=96)
    heads: int = option(4, "attention heads in each block", low=1, high=128)
    width: int = option(128, "size of the residual stream", low=8, high=8192)
    context: int = option(128, "tokens the model looks at, at most", low=2, high=8192)
    mlp: Literal["relu2", "gelu", "swiglu", "fmn"] = option("relu2", "the feed-forward half of a block")
    mlp_ratio: float = option(4.0, "hidden width of the mlp as a multiple of width", low=0.25, high=16)
    fmn_rank: int = option(40, "rank of the latent of a factored multiplicative neuron", low=1, high=8192)
    position: Literal["rope", "learned"] = option("rope", "how a token knows its position")
    token_shift: int = option(3, "earlier tokens whose embeddings each token takes a learned share of", low=0, high=16)
    ngram_rows: int = option(0, "rows of a hashed embedding of the last few tokens, 0 = none", low=0, high=10_000_000)
    norm: Literal["rms", "layer"] = option("rms", "normalisation before attention and before the mlp")
    qk_norm: bool = option(True, "normalise queries and keys")
    zero_init: bool = option(True, "start the projections back into the residual stream at zero")
    bias: bool = option(False, "biases in linear layers and norms")
    tied: bool = option(False, "one matrix for embedding and head")
    dropout: float = option(0.0, "dropout probability", low=0.0, high=0.9)
    label_smoothing: float = option(0.0, "share of each target spread over all tokens, in training", low=0.0, high=0.9)


@dataclass(frozen=True)
class OptimizerSettings:
    """The optimizer and the batch of one step."""

    optimizer: Literal["muon", "adamw"] = option("muon", "update rule for the hidden matrices")
    lr: float = option(1.2e-2, "peak learning rate of AdamW; 3e-3 when it updates everything", low=1e-9, high=10.0)
    muon_lr: float = option(0.01, "peak learning rate of Muon, for the hidden matrices", low=1e-9, high=10.0)
    beta1: float = option(0.9, "AdamW: decay of the gradient average", low=0.0, high=0.9999)
    beta2: float = option(0.99, "AdamW: decay of the squared-gradient average", low=0.0, high=0.99999)
    weight_decay: float = option(0.1, "decoupled weight decay of the matrices", low=0.0, high=10.0)
    clip: float = option(1.0, "largest gradient norm let through, 0 = no clipping", low=0.0, high=1e6)
    batch_size: int = option(6, "windows in one forward pass", low=1, high=65536)
    accumulate: int = option(1, "forward passes in one step", low=1, high=4096)


@dataclass(frozen=True)
class ScheduleSettings:
    """The learning-rate schedule and the length of a run."""

    schedule: ScheduleName = option("linear", "course of the learning rate after the warm-up")
    warmup: int = option(10, "steps of linear warm-up", low=0, high=10_000_000)
    wsd_decay_fraction: float = option(0.2, "wsd: share of the run spent decaying, at its end", low=0.01, high=1.0)
    min_lr_ratio: float = option(0.0, "learning rate at the end as a share of the peak", low=0.0, high=1.0)
    steps: int = option(3000, "optimizer steps", low=1, high=1_000_000_000)
    epochs: float = option(0.0, "passes over the training split, 0 = go by steps", low=0.0, high=1e6)
    minutes: float = option(
        0.0, "train for this long, pauses on top, breaks between steps included; 0 = go by steps", low=0.0, high=1e7
    )


@dataclass(frozen=True)
class TrainingSettings:
    """Seed, evaluations, samples, checkpoints, what is kept of the text, and the guard."""

    seed: int = option(1337, "every random choice follows from it", low=0, high=2**63 - 1)
    eval_every: int = option(
        200,
        "steps between evaluations of the whole validation split; unset, ten in a short run",
        low=1,
        high=1_000_000_000,
    )
    sample_every: int = option(200, "steps between samples, 0 = none", low=0, high=1_000_000_000)
    checkpoint_every: int = option(500, "steps between checkpoints, 0 = best and last only", low=0, high=1_000_000_000)
    keep_checkpoints: int = option(3, "checkpoints to keep besides best", low=1, high=100_000)
    kept_text_megabytes: int = option(
        64, "largest text that is kept with its run, in millions of bytes, 0 = none is", low=0, high=1024
    )
    guard: GuardPolicy = option(
        "rollback",
        "after several steps in a row that are NaN or infinite, or when the run diverges: go back to the last good "
        "checkpoint with a lower learning rate; only skip steps that are NaN or infinite; or stop",
    )
    guard_patience_steps: int = option(3, "NaN or infinite steps in a row before the guard acts", low=1, high=1000)
    max_rollbacks: int = option(5, "rollbacks of the guard before it gives up and stops in order", low=0, high=1000)
    on_overfitting: Literal["report", "stop", "rollback"] = option("report", "what to do once a run overfits")
    target_loss: float = option(
        0.0, "validation loss to forecast the arrival at, nats per token, 0 = none", low=0.0, high=100.0
    )
    lr_range_test: bool = option(False, "before the run, try sixty learning rates on a copy and say which look useful")


@dataclass(frozen=True)
class ExecutionSettings:
    """Device, number format, threads and compiling."""

    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where to compute")
    precision: Literal["auto", "fp32", "bf16"] = option("auto", "number format of the matrix products")
    matmul_backend: Literal["auto", "torch", "onednn"] = option("auto", "library of fp32 matrix products on a CPU")
    compile: Literal["auto", "off", "on"] = option(
        "auto", "torch.compile, on CUDA with graphs; auto: only where a trial shows that a long run gains"
    )
    threads: int = option(0, "CPU threads for torch, 0 = choose", low=0, high=1024)


@dataclass(frozen=True)
class SampleSettings:
    """The samples written during training, and the letter whose recall and precision are followed."""

    prompt: str = option("", "what every sample starts with, empty = start of a text")
    extra_prompts: str = option("", "further prompts for each sample, with | between them")
    sample_tokens: int = option(200, "tokens in a sample", low=1, high=100_000)
    temperature: float = option(0.7, "0 = always the likeliest token", low=0.0, high=10.0)
    top_k: int = option(0, "sample from the k likeliest tokens only, 0 = all", low=0, high=1_000_000)
    top_p: float = option(1.0, "sample from the likeliest tokens that make up this share", low=0.01, high=1.0)
    min_p: float = option(0.1, "leave out tokens less likely than this share of the likeliest one", low=0.0, high=1.0)
    repetition_penalty: float = option(
        1.0, "how much less likely a token gets that was just written, 1 = not at all", low=1.0, high=10.0
    )
    tracked_letter: str = option("e", "the letter whose progress is followed")


@dataclass(frozen=True)
class PowerPolicySettings:
    """When a run rests, its sensors, and the name of its card. They never change a result."""

    quiet_hours: str = option("", "when the run makes no noise, such as 23:00-07:00", check=parse_windows)
    quiet_duty: float = option(0.0, "share of the time it may work in quiet hours, 0 = not at all", low=0, high=1)
    temperature_ceiling_celsius: float = option(
        0.0, "temperature of the card (or processor) it trains on to stay below, 0 = none", low=0, high=120
    )
    power_budget_watts: float = option(0.0, "power to stay below on average, 0 = none", low=0, high=1e5)
    on_battery: Literal["train", "pause"] = option("train", "what to do without mains power")
    sensors: Literal["auto", "scripted"] = option("auto", "read the real cards, or play one from a script")
    encouragement: bool = option(True, "a kind word with the sensors")
    gpu_nickname: str = option("", "what you call the graphics card that trains", check=_check_nickname)


@dataclass(frozen=True)
class EnergySettings:
    """Electricity prices, and what sensors cannot measure. They never change a result."""

    electricity_price_per_kwh: float = option(0.0, "price of a kilowatt-hour, 0 = not known", low=0.0, high=1e6)
    currency: str = option("", "of the price, in three letters, such as EUR, INR or USD", check=_check_currency)
    price_bands: str = option(
        "", "other prices at other times, such as 22:00-06:00 0.19, 12:00-14:00 0.25", check=parse_bands
    )
    co2_grams_per_kwh: float = option(
        DEFAULT_CO2_GRAMS_PER_KWH, "of your electricity; the default is the world's average", low=0, high=5000
    )
    wall_watts: float = option(
        0.0, "what a wall meter says the computer draws while it trains, 0 = not known", low=0, high=1e5
    )
    idle_watts: float = option(
        0.0, "what the computer would draw anyway, taken off the bill, 0 = nothing is", low=0, high=1e5
    )
    supply_factor: float = option(
        1.0, "watts at the wall for each watt measured inside; a power supply loses some", low=1, high=3
    )


@dataclass(frozen=True)
class Config(
    DataSettings,
    ModelSettings,
    OptimizerSettings,
    ScheduleSettings,
    TrainingSettings,
    ExecutionSettings,
    SampleSettings,
    PowerPolicySettings,
    EnergySettings,
):
    """All settings of a run. Same config, text, machine and thread count: same weights."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for TOML or JSON."""
        return {name: getattr(self, name) for name in SETTINGS}


GROUP_NAMES = ("data", "model", "optimizer", "schedule", "training", "execution", "samples", "power_policy", "energy")
MACHINE_GROUPS = ("power_policy", "energy")  # allowed in `machine.toml`


@dataclass(frozen=True)
class Setting:
    """A setting. `kind` is bool, int, float or str; `choices` are its allowed texts, if it has any."""

    name: str
    group: str
    kind: type
    default: Any
    doc: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    check: Callable[[str], object] | None


def _read_settings() -> dict[str, Setting]:
    types = get_type_hints(Config)
    return {
        field.name: Setting(
            name=field.name,
            group=group,
            kind=types[field.name] if isinstance(types[field.name], type) else str,
            default=field.default,
            choices=get_args(types[field.name]),
            **field.metadata,
        )
        for group, settings in zip(GROUP_NAMES, Config.__bases__, strict=True)
        for field in dataclasses.fields(settings)
    }


SETTINGS = _read_settings()
MACHINE_SETTINGS = tuple(
    name for name, setting in SETTINGS.items() if setting.group in MACHINE_GROUPS or name == "kept_text_megabytes"
)
