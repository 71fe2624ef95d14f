"""The examples in docstrings give the results that they show."""

import doctest
import importlib

import pytest

from tests.places import ROOT


def modules_with_examples() -> list[str]:
    paths = [path for package in ("metric", "rewards", "captioner") for path in (ROOT / package).rglob("*.py")]
    documented = [
        path.relative_to(ROOT).with_suffix("") for path in paths if ">>> " in path.read_text(encoding="utf-8")
    ]
    return sorted(".".join(path.parts) for path in documented)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_give_what_they_show(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted and not results.failed


def test_many_functions_have_an_example():
    assert len(modules_with_examples()) > 10
