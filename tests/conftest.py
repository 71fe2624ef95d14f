"""What all tests share: reports as UTF-8, METEOR off by default, and Stanford's tokenizer as a second source."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from pycocoevalcap.tokenizer import ptbtokenizer

from metric.programs.java_program import packaged
from metric.scores.ptb_tokenizer import PUNCTUATIONS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files of this folder, among them the longest, come first, so that no process waits for them at the end."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Generator[None, pytest.TestReport]:
    """The report of a test with halves of characters, as in names that are no UTF-8, written with backslashes.

    A worker process sends its reports as UTF-8, and would end at such a character.
    """
    report = yield
    report.sections = [(title, whole(text)) for title, text in report.sections]
    if report.failed and whole(report.longreprtext) != report.longreprtext:
        report.longrepr = whole(report.longreprtext)
    return report


def whole(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


@pytest.fixture(autouse=True)
def meteor_is_off(monkeypatch):
    """Turns METEOR off. Its Java program starts in many seconds, so only the tests of METEOR start it."""
    monkeypatch.setattr("metric.scores.external_families.meteor_absent", lambda: "no METEOR in this test")


@pytest.fixture
def stanford() -> Callable[..., list[tuple[str, ...]]]:
    """The function from captions to tokens, by the Java program."""
    return by_java


def by_java(captions: list[str], apart: bool = True) -> list[tuple[str, ...]]:
    """The tokens of each caption, by the call of pycocoevalcap without its temporary file.

    `apart` puts a line between captions, so that no caption has an effect on the next.
    """
    assert set(ptbtokenizer.PUNCTUATIONS) == PUNCTUATIONS
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", packaged("tokenizer/stanford-corenlp-3.4.1.jar")]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    text = ("\n;\n" if apart else "\n").join(caption.replace("\n", " ") for caption in captions)
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8")
    lines = ran.stdout.split("\n")[: 2 * len(captions) : 2] if apart else ran.stdout.split("\n")[: len(captions)]
    return [tuple(word for word in line.rstrip().split(" ") if word and word not in PUNCTUATIONS) for line in lines]
