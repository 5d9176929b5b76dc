"""Colours of all pages and charts by name, in light and dark.

``evenhours.css`` holds the same values as variables (a test compares them). Light colours are all different, so that a
colour in a drawing identifies its name. Teal is work as agreed, slate is work beyond it, amber is part of a notice.
"""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1c2b31",
    "quiet": "#55646c",
    "rule": "#e2e7e8",
    "blank": "#f2f5f4",
    "band": "#e6f0ef",
    "teal-1": "#d0e4e6",
    "teal-2": "#9cc4c7",
    "teal-3": "#4e8c91",
    "teal-4": "#28696f",
    "slate-1": "#dbe0ea",
    "slate-2": "#b0bacb",
    "slate-3": "#78869d",
    "slate-4": "#46546b",
    "amber-1": "#f6dfc4",
    "amber-2": "#eab880",
    "amber-3": "#d48839",
    "amber-4": "#a3540a",
}

DARK = {
    "paper": "#12191c",
    "ink": "#edf2f2",
    "quiet": "#a2b0b5",
    "rule": "#2b363a",
    "blank": "#1a2326",
    "band": "#1e3033",
    "teal-1": "#23464a",
    "teal-2": "#35757a",
    "teal-3": "#57a3a8",
    "teal-4": "#7dced3",
    "slate-1": "#2c3644",
    "slate-2": "#4a5a70",
    "slate-3": "#8191a8",
    "slate-4": "#bcc8da",
    "amber-1": "#4b3017",
    "amber-2": "#8a5a26",
    "amber-3": "#cc8a3c",
    "amber-4": "#f3a857",
}

TEXT = ("ink", "quiet", "teal-4", "slate-4", "amber-4")
"""Colours for text."""

GROUNDS = ("paper", "band", "blank")
"""Colours that text may stand on."""


def colour_name(colour: str) -> str:
    """Return the name of a light colour."""
    return next(name for name, value in LIGHT.items() if value == colour.lower())


def luminance(colour: str) -> float:
    """Return the relative luminance of a #rrggbb colour, 0 to 1 (WCAG 2.2)."""
    channels = (int(colour[position : position + 2], 16) / 255 for position in (1, 3, 5))
    # The sRGB transfer curve of WCAG 2.2.
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: str, ground: str) -> float:
    """Return the contrast ratio of two #rrggbb colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(colour), luminance(ground)))
    return (lighter + 0.05) / (darker + 0.05)
