"""Our two themes: ink and pastel for the night, paper for the day. The themes Textual ships are in the palette."""

from __future__ import annotations

from textual.theme import Theme

DARK_THEME = Theme(
    name="babytrain-dark",
    primary="#7cc7ff",
    secondary="#c4a7ff",
    accent="#ff9ecf",
    warning="#ffcb6b",
    error="#ff7a85",
    success="#86e3a5",
    foreground="#dfe3ee",
    background="#10121a",
    surface="#161926",
    panel="#20263a",
    dark=True,
    variables={
        "block-cursor-background": "#7cc7ff",
        "block-cursor-foreground": "#10121a",
        "block-cursor-blurred-background": "#2b3350",
        "footer-background": "#161926",
        "footer-key-foreground": "#7cc7ff",
        "footer-description-foreground": "#a5adc2",
        "border": "#343c58",
        "border-blurred": "#2b3350",
        "scrollbar": "#343c58",
        "scrollbar-background": "#10121a",
        "scrollbar-corner-color": "#10121a",
    },
)
LIGHT_THEME = Theme(
    name="babytrain-light",
    primary="#1663a8",
    secondary="#6b46b8",
    accent="#b02a72",
    warning="#8a5300",
    error="#b3202f",
    success="#1f6e36",
    foreground="#29242f",
    background="#fbf8f2",
    surface="#f4efe5",
    panel="#e8e1d3",
    dark=False,
    variables={
        "block-cursor-background": "#1663a8",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#d6e3ef",
        "footer-background": "#f0eadd",
        "footer-key-foreground": "#1663a8",
        "footer-description-foreground": "#5d5666",
        "border": "#cfc6b4",
        "border-blurred": "#ddd5c5",
        "scrollbar": "#cfc6b4",
        "scrollbar-background": "#fbf8f2",
        "scrollbar-corner-color": "#fbf8f2",
    },
)
