"""A run, or several, as one HTML file that needs nothing else: no network, no font, no library.

Choices:

- The page is complete without its script, which only adds the values under the pointer and zooming.
- Those values are computed from the drawn curves: no number is in the file twice.
- Nothing that came from a model, a file or a person reaches the page except through `markup.html_text` and escaped
  attributes, and the security policy of the page allows no script but ours, by its hash.
"""
