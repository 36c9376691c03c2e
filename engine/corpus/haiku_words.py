"""What our snakes do, where, and who looks on: the words of our haiku by season.

Choices: lists are written as text, phrases separated by commas; "" holds what fits any season and is added to each.
`{her}` and `{she}` stand for the snake's own pronoun. What a snake does fits the season: in winter it sleeps
underground. Syllables are not written here, they come from the lexicon.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "lead": {"": "ah, oh, now, look, once more, again, at last"},
    "with": {"": "smoke, moss, tea, silence, stillness, a bell, one cloud, nothing else, an old song, a far bell"},
    "adjective": {
        "": (
            "old, young, small, long, thin, wise, shy, proud, sleek, striped, green, sleepy, patient, lazy, polite,"
            " modest, golden, silent, elegant, very old"
        ),
        "spring": "thirsty, hungry",
        "summer": "idle, sunburnt",
        "autumn": "weary, late",
        "winter": "warm, snug",
    },
    "rest": {
        "": (
            "waits, rests, curls up, lies still, lies in wait, coils up tight, says nothing, takes {her} time,"
            " counts {her} coils"
        ),
        "spring": (
            "wakes, yawns, stretches, uncoils, blinks, wakes up, warms up, unwinds, comes out, tastes the air,"
            " yawns and blinks, starts to thaw, feels the sun"
        ),
        "summer": (
            "basks, naps, dozes, lounges, nods off, sprawls, sunbathes, drowses, naps till noon, seeks the shade,"
            " does nothing"
        ),
        "autumn": (
            "basks, dozes, lingers, yawns, settles, slows down, ponders, heads for home, counts the days,"
            " packs {her} things"
        ),
        "winter": (
            "sleeps, dreams, snores, slumbers, sleeps on, dozes, sleeps late, dreams on, sleeps and sleeps,"
            " snores a bit, rolls over"
        ),
    },
    "place": {
        "spring": (
            "in mud, in sun, outside, on moss, nearby, in the sun, by the pond, in wet grass, in new grass,"
            " on a warm stone, on the old wall, among the roots, in a patch of sun, under the plum tree,"
            " behind the well, by the mailbox"
        ),
        "summer": (
            "in shade, in ferns, in corn, on stones, in the shade, in tall grass, on hot stones, by the well,"
            " in the ferns, under the porch, beside the pond, in the barley, under a leaf, in the melon patch,"
            " on the garden wall, on the warm road"
        ),
        "autumn": (
            "in leaves, in hay, indoors, in moss, in the leaves, in late sun, under the oak, in the stubble,"
            " by the woodpile, on a cold stone, among the pumpkins, in a thin sunbeam, on the last warm stone,"
            " behind the barn"
        ),
        "winter": (
            "indoors, in bed, below, downstairs, underground, in the dark, under the snow, below the frost,"
            " under the roots, deep in the hill, in {her} burrow, under the barn, in a warm knot, below the field,"
            " under the stones, in {her} deep bed"
        ),
    },
    "move": {"": "slides, glides, slips, winds, creeps, flows, wanders, hurries"},
    "path": {
        "spring": (
            "through ferns, uphill, past stones, through the grass, past the gate, through wet ferns,"
            " across the path, over the roots, along the ditch, down to the pond, into the light, between puddles,"
            " through the new reeds"
        ),
        "summer": (
            "through corn, downstream, through dust, through tall grass, through the reeds, across the road,"
            " along the fence, over hot stones, into the shade, over the wall, between melons, through the barley,"
            " past the hammock"
        ),
        "autumn": (
            "through leaves, downhill, back home, through dry leaves, through stubble, past the scarecrow,"
            " between pumpkins, under the fence, into the woodpile, across cold stones, down to the den,"
            " along the ditch, back to the barn"
        ),
    },
    "lie": {"": "lies, rests, sprawls, hangs, dozes, curls up, lies still"},
    "lie_like": {
        "": (
            "like rope, like yarn, like string, like old rope, like a knot, like a lost scarf, like a garden hose,"
            " like a question mark, like a loose shoelace"
        ),
    },
    "flow": {"": "slides, glides, slips, winds, flows, pours, wanders"},
    "flow_like": {
        "": (
            "like smoke, like silk, like time, like slow water, like poured honey, like a long thought,"
            " like a loose shoelace, like a secret, like a slow train"
        ),
    },
    "manner": {
        "": (
            "once more, alone, in style, with care, for fun, half asleep, all alone, without a sound, in no hurry,"
            " with great care, as planned"
        ),
    },
    "brief": {
        "spring": (
            "wakes, yawns, uncoils, wakes up, stretches, comes out, blinks twice, wakes slowly, tastes the air,"
            " wakes up late, yawns and blinks"
        ),
        "summer": (
            "basks, naps, dozes, nods off, sunbathes, naps till noon, lies down flat, has no plans, drinks deep,"
            " stays in bed, stays put"
        ),
        "autumn": (
            "yawns, turns in, slows down, lingers, heads for home, basks once more, curls up small, looks for home,"
            " is late"
        ),
        "winter": (
            "sleeps, snores, sleeps on, dreams on, stays in bed, sleeps too well, is asleep, will not wake,"
            " has gone home, sleeps in"
        ),
    },
    "body_adjective": {
        "": "old, cold, warm",
        "spring": "new, bright, thin, sleepy",
        "summer": "long, bright, smooth, dusty",
        "autumn": "long, worn, bright, sleepy",
        "winter": "small, low, dark, deep, hidden, quiet, secret",
    },
    "body": {
        "spring": "back, coils, scales, tail, nose, coat",
        "summer": "back, coils, scales, tail, nose, sides",
        "autumn": "back, coils, scales, tail, nose, coat",
        "winter": "roof, door, den, bed, stone, burrow, doorstep",
    },
    "animal": {
        "": "mouse, sparrow",
        "spring": "frog, toad, newt, lamb, duck, snail, robin",
        "summer": "frog, toad, bee, duck, heron, lizard, turtle",
        "autumn": "toad, owl, fox, crow, snail, squirrel, hedgehog",
        "winter": "owl, hare, fox, wren, deer, robin, snowman",
    },
    "animals": {
        "": "mice",
        "spring": "frogs, toads, lambs, ducks",
        "summer": "frogs, toads, ducks, bees",
        "autumn": "toads, owls, snails, crows",
        "winter": "owls, hares, wrens, moles",
    },
    "animal_adjective": {"": "small, old, wise, brave, plump, brown, little, sleepy, polite, nervous"},
    "reacts": {
        "": (
            "waits, stares, blinks, nods, moves house, thinks twice, looks up, stands still, looks away,"
            " says nothing, holds its breath, tiptoes home, counts to ten, does not mind, clears its throat,"
            " pretends to sleep, thinks it over, changes its mind, minds its manners, takes a small bow"
        ),
    },
    "react": {"": "look up, applaud, stand still, look round, make room, agree, wait, hush, nod"},
    "objects": {"": "objects, complains, agrees, looks up, applauds, believes"},
    "muses": {
        "": (
            "is not impressed, has no regrets, forgets {her} name, does not look back, will sleep on it,"
            " thinks about lunch, blames the weather, hums a small tune, keeps the secret, counts to seven,"
            " goes back to sleep, has time for this, tells no one else, will not be rushed, has seen it all,"
            " calls it a day, has the last word, is not in charge, was here before, wants it in blue"
        ),
        "spring": "has slept enough, needs a new coat, smells the wet earth, missed the first act, is late for spring",
        "summer": "needs no pillow, asks for more shade, wants lemonade, is done by noon, melts a little",
        "autumn": "packs a small dream, wants one more day, is late for bed, says long goodbyes, smells snow coming",
        "winter": (
            "turns over once, dreams about spring, sleeps through it all, snores a little, will ask in spring,"
            " has missed the news"
        ),
    },
    "proverb": {
        "": (
            "nothing else happens, nobody minds much, no one is in charge, what was the question,"
            " the whole hill listens, time for a small nap, so much for the plan, that is all the news,"
            " there is no hurry, and still no breakfast, lunch is running late, no shoes to take off,"
            " no knees to complain, nobody asked why, the path is empty, old news to the stones, a bell far away,"
            " enough for today, who needs arms and legs, a good place to stop, the stones know the way"
        ),
        "spring": (
            "the mud remembers, the whole hill turns green, mud in the doorway, the ditch sings along,"
            " the lambs try their legs, the world smells of rain"
        ),
        "summer": (
            "too hot for gossip, noon has no shadow, the hammock gives up, the well tastes of stars,"
            " ice melts in a glass, not one leaf answers"
        ),
        "autumn": (
            "one coat on the fence, the kettle answers, the ladder comes down, jam jars on the shelf,"
            " smoke over the fields, the barn counts its mice"
        ),
        "winter": (
            "only the clock moves, the stove ticks and hums, tracks stop at the gate, no news from the hill,"
            " somewhere soup simmers, one candle is left"
        ),
    },
    "dreaming": {
        "": "dreams, lies dreaming, is dreaming, curls up and dreams, goes on dreaming, starts to dream",
        "winter": "dreams all night, dreams all day, dreams and dreams",
    },
    "where_dreaming": {
        "": "fast asleep, in {her} sleep, eyes open, curled up small",
        "winter": "underground, in {her} bed, in the dark",
    },
    "food": {"": "mice, frogs, toads, eggs"},
    "larder": {"": "hay, reeds, grass, barn, corn, rain, sun"},
    "dream": {
        "": (
            "having two feet, owning a hat, shoes and long walks, soup and warm socks, arms and long hugs,"
            " being a belt, being a kite, knitting a scarf, riding a bike, dancing on toes, playing the flute,"
            " buying new boots, sun on a wall, long afternoons, eggs in a nest, frogs in a row, a smaller house,"
            " being quite tall, wearing a tie, having a chin, opening doors"
        ),
    },
    "dream_adjective": {"": "warm, slow, long, bright, soft, round"},
    "dream_adjective_too": {"": "golden, yellow, sunny, endless, smooth, flat"},
    "dream_thing": {"": "days, stones, hills, noons, gardens, mornings, pebbles"},
    "from_where": {
        "": "at last, up close, half asleep, all morning, once again, without a word, very still",
        "spring": "from the wall, from the ditch, from a branch, from the gate",
        "summer": "from the shade, from the reeds, from the porch, from the wall",
        "autumn": "from the leaves, from the wall, from a stump, from the barn",
    },
    "adverb": {"": "slowly, calmly, gently, kindly, closely"},
    "watches": {"": "sees, spots, eyes, finds, watches, studies, follows, admires, looks for, waits for"},
    "object_adjective": {"": "small, slow, plump, brave, brown, tiny, lonely, sleepy"},
    "nearby": {"": "nearby, below, next door, outside"},
    "view": {
        "": (
            "one cloud drifting home, the end of the road, the tip of {her} tail, {her} own reflection,"
            " the light in the pond, a feather falling, the way the grass bends, the shape of the hill"
        ),
        "spring": "mud drying slowly, the green coming back, a nest in the hedge",
        "summer": "a boat with no oars, the heat on the road, washing on the line",
        "autumn": "smoke from a chimney, the last of the light, one leaf holding on",
    },
    "in_view": {
        "spring": "by the pond, in the mud, on the path, in the ditch, in the sun",
        "summer": "by the pond, in the shade, on the path, in the reeds, in the corn",
        "autumn": "by the pond, in the leaves, on the path, in the hay, in the moss",
    },
    "lying": {
        "": "awake, curled up, alone, half asleep, very still, all night long, wide awake",
        "spring": "under the porch, in wet grass",
        "summer": "in tall grass, in the shade",
        "autumn": "in the leaves, behind the barn",
        "winter": "underground, in the dark, in {her} bed, in {her} sleep",
    },
    "hearing": {"": "hears, almost hears, lies and hears, can hear, thinks {she} hears"},
    "heard": {
        "spring": (
            "the grass growing up, the ice letting go, the roots waking up, the pond breathing in,"
            " a worm in the mud, somebody digging, the first mower cough, a bud coming loose"
        ),
        "summer": (
            "a peach letting go, the corn growing tall, a spoon in a glass, bare feet on the path, a far radio,"
            " the hammock creaking, a boat bump the dock, the bees going home"
        ),
        "autumn": (
            "one leaf letting go, apples in the grass, a gate left open, the rake and the broom,"
            " the last cart go home, somebody sweeping, the well growing cold, a squirrel counting"
        ),
        "winter": (
            "the hill breathing out, the snow hold its breath, a fox cross the roof, the deep wells freeze shut,"
            " boots go by above, the clock in the church, a hare thinking twice, the moles arguing,"
            " the worms changing sides, the roots telling jokes, a sled on the hill"
        ),
    },
    "skin_verb": {"": "leaves, hangs, drops, forgets, takes off, folds up"},
    "skin": {"": "skin, coat, old skin, old coat, best coat, winter coat, silver coat, nightgown"},
    "skin_where": {
        "": (
            "on the garden wall, at the temple gate, by the kitchen door, on the washing line, in the bramble hedge,"
            " beside the still pond, between two flat stones, without a goodbye, for someone smaller,"
            " like a letter home, for the wind to wear, and feels brand new, and does not look back,"
            " among the nettles, inside out again, where the path divides"
        ),
    },
    "tries": {"": "tries to, learns to, wants to, hopes to"},
    "feat": {
        "": (
            "wave, hop, skip, dance, clap, knit, shrug, juggle, tiptoe, whistle, tap dance, shake hands,"
            " ride a bike, climb the stairs, stand up straight, use a fork"
        ),
    },
    "outcome": {
        "": (
            "and ends up a knot, and blames the weather, and gives up at once, and needs a long nap,"
            " but nobody claps, and falls off the wall, and ties a neat knot, and calls it a dance,"
            " and wakes up the owl, then asks for a chair"
        ),
    },
    "lacking": {"": "elbows, shoulders, fingers, ankles, kneecaps, eyebrows"},
    "in_front": {
        "": "hens",
        "spring": "frogs, toads, lambs, ducks",
        "summer": "frogs, toads, bees, ducks",
        "autumn": "crows, toads, owls, mice",
    },
    "soft_ground": {
        "spring": "grass, ferns, reeds, mud, clover",
        "summer": "grass, corn, ferns, reeds, clover",
        "autumn": "leaves, hay, grass, reeds",
    },
    "soft_adjective": {"": "tall, soft, deep, cool, long"},
    "soft_adjective_too": {
        "": "dark, tangled",
        "spring": "wet, green",
        "summer": "warm, dry",
        "autumn": "brown, dry",
    },
    "landmark_adjective": {"": "old, dark, cold, quiet, sleeping, empty"},
    "landmark": {"": "gate, barn, shed, well, bridge, fence, scarecrow, temple, farmhouse"},
    "past": {"": "past, under, around, behind, beyond, along"},
    "cover_adjective": {
        "": "old, dark, quiet, mossy",
        "spring": "wet, sunny",
        "summer": "warm, dusty",
        "autumn": "cold, sleepy",
        "winter": "cold, white, frozen",
    },
    "cover": {
        "": "barn, stones, bridge, roots, oak, hill, church, woodpile",
        "spring": "hedge, ferns",
        "summer": "porch, ferns",
        "autumn": "leaves",
        "winter": "field, snow",
    },
    "under": {
        "spring": "under, beneath, behind, beside",
        "summer": "under, beneath, behind, beside",
        "autumn": "under, beneath, behind, beside",
        "winter": "under, beneath, below",
    },
}
