"""The lines of a text, by the ends that files have."""

from __future__ import annotations

import re


def text_lines(text: str) -> list[str]:
    """The lines of a text without their ends: a line feed, a carriage return, or both.

    Captions from the web hold other separators of Unicode, at which `str.splitlines` would cut a caption in two.

    >>> text_lines("a dog\u2028on the beach\\na cat\\r\\n")
    ['a dog\\u2028on the beach', 'a cat']
    """
    lines = re.split(r"\r\n|\r|\n", text)
    return lines if lines[-1] else lines[:-1]
