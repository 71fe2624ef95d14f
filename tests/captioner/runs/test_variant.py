"""Evaluations by other settings: their names, their labels, their files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from captioner.config import Decode
from captioner.runs.folder import RunFolder, run_folder
from captioner.runs.variant import Variant, changes, check_name, recorded

GUIDED = Variant({"guidance": 2.0})
BEST = Variant({}, 8, ("clips", "cider:weight=0.2"), ("CLIP-S[w2.5]", "Cider-D"))


def test_a_name_and_a_label_are_made_of_what_differs():
    assert (Variant().name, Variant().label, Variant().signature) == ("", "", "")
    assert (GUIDED.name, GUIDED.label) == ("guidance-2", "guidance 2")
    assert (Variant({}, 8, ("clips",)).name, Variant({}, 8, ("clips",)).label) == (
        "best-of-8-clips",
        "best of 8 by CLIP-S",
    )
    both = Variant({"no_repeat_ngram": 3, "guidance": 1.5}, 2, ("clips",))
    assert both.name == "no-repeat-ngram-3-guidance-1.5-best-of-2-clips"
    assert both.label == "no repeat ngram 3, guidance 1.5, best of 2 by CLIP-S"


def test_the_signature_says_how_the_captions_were_found():
    assert GUIDED.signature == "+evaluate[guidance=2.0]"
    assert BEST.signature == "+evaluate[best_of=8,by=1*CLIP-S[w2.5]+0.2*Cider-D]"


def test_a_score_file_gives_the_variant_back():
    config = {"decode": {"beams": 5, "max_length": 30}}  # of a run before guidance
    assert recorded({}, config) == Variant() == recorded({"decode": {"beams": 5, "max_length": 30}}, config)
    assert recorded({"decode": {"beams": 5, "max_length": 30, "guidance": 2.0}}, config) == GUIDED
    assert recorded(BEST.record(), config) == BEST
    assert changes(Decode(guidance=2.0), Decode(guidance=1.0)) == {"guidance": 1.0}  # plain captions of a guided run


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (({}, 8), "--best-of needs --reward SPEC; `captioner rewards` lists"),
        (({}, 0, ("clips",)), "--reward needs --best-of N"),
        (({"beams": 3}, 8, ("clips",)), "--best-of 8 draws captions without beams, got --beams 3; leave one"),
        (({"length_penalty": 0.5}, 8, ("clips",)), "without beams, got --length-penalty 0.5; leave one"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Variant(*given)


@pytest.mark.parametrize("name", ["a/b", "../a", "a b", "@", "-a"])
def test_a_name_that_files_cannot_carry_is_refused(name):
    with pytest.raises(ValueError, match="--as is a name of letters, digits, points and hyphens, got"):
        check_name(name)


def test_run_at_name_is_an_evaluation_unless_a_folder_has_that_name(tmp_path):
    assert run_folder(tmp_path / "xe@guided") == RunFolder(tmp_path / "xe", "guided")
    assert str(RunFolder(Path("runs/xe"), "guided")) == "runs/xe@guided"
    assert RunFolder(tmp_path / "xe", "guided").scores_file("val") == tmp_path / "xe" / "scores-val@guided.json"
    (tmp_path / "xe@guided").mkdir()
    assert run_folder(tmp_path / "xe@guided") == RunFolder(tmp_path / "xe@guided")


def test_a_missing_evaluation_names_those_that_are_there(tmp_path):
    (tmp_path / "scores-test@guidance-2.json").write_text("{}")
    with pytest.raises(ValueError, match="scores-test@guided.json; its other evaluations are guidance-2; type `capt"):
        RunFolder(tmp_path, "guided").scores("test")
