"""The colours of pages and pictures, in a light and a dark scheme, as CSS variables.

Plots are drawn once, with a stand-in for each colour, and the stand-ins are replaced by the variables: so one picture
follows the reader's scheme.
"""

from __future__ import annotations

LIGHT = {
    "ink": "#1d2330",
    "muted": "#5a6475",
    "grid": "#d8dde6",
    "surface": "#ffffff",
    "page": "#f5f6f9",
    "good": "#1a7f4b",
    "bad": "#b42335",
    "series-0": "#1f6fb4",
    "series-1": "#b35300",
    "series-2": "#1a7f4b",
    "series-3": "#7b4fb5",
    "series-4": "#b42335",
    "series-5": "#0a7580",
    "series-6": "#a83a80",
    "series-7": "#6d660b",
}
"""Every colour has a contrast of at least 4.5 on `surface` (WCAG 2.1, level AA for text); `grid` is no text."""

DARK = {
    "ink": "#e7eaf0",
    "muted": "#a3adbd",
    "grid": "#3a4252",
    "surface": "#1b202a",
    "page": "#12161d",
    "good": "#5fcf95",
    "bad": "#ff7d86",
    "series-0": "#6fb3f2",
    "series-1": "#ffa45c",
    "series-2": "#5fcf95",
    "series-3": "#b99bf0",
    "series-4": "#ff7d86",
    "series-5": "#4fd0d8",
    "series-6": "#f08cc8",
    "series-7": "#cfc65a",
}
"""The same names on a dark surface."""

SERIES_COLOURS = sum(name.startswith("series-") for name in LIGHT)
"""After so many series colours come again, with other marks and dashes."""

STAND_INS = {name: f"#fe{number:02x}ef" for number, name in enumerate(LIGHT)}
"""A colour of its own for each name, which matplotlib draws with; no colour of any scheme is like it."""


def variables() -> str:
    """CSS that sets every colour for the reader's scheme."""
    return (
        f":root {{ color-scheme: light dark; {_declared(LIGHT)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_declared(DARK)} }} }}"
    )


def with_variables(svg: str) -> str:
    """A picture with every stand-in replaced by its variable."""
    for name, stand_in in STAND_INS.items():
        svg = svg.replace(stand_in, f"var(--{name})")
    return svg


def _declared(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())
