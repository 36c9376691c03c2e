"""Text from a trained run: its tokenizer and a checkpoint from the run folder, nothing else needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from babytrain.engine.checkpoint import CheckpointError, best_checkpoint, load_checkpoint, load_newest
from babytrain.engine.config import ConfigError, config_of_run
from babytrain.engine.corpus.tokenizer import Tokenizer, starting_prompt, tokenizer_from_json
from babytrain.engine.launch import EngineError
from babytrain.engine.model.gpt import GPT, build_model
from babytrain.engine.sampling import generate
from babytrain.runs.folder import RunFolder, RunsError, read_run_toml


@dataclass(frozen=True)
class Speaker:
    """A trained model that can be asked for text."""

    model: GPT
    tokenizer: Tokenizer
    step: int
    default_prompt: str

    def pieces(self, prompt: str, *, max_tokens: int, temperature: float, top_k: int, seed: int) -> Iterator[str]:
        """The continuation of `prompt` as it is written. Raises EngineError for characters the model never saw."""
        try:
            prompt_ids = self.tokenizer.encode(prompt or starting_prompt(self.tokenizer)).tolist()
        except ValueError as error:
            raise EngineError([str(error)]) from error
        ids: list[int] = []
        written = ""
        for token in generate(
            self.model,
            prompt_ids,
            max_tokens=max_tokens,
            temperature=temperature,
            top_k=top_k,
            seed=seed,
            device=torch.device("cpu"),
        ):
            ids.append(token)
            text = self.tokenizer.decode(ids)
            if text.endswith("\ufffd") and len(ids) < max_tokens:
                continue  # half a character: the rest is in the next token
            yield text[len(written) :]
            written = text


def load_speaker(run_dir: Path, which: Literal["best", "last"] = "best") -> Speaker:
    """The model of a run from its best (or newest) checkpoint. Raises EngineError."""
    folder = RunFolder(run_dir)
    try:
        saved, _ = read_run_toml(folder)
        config = config_of_run(saved)
        tokenizer = tokenizer_from_json(folder.tokenizer_file.read_text(encoding="utf-8"))
        best = best_checkpoint(folder.checkpoints) if which == "best" else None
        checkpoint = load_checkpoint(best) if best is not None else load_newest(folder.checkpoints)[0]
        model = build_model(config, tokenizer.vocabulary_size, device="cpu", seed=config.seed)
        model.load_state_dict(checkpoint.model)
    except ConfigError as error:
        raise EngineError(error.problems) from error
    except (CheckpointError, RunsError, OSError, ValueError) as error:
        raise EngineError([str(error)]) from error
    except RuntimeError as error:
        raise EngineError([f"The checkpoint does not fit the model of this run: {error}."]) from error
    model.eval()
    return Speaker(model, tokenizer, int(checkpoint.trainer["step"]), config.prompt)
