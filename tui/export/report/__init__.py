"""One or several runs as one self-contained HTML file.

The script adds only the values under the pointer, computed from the drawn curves, and zooming. All text goes through
`markup.html_text` and escaped attributes.
"""
