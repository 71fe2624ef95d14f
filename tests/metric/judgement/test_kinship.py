from __future__ import annotations

from metric.example import Example
from metric.judgement.audit import as_markdown, audit, with_kinship
from metric.judgement.corruptions import CORRUPTIONS
from metric.judgement.kinship import KINSHIP, RELATED, TRAINED, UNSEEN, kinship
from metric.negatives.drawing import KINDS
from metric.negatives.words import FUNCTION
from metric.scenes.language import references
from metric.scenes.world import sample

EXAMPLES = [Example(str(n), sample("val", n), references(sample("val", n))) for n in range(5)]


def lengths(examples, captions):
    return {"plain": [float(len(caption)) for caption in captions], "hard": [0.0] * len(captions)}


def test_each_corruption_names_kinds_of_negatives_that_exist():
    assert list(KINSHIP) == list(CORRUPTIONS)
    assert {kind for same, near in KINSHIP.values() for kind in (*same, *near)} <= KINDS.keys()


def test_three_corruptions_and_more_have_no_counterpart_among_all_kinds():
    assert sum(kinship(corruption, KINDS) == UNSEEN for corruption in CORRUPTIONS) >= 3


def test_a_metric_that_met_the_fault_a_relative_or_neither_is_told_apart():
    assert kinship("shuffled order", ["shuffle"]) == TRAINED
    assert kinship("shuffled order", ["swap"]) == RELATED
    assert kinship("shuffled order", ["thing"]) == UNSEEN
    assert kinship("shuffled order", []) == ""


def test_the_table_says_what_a_metric_with_negatives_has_met_and_nothing_of_others():
    plain = audit(EXAMPLES, [lengths])
    assert "in training of" not in as_markdown(plain)
    table = as_markdown(with_kinship(plain, {"hard": ["shuffle"]}))
    assert "| plain | hard | in training of hard |" in table
    assert next(line for line in table.splitlines() if "shuffled order" in line).endswith("| trained |")
    assert next(line for line in table.splitlines() if "padding" in line).endswith("| unseen |")


def test_words_of_the_audit_that_no_training_met_are_not_those_of_the_rules():
    from metric.judgement.corruptions import PADDING, PRAISE

    assert not {word for phrase in PRAISE for word in phrase.split()} & FUNCTION
    assert not set(PADDING) <= FUNCTION
