"""Every file the program reads, damaged in ways that a disk, an editor and a stranger damage files.

Each attack is one file: a folder with a good run and several copies whose file is mutated. No list may fall, the good
run must go on, and every copy gets a command of its own.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from bench.attack.sandbox import ANY_ANSWER, DONE, FAILED, LOST, TEXT, UNTRUE, USAGE, Case, Sandbox

CHECKPOINT = "checkpoints/step-000000020/"
# Which commands read a file, beside those that read every run.
COMMANDS = {
    "journal.jsonl": ("show", "resume", "report", "frame", "sample", "bill", "rerun"),
    "run.toml": ("show", "resume", "fork", "sample", "rerun"),
    "tokenizer.json": ("sample", "resume", "fork", "chat"),
    "lock": ("show", "resume", "delete"),
    "checkpoints/best": ("sample", "checkpoints", "fork"),
    "checkpoints/last": ("resume", "checkpoints"),
    f"{CHECKPOINT}trainer.json": ("resume", "fork", "checkpoints", "sample"),
    f"{CHECKPOINT}model.safetensors": ("resume", "fork", "sample"),
    f"{CHECKPOINT}optimizer.safetensors": ("resume", "fork"),
}
EXTREMES = (
    *("1e300", "-1", "0", "1e-320", "NaN", "Infinity", "-Infinity", "9" * 400, "9223372036854775808", "1.5", "true"),
    *("null", '""', '"x"', "[]", "{}", '"\\ud800"', '"\\u009b31mATTACK"', '"' + "y" * 5000 + '"', "[" * 3000),
)


def cases() -> list[Case]:
    """Every attack of this kind."""
    files = [
        Case(f"{name}, batch {batch}", partial(mutate_run_file, name), quick=name == "run.toml" and batch == 1)
        for name in COMMANDS
        for batch in ((1, 2, 3) if name.endswith((".jsonl", ".toml", "trainer.json", "tokenizer.json")) else (1,))
    ]
    return [
        *files,
        *(Case(f"journal with {name}", partial(hostile_journal, line)) for name, line in JOURNAL_LINES.items()),
        *(Case(f"text: {name}", partial(train_on_bytes, content)) for name, content in TEXTS.items()),
        *(Case(f"settings of the user: {name}", partial(user_files, name)) for name in ("keys.toml", "machine.toml")),
        Case("--config mutated", config_files),
        Case("a config of 200,000 keys", many_keys),
        Case("a bpe tokenizer, mutated", mutated_bpe),
    ]


def mutate(content: bytes, random: Random) -> bytes:
    """`content` with one kind of damage, which `random` chooses."""
    kinds: tuple[Callable[[bytes, Random], bytes], ...] = (
        *(_replace_value, _replace_value, _replace_value, _replace_value),
        *(_flip_bits, _cut, _remove_span, _repeat_span, _insert_bytes, _shuffle_lines),
        lambda content, random: b"",
        lambda content, random: b"\xef\xbb\xbf" + content,
        lambda content, random: content.decode("latin-1").encode("utf-16"),
        lambda content, random: b"\0" * len(content),
        lambda content, random: random.randbytes(2000),
        lambda content, random: b"[" * 100_000,
        lambda content, random: b"x" * 3_000_000,
    )
    return random.choice(kinds)(content, random)


def _replace_value(content: bytes, random: Random) -> bytes:
    """One value of JSON or TOML is another one: of another kind, huge, negative, not a number."""
    text = content.decode("utf-8", "surrogateescape")
    starts = [index + 1 for index, char in enumerate(text) if char in ":="]
    if not starts:
        return _flip_bits(content, random)
    start = random.choice(starts)
    end = min((at for mark in ",\n}]" if (at := text.find(mark, start)) >= 0), default=len(text))
    return (text[:start] + " " + random.choice(EXTREMES) + text[end:]).encode("utf-8", "surrogateescape")


def _flip_bits(content: bytes, random: Random) -> bytes:
    damaged = bytearray(content or b"\0")
    for _ in range(random.randint(1, 8)):
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def _span(content: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(content) + 1)
    return start, min(len(content), start + random.randint(1, 200))


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _remove_span(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return content[:start] + content[end:]


def _repeat_span(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return content[:end] + content[start:]


def _insert_bytes(content: bytes, random: Random) -> bytes:
    start, _ = _span(content, random)
    return content[:start] + random.choice((b"\0", b"\xff\xfe", b"\r\n", b"\x1b[2J", b'"', b"}\n{")) + content[start:]


def _shuffle_lines(content: bytes, random: Random) -> bytes:
    lines = content.splitlines(keepends=True)
    random.shuffle(lines)
    return b"".join(lines)


def mutate_run_file(name: str, sandbox: Sandbox) -> None:
    """Copies of a run whose file `name` is damaged, beside a good run."""
    good = sandbox.copy_run("good")
    copies = []
    for number in range(6):
        copy = sandbox.copy_run(f"copy{number}")
        (copy / name).write_bytes(mutate((copy / name).read_bytes(), sandbox.random))
        copies.append(copy)
    _check_lists(sandbox, [good, *copies])
    for copy in copies:
        command = sandbox.random.choice(COMMANDS[name])
        sandbox.run(*_words(command, copy, sandbox), codes=ANY_ANSWER)
    sandbox.check_sample(good.name)
    sandbox.look_around()


def _check_lists(sandbox: Sandbox, folders: list[Path]) -> None:
    """Whatever is in one folder, every run is listed."""
    where = ("--runs-dir", str(sandbox.runs))
    listed = sandbox.listed()
    for folder in folders:
        if folder.name not in listed:
            sandbox.fault(LOST, f"{folder.name} is not listed")
    sandbox.run("runs", "tree", *where)
    sandbox.run("runs", "list", *where)
    sandbox.read_json("bill", *where)


def _words(command: str, folder: Path, sandbox: Sandbox) -> list[str]:
    """The command line that lets `command` read a run."""
    where = ["--runs-dir", str(sandbox.runs)]
    out = str(sandbox.folder / f"{folder.name}.{'svg' if command == 'frame' else 'html'}")
    more = {
        "resume": ["--headless", "--steps", "25"],
        "fork": ["--headless", "--steps", "25", "--name", "forked"],
        "rerun": ["--headless"],
        "sample": ["--tokens", "3"],
        "report": ["--out", out],
        "frame": ["--out", out],
        "delete": ["--yes"],
    }
    before = ["runs"] if command in ("show", "checkpoints", "delete") else []
    return [*before, command, folder.name, *more.get(command, []), *where]


JOURNAL_LINES = {
    "a wall time of 1e300": ("wall_time", 1e300),
    "a wall time below zero": ("wall_time", -1e18),
    "a step of 2**70": ("step", 2**70),
    "a step below zero": ("step", -5),
    "a time of 1e300": ("t", 1e300),
    "a name of a million letters": ("name", "n" * 1_000_000),
    "a schema of the future": ("schema", 99),
    "a number for a name": ("name", 7),
    "100,000 log messages": ("", ""),
}


def hostile_journal(change: tuple[str, Any], sandbox: Sandbox) -> None:
    """One field of the first event is another, beside a good run."""
    good, bad = sandbox.copy_run("good"), sandbox.copy_run("bad")
    journal = bad / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines()
    key, value = change
    if key:
        lines[0] = json.dumps(json.loads(lines[0]) | {key: value})
    else:
        note = json.dumps({"kind": "log", "t": 0.1, "step": 0, "level": "info", "text": "note " * 20})
        lines[1:1] = [note] * 100_000
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _check_lists(sandbox, [good, bad])
    for command in ("show", "report", "frame"):
        sandbox.run(*_words(command, bad, sandbox), codes=ANY_ANSWER)
    sandbox.check_sample(good.name)


TEXTS = {
    "empty": b"",
    "one letter": b"aaaa" * 200,
    "not UTF-8": bytes(range(256)) * 20,
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "U+FEFF in the middle": (TEXT[:500] + "\ufeff" + TEXT[500:]).encode(),
    "gzip without its ending": gzip.compress(TEXT.encode())[:-40],
    "gzip of gzip": gzip.compress(gzip.compress(TEXT.encode())),
    "one line of 20 MB": b"a b" * 7_000_000,
    "control characters": ("\x1b]52;c;QVRUQUNL\x07 and \x9b2J and \u202e" * 200).encode(),
    "only surrogates as bytes": b"\xed\xa0\x80" * 500,
}


def train_on_bytes(content: bytes, sandbox: Sandbox) -> None:
    """Learned, or refused in a sentence; nothing stays of what was refused."""
    file = sandbox.folder / "strange.txt"
    file.write_bytes(content)
    outcome = sandbox.run(*sandbox.training_words(text=str(file), steps=5), codes=ANY_ANSWER)
    if outcome.code == DONE:
        return
    if not outcome.messages.strip():
        sandbox.fault(UNTRUE, "it was refused without a word", outcome)
    if (left := [folder.name for folder in sandbox.runs.iterdir() if not folder.name.startswith(".")]) != []:
        sandbox.fault(UNTRUE, f"it was refused, and left {left} behind", outcome)


def user_files(name: str, sandbox: Sandbox) -> None:
    """A damaged settings file of the user stops no command that does not need it."""
    good = sandbox.copy_run("good")
    file = sandbox.folder / name
    sandbox.environment["BABYTRAIN_KEYS" if name == "keys.toml" else "BABYTRAIN_MACHINE"] = str(file)
    valid = (
        b'"live.advance" = "x"\n' if name == "keys.toml" else b'quiet_hours = "22-6"\nelectricity_price_per_kwh = 0.3\n'
    )
    for number in range(6):
        file.write_bytes(valid if number == 0 else mutate(valid, sandbox.random))
        sandbox.run("runs", "list", "--runs-dir", str(sandbox.runs), codes=(DONE, USAGE))
        sandbox.run("doctor", codes=ANY_ANSWER)
    sandbox.run(*_words("resume", good, sandbox), codes=ANY_ANSWER)


def config_files(sandbox: Sandbox) -> None:
    """A damaged `--config` is refused in a sentence."""
    valid = b'steps = 5\nlr = 0.001\nlayers = 1\nwidth = 16\nheads = 2\nprompt = "a"\n'
    for number in range(8):
        file = sandbox.folder / f"config{number}.toml"
        file.write_bytes(mutate(valid, sandbox.random))
        sandbox.run(*sandbox.training_words(steps=2, name=f"c{number}"), "--config", str(file), codes=ANY_ANSWER)


def many_keys(sandbox: Sandbox) -> None:
    """Refused within seconds, in a sentence that does not name them all."""
    good, bad = sandbox.copy_run("good"), sandbox.copy_run("bad")
    keys = "".join(f"key{number} = 1\n" for number in range(200_000))
    file = sandbox.folder / "many.toml"
    file.write_text(keys)
    outcome = sandbox.run(*sandbox.training_words(), "--config", str(file), codes=(FAILED, USAGE))
    if len(outcome.messages) > 20_000:
        sandbox.fault(UNTRUE, f"it says {len(outcome.messages):,} bytes about it", outcome)
    with (bad / "run.toml").open("a") as settings:
        settings.write("\n[more]\n" + keys)
    for command in ("show", "resume", "fork"):
        sandbox.run(*_words(command, bad, sandbox), codes=ANY_ANSWER)
    _check_lists(sandbox, [good, bad])


def mutated_bpe(sandbox: Sandbox) -> None:
    """A tokenizer with strange vocabularies, merges, normalizers and expressions writes, or is refused."""
    sandbox.text.write_text(TEXT * 5, encoding="utf-8")
    sandbox.run(*sandbox.training_words(name="words", tokenizer="bpe", vocabulary=300))
    (run,) = sandbox.runs.iterdir()
    tokenizer = run / "tokenizer.json"
    valid = tokenizer.read_bytes()
    changes: list[Any] = [
        ("normalizer", {"type": "Replace", "pattern": {"Regex": "(a*)*b"}, "content": "ATTACK"}),
        ("pre_tokenizer", {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False}),
        ("decoder", {"type": "Replace", "pattern": {"String": "e"}, "content": "ATTACK" * 1000}),
        ("added_tokens", [{"id": 10**9, "content": "s", "special": True}]),
        ("model", {"type": "BPE", "vocab": {}, "merges": []}),
        ("model", {"type": "Unigram", "vocab": [["a", 1e300]], "unk_id": 9}),
    ]
    for key, value in changes:
        document = json.loads(valid)
        inner = document.get("tokenizer")
        if isinstance(inner, dict):
            inner[key] = value
        elif isinstance(inner, str):
            document["tokenizer"] = json.dumps(json.loads(inner) | {key: value})
        else:
            document[key] = value
        tokenizer.write_text(json.dumps(document))
        outcome = sandbox.run(*_words("sample", run, sandbox), "--prompt", "the snake", codes=ANY_ANSWER)
        if b"ATTACK" in outcome.output:
            sandbox.fault(UNTRUE, f"a {key} from a file rewrote what the model said", outcome)
    for _ in range(6):
        tokenizer.write_bytes(mutate(valid, sandbox.random))
        sandbox.run(*_words("sample", run, sandbox), codes=ANY_ANSWER)
    shutil.rmtree(run)
