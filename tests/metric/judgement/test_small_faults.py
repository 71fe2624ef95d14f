from __future__ import annotations

import random
from pathlib import Path

from metric.example import Example
from metric.judgement.small_faults import SMALL_WORDS, broken_agreement, wrong_function_word
from metric.scenes.language import references
from metric.scenes.truth import belongs
from metric.scenes.world import sample

PHOTO = Example("1", Path("1.jpg"), ("A man and two dogs on the beach .",))
SCENES = [Example(str(n), sample("val", n), references(sample("val", n))) for n in range(60)]


def made(rule, caption: str, example: Example = PHOTO) -> set[str]:
    return {rule(caption, example, random.Random(seed)) for seed in range(200)}


def test_wrong_function_word_of_a_photograph_is_of_another_class_and_all_else_stays():
    caption = "A man is on the beach ."
    for text in made(wrong_function_word, caption):
        ((old, new),) = [pair for pair in zip(caption.split(), text.split(), strict=True) if pair[0] != pair[1]]
        assert SMALL_WORDS[old.lower()] != SMALL_WORDS[new.lower()] and old[0].isupper() == new[0].isupper()
    assert made(wrong_function_word, "dogs run") == {None}


def test_wrong_function_word_of_a_scene_leaves_its_grammar_and_is_often_of_the_same_class():
    pairs = [
        (text, wrong_function_word(text, each, random.Random(each.id))) for each in SCENES for text in each.references
    ]
    faults = [(text, fault) for text, fault in pairs if fault]
    assert len(faults) > 0.9 * len(pairs)
    assert not any(belongs(fault) for _, fault in faults)
    changes = [pair for text, fault in faults for pair in zip(text.split(), fault.split()) if pair[0] != pair[1]]
    assert len(changes) == len(faults)
    assert 0.3 < sum(SMALL_WORDS[old] == SMALL_WORDS[new] for old, new in changes) / len(changes) < 0.6


def test_a_caption_outside_of_the_grammar_is_changed_too():
    assert all(
        text != "a cat cat in the snow" for text in made(wrong_function_word, "a cat cat in the snow", SCENES[0])
    )


def test_articles_verbs_and_things_stop_agreeing():
    assert made(broken_agreement, "A man and two dogs") == {
        "An man and two dogs",
        "A men and two dogs",
        "A man and two dog",
    }
    assert made(broken_agreement, "the dogs are wet") == {"the dogs is wet"}
    assert made(broken_agreement, "an old dog") == {"a old dog", "an old dogs"}
    assert made(broken_agreement, "Two dogs run") == {"Two dog run"}
    assert made(broken_agreement, "two wet sheep run") == {None}


def test_a_thing_that_no_number_counts_is_left_alone():
    assert made(broken_agreement, "a dog on the beach") == {"an dog on the beach", "a dogs on the beach"}
    assert made(broken_agreement, "two men at the tables") == {"two man at the tables"}


def test_each_sort_of_broken_agreement_is_drawn_as_often():
    texts = [broken_agreement("a man is in a car by a bus", PHOTO, random.Random(seed)) for seed in range(600)]
    assert 130 < sum(" are " in text for text in texts) < 270
    assert 130 < sum("an " in text.replace("man ", "") for text in texts) < 270


def test_broken_agreement_of_a_scene_leaves_its_grammar():
    faults = [broken_agreement(text, each, random.Random(each.id)) for each in SCENES for text in each.references]
    assert len(list(filter(None, faults))) > 0.9 * len(faults)
    assert not any(belongs(fault) for fault in faults if fault)
