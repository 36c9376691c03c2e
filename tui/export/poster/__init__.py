"""A run as a poster: pure functions from a `RunSnapshot` to an A3 SVG. Lengths are tenths of a millimetre.

Each module draws one block into a `PageBox`; `poster_page` lays them out. All text goes through
`typography.draw_text`, which escapes it.
"""
