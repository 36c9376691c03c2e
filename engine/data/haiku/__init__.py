"""The built-in corpus of haiku: its grammar and the word lists it is made from."""
