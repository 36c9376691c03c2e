"""A run as a poster: pure functions from a `RunSnapshot` to one SVG of A3 proportions.

Each module draws one block into the `PageBox` it is given; `poster_page` shares the page out among them. Lengths are
tenths of a millimetre on A3. Whatever came from a model, a file or a person goes through `typography.draw_text`, which
escapes it.
"""
