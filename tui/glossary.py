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
        "unigram, bigram, trigram, 5-gram",
        "Faint lines: what models reach on this text that only count which token follows none, one, two or four "
        "others. Below bigram the model knows more than pairs; below 5-gram it has understood something.",
    ),
    (
        "EMA",
        "Exponential moving average: how much the bright line of the chart is smoothed. The band behind it is raw.",
    ),
    (
        "recall",
        "Of the places where a letter stands, those where the model held it for the likeliest. The letter board fills "
        "its tiles with it; a small arrow is the change since the evaluation before, in points.",
    ),
    (
        "e 94%",
        "Beside the losses: how often the favourite letter (setting favourite) is expected where it stands.",
    ),
    ("precision", "Of the places where the model held a letter for the likeliest, those where it does stand."),
    (
        "taken for, stands in for",
        "What is guessed in the place of a letter, as a share of its places; and where it is itself guessed instead.",
    ),
    (
        "parrot",
        "How much of a sample stands word for word in the training text, measured against text nobody trained on: 1 is "
        "what an honest writer gets, 2 a parrot. The longest copied piece is underlined.",
    ),
    (
        "5-7-5",
        "Poems of a sample whose three lines can be read with 5, 7 and 5 syllables. Our lexicon counts its words, a "
        "rule counts the others.",
    ),
    ("real words", "Words of a sample that the training text or our lexicon has. New words: those the text has not."),
    (
        "coherent sentences",
        "Sentences with a capital, an end mark, 3 to 40 words, all of them real, a verb among them, nothing said three "
        "times in a row, quotes and brackets closed. It is about form: such a sentence may still make no sense.",
    ),
    ("different word pairs", "Neighbouring words without repetition: 100% says nothing twice, 10% runs in circles."),
    ("milestone", "Something that happened for the first time in this run. Told once, and kept."),
    ("step", "One small correction of all weights, after looking at one batch."),
    ("epoch", "One pass over the whole text."),
    ("tok/s", "Tokens (letters, or pieces of words) trained on each second, evaluations and samples left out."),
    (
        "ETA",
        "How long is still to go: training, evaluations, samples, checkpoints, the final exam and quiet hours to come. "
        "A range, because the speed varies. Nothing is shown while it would be a guess.",
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
    (
        "throttle",
        "The machine slows itself down, because of heat or power; the reason is named, with the seconds it has cost so "
        "far. At its power limit is normal under load. In the charts such stretches are shaded.",
    ),
    (
        "tokens lost",
        "How many fewer tokens were trained in a slowed stretch than at the speed of the steps around it.",
    ),
    ("util, mem, temp, fan, power", "How busy the graphics card is, its memory, heat, fan and power drawn."),
    ("vram", "How hot the memory of the card is, where it has a sensor there."),
    ("clock", "How fast the card is clocked, of how fast it may be."),
    ("whole card", "The card is cut into instances; power, heat and memory are told for all of it only."),
    ("swap", "Memory that had to be put on the disk. Much of it makes everything slow."),
    ("watts, W", "Power: electricity each second. A hundred watts for an hour are 100 Wh."),
    (
        "Wh, kWh, CO2",
        "Electricity of this run so far, and what it burnt at the CO2 of your electricity (co2_grams_per_kwh); without "
        "that, at the world's average.",
    ),
    (
        "counter, polled, estimated, typed",
        "How electricity was measured, from best to worst trusted: a counter in the hardware; power asked for every "
        "second and added up; worked out from something else; a number you typed in (wall_watts).",
    ),
    (
        "J/token, Wh/M tokens, Wh for 0.01 of val",
        "Electricity of one token, of a million, and of a hundredth of validation loss, over what was learnt while it "
        "was measured.",
    ),
    ("not measured", "Time in which no meter could be read, such as a sleep of the computer. It is not filled in."),
    ("kettle", "A litre of water from cold to boiling, about 0.1 kWh. For a feeling, not for the tax office."),
    (
        "resting",
        "The run stands still out of regard for who lives with it, in quiet hours or on battery, and goes on by "
        "itself. space overrules it.",
    ),
    ("quiet hours", "When the run makes no noise: it rests, or works quiet_duty of the time."),
    ("temperature ceiling", "Degrees to stay below: the run takes breaks between steps, so that it stays cooler."),
    ("power budget", "Watts to stay below on average, by breaks between steps. No result changes, only the time."),
)
