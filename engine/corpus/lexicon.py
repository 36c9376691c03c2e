"""How many syllables a word has: our own list, for the words of our haiku and some common ones around them.

Choices: counts are those of ordinary speech; words that are commonly said in two ways (fire, flower, hour, every) are
left out of the haiku and of this list. A word that is not here is unknown, never guessed.
"""

from __future__ import annotations

import re

_WORDS_BY_SYLLABLES: dict[int, str] = {
    1: """
        a act ah air all an and ant ants are arms as ask asked asks asp at back bakes band bare barn basks bat bats be
        beads bear bed bee bees bell belt bench bend bends best big bike bird birds bit black blames blink blinks
        bloom blows blue boat book boots both bounce bow boy branch brand brave breath bridge bright broom brown brush
        bud bugs bump burns but by call calls came can care cart cat cats chair charge child chin church clap claps
        clear clears click climb climbs clock clocks close cloud clouds coat coil coils cold combs come comes cool
        cools corn cough could count counts creak creeps cross crow crows curled curls dance dark dart dawn day days
        deep deer den did dip ditch do dock does dog dogs done door doors dot down draped dream dreamed dreams dries
        drift drifts drinks drip drips drop dropped drops drums dry duck ducks dusk dust each earth eaves egg eggs
        elms else end ends eye eyes face fall falls fang fangs far fast fear fed feel feels feet fell felt fence ferns
        few field fields fills finds first fish five flat floor flows flute fly folds foot for fork forth four fox
        freeze friend frog frogs from front frost fun gate geese girl gives glad glass glides glints glow go goes gold
        gone good grass graze great green grief grow guard guards hail hair half hand hands hang hangs hard hare hares
        has hat hay he head heads hear hears heart heat hedge hens her here hers hide hides high hill hills him his
        hiss hit hold holds hole holes home honk hop hopes horse hose hot house how howls hugs hum hums hush ice if in
        ink is it its jam jars joke jokes joy just keep keeps king kiss kite knees knew knit knock knocks knot know
        lake lamb lambs land lane last latch late lay leaf lean leans learns leave leaves left legs less let lets lie
        lies lifts light lights like line locks log logs long look looked looks loose lost loud love low lull lunch
        make man mark may me melts men mice might mild milk mind minds mine miss missed mist moles month moon more
        moss most moth moths mouse mouth moves much mud must my name names nap naps near neat needs nest new news newt
        newts next night nine no nod nods noon noons nor north nose not now oak oars of off oh old on once one out owl
        owls own packs pale pass past patch path peace peach peers piles pines place plan planned plans plum plump
        point pond ponds porch poured pours praise proud put quick quite rain rains rake ran red reeds rest rests ride
        rise road roads rock rocks roll rolls roof roofs room root roots rope rose round row run runs rushed ruts sad
        said sand sang sat saw say says scales scarf scratch sea seals see seed seeks seen sees sets sew shade shake
        shakes shall shape share sharp she shed sheds shelf shine shines shoes shore should shrug shut shy sides signs
        silk sing sings sit sits six skim skin skins skip sky slams sled sleek sleep sleeps slept slide slides slips
        slow slows small smells smoke smooth snail snails snake snakes snores snow snug so socks soft some song soon
        sound soup south spilled spoon spots sprawls spring stairs stamp stand stands star stares stars start starts
        stays stiff still stone stones stood stop stops stove straight stream string striped strolls stump style sun
        sway sweep sweeps sweet swoop tail take takes tall tap taps tastes tea teeth tell tells ten than that thaw the
        their them then there these they thin things think thinks this those thought three throat through ticks tie
        ties tight till time tin tip to toad toads toes told tongue tongues too town tracks train tree trees tries try
        tugs tune turns twice two up use voice vole voles wait waits wake wakes walk walked walks wall wants war warm
        warms was watch wave waves way we wear weeds week well wells went were wet what wheat when where which white
        who whole whom whose why wide wild will wind winds wise with wolf word world worm worms worn would wraps wren
        wrens write writes yarn yawns year years yes you young your yours
    """,
    2: """
        about above acorns across adder admires after again against agree agrees almost alone along although always
        among ancient ankles answers any applaud applauds apples april argue around asleep attempts august autumn
        awake away babies baby badger barley because beetle before begins behind being believes below beneath beside
        between beyond blossom blossoms boa boas bracken bramble branches breakfast breathing brittle broken brother
        burrow burrows busy buying calmly candle careful careless ceiling certain changes changing chatty cheerful
        cherry chimney circle clever closely clover cobra cobras colder coming complain complains coral counting cover
        covers creaking crickets crooked dancing dazzles decides digging distance divides doorstep doorway downhill
        downstairs downstream dozes dreaming drifting dripping drowses drowsy drying dusty earnest easy elbows empty
        endless enough even evening ever eyebrows facing faded fallen falling farmhouse father feather fickle fingers
        folded follows forgets frozen garden gardens garter gather gathers gentle gently gleaming glitters going
        golden goodbye goodbyes gossip growing gurgles hammock happens happy harvest having heavy hedgehog heron
        hidden hisses holding honest honey hopeful hover humming hungry hurries hurry idle impressed indoors inside
        inspect into island itself juggle kettle kindly kitchen kitten kneecaps knitting ladder lantern lanterns lazy
        letter letting lightning lingers listen listens little lizard lonely louder lounges magpie mailbox mamba
        mambas manners many maple maybe meadows melon melons melting merry midnight modest moonlight morning mornings
        mossy mother mower muddy mutters narrow nearby nervous nettles never nightgown nimble noisy nosy nothing
        objects ocean only onto open orchard outgrows outside over owning paper patient pebbles people petal petals
        pillow playing pointed polished polite ponders poppies powder pretends pretty puddles pumpkins python quarrel
        question quiet raindrop raindrops rattle rattles regrets restless ribbon riding rinses ripples river robin
        rumbles running rustling scarecrow secret serpent serpents settle settles seven shadow shadows shimmers
        shoelace shoulders signal silence silent silver silvers simmers singing sister sleeping sleepy slender slither
        slowly slumbers smaller snowflake snowflakes snowman softens solemn someone sometimes somewhere sparrow
        speckled spider squirrel stillness stretches stubble stubborn studies sudden sunbathes sunbeam sunburnt
        sunlight sunny swallows sweeping tangled telling temple thinking thirsty thorough thoughtful thunder tickle
        tickles tidy tiny tiptoe tiptoes today tonight travels trickles trousers turtle twilight uncoil uncoils under
        until unwinds uphill upon valley venom very viper vipers waited waiting waking wanders warmer washing watches
        water wearing weary weather weightless whispers whistle whistles whitens windmill window winter wintry without
        woodpile wriggles yellow
    """,
    3: """
        afternoon afternoons already arguing autumnal beautiful butterflies butterfly carefully cicadas curious
        daffodils decorate dignified dragonflies elegant enormous everywhere icicles interrupts lemonade lullaby
        nobody opening overnight polishes politely punctual radio rattlesnake reflection remembers serenade somebody
        suddenly talkative tireless tomorrow tremendous umbrella underground yesterday
    """,
    4: """
        chrysanthemums
    """,
}

SYLLABLES: dict[str, int] = {word: count for count, words in _WORDS_BY_SYLLABLES.items() for word in words.split()}

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


def count_line(line: str) -> int | None:
    """Syllables in a line, whatever its case and punctuation; None when it has a word that is not in the lexicon."""
    total = 0
    for word in _WORD.findall(line.lower()):
        count = SYLLABLES.get(word)
        if count is None:
            return None
        total += count
    return total


def syllable_counts(text: str) -> tuple[int | None, ...]:
    """Syllables of each line of `text` that has anything on it; None for a line with an unknown word."""
    return tuple(count_line(line) for line in text.splitlines() if line.strip())


def is_haiku(text: str) -> bool:
    """Whether `text` is three lines of 5, 7 and 5 syllables, by the lexicon; blank lines around them do not count."""
    lines = text.strip().splitlines()
    return len(lines) == 3 and syllable_counts(text) == (5, 7, 5)
