from statistics import mean

from metric.example import Example
from metric.scenes.judged import candidates, judged_set
from metric.scenes.truth import belongs, quality
from metric.scenes.world import sample

EXAMPLES = [Example(str(n), sample("val", n)) for n in range(100)]


def test_seven_candidates_a_picture_with_their_exact_quality():
    judged = judged_set(EXAMPLES)
    assert len(judged) == 700
    assert all(score == quality(caption, example.image) and 0 <= score <= 1 for example, caption, score in judged)


def test_right_is_best_and_another_pictures_worst():
    columns = list(zip(*([score for _, _, score in judged_set([e, *EXAMPLES[:1]])[:7]] for e in EXAMPLES[1:])))
    means = [mean(column) for column in columns]
    right, recoloured, swapped, *_, other = means
    assert right == max(means) > recoloured > swapped and right > 0.9
    assert other < recoloured


def test_shuffled_repeated_and_cut_are_no_sentences():
    broken = [candidates(e.image, EXAMPLES[0].image)[n] for e in EXAMPLES[1:] for n in (3, 4)]
    assert sum(map(belongs, broken)) / len(broken) < 0.02


def test_quality_halves_what_is_no_sentence():
    scene = EXAMPLES[0].image
    caption = candidates(scene, EXAMPLES[1].image)[0]
    assert quality(caption, scene) == 2 * quality(caption + " is", scene) > 0
