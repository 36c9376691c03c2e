"""A pre-norm GPT, and the initialisation of its parameters.

- Preset `gpt2` has nanoGPT's shapes and, with the same weights, its logits.
- Weights are fp32 masters. `precision` is the number format of the products; there is no autocast.
- Dropout acts on the embedding and on what each sublayer adds, but not inside attention, where the fast kernels do not
  support it.
- Embeddings and matrices start normal with deviation 0.02, projections back into the residual stream with 0.02 /
  sqrt(2 layers), norms at one, biases at zero (GPT-2, as in nanoGPT). `zero_init` starts those projections at zero
  (Zhang et al. 2019, "Fixup", arXiv 1901.09321). An untied head starts with deviation 1 / sqrt(width); the losses
  that decided it are in docs/benchmarks.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from babytrain.engine.config.settings import ModelSettings, Precision
from babytrain.engine.model.attention import Attention, KeyValueCache
from babytrain.engine.model.cpu.fused_blocks import fused_attention_sublayer, fused_relu2_sublayer
from babytrain.engine.model.cpu.malloc import tune_malloc
from babytrain.engine.model.cpu.matmul_backend import linear
from babytrain.engine.model.cpu.short_attention import is_short_attention_faster
from babytrain.engine.model.dial_tensors import DialTensors, apply_dropout, smoothed_cross_entropy
from babytrain.engine.model.layers import Linear, build_norm
from babytrain.engine.model.mlp import MLP
from babytrain.engine.model.rotary import rotary_table
from babytrain.engine.model.token_embedding import lookback_tokens, ngram_rows, shift_tokens

_DEVIATION = 0.02
_FROM_ZERO = ("token_shift", "ngram_embedding")
_RESIDUAL_PROJECTIONS = ("attention.projection.weight", "mlp.down.weight")


@torch.no_grad()
def initialise_parameters(model: nn.Module, config: ModelSettings, generator: torch.Generator) -> None:
    """Fill all parameters in the order of `named_parameters`, drawing only from `generator` (on the CPU)."""
    for name, parameter in model.named_parameters():
        into_residual = name.endswith(_RESIDUAL_PROJECTIONS)
        if name.endswith("bias") or name in _FROM_ZERO or (into_residual and config.zero_init):
            parameter.zero_()
        elif parameter.dim() < 2:  # the gain of a norm
            parameter.fill_(1.0)
        elif name == "head.weight":
            parameter.normal_(0.0, 1.0 / math.sqrt(config.width), generator=generator)
        else:
            deviation = _DEVIATION / math.sqrt(2 * config.layers) if into_residual else _DEVIATION
            parameter.normal_(0.0, deviation, generator=generator)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), on a residual stream that stays fp32."""

    def __init__(self, config: ModelSettings, layer: int) -> None:
        super().__init__()
        self.attention_norm = build_norm(config.norm, config.width, bias=config.bias)
        self.attention = Attention(config, layer)
        self.mlp_norm = build_norm(config.norm, config.width, bias=config.bias)
        self.mlp = MLP(config)
        self.has_plain_rms_norm = config.norm == "rms" and not config.bias

    def forward(
        self,
        x: Tensor,
        rotary: Tensor | None,
        cache: KeyValueCache | None,
        dtype: torch.dtype,
        dropout: Tensor | float | None,
    ) -> Tensor:
        """[B, T, width] -> [B, T, width], fp32; products in `dtype`; `dropout` None for none."""
        if (
            cache is None
            and self.has_plain_rms_norm
            and dropout is None
            and is_short_attention_faster(x.device, dtype, x.shape[1])
        ):
            attention, mlp = self.attention, self.mlp
            weights = attention.qkv.weight, attention.projection.weight
            x = fused_attention_sublayer(
                x, *weights, rotary, heads=attention.heads, qk_norm=attention.qk_norm, dtype=dtype
            )
            if mlp.kind == "relu2":
                return fused_relu2_sublayer(x, mlp.up.weight, mlp.down.weight, dtype)
        else:
            x = x + apply_dropout(self.attention(self.attention_norm(x, dtype), rotary, cache), dropout)
        return x + apply_dropout(self.mlp(self.mlp_norm(x, dtype)), dropout)


class GPT(nn.Module):
    """The model. Build it with `build_model`: the constructor leaves the parameters unset."""

    def __init__(self, config: ModelSettings, vocabulary_size: int) -> None:
        super().__init__()
        self.config, self.vocabulary_size, self.context = config, vocabulary_size, config.context
        self.dropout, self.label_smoothing = config.dropout, config.label_smoothing
        self._dial_tensors: DialTensors | None = None
        self.precision: Precision = "fp32"  # of the products from the next forward pass on
        self.token_embedding = nn.Parameter(torch.empty(vocabulary_size, config.width))
        self.position_embedding = (
            nn.Parameter(torch.empty(config.context, config.width)) if config.position == "learned" else None
        )
        self.token_shift = nn.Parameter(torch.empty(config.token_shift, config.width)) if config.token_shift else None
        self.ngram_embedding = nn.Parameter(torch.empty(config.ngram_rows, config.width)) if config.ngram_rows else None
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.final_norm = build_norm(config.norm, config.width, bias=config.bias)
        self.head = None if config.tied else Linear(config.width, vocabulary_size, bias=False)
        rotary = rotary_table(config.context, config.width // config.heads) if config.position == "rope" else None
        self.register_buffer("rotary", rotary, persistent=False)
        self.rotary: Tensor | None

    def forward(self, tokens: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Logits [B, T, vocabulary], fp32, of the token after each of `tokens` [B, T] int64.

        With a cache (B = 1) the tokens follow those read before. Raises ValueError when they do not fit the context.
        """
        start = 0 if cache is None else cache.length
        end = start + tokens.shape[1]
        if end > self.context:
            raise ValueError(f"{end} tokens do not fit a context of {self.context}.")
        x = self._embed(tokens) if cache is None else self._embed(cache.with_recent(tokens))[:, -tokens.shape[1] :]
        if self.position_embedding is not None:
            x = x + self.position_embedding[start:end]
        dropout = self._active_dropout()
        x = apply_dropout(x, dropout)
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        rotary = None if self.rotary is None else self.rotary[start:end]
        for block in self.blocks:
            x = block(x, rotary, cache, dtype, dropout)
        x = self.final_norm(x, dtype)
        if cache is not None:
            cache.length = end
        head = self.token_embedding if self.head is None else self.head.weight
        return linear(x, head.to(dtype)).float()

    def _embed(self, tokens: Tensor) -> Tensor:
        """[B, T] int64 -> [B, T, width], fp32, without positions."""
        x = F.embedding(tokens, self.token_embedding)
        if self.ngram_embedding is not None:
            rows = ngram_rows(tokens, self.vocabulary_size, len(self.ngram_embedding))
            x = x + F.embedding(rows, self.ngram_embedding).sum(-2)
        return x if self.token_shift is None else shift_tokens(x, self.token_shift)

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per token, 0-D fp32, label-smoothed in training mode; `targets` are [B, T]."""
        dials = self._dial_tensors
        smoothing = 0.0 if not self.training else self.label_smoothing if dials is None else dials.label_smoothing
        return smoothed_cross_entropy(self(tokens).flatten(0, 1), targets.flatten(), smoothing)

    def window_losses(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mean plain cross-entropy of each window, [B] fp32, nats per token; and the likeliest tokens [B, T] int64."""
        logits = self(tokens).flatten(0, 1)
        losses = F.cross_entropy(logits, targets.flatten(), reduction="none")
        predictions = logits.max(dim=-1).indices  # on a CPU up to twenty times as fast as argmax
        return losses.view(targets.shape).mean(dim=1), predictions.view(targets.shape)

    def new_cache(self) -> KeyValueCache:
        """An empty cache for generating one text with this model."""
        config = self.config
        device = self.token_embedding.device
        recent = lookback_tokens(config.token_shift, config.ngram_rows)
        head_size = config.width // config.heads
        return KeyValueCache(config.layers, config.heads, config.context, head_size, recent, device)

    def set_dropout(self, probability: float) -> None:
        """Change the dropout probability from the next forward pass on."""
        self.dropout = probability
        if self._dial_tensors is not None:
            self._dial_tensors.dropout.fill_(probability)

    def set_label_smoothing(self, smoothing: float) -> None:
        """Change the label smoothing of the training loss from the next forward pass on."""
        self.label_smoothing = smoothing
        if self._dial_tensors is not None:
            self._dial_tensors.label_smoothing.fill_(smoothing)

    def keep_dials_in_tensors(self) -> None:
        """Keep dropout and label smoothing in tensors from now on, for a compiler or a CUDA graph.

        Training passes then always apply both. The model must be on its device by now.
        """
        device = self.token_embedding.device
        self._dial_tensors = DialTensors(
            torch.tensor(self.dropout, device=device), torch.tensor(self.label_smoothing, device=device)
        )

    def _active_dropout(self) -> Tensor | float | None:
        if not self.training:
            return None
        if self._dial_tensors is not None:  # checked first: a compiler would make a constant of a plain number
            return self._dial_tensors.dropout
        return self.dropout if self.dropout > 0.0 else None

    @contextmanager
    def fp32_inference(self) -> Iterator[None]:
        """No dropout and fp32 inside a `with`, then the former mode again."""
        before = self.precision, self.training
        # Only this module uses its mode; setting it on all modules would be a third of the time of a token.
        self.precision, self.training = "fp32", False
        try:
            yield
        finally:
            self.precision, self.training = before

    @property
    def parameter_count(self) -> int:
        """The number of trainable parameters, with embeddings; a tied matrix counts once."""
        return sum(parameter.numel() for parameter in self.parameters())


def build_model(config: ModelSettings, vocabulary_size: int, *, device: str | torch.device = "cpu", seed: int) -> GPT:
    """An initialised model: the same on every device for the same config, vocabulary and seed.

    Draws from its own generator on the CPU, not from torch's global random state.
    """
    if torch.device(device).type == "cpu":
        tune_malloc()  # here, so that training and benchmarks have the same conditions
    model = GPT(config, vocabulary_size)
    initialise_parameters(model, config, torch.Generator().manual_seed(seed))
    return model.to(device)
