"""Names for runs: friendly ones when none is given, and safe folder names out of whatever was typed."""

from __future__ import annotations

import random
import re
import unicodedata

LONGEST_SLUG = 40


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words("""
    amber brave bubbly calm cheeky clever cosy curious dizzy drowsy eager fuzzy gentle giddy grumpy happy
    hasty humble hungry jolly keen little lucky mellow merry mighty nimble noisy patient peckish plucky polite
    proud quiet quirky shy sleepy snug sparkly speedy sunny tidy tiny wobbly zany
""")
_ANIMALS = _words("""
    badger beaver capybara chick cub dormouse duckling fawn ferret finch foal fox frog gecko gosling hamster
    hedgehog heron joey kitten koala lamb lemur marmot mole moth newt otter owlet panda penguin piglet puffin
    puppy quokka rabbit raccoon robin seal shrew sparrow squirrel tadpole toad tortoise vole weasel wombat
    wren
""")
_FIRST_NAMES = _words("""
    ada alba bertie bonnie dot edda elsie emmy fergus fritz gertie gus hattie hugo ida iggy juno kit lotte
    mabel margot maxi mina nell olive otis pip poppy rufus theo tilda toby una waldo winnie ziggy
""")


def friendly_name(seed: int | None = None) -> str:
    """A name like `ziggy` or `sleepy-otter`; the same seed gives the same name."""
    # Its own generator: the global one belongs to whoever seeded it.
    draw = random.Random(seed)
    if draw.random() < 0.25:
        return draw.choice(_FIRST_NAMES)
    return f"{draw.choice(_ADJECTIVES)}-{draw.choice(_ANIMALS)}"


def slug(name: str) -> str:
    """`name` as part of a folder name: ASCII letters, digits and single hyphens, at most 40; may come out empty."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[: LONGEST_SLUG + 1].strip("-")[:LONGEST_SLUG].strip("-")
