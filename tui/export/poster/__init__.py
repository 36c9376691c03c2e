"""A run as a picture to hang on a wall: pure functions from a `Moment` to one SVG of A3 proportions.

`facts` says what is true of the run, `choice` which sample to show, `curve`, `verse`, `letters`, `figures` and
`receipt` draw one block each into the box they are given, and `sheet` shares the paper out among them. Lengths are
tenths of a millimetre on A3; whoever prints it smaller loses nothing. Whatever came from a model, a file or a person
goes through `markup.text`, which shows it and never obeys it.
"""
