"""Settings that are warned about, each with a number that is not; and those of the presets and recipes are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from captioner.config import Run, override
from captioner.config_checks import check
from captioner.model.vocabulary import Vocabulary
from captioner.presets import PRESETS, RECIPES, settings_of
from captioner.training.cautions import Unmoved, broken_words, cautions, cut_captions
from metric.example import Example
from metric.runtime.schedule import refuse_warmup
from metric.training.cautions import contrastive, high_rate
from metric.training.config import MetricConfig, PretrainConfig

REWARDED = Run(rewards=("cider",))


def test_defaults_presets_and_recipes_are_not_warned_about() -> None:
    for names in ([], *([name] for name in (*PRESETS, *RECIPES)), *(["small", name] for name in RECIPES)):
        assert cautions(replace(override(Run(), settings_of(names)), rewards=("cider",))) == [], names
    assert contrastive(MetricConfig()) == contrastive(PretrainConfig()) == []


@pytest.mark.parametrize(
    ("changes", "said", "advised"),
    [
        ({"xe.warmup": 0.8}, "--xe.warmup 0.8 spends 80% of the steps", {"xe.warmup": 0.05}),
        ({"rl.warmup": 0.6}, "--rl.warmup 0.6 spends 60%", {"rl.warmup": 0.05}),
        ({"rl.lr": 2.5e-4}, "is near the learning rate of cross-entropy (0.00025)", {"rl.lr": 5e-6}),
        ({"rl.lr": 1e-4}, "is 20 times the usual rate for a model of this size", {"rl.lr": 5e-6}),
        ({**PRESETS["small"], "rl.lr": 1e-3}, "is near the learning rate of cross-entropy (0.001)", {"rl.lr": 1e-4}),
        ({"xe.steps": 0}, "begins with an untrained model", {"xe.steps": 50_000}),
        ({**settings_of(["dico"]), "rl.normalise": "max_length"}, "divides dico's margin", {"rl.normalise": "sum"}),
        ({**settings_of(["dico"]), "rl.mix": "picture"}, "makes reward gaps of about 1", {"rl.tau": 10}),
        ({**PRESETS["small"], "xe.steps": 0}, "begins with an untrained model", {"xe.steps": 1200}),
    ],
)
def test_a_caution_says_the_number_to_use(changes: dict, said: str, advised: dict) -> None:
    run = override(REWARDED, changes)
    (line,) = cautions(run)
    assert said in line
    ((flag, value),) = advised.items()
    assert f"--{flag} {value}" in line or f"--{flag} {value:g}" in line
    assert cautions(override(run, advised)) == []


def test_what_a_run_does_not_do_is_not_warned_about() -> None:
    assert cautions(override(Run(), {"rl.lr": 1.0, "rl.warmup": 0.9})) == []
    assert cautions(replace(REWARDED, init="runs/xe", xe=replace(REWARDED.xe, warmup=0.9))) == []
    assert cautions(replace(REWARDED, init="runs/xe", xe=replace(REWARDED.xe, steps=0))) == []


def test_a_contrastive_batch_with_few_negatives_is_warned_about() -> None:
    (line,) = contrastive(MetricConfig(batch_size=8))
    assert "7 wrong pictures" in line and "--batch-size 256" in line
    assert contrastive(MetricConfig(batch_size=256)) == []
    assert "--warmup 0.9" in contrastive(PretrainConfig(warmup=0.9))[0]


def test_a_warm_up_in_steps_is_refused_with_its_share() -> None:
    with pytest.raises(ValueError, match="for 10000 of 50000 steps type --xe.warmup 0.2$"):
        check(override(Run(), {"xe.warmup": 10_000}))
    with pytest.raises(ValueError, match="longer than the run of 1200; type --warmup 0.05"):
        refuse_warmup("warmup", 10_000, 1200)
    with pytest.raises(ValueError, match="type --warmup 0.05"):
        refuse_warmup("warmup", -0.1, 1200)
    refuse_warmup("warmup", 0.0, 1)


def test_captions_that_are_cut_are_counted_with_the_length_that_would_do():
    vocabulary = Vocabulary.train(["a red ball"], 560)
    (usual, long) = vocabulary.lengths(["a red ball", "a red ball " * 30])
    examples = [Example(str(n), Path(), ("A red ball.",) * 5) for n in range(40)] + [
        Example("x", Path(), ("a red ball " * 30,))
    ]
    assert cut_captions(vocabulary, examples, long) == []
    (one,) = cut_captions(vocabulary, examples, usual)
    assert f"1 of 201 training captions have more than {usual} tokens" in one and f"--decode.max-length {long}" in one
    (all_,) = cut_captions(vocabulary, examples, usual - 1)
    assert "201 of 201" in all_ and f"--decode.max-length {usual}, which 99% do not exceed" in all_


def test_reward_without_a_difference_is_named_once():
    still, moved = {"grad_norm": 0.0, "reward": 0.5}, {"grad_norm": 0.2, "reward": 0.5}
    unmoved = Unmoved(100)
    told = [unmoved(step, still) for step in range(1, 30)]
    assert [bool(lines) for lines in told] == [step == 10 for step in range(1, 30)] and "0.5" in told[9][0]
    unmoved = Unmoved(100)
    assert not any(unmoved(step, moved if step == 4 else still) for step in range(1, 30))
    assert [bool(Unmoved(3)(step, still)) for step in (1, 2, 3)] == [False, False, True]


def test_words_that_a_vocabulary_gives_back_in_pieces_are_counted() -> None:
    examples = [Example("1", Path("1.jpg"), ("Un chien dans l'herbe.", "un chien")), Example("2", Path("2.jpg"))]
    (line,) = broken_words(Vocabulary.clip(), examples)
    assert line.startswith("1 of 2 training captions have a word that the vocabulary gives back in pieces, the first ")
    assert "the first l'herbe in \"un chien dans l ' herbe\"; type --model.vocabulary 1000" in line
    assert broken_words(Vocabulary.train(["l'herbe"], 600), examples) == []
    assert broken_words(Vocabulary.clip(), []) == []


def test_all_weights_of_a_large_clip_at_the_rate_of_a_small_one_are_a_mistake():
    config = MetricConfig(method="all", lr=5e-4, clip="ViT-B-32-quickgelu:openai")
    (line,) = high_rate(config, 151_277_312)
    assert "--lr 0.0005" in line and "151,277,312 weights of ViT-B-32" in line and "--method lora" in line
    assert high_rate(config, 1_339_648) == high_rate(replace(config, lr=5e-6), 151_277_312) == []
    assert "type --lr 0.0005" in high_rate(replace(config, lr=5e-3), 1_339_648)[0]
    assert high_rate(replace(config, method="lora"), 151_277_312) == []
