"""Templates filled in: HTML with everything escaped, Markdown as it is."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

PAGES = Environment(
    loader=PackageLoader("captioner"),
    autoescape=lambda name: (name or "").endswith(".html.j2"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: Any) -> str:
    return PAGES.get_template(template).render(**values)
