"""Whether a caption breaks a rule of grammar, asked of LanguageTool or of Harper.

Rules that would count every caption, whatever its grammar, are off: casing, spelling, spacing, final
punctuation, style. LanguageTool is the reference. Harper needs no Java but misses much, so `Checker.name`
belongs beside every number.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import IO

from metric.names import find

CACHED = 1 << 20  # captions remembered
TOGETHER = 500  # captions in one request: 17 times faster than one each
START_LIMIT = 60.0  # seconds in which LanguageTool's server must answer
OFF = "off: casing, spelling, spacing, final punctuation, style"

LANGUAGETOOL_RULES_OFF = {
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
LANGUAGETOOL_CATEGORIES_OFF = set(
    "CASING TYPOGRAPHY STYLE REDUNDANCY REPETITIONS REPETITIONS_STYLE PROPER_NOUNS AMERICAN_ENGLISH_STYLE "
    "PLAIN_ENGLISH CREATIVE_WRITING TEXT_ANALYSIS WIKIPEDIA GENDER_NEUTRALITY".split()
)
# Compound nouns and split words ("dog trots" to "dogtrots") are spelling too, and wrong on captions.
HARPER_KINDS_OFF = set(
    "Capitalization Spelling Typo WordChoice Punctuation Formatting Style Readability Enhancement Regionalism".split()
)


class Checker:
    """An engine with a memory: each different caption is checked once."""

    def __init__(self, name: str, check: Callable[[list[str]], list[bool]]):
        """`check` says of captions (one line each, not empty) which are incorrect."""
        self.name = name
        self.check = check
        self.known: dict[str, bool] = {}

    def incorrect(self, captions: Sequence[str]) -> list[bool]:
        """Which captions break a rule. An empty one breaks none."""
        lines = [" ".join(caption.split()) for caption in captions]
        if len(self.known) > CACHED:
            self.known.clear()
        new = [line for line in dict.fromkeys(lines) if line and line not in self.known]
        self.known.update(zip(new, self.check(new)))
        return [bool(line) and self.known[line] for line in lines]


def grammar_checker(name: str = "auto") -> Checker:
    """`languagetool`, `harper`, or `auto` for the better one here. Raises ValueError when there is none."""
    engine = find(name, ("auto", *ENGINES), "grammar checker")
    return available_checker() if engine == "auto" else checker_of(engine)


def available_checker() -> Checker:
    """LanguageTool when it can run here, else Harper."""
    missing = {name: absent() for name, (absent, _) in ENGINES.items()}
    for name, reason in missing.items():
        if not reason:
            return checker_of(name)
    reasons = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
    raise ValueError(f"no grammar checker: {reasons}")


@lru_cache
def checker_of(engine: str) -> Checker:
    absent, start = ENGINES[engine]
    if reason := absent():
        raise ValueError(f"the grammar checker {engine} cannot run: {reason}")
    return start()


def harper_absent() -> str:
    """Why Harper cannot run; "" when it can."""
    return "" if find_spec("harper") else "harper-py is not installed; pip install 'captioner[harper]'"


def harper() -> Checker:
    from harper import Language, Linter

    linter = Linter()

    def wrong(caption: str) -> bool:
        # One flaw must not hide another at the same place, hence dedup=False.
        lints = linter.lint(caption, language=Language.PLAINTEXT, dedup=False)
        return any(lint.lint_kind not in HARPER_KINDS_OFF for lint in lints)

    return Checker(f"harper-py {version('harper-py')} ({OFF})", lambda captions: list(map(wrong, captions)))


def languagetool_absent() -> str:
    """Why LanguageTool cannot run; "" when it can."""
    if not find_spec("language_tool_python"):
        return "language-tool-python is not installed; pip install 'captioner[languagetool]'"
    if not shutil.which("java"):
        return "java is not on the PATH; LanguageTool needs Java 17"
    if not languagetool_folder():
        return f"no LanguageTool-* in {languagetool_home()}; set LTP_PATH to the folder that holds one"
    return ""


def languagetool_home() -> Path:
    """Where language_tool_python looks, and downloads to."""
    return Path(os.environ.get("LTP_PATH") or Path.home() / ".cache" / "language_tool_python").absolute()


def languagetool_folder() -> Path | None:
    """The newest copy."""
    jars = languagetool_home().glob("LanguageTool-*/languagetool-server.jar")
    return max((jar.parent for jar in jars), key=lambda folder: numbers(folder.name), default=None)


def numbers(name: str) -> list[int]:
    """`LanguageTool-6.10` -> `[6, 10]`."""
    return [int(part) for part in name.rpartition("-")[2].split(".") if part.isdigit()]


def languagetool() -> Checker:
    from language_tool_python import LanguageTool
    from language_tool_python.exceptions import LanguageToolError

    folder = languagetool_folder()
    assert folder, "languagetool_absent() was asked before"
    url, said = start_server(folder)
    tool = LanguageTool("en-US", remote_server=url)
    tool.disabled_rules, tool.disabled_categories = LANGUAGETOOL_RULES_OFF, LANGUAGETOOL_CATEGORIES_OFF

    def offsets(text: str) -> list[int]:
        try:
            return [match.offset for match in tool.check(text)]
        except LanguageToolError as error:
            raise ValueError(f"LanguageTool stopped: {error}; Java said: {last_words(said)}") from error

    name = f"LanguageTool {folder.name.rpartition('-')[2]} ({OFF})"
    return Checker(name, lambda captions: check_together(captions, offsets))


def check_together(captions: list[str], offsets: Callable[[str], list[int]]) -> list[bool]:
    """Many captions as the paragraphs of one text; a match belongs to the paragraph that it starts in."""
    wrong = [False] * len(captions)
    for first in range(0, len(captions), TOGETHER):
        part = captions[first : first + TOGETHER]
        starts = list(accumulate((len(caption) + 2 for caption in part), initial=0))
        for offset in offsets("\n\n".join(part)):
            wrong[first + bisect_right(starts, offset) - 1] = True
    return wrong


def start_server(folder: Path) -> tuple[str, IO[bytes]]:
    """Address of a LanguageTool server of our own, and the file its Java writes to.

    language_tool_python would start it too, but tries 900 ports in silence when Java itself is what fails.
    """
    port, said = free_port(), tempfile.TemporaryFile()  # noqa: SIM115  # the server's as long as it lives
    jar = str(folder / "languagetool-server.jar")
    command = ["java", "-cp", jar, "org.languagetool.server.HTTPServer", "--port", str(port)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
    atexit.register(stop, server, said)
    url = f"http://localhost:{port}"
    deadline = time.monotonic() + START_LIMIT
    while not answers(f"{url}/v2/healthcheck"):
        if server.poll() is not None or time.monotonic() > deadline:
            server.terminate()
            raise ValueError(f"LanguageTool did not start; Java said: {last_words(said)}")
        time.sleep(0.2)
    return url, said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:  # refused until it listens; URLError and time-outs are OSErrors
        return False


def stop(server: subprocess.Popen, said: IO[bytes]) -> None:
    server.terminate()
    server.wait()
    said.close()


def last_words(said: IO[bytes]) -> str:
    """The last lines of what Java wrote."""
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    return " | ".join(line.strip() for line in lines if line.strip())[-1000:] or "nothing"


ENGINES: dict[str, tuple[Callable[[], str], Callable[[], Checker]]] = {
    "languagetool": (languagetool_absent, languagetool),
    "harper": (harper_absent, harper),
}
