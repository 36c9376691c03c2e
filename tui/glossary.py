"""Every number on the screen in plain words, for the help screen."""

from __future__ import annotations

GLOSSARY: tuple[tuple[str, str], ...] = (
    (
        "train",
        "How surprised the model is by the text it learns from, in nats per token; lower is better. Smoothed: a single "
        "step jumps about. A model that knows nothing scores ln(vocabulary), about 4.2 for 65 letters.",
    ),
    ("val", "The same for text it has never seen. This is the number that counts."),
    (
        "gap",
        "val minus train, both measured in the same way. Near zero: it learns things that hold elsewhere. Growing: it "
        "begins to learn its text by heart.",
    ),
    ("best", "The lowest val so far, and the step it was measured at. That checkpoint is kept."),
    (
        "grown up",
        "How far the loss has come from knowing nothing (0%) to knowing all that can be known about this text (100%). "
        "Only where the text comes from a grammar whose own surprise is known, as our haiku do.",
    ),
    (
        "EMA",
        "Exponential moving average: how much the bright line of the chart is smoothed. The band behind it is raw.",
    ),
    ("step", "One small correction of all weights, after looking at one batch."),
    ("epoch", "One pass over the whole text."),
    ("tok/s", "Tokens (letters, or pieces of words) trained on each second, evaluations and samples left out."),
    (
        "ETA",
        "How long is still to go: training, evaluations, samples and checkpoints. A range, because the speed varies. "
        "Nothing is shown while it would be a guess.",
    ),
    ("lr", "Learning rate: the size of a correction. Too high and the loss jumps or explodes, too low and it crawls."),
    ("schedule", "How lr changes by itself: a warm-up, then down along a curve. Your factor multiplies it."),
    (
        "grad norm",
        "Length of the gradient: how strongly this batch pulls at the weights. Sudden peaks come before trouble.",
    ),
    ("clip", "Gradients longer than this are shortened to it, so that one odd batch cannot wreck the model."),
    ("batch", "Windows of text in one step, times the tokens in a window."),
    ("decay", "Weight decay: how strongly weights are pulled towards zero, so that the model stays simple."),
    ("dropout", "Share of the connections switched off at random while training, against learning by heart."),
    (
        "re-warm",
        "The learning rate climbs from nothing again, over some steps, to where the schedule has it: gentle on weights "
        "whose settings were just changed.",
    ),
    (
        "diagnosis",
        "What the curves say about the run (learning, plateau, overfitting, lr too high, ...), why, and what to do "
        "next. Where a key does it, the key stands beside it.",
    ),
    (
        "rescue",
        "The guard saw a loss that was no number, jumped or ran away, and did something about it: the step is left "
        "out, or the run goes back to a good checkpoint with a lower learning rate.",
    ),
    (
        "forecast",
        "When the run will end and between which losses, nine times out of ten. It says nothing where it would guess.",
    ),
    ("T", "Temperature of a sample: 0 always takes the likeliest letter, 1 follows the odds, more is bolder."),
    ("params", "Numbers the model consists of; all of them are learnt."),
    ("throttle", "The machine slows itself down, because of heat or power; the reason is named."),
    ("util, mem, temp, fan, power", "How busy the graphics card is, its memory, heat, fan and power drawn."),
)
