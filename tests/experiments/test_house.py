"""The measures of a tree: counted by hand on a tree of six modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import house

TREE = {
    "metric/__init__.py": "",
    "metric/spec.py": "from metric import clip\n",  # against the rule, and half a circle
    "metric/clip/__init__.py": "'''CLIPs.'''\n",
    "metric/clip/load.py": "import metric.spec\nimport metric.example\n",
    "metric/example.py": "",
    "rewards/spec.py": "from metric.spec import Spec\n",
    "captioner/config.py": "a = 1\n\nb = 2\n",
    "captioner/loose.py": "import captioner.config\n",
    "README.md": "# Five words\n\nin four lines\n",
}


@pytest.fixture
def tree(tmp_path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_tree_is_measured(tree):
    assert house.measured(tree) == {
        "metric: rooms": "3",  # spec, clip, example; the front door is empty
        "metric: arrows between rooms": "3",
        "metric: arrows that run up": "1",  # spec -> clip
        "metric: modules in the fullest folder": "2 (metric)",
        "rewards: rooms": "1",
        "rewards: arrows between rooms": "0",
        "rewards: arrows that run up": "0",
        "rewards: modules in the fullest folder": "1 (rewards)",
        "captioner: rooms": "2",
        "captioner: arrows between rooms": "1",
        "captioner: arrows that run up": "0 (by circles)",  # `loose` has no rule
        "captioner: modules in the fullest folder": "2 (captioner)",
        "module names used more than once": "spec 2",
        "modules": "6",
        "lines of the longest module": "3 (captioner/config.py)",
        "lines of README.md": "3",
        "words of README.md": "6",
    }


def test_trees_stand_side_by_side_and_names_below(tree, capsys):
    (tree / "metric" / "loose.py").touch()  # no room of the rules: metric's arrows are then judged by circles
    assert house.main([str(tree), str(tree / "..") + f"/{tree.name}"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "| metric: arrows that run up | 1 (by circles) | 1 (by circles) |" in said
    assert "| module names used more than once | 2 | 2 |" in said and f"- {tree}: loose 2, spec 2" in said


@pytest.mark.parametrize("words", [["{tmp}"], ["--git", "no-such-commit"]])
def test_what_is_no_tree_is_refused_in_one_line(words, tmp_path, capsys):
    assert house.main([word.format(tmp=tmp_path) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("house.py: ") and said.count("\n") == 1
