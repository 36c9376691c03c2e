"""The words of our haiku: snakes, season words with what they do, and what happens around them.

Choices: lists are written as text, phrases separated by commas; `{her}` stands for the snake's own pronoun. A season
word belongs to one season, a snake keeps one pronoun for the whole poem, and what a snake does fits the season (in
winter it sleeps underground). Syllables are not written here, they come from the lexicon.
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
    Creature("anaconda", *SHE),
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
        "under the, among the, over the, louder than the",
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
        "hums, stays, sits down, leans close, on the road, bends the road, on the wall, will not leave, on the tin roof,"
        " slows the clocks",
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
        " on every leaf, along the fence",
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
        "suddenly, listen, so many, again",
        "day",
    ),
    "branches": Kind(
        "creak, click, hold still, write on snow, in the wind, hold the moon, scratch the sky, against the sky",
        "black, thin, patient, honest",
        "under the, among the, between the",
        "shade, scratch, creak above, lean over, point down at, sweep, stand above",
        "at last, already",
    ),
}

# Phrases that all kinds share. Times are those of a kind's `times`.
TIMES: Mapping[str, str] = {
    "day": "at dawn, at noon, today, this morning, all day long, before lunch",
    "night": "at dusk, tonight, after dark, before dawn, all night long, at midnight",
    "noon": "at noon, today, all day long, after lunch",
}

# Words that depend on the season ("" = any season, added to each).
WORDS: Mapping[str, Mapping[str, str]] = {
    "lead": {"": "ah, once more, again, at last"},
    "with": {"": "smoke, moss, tea, silence, stillness, a bell, one cloud, nothing else, an old song, a far bell"},
    "adjective": {
        "": "old, young, small, long, thin, wise, shy, proud, plump, sleek, striped, green, sleepy, patient, lazy,"
        " polite, ancient, little, speckled, golden, careful, stubborn, gentle, silent, slender, modest, dusty,"
        " dignified, elegant, curious, very small, very old",
        "spring": "thirsty, hungry, drowsy",
        "summer": "sunburnt, idle, well fed",
        "autumn": "weary, late, well fed",
        "winter": "warm, snug, drowsy",
    },
    "rest": {
        "": "waits, rests, curls up, lies still",
        "spring": "wakes, yawns, stretches, uncoils, blinks, wakes up, warms up, unwinds, comes out",
        "summer": "basks, naps, dozes, lounges, nods off, sprawls, sunbathes, drowses",
        "autumn": "basks, dozes, lingers, yawns, settles, slows down, ponders",
        "winter": "sleeps, dreams, snores, slumbers, sleeps on, dozes, sleeps late, dreams on",
    },
    "place": {
        "spring": "in the sun, by the pond, in wet grass, in new grass, on a warm stone, on the old wall,"
        " among the roots, in a patch of sun, under the plum tree, behind the well, by the mailbox",
        "summer": "in the shade, in tall grass, on hot stones, by the well, in the ferns, under the porch,"
        " beside the pond, in the barley, under a leaf, in the melon patch, on the garden wall, on the warm road",
        "autumn": "in the leaves, in late sun, under the oak, in the stubble, by the woodpile, on a cold stone,"
        " among the pumpkins, in a thin sunbeam, on the last warm stone, behind the barn",
        "winter": "underground, in the dark, under the snow, below the frost, under the roots, deep in the hill,"
        " in {her} burrow, under the barn, in a warm knot, below the field, under the stones, in {her} deep bed",
    },
    "move": {
        "": "slides, glides, slips, winds, creeps, flows, pours, wanders, wriggles, hurries, travels, strolls",
    },
    "path": {
        "spring": "through the grass, past the gate, through wet ferns, across the path, over the roots,"
        " along the ditch, down to the pond, into the light, between puddles, through the new reeds",
        "summer": "through tall grass, through the reeds, across the road, along the fence, over hot stones,"
        " into the shade, over the wall, between melons, through the barley, past the hammock",
        "autumn": "through dry leaves, through stubble, past the scarecrow, between pumpkins, under the fence,"
        " into the woodpile, across cold stones, down to the den, along the ditch, toward the barn",
    },
    "rest_like": {
        "": "like old rope, like a soft knot, like a lost scarf, like a garden hose, like a dropped ribbon,"
        " like a question mark, like a loose shoelace, like a king",
    },
    "move_like": {
        "": "like spilled ink, like slow water, like poured honey, like a long thought, like a loose shoelace,"
        " like a lost ribbon, like a green stream, like a rumor",
    },
    "manner": {"": "once more, half asleep, all alone, without a sound, in no hurry, with great care, as planned, by heart"},
    "brief": {
        "spring": "wakes, yawns, uncoils, wakes up, stretches, comes out, blinks twice, wakes slowly, tastes the air,"
        " wakes up late, yawns and blinks",
        "summer": "basks, naps, dozes, nods off, sunbathes, naps till noon, lies down flat, has no plans, drinks deep,"
        " stays in bed, stays put",
        "autumn": "yawns, turns in, slows down, lingers, heads for home, basks once more, curls up small,"
        " looks for home, is late",
        "winter": "sleeps, snores, sleeps on, dreams on, stays in bed, sleeps too well, is asleep, will not wake,"
        " has gone home, sleeps in",
    },
    "body_adjective": {
        "": "old, cold, warm",
        "spring": "new, bright, thin, sleepy, folded, muddy",
        "summer": "long, bright, smooth, gold, dusty, gleaming, lazy",
        "autumn": "long, worn, bright, narrow, sleepy, faded",
        "winter": "small, low, dark, deep, hidden, narrow, quiet, secret, tidy",
    },
    "body": {
        "spring": "back, coils, scales, tail, nose, coat",
        "summer": "back, coils, scales, tail, nose, sides",
        "autumn": "back, coils, scales, tail, nose, coat",
        "winter": "roof, door, den, bed, stone, burrow, doorstep, ceiling",
    },
    "neighbor": {
        "": "mouse, toad, sparrow",
        "spring": "frog, wren, newt, lamb, duck, snail, robin, beetle, hedgehog",
        "summer": "frog, newt, bee, moth, duck, heron, lizard, turtle, beetle, kitten",
        "autumn": "vole, owl, fox, crow, snail, squirrel, hedgehog, spider",
        "winter": "owl, hare, fox, wren, deer, robin, magpie, badger, snowman",
    },
    "neighbors": {
        "": "toads, mice",
        "spring": "frogs, newts, lambs, ducks, snails",
        "summer": "frogs, newts, ducks, bees, moths",
        "autumn": "voles, owls, snails, crows, hens",
        "winter": "owls, hares, wrens, moles, hens",
    },
    "neighbor_adjective": {
        "": "small, old, young, wise, brave, plump, shy, gray, brown, little, sleepy, nervous, careful, polite, tiny,"
        " thoughtful",
    },
    "reacts": {
        "": "waits, stares, blinks, nods, moves house, thinks twice, looks up, stands still, looks away, says nothing,"
        " moves away, stops to look, holds its breath, tiptoes home, counts to ten, does not mind, does not ask,"
        " clears its throat, writes it down, says good night, pretends to sleep, thinks it over, keeps its distance,"
        " changes its mind, keeps very still, minds its manners, takes the long way, takes a small bow",
    },
    "react": {"": "look up, applaud, stand still, look round, make room, agree, wait, hush, nod"},
    "objects": {"": "objects, complains, agrees, looks up, applauds, believes"},
    "muses": {
        "": "is not impressed, has no regrets, forgets {her} name, does not look back, will sleep on it,"
        " thinks about lunch, blames the weather, hums a small tune, keeps the secret, counts to seven,"
        " goes back to sleep, has time for this, tells no one else, will not be rushed, has seen it all,"
        " calls it a day, has the last word, is not in charge, was here before, wants it in blue",
        "spring": "has slept enough, needs a new coat, smells the wet earth, missed the first act, is late for spring",
        "summer": "needs no pillow, asks for more shade, wants lemonade, is done by noon, melts a little",
        "autumn": "packs a small dream, wants one more day, is late for bed, says long goodbyes, smells snow coming",
        "winter": "turns over once, dreams about spring, sleeps through it all, snores a little, will ask in spring,"
        " has missed the news",
    },
    "proverb": {
        "": "nothing else happens, nobody minds much, no one is in charge, what was the question,"
        " the whole hill listens, time for a small nap, so much for the plan, that is all the news,"
        " there is no hurry, and still no breakfast, lunch is running late, no shoes to take off,"
        " no knees to complain, nobody asked why, the path is empty, old news to the stones, a bell far away,"
        " enough for today, who needs arms and legs, a good place to stop, the stones know the way",
        "spring": "the mud remembers, the whole hill turns green, mud in the doorway, the ditch sings along,"
        " the lambs try their legs, the world smells of rain",
        "summer": "too hot for gossip, noon has no shadow, the hammock gives up, the well tastes of stars,"
        " ice melts in a glass, not one leaf answers",
        "autumn": "one coat on the fence, the kettle answers, the ladder comes down, jam jars on the shelf,"
        " smoke over the fields, the barn counts its mice",
        "winter": "only the clock moves, the stove ticks and hums, tracks stop at the gate, no news from the hill,"
        " somewhere soup simmers, one candle is left",
    },
    "dreaming": {
        "": "dreams, lies dreaming, is dreaming, curls up and dreams, goes on dreaming, starts to dream",
        "winter": "dreams all night, dreams all day, dreams and dreams",
    },
    "where_dreaming": {
        "": "fast asleep, in {her} sleep, eyes open, curled up small",
        "winter": "underground, in {her} bed, in the dark",
    },
    "food": {"": "mice, frogs, toads, eggs, newts, voles"},
    "larder": {"": "hay, reeds, grass, barn, shade, corn, rain, moss, sun"},
    "dream": {
        "": "having two feet, owning a hat, shoes and long walks, soup and warm socks, arms and long hugs,"
        " being a belt, being a kite, knitting a scarf, riding a bike, dancing on toes, playing the flute,"
        " buying new boots, sun on a wall, long afternoons, eggs in a nest, frogs in a row, a smaller house,"
        " being quite tall, wearing a tie, having a chin, opening doors",
    },
    "dream_adjective": {"": "warm, slow, long, gold, green, bright, soft, blue, round"},
    "dream_thing": {"": "days, stones, grass, eggs, light, hills, mice, noons"},
    "from_where": {
        "": "half asleep, all morning, once again, without a word, very still",
        "spring": "from the wall, from the ditch, from a branch, from the gate",
        "summer": "from the shade, from the reeds, from the porch, from the wall",
        "autumn": "from the leaves, from the wall, from a stump, from the barn",
    },
    "watches": {"": "watches, studies, follows, admires, looks for, waits for, listens for"},
    "object_adjective": {"": "small, slow, plump, lost, brave, brown, gray, tiny, careless, lonely, sleepy"},
    "view": {
        "": "one cloud drifting home, the end of the road, the tip of {her} tail, {her} own reflection,"
        " the light in the pond, a feather falling, the way the grass bends, the shape of the hill",
        "spring": "mud drying slowly, the green coming back, a nest in the hedge",
        "summer": "a boat with no oars, the heat on the road, washing on the line",
        "autumn": "smoke from a chimney, the last of the light, one leaf holding on",
    },
    "in_view": {
        "spring": "by the pond, in the mud, on the path, in the ditch, in the sun",
        "summer": "by the pond, in the shade, on the path, in the reeds, in the corn",
        "autumn": "by the pond, in the leaves, on the path, in the hay, in the moss",
    },
    "hearing": {
        "": "hears, listens for, almost hears, lies and hears, can feel",
    },
    "heard": {
        "spring": "the grass growing up, the ice letting go, the roots waking up, the pond breathing in,"
        " a worm in the mud, somebody digging, the first mower cough, a bud coming loose",
        "summer": "a peach letting go, the corn growing tall, a spoon in a glass, bare feet on the path,"
        " a far radio, the hammock creaking, a boat bump the dock, the bees going home",
        "autumn": "one leaf letting go, apples in the grass, a gate left open, the rake and the broom,"
        " the last cart go home, somebody sweeping, the well growing cold, a squirrel counting",
        "winter": "the hill breathing out, the snow hold its breath, a fox cross the roof, the deep wells freeze shut,"
        " boots go by above, the clock in the church, a hare thinking twice, the moles arguing,"
        " the worms changing sides, the roots telling jokes, a sled on the hill",
    },
    "skin_verb": {"": "leaves, hangs, drops, forgets, takes off, folds up, outgrows"},
    "skin": {"": "skin, coat, old skin, old coat, best coat, last skin, winter coat, silver coat, paper coat, pyjamas"},
    "skin_where": {
        "": "on the garden wall, at the temple gate, by the kitchen door, on the washing line, in the bramble hedge,"
        " beside the still pond, between two flat stones, without a goodbye, for someone smaller,"
        " like a letter home, for the wind to wear, and feels brand new, and does not look back,"
        " among the nettles, inside out again, where the path divides",
    },
    "tries": {"": "tries to, learns to, wants to, hopes to, decides to, attempts to"},
    "feat": {
        "": "wave, hop, skip, dance, clap, knit, shrug, juggle, tiptoe, whistle, tap dance, shake hands, ride a bike,"
        " climb the stairs, stand up straight, use a fork",
    },
    "outcome": {
        "": "and ends up a knot, and blames the weather, and gives up at once, and needs a long nap, but nobody claps,"
        " and falls off the wall, and ties a neat knot, and calls it a dance, and wakes up the owl,"
        " then asks for a chair",
    },
    "lacking": {"": "elbows, shoulders, fingers, ankles, trousers, eyebrows, kneecaps"},
    "in_front": {"spring": "frogs, toads, lambs, ducks, hens", "summer": "frogs, toads, bees, ducks, hens",
                 "autumn": "crows, toads, owls, hens, mice"},
    "soft_ground": {"spring": "grass, ferns, reeds, mud, hedge", "summer": "grass, corn, ferns, reeds, wheat",
                    "autumn": "leaves, hay, grass, reeds, weeds"},
    "soft_adjective": {"": "tall, soft, dark, deep, cool, wet",
                       "spring": "new, green", "summer": "warm, dry", "autumn": "dry, brown"},
    "landmark_adjective": {"": "old, dark, cold, quiet, crooked, broken, sleeping, empty"},
    "landmark": {"": "gate, barn, shed, well, bridge, fence, bench, scarecrow, windmill, temple, farmhouse, mailbox"},
    "past": {"": "past, under, around, behind, beyond, along"},
    "cover_adjective": {
        "": "old, cold, gray, quiet, hidden, crooked, mossy",
        "spring": "wet, sunny",
        "summer": "cool, dusty",
        "autumn": "bare, sleepy",
        "winter": "white, frozen",
    },
    "cover": {
        "": "barn, stones, bridge, roots, oak, hill, church, woodpile, orchard",
        "spring": "hedge, ferns",
        "summer": "porch, ferns",
        "autumn": "leaves, stump",
        "winter": "field, floor, snow",
    },
    "under": {"": "under, beneath, behind, beside", "winter": ""},
}
