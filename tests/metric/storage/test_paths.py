"""`~` is the home folder wherever a path may stand, and paths that exist become absolute."""

from __future__ import annotations

import pytest

from metric.spec import split_spec
from metric.storage.atomic_files import write
from metric.storage.paths import absolute, absolute_options, expanded


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").touch()
    return str(tmp_path)


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("~/a.csv", "HOME/a.csv"),
        ("--out=~/run", "--out=HOME/run"),
        ("--out=~", "--out=HOME"),
        ("csv:file=~/a.csv,images=~/p", "csv:file=HOME/a.csv,images=HOME/p"),
        ("cider,pac_spp:checkpoint=~/m", "cider,pac_spp:checkpoint=HOME/m"),
        ("runs/a~", "runs/a~"),
        ("a photo of ~ 3 dogs", "a photo of ~ 3 dogs"),
        ("1~2/3", "1~2/3"),
    ],
)
def test_home_folder_stands_for_a_tilde(home, typed, meant):
    assert expanded(typed) == meant.replace("HOME", home)


def test_values_of_options_are_expanded(home):
    assert split_spec("pacspp:checkpoint=~/m,w=2") == ("pacspp", {"checkpoint": f"{home}/m", "w": "2"})


def test_paths_that_exist_become_absolute_and_names_stay(home):
    assert absolute("a.csv") == absolute("~/a.csv") == f"{home}/a.csv"
    assert absolute("a-{000..131}.tar") == f"{home}/a-{{000..131}}.tar"
    for name in ("", "org/name", "ViT-B-32:openai", "pipe:cat a.csv", "https://a.csv", "nowhere/*.tar"):
        assert absolute(name) == name
    assert (
        absolute_options("csv:file=a.csv,image=a.csv,images=none") == f"csv:file={home}/a.csv,image=a.csv,images=none"
    )


def test_name_as_long_as_can_be_is_written(tmp_path):
    for name in ("x" * 255, "é" * 127):
        write(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"
