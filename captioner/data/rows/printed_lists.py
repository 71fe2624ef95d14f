"""Lists of strings as Python and numpy print them, which tables of pandas hold in place of lists."""

from __future__ import annotations

import ast
import re
import warnings
from io import StringIO
from tokenize import NAME, STRING, TokenError, TokenInfo, generate_tokens

LIST = re.compile(r"""\s*(?:array\(\s*)?\[\s*(?:['"]|(?:None|nan)\s*[,\]])""")  # [' or array(["
MAYBE = re.compile(r"""\s*[({]\s*['"]""")  # a tuple or a set, or a caption in brackets
ARRAY = re.compile(r"\s*array\((.*?)(?:,\s*dtype=[^()]*)?\)\s*", re.DOTALL)  # numpy's repr
SIGNS = frozenset("[](){},")


def strings(text: str, place: str) -> tuple[str, ...] | None:
    """The strings of a printed list; None for other text.

    >>> strings("['a dog' 'a brown dog']", "here")
    ('a dog', 'a brown dog')

    Raises ValueError for a list that is not whole, such as a long one that numpy shortens with `...`.
    """
    if not (LIST.match(text) or is_tuple(text)):
        return None
    array = ARRAY.fullmatch(text)
    found = literals(array[1] if array else text)
    if found is None and LIST.match(text):
        raise ValueError(f"{place}: the list of captions is not whole, got {text[:80]!r}; expected ['...', '...']")
    return found


def is_tuple(text: str) -> bool:
    """Whether a text is a printed tuple or set, and not a caption in brackets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in a caption
        try:
            return bool(MAYBE.match(text)) and isinstance(ast.literal_eval(text.strip()), (tuple, set))
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return False


def literals(text: str) -> tuple[str, ...] | None:
    """The string literals of a text that has nothing else than brackets and commas; None for other text.

    Python would join neighbouring strings. numpy separates the strings of an array by spaces alone.
    """
    try:
        values = [literal(token) for token in generate_tokens(StringIO(text.strip()).readline) if meant(token)]
    except (TokenError, SyntaxError, ValueError):
        return None
    return tuple(value for value in values if isinstance(value, str)) if all(map(is_text, values)) else None


def meant(token: TokenInfo) -> bool:
    return bool(token.string.strip()) and token.string not in SIGNS


def literal(token: TokenInfo) -> object:
    """The string of a token, "" for None and nan, and None for anything else."""
    if token.type == NAME and token.string in ("None", "nan"):
        return ""
    if token.type != STRING:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in a caption
        return ast.literal_eval(token.string)


def is_text(value: object) -> bool:
    return isinstance(value, str)
