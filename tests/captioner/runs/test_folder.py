"""What is read from a run folder, and what is said of one that lacks it."""

from __future__ import annotations

import json

import pytest

from captioner.config import Run, as_json
from captioner.runs.folder import RunFolder

RUN = Run(rewards=("cider", "pacspp:checkpoint=tuned,weight=0.5"), seed=3)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    """A run that was trained and evaluated on its test split."""
    found = RunFolder(tmp_path)
    found.config_file.write_text(json.dumps({**as_json(RUN), "signature": "1*cider", "commit": "abc1234"}))
    found.metrics_file.write_text('{"step": 1}\n{"step": 2}\n')
    found.captions_file("test").write_text('{"id": "1", "caption": "a cat"}\n')
    found.scores_file("test").write_text('{"corpus": {"cider": 1.0}}')
    return found


def test_every_file_is_read_as_it_was_written(folder):
    assert folder.run == RUN and folder.signature == "1*cider" and folder.config["commit"] == "abc1234"
    assert folder.metrics == [{"step": 1}, {"step": 2}]
    assert folder.captions("test") == {"1": "a cat"} and folder.scores("test") == {"corpus": {"cider": 1.0}}
    assert folder.score_files() == [folder.path / "scores-test.json"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", None, "is not a run: it has no config.json; `captioner train --out .*` makes one"),
        ("config.json", '{"seed"\n', "config.json line 2 is not JSON"),
        ("config.json", "[]", "its config.json is of something else"),
        ("config.json", '{"model_type": "captioner"}', "its config.json is of something else"),
        ("metrics.jsonl", None, "is not a run: it has no metrics.jsonl"),
        ("metrics.jsonl", '{"step": 1}\n{"st', "metrics.jsonl line 2 is not JSON"),
        ("captions-test.jsonl", None, "has no captions-test.jsonl; type `captioner evaluate .* --split test`"),
        ("scores-test.json", None, "has no scores-test.json; type `captioner evaluate .* --split test`"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(folder, file, content, message):
    place = folder.path / file
    place.unlink() if content is None else place.write_text(content)
    with pytest.raises(ValueError, match=message) as refusal:
        assert folder.run and folder.metrics and folder.captions("test") and folder.scores("test")
    assert "\n" not in str(refusal.value)


def test_the_scoring_checkpoint_is_the_typed_one_or_that_of_a_reward():
    assert RUN.pac_checkpoint == "tuned"
    assert Run(rewards=RUN.rewards, pac="typed").pac_checkpoint == "typed"
    assert Run(rewards=("cider",)).pac_checkpoint == ""
