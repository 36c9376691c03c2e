"""A run, or several, as one HTML file that needs nothing else: no network, no font, no library.

`curves` says which charts there are and what they hold, `chart` draws one as inline SVG, `tables`, `samples` and
`happenings` make the other sections, `document` puts them together with the style sheet and the script. Choices worth
knowing:

- The page is complete without its script, which only adds a reading under the pointer and zooming.
- The numbers a reading shows are taken from the drawn curves: nothing is in the file twice.
- Nothing that came from a model, a file or a person reaches the page except through `hypertext.words` and the escaped
  attributes, and the page's security policy obeys no script but our own, by its hash.
"""
