"""Pages from the templates in captioner/templates, and the colours of plots. Values in HTML pages are escaped."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# colours of runs and metrics, in the order of the command line
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
    """The text of a template with `values` in place of its variables. An absent value is an error of Jinja."""
    return PAGES.get_template(template).render(**values)
