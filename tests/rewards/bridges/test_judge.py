"""The judge gives each row the value that the reward gives when it is called directly."""

from __future__ import annotations

import pickle

import pytest
import torch
from PIL import Image

from metric.example import Cut, Example
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards import Context, build, parse, register
from rewards.bridges.columns import Row
from rewards.bridges.judge import Judge, by_size, grouped
from rewards.bridges.pictures import picture_of

SCENES = [sample("train", number) for number in range(4)]
TEXTS = ["a dog", "two red boats", "a cat on a beach", "a dog with a", "", "an image of a car in a forest"]
MIX = ("refclips", "rouge_l:weight=0.5", "repetition:n=1,weight=0.1", "truth:weight=0")


def rows(counts: dict[int, int]) -> list[Row]:
    """Rows of scene -> number of captions, a caption of each scene in turn, every second one cut."""
    taken = [(scene, n) for n in range(max(counts.values())) for scene in counts if n < counts[scene]]
    texts = [TEXTS[(scene + n) % len(TEXTS)] for scene, n in taken]
    marked = [Cut(text) if number % 2 else text for number, text in enumerate(texts)]
    return [Row(text, SCENES[scene], references(SCENES[scene])) for text, (scene, _) in zip(marked, taken)]


def directly(specs, row: Row) -> tuple[float, dict[str, float]]:
    total, parts = build([parse(spec) for spec in specs], Context())(
        [Example("x", row.image, row.references)], [[row.caption]]
    )
    return total.item(), {key: values.item() for key, values in parts.items()}


def test_values_are_those_of_the_rewards_called_directly():
    batch = rows({0: 3, 1: 1, 2: 3, 3: 2})
    for row, verdict in zip(batch, Judge(MIX, clip="scenes-clip")(batch)):
        total, parts = directly(MIX, row)
        assert verdict.total == pytest.approx(total, abs=1e-6) and verdict.terms == pytest.approx(parts, abs=1e-6)


def test_values_do_not_depend_on_the_batch_and_scales_are_applied():
    judge, batch = Judge(MIX, clip="scenes-clip", scale="standard:mean=0.5,spread=0.1"), rows({0: 2, 1: 2, 2: 1})
    together = [verdict.total for verdict in judge(batch)]
    apart = [judge([row])[0].total for row in reversed(batch)]
    assert together == pytest.approx(apart[::-1], abs=1e-5)
    assert together[0] == pytest.approx((directly(MIX, batch[0])[0] - 0.5) / 0.1, abs=1e-5)


@pytest.fixture
def seen():
    """The examples of each call of the reward `looks`, which encodes every picture that it is given."""
    calls: list[list[Example]] = []

    @register("looks", needs=("images",))
    def looks(context):
        def reward(examples, captions):
            calls.append(list(examples))
            return torch.tensor(
                [[float(example.image.draw().size[0]) for _ in texts] for example, texts in zip(examples, captions)]
            )

        return reward

    return calls


def test_a_picture_is_encoded_once_however_many_objects_it_is(seen):
    objects = [Image.new("RGB", (width, 5)) for width in (3, 4, 3, 4, 3, 4, 6)]
    batch = [Row(str(n), picture_of(image, f"row {n}")) for n, image in enumerate(objects)]
    assert [verdict.total for verdict in Judge(["looks"])(batch)] == [3, 4, 3, 4, 3, 4, 6]
    assert sorted(len(call) for call in seen) == [1, 2]  # one call a number of captions, one example a picture


def test_groups_are_of_picture_and_references_and_sizes_stay_together():
    batch = [Row("a", SCENES[0]), Row("b", SCENES[1]), Row("c", SCENES[0]), Row("d", SCENES[0], ("x",))]
    assert grouped(batch) == [[0, 2], [1], [3]]
    assert by_size(grouped(batch)) == [[[0, 2]], [[1], [3]]]


def test_rows_that_cannot_be_judged_have_a_reason_and_the_others_a_value(capsys):
    judge = Judge(["refclips"], clip="scenes-clip")
    damaged = picture_of(b"no picture", "row 3")
    good = Row("a dog", SCENES[0], ("a dog",))
    verdicts = judge([good, Row("a dog", None, ("x",)), Row("a dog", SCENES[1]), Row("a dog", damaged, ("x",))])
    assert [verdict.why for verdict in verdicts] == [
        "",
        "no picture, which refclips needs",
        "no references, which refclips needs",
        "row 3: no picture of a known format",
    ]
    assert verdicts[0].total == pytest.approx(directly(["refclips"], good)[0], abs=1e-6)
    assert [verdict.total for verdict in verdicts[1:]] == [None] * 3
    judge.caution(verdicts)
    judge.caution(verdicts)
    assert (
        capsys.readouterr().err.count("cannot judge row 1: no picture, which refclips needs; such rows get no value")
        == 1
    )
    assert (
        Judge(["truth"])([Row("x", picture_of(Image.new("RGB", (4, 4)), "row 0"))])[0].why
        == "no drawn scene, which truth needs"
    )
    assert judge([]) == []


def test_a_reward_that_fails_is_told_in_one_line():
    register("fails")(lambda context: lambda examples, captions: 1 / 0)
    with pytest.raises(ValueError, match="reward fails failed: ZeroDivisionError"):
        Judge(["fails"])([Row("a")])


def test_a_judge_is_pickled_without_its_networks():
    judge = Judge(["clips"], clip="scenes-clip")
    data = pickle.dumps(judge)
    batch = rows({0: 2})
    assert len(data) < 2000 and pickle.loads(data)(batch) == judge(batch)


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        (["clisp"], "did you mean clips"),
        (["pacspp"], "captioner metric train"),
        ([], "no reward"),
        (["cider"], "df=coco"),
    ],
)
def test_a_reward_that_cannot_be_is_told_at_once(specs, words):
    with pytest.raises(ValueError, match=words):
        Judge(specs)


def test_the_clip_of_scenes_is_told_where_no_other_was_typed(capsys):
    Judge(["clips:clip=scenes-clip", "repetition"])
    assert not capsys.readouterr().err
    Judge(["clips"])
    assert "for photographs type clip=ARCH:TAG" in capsys.readouterr().err


def test_zero_has_no_sign():
    (verdict,) = Judge(["repetition:n=1"])([Row("a dog")])
    assert [str(verdict.total), str(verdict.terms["repetition"])] == ["0.0", "0.0"]
