"""A fork that goes on with another text: its tokenizer, and a model that knows the characters that are new in it.

New characters get the next numbers. What a checkpoint holds of them is the mean of what it holds of the others: a model
whose prediction is then as before, but for a small share (https://nlp.stanford.edu/~johnhew/vocab-expansion.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from babytrain.engine.checkpoints.format import LoadedCheckpoint
from babytrain.engine.config.errors import EngineError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.text_sources import SourceText
from babytrain.engine.data.tokenizer import CharTokenizer, Tokenizer, make_visible

_BY_TOKEN = ("token_embedding", "head.weight")  # ends of the names of tensors with a row for each token
_MOST_NAMED = 12


def with_new_characters(tokenizer: Tokenizer, source: SourceText, config: Config) -> tuple[Tokenizer, str]:
    """A tokenizer that reads all of a text, and a sentence about what is new, or "". Raises EngineError."""
    new = tokenizer.unknown_characters(source.text) if isinstance(tokenizer, CharTokenizer) else ""
    if not isinstance(tokenizer, CharTokenizer) or not new:
        return tokenizer, ""
    names = " ".join(map(make_visible, new[:_MOST_NAMED]))
    names += f" and {len(new) - _MOST_NAMED:,} more" if len(new) > _MOST_NAMED else ""
    if config.ngram_rows:
        raise EngineError(
            [f"A model with ngram_rows cannot learn new characters, and the new text has {names}: leave them out."]
        )
    try:
        grown = CharTokenizer(tokenizer.characters + "".join(sorted(new)))
    except ValueError as error:
        raise EngineError([str(error)]) from error
    characters = "One character is" if len(new) == 1 else f"{len(new):,} characters are"
    return grown, f"{characters} new to the model and joined its vocabulary: {names}."


def with_more_tokens(checkpoint: LoadedCheckpoint, vocabulary_size: int) -> LoadedCheckpoint:
    """A checkpoint of a model with so many tokens; there are at least as many as it has."""
    return replace(
        checkpoint,
        model=_extended(checkpoint.model, vocabulary_size),
        optimizer=_extended(checkpoint.optimizer, vocabulary_size),
    )


def _extended(tensors: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    return {
        name: torch.cat([tensor, tensor.mean(dim=0, keepdim=True).expand(rows - len(tensor), -1)])
        if name.endswith(_BY_TOKEN) and len(tensor) < rows
        else tensor
        for name, tensor in tensors.items()
    }
