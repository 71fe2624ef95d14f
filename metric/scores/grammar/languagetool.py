"""LanguageTool, the reference checker, through language-tool-python and a server of our own.

language-tool-python starts a server too, but it tries 900 ports in silence when Java itself fails. LanguageTool lies in
the folder that language-tool-python documents: LTP_PATH, which holds `LanguageTool-<version>`.
"""

from __future__ import annotations

import os
import re
import shutil
from bisect import bisect_right
from collections.abc import Callable
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

from metric.programs.server import Server, free_port
from metric.scores.grammar.checker import ENGLISH, Checker

RULES_OFF = {
    "UPPERCASE_SENTENCE_START",
    "COMMA_PARENTHESIS_WHITESPACE",
    "EN_SPECIFIC_CASE",
    "I_LOWERCASE",
    "MORFOLOGIK_RULE_EN_US",
    "PUNCTUATION_PARAGRAPH_END",
    "PUNCTUATION_PARAGRAPH_END2",
    # These look at the neighbouring captions of the request:
    "ENGLISH_WORD_REPEAT_BEGINNING_RULE",
    "EN_WORD_COHERENCY",
    "EN_UNPAIRED_BRACKETS",
    "EN_UNPAIRED_QUOTES",
}
SPELLING = re.compile("MORFOLOGIK|HUNSPELL|SPELL")  # in the names of the rules of other languages
CATEGORIES_OFF = set(
    "CASING TYPOGRAPHY STYLE REDUNDANCY REPETITIONS REPETITIONS_STYLE PROPER_NOUNS AMERICAN_ENGLISH_STYLE "
    "PLAIN_ENGLISH CREATIVE_WRITING TEXT_ANALYSIS WIKIPEDIA GENDER_NEUTRALITY".split()
)


def absent() -> str:
    """The reason why LanguageTool cannot run, "" when it can."""
    if not find_spec("language_tool_python"):
        return "language-tool-python is not installed; pip install 'captioner[languagetool]'"
    if not shutil.which("java"):
        return "java is not on the PATH; LanguageTool needs Java 17"
    if not folder():
        return f"no LanguageTool-* in {home()}; set LTP_PATH to the folder that holds one"
    return ""


def home() -> Path:
    """The folder in which language_tool_python looks for LanguageTool, and to which it downloads."""
    return Path(os.environ.get("LTP_PATH") or Path.home() / ".cache" / "language_tool_python").absolute()


def folder() -> Path | None:
    """The folder of the newest LanguageTool in `home()`; None without any."""
    jars = home().glob("LanguageTool-*/languagetool-server.jar")
    return max((jar.parent for jar in jars), key=lambda folder: numbers(folder.name), default=None)


def numbers(name: str) -> list[int]:
    """`LanguageTool-6.10` -> `[6, 10]`."""
    return [int(part) for part in name.rpartition("-")[2].split(".") if part.isdigit()]


def start(language: str = ENGLISH) -> Checker:
    """The checker of a language, in a server of its own. Raises ValueError for a language that LanguageTool lacks."""
    from language_tool_python import LanguageTool
    from language_tool_python.exceptions import LanguageToolError

    newest = folder()
    assert newest, "absent() was asked before"
    server, url = start_server(newest)
    try:
        tool = LanguageTool(language, remote_server=url)
    except ValueError as error:  # it has asked the server for its languages
        server.stop()
        raise ValueError(
            f"LanguageTool does not know the language {language}; type a code such as de-DE: {error}"
        ) from None
    tool.disabled_rules, tool.disabled_categories = RULES_OFF, CATEGORIES_OFF

    def off(rule: str) -> bool:
        return language != ENGLISH and bool(SPELLING.search(rule))

    def offsets(text: str) -> list[int]:
        try:
            return [match.offset for match in tool.check(text) if not off(match.rule_id)]
        except LanguageToolError as error:
            raise ValueError(f"LanguageTool stopped: {error}; Java said: {server.last_words()}") from error

    name = f"LanguageTool {newest.name.rpartition('-')[2]}" + (f" for {language}" if language != ENGLISH else "")
    return Checker(name, RULES_OFF | CATEGORIES_OFF, lambda captions: check_together(captions, offsets))


def start_server(folder: Path) -> tuple[Server, str]:
    """A server that answers, and its address. Raises ValueError when Java stops or the server does not answer."""
    port = free_port()
    jar = str(folder / "languagetool-server.jar")
    server = Server(["java", "-cp", jar, "org.languagetool.server.HTTPServer", "--port", str(port)])
    url = f"http://localhost:{port}"
    try:
        server.wait_for(f"{url}/v2/healthcheck")
    except ValueError as error:
        raise ValueError(f"LanguageTool {error}") from None
    return server, url


def check_together(captions: list[str], offsets: Callable[[str], list[int]]) -> list[bool]:
    """For each caption whether it is incorrect. All are paragraphs of one text, 17 times as fast as one by one.

    A match belongs to the paragraph in which it starts. `offsets` gives the starts of all matches in a text.
    """
    starts = list(accumulate((len(caption) + 2 for caption in captions), initial=0))
    wrong = {bisect_right(starts, offset) - 1 for offset in offsets("\n\n".join(captions))}
    return [index in wrong for index in range(len(captions))]
