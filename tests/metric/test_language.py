"""Captions that are not English are told where a tool is made for English, and Chinese is counted by character."""

from __future__ import annotations

from pathlib import Path

import pytest

from metric.evaluation import evaluate
from metric.example import Example
from metric.language import by_character, foreign, language_fact
from metric.scores.bleu_rouge import bleu_of, hits
from metric.scores.ptb_tokenizer import tokenize

ENGLISH = ["a dog runs on the grass", "two boats near a pier", "red ball", "people walking down a street"]


@pytest.mark.parametrize(
    "caption",
    [
        "一只狗在草地上跑",
        "ein Hund rennt über die Wiese",
        "un chien court dans l'herbe verte",
        "собака бежит по траве",
        "كلب يجري على العشب",
    ],
)
def test_other_languages_are_found(caption):
    assert foreign(caption)


def test_english_is_not_taken_for_another_language():
    assert not any(map(foreign, ENGLISH))
    assert language_fact(ENGLISH, ["spice", "cider"], ["spice", "cider"]) == ""


def test_fact_counts_and_names_the_scores_and_is_silent_for_scores_of_any_language():
    german = ["ein Hund rennt über die Wiese", "zwei Boote liegen am Ufer"]
    expected = "captions: 2 of 2 seem not to be English, for which spice are made"
    assert language_fact(german, ["spice", "length"], ["spice", "length"]) == expected
    assert language_fact(german, ["spice"], []) == ""  # the score was told the language
    assert language_fact(german, ["length", "clip_s"], ["length", "clip_s"]) == ""


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("一只狗，在草地上跑。", "一 只 狗 在 草 地 上 跑"),
        ("犬が「ボール」で遊んでいる", "犬 が ボ ー ル で 遊 ん で い る"),
        ("一个人在玩 skateboard", "一 个 人 在 玩 skateboard"),
        ("一只 狗 在 草地 上 跑", "一只 狗 在 草地 上 跑"),  # cut into words already
        ("a man holds a sign 停", "a man holds a sign 停"),
        ("개가 잔디 위를 달린다", "개가 잔디 위를 달린다"),  # Korean has spaces
    ],
)
def test_chinese_and_japanese_without_spaces_are_counted_by_character(caption, tokens):
    assert " ".join(tokenize(caption)) == tokens
    assert tokenize(" ".join(tokenize(caption))) == tokenize(caption)


def test_scores_of_chinese_are_those_of_its_characters_with_spaces_and_the_fact_says_so():
    captions = {"1": "一只狗在草地上跑", "2": "两个人在海边走"}
    references = {"1": ("一只狗在草地上玩",), "2": ("两个人走在海边", "两个人散步")}

    def scores(spaced: bool):
        write = " ".join if spaced else "".join
        examples = [Example(id, Path(id), tuple(map(write, texts))) for id, texts in references.items()]
        return evaluate({id: write(text) for id, text in captions.items()}, examples, ["classic", "rep_1"])

    found, expected = scores(spaced=False), scores(spaced=True)
    assert found.corpus == expected.corpus and found.corpus["cider"] > 1
    seven = hits(list("一只狗在草地上跑"), [list("一只狗在草地上玩")])
    assert found.per_caption["bleu_1"]["1"] == pytest.approx(bleu_of(seven)[0]) == pytest.approx(7 / 8)
    assert found.facts["language"] == "captions: 2 of 2 are counted by character, as Chinese or Japanese without spaces"
    assert "language" not in expected.facts


def test_captions_of_languages_without_spaces_are_told():
    said = language_fact(["สุนัขวิ่งบนหญ้า"], ["cider"], ["cider"])
    assert said == "captions: 1 of 1 have no spaces between words, where cider expect them; set spaces between words"
    assert by_character("สุนัขวิ่งบนหญ้า") == "สุนัขวิ่งบนหญ้า"
