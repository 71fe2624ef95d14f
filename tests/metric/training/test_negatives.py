"""Hard text negatives in a whole training: the same in parts, after a resume, and beside the paper's recipe."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip, save_clip
from metric.clip.model import Clip
from metric.clip.pixels import Pixels
from metric.example import Example
from metric.negatives.drawing import kinds_of
from metric.negatives.pool import Caption
from metric.positives.sources import Positives, ReferencePositives, ScenePositives
from metric.scenes.language import references
from metric.scenes.world import sample
from metric.training import finetune, loop
from metric.training.batches import Batches
from metric.training.config import PRESETS, MetricConfig
from metric.training.finetune import augmented_loss, parts_of, train_metric
from metric.training.found_file import keep
from metric.training.loop import Loss
from metric.training.losses import PairLoss
from metric.training.negative_guards import guard, preferred, told, told_preferred, wins
from metric.training.negatives import found_of, right_of, said_of, spoil
from metric.training.pairs import pair_loss
from metric.training.preparation import draw
from tests.metric.conftest import tiny

EXAMPLES = [Example(str(n), sample("train", n), references(sample("train", n))) for n in range(12)]
HARD = MetricConfig(
    steps=4, batch_size=6, negatives=2, lambda_n=0.5, val_every=0, save_every=2, dropout=0.1, lambda_v=0.0
)


@pytest.fixture
def reading_clip(tmp_path: Path) -> Clip:
    """An untrained CLIP that reads whole captions with their prefix."""
    return tiny(tmp_path, text_cfg={"context_length": 77})


class Stop(Exception):
    pass


def config_for(clip: Clip, tmp_path: Path, **changes) -> MetricConfig:
    """The settings, for the CLIP in the folder that the fixture wrote."""
    save_clip(clip, tmp_path / "base")
    return replace(HARD, clip=str(tmp_path / "base"), **changes)


def trained(config: MetricConfig, out: Path, resume: bool = False, examples: list[Example] = EXAMPLES) -> list[dict]:
    """The rows of the log of a training, without their times."""
    train_metric(config, examples, examples, ReferencePositives(), out, resume)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in lines if "loss" in row]


def broken_after(last: int, config: MetricConfig, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that ends with an error after the step `last`."""
    write = loop.Log.step

    def fail(log: loop.Log, step: int, row: dict) -> None:
        if step > last:
            raise Stop
        write(log, step, row)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(loop.Log, "step", fail)
        trained(config, out)


@pytest.mark.parametrize("form", ["negclip", "fsc"])
def test_training_in_chunks_is_training_on_the_whole_batch(reading_clip: Clip, tmp_path: Path, form: str) -> None:
    config = config_for(reading_clip, tmp_path, negatives_form=form, dropout=0.0)
    whole, parts = (trained(replace(config, chunk=chunk), tmp_path / str(chunk)) for chunk in (0, 4))
    for name in ("loss", "loss_negatives"):
        assert [row[name] for row in parts] == pytest.approx([row[name] for row in whole], rel=1e-5)


@pytest.mark.parametrize("form", ["negclip", "fsc"])
def test_resumed_training_is_the_unbroken_one(
    reading_clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    config = config_for(reading_clip, tmp_path, negatives_form=form)
    whole = trained(config, tmp_path / "whole")
    broken_after(3, config, tmp_path / "broken", monkeypatch)
    assert trained(config, tmp_path / "broken", resume=True) == whole
    files = [tmp_path / run / "adapter" / "adapter_model.safetensors" for run in ("whole", "broken")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_other_settings_of_negatives_are_not_resumed(reading_clip: Clip, tmp_path: Path) -> None:
    config = config_for(reading_clip, tmp_path, steps=1)
    trained(config, tmp_path / "run")
    with pytest.raises(ValueError, match="begun with lambda_n 0.5"):
        trained(replace(config, lambda_n=0.7), tmp_path / "run", resume=True)


def test_mixed_precision_trains_on_negatives(reading_clip: Clip, tmp_path: Path) -> None:
    config = config_for(reading_clip, tmp_path, dropout=0.0, steps=2)
    exact, rounded = (trained(replace(config, precision=name), tmp_path / name) for name in ("fp32", "bf16"))
    assert rounded[-1]["loss_negatives"] == pytest.approx(exact[-1]["loss_negatives"], abs=0.1)


def loss_of(clip: Clip, config: MetricConfig, positives: Positives, agree: PairLoss) -> Loss:
    encoder, make = parts_of(clip, config, EXAMPLES, positives)
    return augmented_loss(encoder, config, agree, make)


def test_negatives_move_neither_batches_nor_positives(reading_clip: Clip) -> None:
    """The other terms are those of a run without negatives, to the bit, as long as the weights are."""
    agree = pair_loss(reading_clip, "auto")
    plain = replace(HARD, negatives=0, lambda_n=1.0, lambda_v=0.05)
    for step in range(3):
        total, terms = loss_of(reading_clip, plain, ScenePositives(), agree)(step)
        hard, more = loss_of(reading_clip, replace(HARD, lambda_v=0.05), ScenePositives(), agree)(step)
        assert {name: more[name] for name in terms} == terms and more.keys() - terms.keys() == {"loss_negatives"}
        torch.testing.assert_close(hard, total + 0.5 * more["loss_negatives"])


def test_a_clip_with_a_bias_has_negatives_of_label_minus_one(reading_clip: Clip) -> None:
    reading_clip.model.logit_bias = torch.nn.Parameter(torch.tensor(-3.0))
    _, terms = loss_of(reading_clip, HARD, ReferencePositives(), pair_loss(reading_clip, "auto"))(0)
    batches = Batches(EXAMPLES, HARD.batch_size, HARD.seed, HARD.prefix)
    drawn = draw(0, batches, HARD, EXAMPLES, ReferencePositives(), {})
    rng = batches.order.rng(0, "negatives")
    found = spoil(drawn.captions, drawn.texts, reading_clip.tokenizer(drawn.texts), HARD, rng, reading_clip.tokenizer)
    embedder = Embedder(reading_clip)
    cosines = embedder.images([EXAMPLES[row].image for row in drawn.rows]) @ embedder.texts(found.texts).T
    wrong = (1 + (reading_clip.model.logit_scale.exp() * cosines - 3).exp()).log()
    assert terms["loss_negatives"].item() == pytest.approx(float(wrong[~found.right].sum() / 6), rel=1e-5)


def test_what_the_text_tower_cannot_hear_is_no_negative(tiny_clip: Clip, tmp_path: Path) -> None:
    """Beyond twelve tokens two texts are one: an ending that is cut away is left out."""
    long = " ".join(["a red dog"] * 12) + " on a box"
    captions = [Caption(long), Caption("a dog on a box")]
    config = replace(HARD, negative_kinds="ending", negatives=1)
    texts = [caption.text for caption in captions]
    found = spoil(captions, texts, tiny_clip.tokenizer(texts), config, random.Random(0), tiny_clip.tokenizer)
    assert found.rows == [1] and found.texts[0].startswith("a dog on a box on")
    with pytest.raises(ValueError, match="makes no negative of the first batch's 6 captions that .* could tell"):
        trained(config_for(tiny_clip, tmp_path, negative_kinds="ending"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_negative_has_the_prefix_of_its_caption(reading_clip: Clip) -> None:
    captions = [Caption("a dog on a box"), Caption("a red cat")]
    texts = ["A photo depicts a dog on a box", "a red cat"]
    tokenize, config = reading_clip.tokenizer, replace(HARD, negatives=4)
    found = spoil(captions, texts, tokenize(texts), config, random.Random(0), tokenize)
    assert [text.startswith("A photo depicts ") for text in found.texts] == [row == 0 for row in found.rows]


def test_text_that_is_right_for_a_picture_is_no_negative_of_it() -> None:
    captions = [Caption("a red dog", ("a red dog", "A dog.")), Caption("a blue dog", ("a blue dog",))]
    right = right_of(captions, ["a dog", "a blue dog", "dog a"])
    assert right.tolist() == [[True, False, False], [False, True, False]]


def test_captions_of_one_word_are_counted_and_told_once(
    reading_clip: Clip, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_for(reading_clip, tmp_path, steps=2)
    bare = [replace(example, references=("dog",)) for example in EXAMPLES[:3]]
    trained(config, tmp_path / "run", examples=[*bare, *EXAMPLES[3:]])
    assert caplog.text.count("negatives: 3 of 48 captions are of one word and have none") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"negatives": -1}, "--negatives is 0 or more, got -1"),
        ({"lambda_n": -0.5}, "--lambda-n is above 0, got -0.5"),
        ({"lambda_n": 0.0}, "--lambda-n is above 0, got 0; type --negatives 0"),
        ({"negatives_form": "clip"}, "--negatives-form is one of negclip, fsc, got 'clip'"),
        ({"negative_kinds": "shufle"}, "no kind of negative is called 'shufle'; did you mean shuffle?"),
        ({"negatives": 0}, "--lambda-n 0.5 does nothing with --negatives 0"),
        ({"negatives": 0, "lambda_n": 1.0, "negatives_form": "fsc"}, "--negatives-form fsc does nothing"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        trained(replace(HARD, **change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_captions_without_any_negative_are_refused(tmp_path: Path) -> None:
    alone = [replace(example, references=("dog",)) for example in EXAMPLES]
    with pytest.raises(ValueError, match="all 12 captions are of one word"):
        trained(HARD, tmp_path / "run", examples=alone)
    nameless = [replace(example, references=("rot ball",)) for example in EXAMPLES]
    with pytest.raises(ValueError, match="--negative-kinds article makes no negative of the first batch's 6 captions"):
        trained(replace(HARD, negative_kinds="article"), tmp_path / "run", examples=nameless)


def test_preset_of_negatives_has_the_papers_positives_and_tunes_all_weights() -> None:
    hard, paper = PRESETS["pacspp_hard"], PRESETS["pacspp"]
    assert {name for name in ("tower", "lambda_v", "lambda_t") if hard[name] != paper[name]} == set()
    assert hard["method"] == "all" and hard["negatives"] == 3
    assert "negatives" not in paper and MetricConfig().negatives == 0


def test_the_guard_is_at_chance_with_another_picture_and_stands_in_the_report(
    reading_clip: Clip, tmp_path: Path
) -> None:
    trained(config_for(reading_clip, tmp_path, steps=1), tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert {"claims_right", "claims_other", "claims"} <= report["before"].keys() & report["after"].keys()
    assert report["preferred"].keys() <= kinds_of("all").keys() and all(
        0 <= v <= 1 for v in report["preferred"].values()
    )


def test_a_scorer_that_sees_the_picture_passes_the_guard_and_one_that_reads_alone_is_seen() -> None:
    scenes = [Example(str(n), sample("val", n), references(sample("val", n))) for n in range(300)]
    found = guard(Embedder(load_clip("scenes-clip")), scenes)
    assert found["claims_right"] > 0.7 and abs(found["claims_other"] - 0.5) < 0.1 and found["claims"] > 250
    assert f"of {found['claims']:.0f} false claims" in told(found) and "chance 50%" in told(found)
    image, claim = torch.eye(4)[:2], torch.eye(4)[2:]
    blind = image.sum(0).expand(2, 4)  # liked whatever the picture is
    assert wins(image, blind, claim) == wins(image.roll(1, 0), blind, claim) == 1.0
    assert wins(image, claim, claim) == 0.5


def test_kinds_that_a_metric_prefers_to_captions_are_named_the_worst_first() -> None:
    scenes = [Example(str(n), sample("val", n), references(sample("val", n))) for n in range(60)]
    found = preferred(Embedder(load_clip("scenes-clip")), scenes, kinds_of("shuffle,thing,number"))
    assert [*found] == sorted(found, key=lambda name: -found[name]) and found.keys() <= {"shuffle", "thing", "number"}
    assert 0.3 < found["shuffle"] < 0.7 and found["thing"] < 0.2  # a bag of words hears the thing, and not the order
    first = next(iter(found))
    assert f"the worst: {first} {found[first]:.0%}, " in told_preferred(found) and f"{first}=8 in" in told_preferred(
        found
    )
    assert "none could be made" in told_preferred({})


def test_pictures_of_which_nothing_false_can_be_made_have_no_guard() -> None:
    examples = [replace(example, references=("dog",)) for example in EXAMPLES[:3]]
    assert guard(Embedder(load_clip("scenes-clip")), examples) == {} and "no false claim" in told({})


def found_file(tmp_path: Path, *rows: dict) -> str:
    path = tmp_path / "found.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_captions_that_were_found_are_negatives_of_their_picture_beside_those_of_the_rules(
    reading_clip: Clip, tmp_path: Path
) -> None:
    path = found_file(tmp_path, {"id": "3", "caption": "A dog of a dog of a"}, {"id": "99", "caption": "not here"})
    config = replace(HARD, negatives=4, negatives_from=path)
    found = found_of(config, EXAMPLES)
    assert found == {"3": ("A dog of a dog of a",)}
    captions = [said_of(example, example.references[0], found) for example in EXAMPLES]
    texts = [caption.text for caption in captions]
    own, tokenize = reading_clip.tokenizer(texts), reading_clip.tokenizer
    spoiled = [spoil(captions, texts, own, config, random.Random(n), tokenize) for n in range(9)]
    rows = {row for made in spoiled for row, text in zip(made.rows, made.texts) if "dog of a dog of a" in text.lower()}
    assert rows == {3}
    assert all({*made.rows} == {*range(len(EXAMPLES))} for made in spoiled)


def test_the_file_that_was_found_stays_with_the_run(reading_clip: Clip, tmp_path: Path) -> None:
    path = found_file(tmp_path, {"id": "3", "caption": "a dog of a dog of a"})
    config = config_for(reading_clip, tmp_path, negatives_from=path)
    trained(config, tmp_path / "run")
    assert (tmp_path / "run" / "found.jsonl").read_text() == Path(path).read_text()
    found_file(tmp_path, {"id": "3", "caption": "another"})
    with pytest.raises(ValueError, match="has changed since this run began; type cp"):
        trained(config, tmp_path / "run", resume=True)


def test_a_found_file_of_another_system_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    path.write_bytes(b'{"id": "3", "caption": "a dog of"}\r\n')
    for resume in (False, True):
        keep(replace(HARD, negatives_from=str(path)), tmp_path / "run", resume)
        assert (tmp_path / "run" / "found.jsonl").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "3"}, 'line 1: expected {"id": ID, "caption": TEXT}, got'),
        ({"id": "99", "caption": "a dog"}, "none of its 1 pictures is a training picture"),
    ],
)
def test_a_file_that_holds_no_negatives_is_refused(tmp_path: Path, row: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        found_of(replace(HARD, negatives_from=found_file(tmp_path, row)), EXAMPLES)
    with pytest.raises(ValueError, match="no such file; type a found.jsonl"):
        found_of(replace(HARD, negatives_from=str(tmp_path / "nowhere")), EXAMPLES)


@pytest.mark.parametrize("memory", [2 * 1024**3, 0], ids=["pictures in memory", "read for every step"])
def test_steps_that_other_processes_prepare_are_the_same(
    reading_clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    """With helping processes the losses are the same to the bit, also of a run that is resumed with them."""
    config = config_for(reading_clip, tmp_path, lambda_v=0.05, lambda_t=0.1)
    alone = trained(config, tmp_path / "alone")
    monkeypatch.setattr(Pixels.__init__, "__defaults__", (memory,))
    monkeypatch.setattr(finetune, "helpers", lambda device: 2)
    assert trained(config, tmp_path / "helped") == alone
    broken_after(2, config, tmp_path / "broken", monkeypatch)
    assert trained(config, tmp_path / "broken", resume=True) == alone
