"""LanguageTool, the reference checker, through language-tool-python and a server of our own.

language-tool-python starts a server too, but it tries 900 ports in silence when Java itself fails. LanguageTool lies in
the folder that language-tool-python documents: LTP_PATH, which holds `LanguageTool-<version>`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.request
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from metric.programs.server import Server, free_port
from metric.scores.grammar.checker import ENGLISH, Checker

if TYPE_CHECKING:
    from language_tool_python import LanguageTool

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
    newest = folder()
    assert newest, "absent() was asked before"
    server, url = start_server(newest)
    try:
        code = code_of(language, languages(url), newest)
        offsets = partial(offsets_of, client(code, url), server)
        try_out(offsets, code, newest)
    except ValueError:
        server.stop()
        raise
    name = f"LanguageTool {newest.name.rpartition('-')[2]}" + (f" for {code}" if code != ENGLISH else "")
    return Checker(name, RULES_OFF | CATEGORIES_OFF, lambda captions: check_together(captions, offsets))


def languages(url: str) -> list[str]:
    """The codes of the languages that the server at `url` has, such as de and de-DE."""
    with urllib.request.urlopen(f"{url}/v2/languages") as answer:
        rows = json.load(answer)
    return sorted({row[key] for row in rows for key in ("code", "longCode")})


def code_of(language: str, codes: list[str], where: Path) -> str:
    """The code among `codes` that `language` means, in any case. Raises ValueError that names the codes.

    A code that is not there is no other: de-XX is not de, and auto would guess by all captions of a request.
    """
    by_form = {code.lower(): code for code in codes}
    code = by_form.get(language.lower().replace("_", "-"))
    if code is None:
        raise ValueError(
            f"LanguageTool in {where} does not know the language {language}; it knows {', '.join(codes)}; type one of "
            "them, or set LTP_PATH to the folder of a LanguageTool with more languages"
        )
    return code


def try_out(offsets: Callable[[str], list[int]], language: str, where: Path) -> None:
    """Check a word in another language than en-US. Raises ValueError where LanguageTool names it and lacks its data."""
    if language != ENGLISH:
        try:
            offsets("frisbie")
        except ValueError as error:
            reason = str(error).partition("; Java said")[0]
            raise ValueError(
                f"LanguageTool in {where} names the language {language} and cannot check it; set LTP_PATH to the "
                f"folder of a whole LanguageTool: {reason}"
            ) from None


def client(language: str, url: str) -> LanguageTool:
    """The client of the server at `url`, with the rules and categories off."""
    from language_tool_python import LanguageTool

    tool = LanguageTool(language, remote_server=url)
    tool.disabled_rules, tool.disabled_categories = RULES_OFF, CATEGORIES_OFF
    return tool


def offsets_of(tool: LanguageTool, server: Server, text: str) -> list[int]:
    """The starts of the faults in a text; spelling is none. Raises ValueError with Java's words if Java stopped."""
    from language_tool_python.exceptions import LanguageToolError

    try:
        matches = tool.check(text)
    except LanguageToolError as error:
        raise ValueError(f"LanguageTool stopped: {error}; Java said: {server.last_words()}") from error
    return [match.offset for match in matches if not is_spelling(match.rule_id, str(tool.language))]


def is_spelling(rule: str, language: str) -> bool:
    """Whether a rule of a language other than en-US, whose rule of spelling is off by name, is about spelling."""
    return language != ENGLISH and bool(SPELLING.search(rule))


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
