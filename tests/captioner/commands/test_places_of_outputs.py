"""Outputs that cannot be made are refused before any work, and advice repeats what was typed."""

from __future__ import annotations

import pytest

from captioner.cli import main
from captioner.sources.settings import CandidateSettings


@pytest.mark.parametrize(
    "words",
    [
        "data scenes:count=4 --out",
        "compare RUN --out",
        "features scenes:count=4 --out",
        "evaluate x.json --data scenes --out",
        "metric audit --out",
        "metric positives --data scenes --out",
        "metric export --metric RUN --format open_clip --out",
        "metric import x.pth --out",
        "push RUN a/b --to",
    ],
)
def test_a_file_in_place_of_a_folder_is_one_line(words, tmp_path, capsys):
    (tmp_path / "f").write_text("x")
    assert main([*words.split(), str(tmp_path / "f")]) == 2
    flag = words.split()[-1]
    assert capsys.readouterr().err == f"captioner: {tmp_path}/f is a file, expected a folder; give another {flag}\n"


@pytest.mark.parametrize(
    "words", ["score --captions x --out", "caption --from x --out", "metric video --captions x --videos y --out"]
)
def test_a_file_below_a_file_is_one_line(words, tmp_path, capsys):
    (tmp_path / "f").write_text("x")
    assert main([*words.split(), str(tmp_path / "f" / "o.jsonl")]) == 2
    assert capsys.readouterr().err == f"captioner: {tmp_path}/f is a file, expected a folder; give another --out\n"


def test_a_space_in_a_list_is_pointed_out(capsys):
    with pytest.raises(SystemExit):
        main("score --captions x --scores classic, text".split())
    assert "type a list without spaces: classic,text" in capsys.readouterr().err


def test_the_next_command_keeps_what_was_typed(tmp_path, capsys):
    (tmp_path / "c.json").write_text('{"1.png": "a dog", "2.png": "a cat"}')
    (tmp_path / "r.json").write_text('{"1.png": ["a dog"]}')
    by = ["--captions", str(tmp_path / "c.json"), "--references", str(tmp_path / "r.json"), "--scores", "bleu_1"]
    assert main(["score", *by, "--partial", "--out", str(tmp_path / "s.json")]) == 0
    advice = capsys.readouterr().err.splitlines()[-1]
    assert advice.endswith(f"--references {tmp_path}/r.json --scores bleu_1 --partial")


@pytest.mark.parametrize("method", ["sample", "greedy"])
def test_the_method_that_was_typed_is_not_advised(method):
    with pytest.raises(ValueError, match="--n 3 is more than") as refused:
        CandidateSettings(20, method, candidates=2, n=3)
    assert f"type --method {method}" not in str(refused.value)
