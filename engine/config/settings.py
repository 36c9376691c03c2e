"""The settings of a run: one frozen dataclass; each field carries its explanation, limits and choices.

Choices: keys are flat and short, so that `--set lr=3e-3`, a line of TOML and the dials pane say the same; `--help`,
error messages and the documentation are made from the fields. Machine settings (who lives with the machine, who
pays)
change no result and may stand in `machine.toml`; a check answers what is wrong with a text, or nothing.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from babytrain.engine.config.errors import ConfigError
from babytrain.runs.energy.tariff import DEFAULT_CO2_GRAMS_PER_KWH, parse_bands
from babytrain.runs.time_of_day import parse_windows

LONGEST_NICKNAME = 40


def check_day_windows(text: str) -> str:
    """What is wrong with stretches of the day."""
    try:
        parse_windows(text)
    except ValueError as error:
        return str(error)
    return ""


def check_price_bands(text: str) -> str:
    """What is wrong with prices at times of the day."""
    try:
        parse_bands(text)
    except ValueError as error:
        return str(error)
    return ""


def check_currency(text: str) -> str:
    """What is wrong with a currency: it is three capital letters (ISO 4217), whichever they are."""
    if not text or (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        return ""
    return f"{text!r} is no currency; write three capital letters such as EUR, INR or USD"


def check_nickname(text: str) -> str:
    """What is wrong with a name for a card."""
    if len(text) > LONGEST_NICKNAME:
        return f"a nickname has at most {LONGEST_NICKNAME} characters"
    if not text.isprintable():
        return "a nickname has no control characters"
    return ""


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    check: Callable[[str], str] | None = None,
    house: bool = False,
) -> Any:
    """A config field with its explanation, inclusive limits and allowed words.

    `check` says what is wrong with a text, or nothing; `house` settings change no result and may stand in `house.toml`.
    """
    metadata = {"doc": doc, "low": low, "high": high, "choices": tuple(choices), "check": check, "house": house}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run does. Same config, text, machine and thread count: same weights."""

    # corpus
    corpus: str = option("haiku", "built-in corpus when no text is given", choices=("haiku", "tinyshakespeare"))
    tokenizer: str = option("char", "how text becomes tokens", choices=("char", "byte", "bpe"))
    vocabulary: int = option(512, "tokens in a bpe vocabulary", low=257, high=65536)
    val_fraction: float = option(0.1, "share of the text, at its end, kept for validation", low=0.001, high=0.5)
    # model
    layers: int = option(4, "transformer blocks", low=1, high=96)
    heads: int = option(4, "attention heads in each block", low=1, high=128)
    width: int = option(128, "size of the residual stream", low=8, high=8192)
    context: int = option(128, "tokens the model looks at, at most", low=2, high=8192)
    mlp: str = option("relu2", "the feed-forward half of a block", choices=("relu2", "gelu", "swiglu", "fmn"))
    mlp_ratio: float = option(4.0, "hidden width of the mlp as a multiple of width", low=0.25, high=16)
    fmn_rank: int = option(40, "rank of the latent of a factored multiplicative neuron", low=1, high=8192)
    position: str = option("rope", "how a token knows where it stands", choices=("rope", "learned"))
    token_shift: int = option(3, "earlier tokens whose embeddings each token takes a learned share of", low=0, high=16)
    ngram_rows: int = option(
        0, "rows of a hashed embedding of the last few tokens together, 0 = none", low=0, high=10_000_000
    )
    norm: str = option("rms", "normalisation before each half block", choices=("rms", "layer"))
    qk_norm: bool = option(True, "normalise queries and keys")
    zero_init: bool = option(True, "start the projections back into the residual stream at zero")
    bias: bool = option(False, "biases in linear layers and norms")
    tied: bool = option(False, "one matrix for embedding and head")
    dropout: float = option(0.0, "dropout probability", low=0.0, high=0.9)
    label_smoothing: float = option(
        0.0, "share of each training target spread evenly over all tokens; evaluation never smooths", low=0.0, high=0.9
    )
    jitter: float = option(
        0.0, "how far a training window may start from its place, as a share of the context", low=0.0, high=1.0
    )
    noise: float = option(0.0, "share of the tokens read in training replaced by random ones", low=0.0, high=0.5)
    # optimizer
    optimizer: str = option("muon", "update rule for the hidden matrices", choices=("muon", "adamw"))
    lr: float = option(1.2e-2, "peak learning rate of AdamW; 3e-3 when it updates everything", low=1e-9, high=10.0)
    muon_lr: float = option(0.01, "peak learning rate of Muon, for the hidden matrices", low=1e-9, high=10.0)
    beta1: float = option(0.9, "AdamW: decay of the gradient average", low=0.0, high=0.9999)
    beta2: float = option(0.99, "AdamW: decay of the squared-gradient average", low=0.0, high=0.99999)
    weight_decay: float = option(0.1, "decoupled weight decay of the matrices", low=0.0, high=10.0)
    clip: float = option(1.0, "largest gradient norm let through, 0 = no clipping", low=0.0, high=1e6)
    schedule: str = option(
        "linear", "course of the learning rate after the warm-up", choices=("linear", "cosine", "wsd", "constant")
    )
    warmup: int = option(10, "steps of linear warm-up", low=0, high=10_000_000)
    decay: float = option(0.2, "wsd: share of the run spent decaying, at its end", low=0.01, high=1.0)
    min_lr: float = option(0.0, "learning rate at the end as a share of the peak", low=0.0, high=1.0)
    batch_size: int = option(6, "windows in one forward pass", low=1, high=65536)
    accumulate: int = option(1, "forward passes in one step", low=1, high=4096)
    # run
    steps: int = option(3000, "optimizer steps", low=1, high=1_000_000_000)
    epochs: float = option(0.0, "passes over the training split, 0 = go by steps", low=0.0, high=1e6)
    minutes: float = option(
        0.0, "train for this long, pauses on top, breaks between steps included; 0 = go by steps", low=0.0, high=1e7
    )
    seed: int = option(1337, "every random choice follows from it", low=0, high=2**63 - 1)
    device: str = option("auto", "where to compute", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option("auto", "number format of the matrix products", choices=("auto", "fp32", "bf16"))
    products: str = option(
        "auto", "library for fp32 matrix products on a processor", choices=("auto", "torch", "onednn")
    )
    compile: str = option(
        "auto",
        "torch.compile, on CUDA with graphs; auto: only where a trial shows that a long run gains",
        choices=("auto", "off", "on"),
    )
    threads: int = option(0, "CPU threads for torch, 0 = choose", low=0, high=1024)
    eval_every: int = option(200, "steps between evaluations of the whole validation split", low=1, high=1_000_000_000)
    sample_every: int = option(200, "steps between samples, 0 = none", low=0, high=1_000_000_000)
    checkpoint_every: int = option(500, "steps between checkpoints, 0 = best and last only", low=0, high=1_000_000_000)
    keep: int = option(3, "checkpoints to keep besides best", low=1, high=100_000)
    # guard
    guard: str = option(
        "rollback",
        "after several steps in a row that are no numbers, or when the run diverges: go back to the last good "
        "checkpoint with a lower learning rate, only skip such steps, or stop",
        choices=("rollback", "skip", "stop"),
    )
    guard_patience: int = option(3, "steps in a row that are no numbers before the guard acts", low=1, high=1000)
    rescues: int = option(5, "rescues before the guard gives up and stops in order", low=0, high=1000)
    overfitting: str = option("say", "what to do once a run overfits", choices=("say", "stop", "rollback"))
    target_loss: float = option(
        0.0, "validation loss to forecast the arrival at, nats per token, 0 = none", low=0.0, high=100.0
    )
    range_test: bool = option(False, "before the run, try sixty learning rates on a copy and say which look useful")
    # samples
    prompt: str = option("", "what every sample starts with, empty = start of a text")
    sample_tokens: int = option(200, "tokens in a sample", low=1, high=100_000)
    temperature: float = option(0.7, "0 = always the likeliest token", low=0.0, high=10.0)
    top_k: int = option(0, "sample from the k likeliest tokens only, 0 = all", low=0, high=1_000_000)
    top_p: float = option(1.0, "sample from the likeliest tokens that make up this share", low=0.01, high=1.0)
    min_p: float = option(0.1, "leave out tokens less likely than this share of the likeliest one", low=0.0, high=1.0)
    repetition_penalty: float = option(
        1.0, "how much less likely a token gets that was just written, 1 = not at all", low=1.0, high=10.0
    )
    more_prompts: str = option("", "further prompts for each sample, with | between them")
    favourite: str = option("e", "the letter whose progress is followed")
    canaries: int = option(0, "made-up lines planted in the training text, to ask the model for later", low=0, high=16)
    # house: who lives with the machine, and who pays
    nickname: str = option("", "what you call the graphics card that trains", check=check_nickname, house=True)
    electricity_price: float = option(0.0, "price of a kilowatt-hour, 0 = not known", low=0.0, high=1e6, house=True)
    currency: str = option(
        "", "of the price, in three letters, such as EUR, INR or USD", check=check_currency, house=True
    )
    price_bands: str = option(
        "",
        "other prices at other times, such as 22:00-06:00 0.19, 12:00-14:00 0.25",
        check=check_price_bands,
        house=True,
    )
    co2_grams_per_kwh: float = option(
        DEFAULT_CO2_GRAMS_PER_KWH,
        "of your electricity; the default is the world's average",
        low=0,
        high=5000,
        house=True,
    )
    wall_watts: float = option(
        0.0, "what a wall meter says the computer draws while it trains, 0 = not known", low=0, high=1e5, house=True
    )
    idle_watts: float = option(
        0.0, "what the computer would draw anyway, taken off the bill, 0 = nothing is", low=0, high=1e5, house=True
    )
    supply_factor: float = option(
        1.0, "watts at the wall for each watt measured inside; a power supply loses some", low=1, high=3, house=True
    )
    quiet_hours: str = option(
        "", "when the run makes no noise, such as 23:00-07:00", check=check_day_windows, house=True
    )
    quiet_duty: float = option(
        0.0, "share of the time it may work in quiet hours, 0 = not at all", low=0, high=1, house=True
    )
    temperature_ceiling: float = option(
        0.0,
        "degrees Celsius of the card (or processor) it trains on to stay below, 0 = none",
        low=0,
        high=120,
        house=True,
    )
    power_budget: float = option(0.0, "watts to stay below on average, 0 = none", low=0, high=1e5, house=True)
    on_battery: str = option("train", "what to do without mains power", choices=("train", "pause"), house=True)
    encouragement: bool = option(True, "a kind word with the sensors", house=True)
    sensors: str = option(
        "auto", "read the real cards, or play one from a script", choices=("auto", "scripted"), house=True
    )

    def replace(self, **changes: Any) -> Config:
        """A copy with some fields changed, validated."""
        config = dataclasses.replace(self, **changes)
        problems = find_problems(config)
        if problems:
            raise ConfigError(problems)
        return config

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for TOML or JSON."""
        return dataclasses.asdict(self)


FIELDS: dict[str, dataclasses.Field[Any]] = {field.name: field for field in dataclasses.fields(Config)}
MACHINE_SETTINGS = tuple(name for name, field in FIELDS.items() if field.metadata["house"])


def find_problems(config: Config) -> list[str]:
    """Everything wrong with a config, one sentence each; empty when it can be trained."""
    problems = [sentence for name in FIELDS if (sentence := check_field(name, getattr(config, name)))]
    if config.heads > 0 and config.width % config.heads:
        problems.append(f"width ({config.width}) must be a multiple of heads ({config.heads}).")
    elif config.position == "rope" and config.heads > 0 and (config.width // config.heads) % 2:
        problems.append(
            f"With rotary positions width / heads must be even; it is {config.width // config.heads}: "
            "change width or heads, or set position=learned."
        )
    if config.mlp == "fmn" and config.fmn_rank > config.width * 8:
        problems.append(f"fmn_rank ({config.fmn_rank}) is far above width ({config.width}): try {config.width // 3}.")
    if (config.electricity_price or config.price_bands) and not config.currency:
        problems.append("A price needs a currency: add currency=EUR, INR, USD or yours.")
    return problems


def check_field(name: str, value: Any) -> str | None:
    """What is wrong with one value, as a sentence, or None."""
    meta = FIELDS[name].metadata
    if meta["choices"]:
        if value in meta["choices"]:
            return None
        return (
            f"{name} is one of {', '.join(meta['choices'])}, not {value!r}{nearest_word(str(value), meta['choices'])}."
        )
    if meta["check"] is not None and (problem := meta["check"](str(value))):
        return f"{name}: {problem}."
    low, high = meta["low"], meta["high"]
    if low is None or (isinstance(value, (int, float)) and low <= value <= high):
        return None
    shown = format_limit(value) if isinstance(value, (int, float)) else value
    return f"{name} must lie{allowed_range_text(name)}; it is {shown}."


def format_limit(limit: float) -> str:
    """A limit, or any number, as people write it: `0.9`, `65,536`, `1e-9`."""
    return f"{int(limit):,}" if abs(limit) < 1e15 and limit == int(limit) else f"{limit:g}".replace("e-0", "e-")


def allowed_range_text(name: str) -> str:
    """The range of a setting of numbers, ready to stand in a sentence."""
    low, high = FIELDS[name].metadata["low"], FIELDS[name].metadata["high"]
    return f" between {format_limit(low)} and {format_limit(high)}"


def nearest_word(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """`(did you mean 'dropout'?)` for a word that is like a known one, else nothing."""
    matches = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


Precision = Literal["fp32", "bf16"]
