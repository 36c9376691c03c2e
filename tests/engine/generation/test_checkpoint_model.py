"""A trained run asked for text, from whichever checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config.errors import EngineError
from babytrain.engine.data.tokenizer import ByteTokenizer, Tokenizer
from babytrain.engine.data.tokenizer_factory import train_tokenizer
from babytrain.engine.generation.checkpoint_model import decode_pieces, load_checkpoint_model
from babytrain.engine.generation.prompts import prepare_prompt
from babytrain.engine.generation.sampling import SamplingSettings
from tests.engine.tiny_runs import train

BPE = train_tokenizer("bpe", "über 龍 the frog " * 20, 280)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Path(train(tmp_path_factory.mktemp("spoken"), steps=15).run_dir)
    places = run / "checkpoints"
    (places / "step-000000005").rename(places / "step-000000005-early-bird")
    return run


@pytest.mark.parametrize(("which", "step"), [("last", 15), ("10", 10), ("early-bird", 5), ("step-000000010", 10)])
def test_any_checkpoint_can_be_asked_for(run_dir: Path, which: str, step: int) -> None:
    speaker = load_checkpoint_model(run_dir, which)
    assert speaker.step == step
    assert speaker.checkpoint.startswith(f"step-{step:09d}")


def test_the_best_is_the_default(run_dir: Path) -> None:
    assert load_checkpoint_model(run_dir).checkpoint == (run_dir / "checkpoints" / "best").read_text().strip()


def test_an_unknown_checkpoint_is_a_sentence_that_lists_the_known_ones(run_dir: Path) -> None:
    with pytest.raises(EngineError) as caught:
        load_checkpoint_model(run_dir, "77")
    assert caught.value.problems == ["There is no checkpoint '77'; there are 0, early-bird, 10, 15."]


def test_the_likeliest_characters_are_in_order_and_the_same_when_asked_again(run_dir: Path) -> None:
    speaker = load_checkpoint_model(run_dir, "last")
    prompts = [prepare_prompt(text, speaker.tokenizer, speaker.model.context) for text in ("the snak", "sto")]
    first, other, again = (speaker.likeliest(prompt, 5) for prompt in (*prompts, prompts[0]))
    assert first == again != other
    shares = [share for _, share in first]
    assert shares == sorted(shares, reverse=True)
    everything = speaker.likeliest(prompts[0], 10_000)
    assert len(everything) == speaker.tokenizer.vocabulary_size
    assert sum(share for _, share in everything) == pytest.approx(1.0)


def test_a_damaged_model_is_a_sentence(run_dir: Path) -> None:
    speaker = load_checkpoint_model(run_dir, "last")
    speaker.model.token_embedding.data.fill_(float("nan"))
    prompt = prepare_prompt("the", speaker.tokenizer, speaker.model.context)
    with pytest.raises(EngineError, match="damaged"):
        list(speaker.pieces(prompt, SamplingSettings(), max_tokens=3, seed=1))
    with pytest.raises(EngineError, match="damaged"):
        speaker.likeliest(prompt, 3)


@pytest.mark.parametrize("tokenizer", [ByteTokenizer(), BPE])
@given(ids=st.lists(st.integers(0, 255), max_size=40), text=st.text(alphabet="aé龍😀\n", max_size=10))
def test_pieces_together_are_the_text_and_none_ends_in_half_a_character(
    tokenizer: Tokenizer, ids: list[int], text: str
) -> None:
    ids = [*ids, *tokenizer.encode(text).tolist()]
    pieces = list(decode_pieces(ids, tokenizer))
    exact = "".join(pieces).encode("utf-8", "surrogateescape")
    assert exact == b"".join(tokenizer.token_bytes(token) for token in ids)
    assert exact.decode("utf-8", "replace") == tokenizer.decode(ids)
    if text:
        assert all("\ufffd" not in piece for piece in pieces)
