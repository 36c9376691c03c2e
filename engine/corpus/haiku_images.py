"""The snakes and the season words of our haiku.

Choices: lists are written as text, phrases separated by commas. A season word belongs to one season and has a kind,
which says what it does and in which number (all season words of a kind are singular, or all plural). A snake keeps one
pronoun for the whole poem: a small thing to learn that reaches over the line end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SEASONS = ("spring", "summer", "autumn", "winter")


@dataclass(frozen=True)
class Creature:
    """A snake and its pronouns (`she` or `he` or `it`, and the possessive)."""

    name: str
    she: str
    her: str


@dataclass(frozen=True)
class Kind:
    """What season words of one kind do. `definite`: with a verb they need `the`. Lists are comma-separated text."""

    does: str
    how: str
    before: str  # prepositions that may stand before `the ...`
    touch: str  # verbs for what they do to the snake (in winter: to its roof)
    leads: str = ""
    times: str = "day, night"
    definite: bool = False


@dataclass(frozen=True)
class Image:
    """A season word."""

    name: str
    season: str
    kind: str


SHE, HE, IT = ("she", "her"), ("he", "his"), ("it", "its")

CREATURES = (
    Creature("snake", *IT),
    Creature("asp", *SHE),
    Creature("adder", *SHE),
    Creature("python", *HE),
    Creature("cobra", *SHE),
    Creature("viper", *SHE),
    Creature("boa", *HE),
    Creature("mamba", *SHE),
    Creature("serpent", *IT),
    Creature("grass snake", *HE),
    Creature("milk snake", *SHE),
    Creature("king snake", *HE),
    Creature("garter snake", *HE),
    Creature("water snake", *SHE),
    Creature("rattlesnake", *HE),
    Creature("coral snake", *SHE),
)

IMAGES = (
    Image("spring rain", "spring", "rain"),
    Image("spring moon", "spring", "moon"),
    Image("april wind", "spring", "wind"),
    Image("plum blossoms", "spring", "petals"),
    Image("cherry petals", "spring", "petals"),
    Image("daffodils", "spring", "flowers"),
    Image("tree frogs", "spring", "singers"),
    Image("swallows", "spring", "swallows"),
    Image("melting ice", "spring", "meltwater"),
    Image("warm rain", "summer", "rain"),
    Image("august sun", "summer", "sun"),
    Image("noon heat", "summer", "heat"),
    Image("cicadas", "summer", "singers"),
    Image("lightning bugs", "summer", "lightning bugs"),
    Image("dragonflies", "summer", "dragonflies"),
    Image("rose petals", "summer", "petals"),
    Image("poppies", "summer", "flowers"),
    Image("far thunder", "summer", "thunder"),
    Image("harvest moon", "autumn", "moon"),
    Image("autumn rain", "autumn", "rain"),
    Image("autumn wind", "autumn", "wind"),
    Image("maple leaves", "autumn", "petals"),
    Image("chrysanthemums", "autumn", "flowers"),
    Image("crickets", "autumn", "singers"),
    Image("wild geese", "autumn", "geese"),
    Image("acorns", "autumn", "nuts"),
    Image("morning mist", "autumn", "mist"),
    Image("first snow", "winter", "snow"),
    Image("powder snow", "winter", "snow"),
    Image("white frost", "winter", "frost"),
    Image("north wind", "winter", "gale"),
    Image("winter moon", "winter", "cold moon"),
    Image("winter stars", "winter", "stars"),
    Image("icicles", "winter", "icicles"),
    Image("hungry crows", "winter", "crows"),
    Image("bare branches", "winter", "branches"),
)

KINDS: Mapping[str, Kind] = {
    "rain": Kind(
        "falls, drips, comes down, sets in, on the roof, on the leaves, fills the ruts, taps the roof, slows to mist,"
        " all over town, on the tin roof",
        "soft, slow, light, gentle, patient",
        "after the, before the, all through the",
        "taps on, runs down, cools, beads on, rinses, polishes, trickles down, drums upon",
        "suddenly, listen, hush",
    ),
    "moon": Kind(
        "climbs, waits, hangs low, looks down, on the hill, in the pond, between clouds, on the roof, climbs the hill",
        "bright, round, near, yellow, enormous",
        "under the, beneath the, facing the",
        "lights, counts, silvers, shines on, glints on, slides down, follows",
        "look up",
        "night",
        definite=True,
    ),
    "wind": Kind(
        "blows, blows past, turns round, shakes the gate, combs the grass, in the pines, slams a door, goes to sleep,"
        " finds the gate",
        "soft, mild, restless, fickle, nosy",
        "after the, all through the, against the",
        "cools, dries, polishes, hurries down, runs along, slides across, tickles, tugs at",
        "suddenly, listen, hush",
    ),
    "petals": Kind(
        "fall, drift, let go, drift down, come down, take their time, one by one, all at once, on the pond,"
        " on the path, everywhere, in the wind, over the wall, on the doorstep",
        "soft, light, quiet, weightless, easy",
        "under the, among the, beneath the",
        "hide, kiss, dot, fall on, land on, cover, tickle, settle on, gather on, drift across, slide down",
        "overnight, suddenly",
    ),
    "flowers": Kind(
        "nod, sway, bloom, wake up, nod off, by the gate, on the hill, along the wall, in a row, everywhere,"
        " beside the well, all the way home",
        "bright, tall, cheerful, sleepy, certain",
        "among the, behind the, beyond the",
        "shade, brush, hide, tickle, lean over, nod above, bow over, bend down to",
        "overnight, so many",
        "day",
    ),
    "singers": Kind(
        "sing, call, tune up, keep time, call back, start the band, in the dark, out of tune, sing their names,"
        " in the grass, behind the barn, all evening",
        "loud, glad, earnest, merry, tireless",
        "among the, over the, after the, louder than the",
        "praise, sing to, sing above, sing around, serenade, hum behind, sing about, lull",
        "listen, hush, suddenly",
    ),
    "swallows": Kind(
        "swoop, dip, come home, swoop low, come and go, in the barn, cross the sky, under the eaves, over the pond",
        "quick, glad, busy, nimble, chatty",
        "under the, after the, among the",
        "skim, circle, swoop past, swoop over, dip past, dart around, hurry past",
        "suddenly, look up, listen",
        "day",
    ),
    "meltwater": Kind(
        "drips, lets go, on the pond, finds the ditch, starts to sing, sings to itself, under the bridge",
        "bright, thin, clever, talkative",
        "after the, beside the, beyond the",
        "cools, drips on, wakes, trickles past, gurgles past, runs beneath, whispers to",
        "listen, hush",
        "day",
    ),
    "sun": Kind(
        "climbs, stays, burns down, takes its time, on the wall, on the road, fills the lane, above the barn",
        "bright, slow, golden, tremendous",
        "under the, beneath the, facing the",
        "warms, bakes, shines on, dazzles, polishes, lingers on, settles on",
        "already",
        "noon",
        definite=True,
    ),
    "heat": Kind(
        "hums, stays, sits down, leans close, on the road, bends the road, on the wall, will not leave,"
        " on the tin roof, slows the clocks",
        "still, white, heavy, stubborn",
        "under the, after the, all through the",
        "warms, bakes, leans on, ripples on, shimmers on, settles on, lies down on",
        "already, so soon",
        "noon",
    ),
    "lightning bugs": Kind(
        "blink, drift up, come and go, in the corn, here and there, on and off",
        "bright, small, silent, hopeful",
        "among the, after the, under the",
        "light, count, circle, light up, blink above, blink around, glow beside, signal to",
        "look up, so many, already",
        "night",
    ),
    "dragonflies": Kind(
        "dart, hover, stand still, in the reeds, sew the air, back and forth, here and there",
        "blue, quick, brittle, restless",
        "among the, beneath the, after the",
        "cross, circle, land on, rest upon, dart across, hover by, inspect",
        "suddenly, so many, already",
        "day",
    ),
    "thunder": Kind(
        "rolls, mutters, clears its throat, turns over, behind the hill, moves a chair, all afternoon",
        "slow, low, sleepy, solemn",
        "after the, under the, before the",
        "shakes, tickles, rattles, rolls along, rumbles through, interrupts",
        "listen, hush, already",
    ),
    "geese": Kind(
        "pass, call, fly south, fly low, in a line, cross the sky, cross the field, going home, over the roofs,"
        " already gone",
        "loud, high, noisy, punctual",
        "under the, after the, below the",
        "hail, pass over, call over, fly above, honk above, argue above",
        "look up, listen, suddenly, already",
    ),
    "nuts": Kind(
        "drop, roll, let go, bounce twice, one by one, on the roof, hit the roof, down the hill, miss the pond,"
        " on the tin roof, under the oak",
        "loud, smooth, sudden, polite",
        "among the, under the, after the",
        "graze, just miss, bounce off, land on, knock on, roll across, drop beside, rattle past",
        "suddenly, listen, hush",
        "day",
    ),
    "mist": Kind(
        "lifts, drifts in, on the pond, hides the hill, in the reeds, climbs the hill, comes and goes,"
        " swallows the bridge, takes the gate",
        "soft, white, gentle, secret",
        "after the, behind the, all through the",
        "wraps, hides, cools, softens, curls around, settles on, slides across",
        "overnight, hush",
        "day",
    ),
    "snow": Kind(
        "falls, comes down, begins, on the pines, fills the ruts, hides the path, without wind, on the roof,"
        " over the fields, on the mailbox",
        "soft, deep, quiet, polite, thorough",
        "after the, before the, under the, all through the",
        "hides, covers, piles up on, falls on, settles on, gathers on, rests upon, whispers to",
        "overnight, hush, already",
    ),
    "frost": Kind(
        "glints, creeps in, on the gate, on the glass, at the door, writes its name, signs the glass,"
        " on the last leaf, along the fence",
        "bright, stiff, careful, brittle",
        "after the, under the, all through the",
        "locks, signs, whitens, seals, creeps up to, glitters on, settles on, writes upon",
        "overnight, already",
    ),
    "gale": Kind(
        "blows, howls, turns round, shakes the gate, in the pines, slams a door, counts the roofs, tries the latch,"
        " down the chimney",
        "sharp, loud, restless, ancient",
        "after the, against the, all through the",
        "sweeps, knocks at, howls above, hurries past, rattles, whistles past, leans upon",
        "suddenly, listen, hush",
    ),
    "cold moon": Kind(
        "climbs, waits, hangs low, looks down, on the hill, in the well, on the roof, climbs the hill",
        "bright, hard, near, lonely, polished",
        "under the, beneath the, facing the",
        "lights, guards, silvers, shines on, looks for, peers in at, stands above",
        "look up",
        "night",
        definite=True,
    ),
    "stars": Kind(
        "shine, come out, look down, one by one, in the well, all at once, above the barn, over the roofs,"
        " in the bare elms",
        "bright, near, many, patient",
        "under the, among the, beneath the",
        "guard, shine on, hang above, look down on, gather round, watch over",
        "look up, so many, already",
        "night",
    ),
    "icicles": Kind(
        "drip, grow, grow long, hang still, in a row, on the eaves, sharp as teeth",
        "bright, clear, pointed, patient",
        "under the, behind the, beneath the",
        "guard, drip on, fence in, hang above, point down at, shine above, decorate",
        "overnight, so many, already",
    ),
    "crows": Kind(
        "call, stamp, call out, walk by, in the field, on the fence, in the snow, share a joke",
        "black, loud, clever, cheerful",
        "under the, among the, after the",
        "cross, walk on, stamp on, land on, gossip near, walk across, quarrel on",
        "suddenly, listen, so many",
        "day",
    ),
    "branches": Kind(
        "creak, click, hold still, write on snow, in the wind, hold the moon, scratch the sky, against the sky",
        "black, thin, patient, honest",
        "under the, among the, between the",
        "shade, scratch, creak above, lean over, point down at, sweep, stand above",
        "hush, already",
    ),
}

# Phrases that all kinds share. Times are those of a kind's `times`.
TIMES: Mapping[str, str] = {
    "day": "at dawn, at noon, today, this morning, all day long, before lunch",
    "night": "at dusk, tonight, after dark, before dawn, all night long, at midnight",
    "noon": "at noon, today, all day long, after lunch",
}
