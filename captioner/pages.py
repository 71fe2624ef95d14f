"""Fills the templates in captioner/templates, HTML escaped and Markdown not; holds the colours that plots share."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# of runs and metrics, in the order in which they are given
COLOURS = (
    "#3b82c4",
    "#d9782d",
    "#2f9e77",
    "#b565a7",
    "#c94f4f",
    "#8a7a3a",
    "#5b6abf",
)
PAGES = Environment(
    loader=PackageLoader("captioner"),
    autoescape=lambda name: (name or "").endswith(".html.j2"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: Any) -> str:
    return PAGES.get_template(template).render(**values)
