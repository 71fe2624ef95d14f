import json
import re
from importlib import import_module
from pathlib import Path

import pytest
import torch

from metric.clip.load import load_clip, new_clip, save_clip
from metric.example import Cut, Example, open_image
from metric.scenes.world import Scene, Thing, sample
from metric.scores.document_frequency import counted
from rewards import BrokenContract, Context, build, check_reward, parse
from rewards.registry import BUILT_IN, find

CAT = Scene("beach", (Thing("cat", "red", "small"),), position="left")
PAIR = Scene("snow", (Thing("dog", "black", "large"), Thing("boat", "blue", "small")), relation="left")
EXAMPLES = (
    Example("cat", CAT, ("a red cat on the beach", "a small cat")),
    Example("pair", PAIR, ("a black dog left of a blue boat", "a dog in the snow", "a dog and a boat")),
    Example("other", sample("train", 7), ("a picture of something else",)),
)
TINY = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 16, "layers": 1, "head_width": 8},
        "text_cfg": {
            "context_length": 24,
            "vocab_size": 300,
            "hf_tokenizer_name": "local",
            "width": 16,
            "heads": 2,
            "layers": 1,
        },
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained CLIP of a few thousand parameters."""
    path = tmp_path_factory.mktemp("clip")
    (path / "tiny.json").write_text(json.dumps(TINY))
    torch.manual_seed(0)
    clip = new_clip(path / "tiny.json", [text for e in EXAMPLES for text in e.references])
    image = clip.encode_image(clip.preprocess(open_image(CAT))[None])
    clip.model.visual.proj.data *= (image @ clip.encode_text(["a cat"]).T).sign()  # not all cosines clamped to 0
    save_clip(clip, path / "tiny")
    return str(path / "tiny")


def hard(folder: str) -> str:
    """The same CLIP, as the training of a run with negatives would leave it."""
    run = Path(folder).parent / "hard"
    if not run.exists():
        save_clip(load_clip(folder), run / "clip")
        (run / "config.json").write_text(json.dumps({"negatives": 3, "clip": folder, "method": "projections"}))
    return str(run)


@pytest.fixture
def spec(folder, gpt2):
    """A reward by name, with tiny weights when it needs some and the checker that needs no Java."""
    option = {
        "hard": f"checkpoint={hard(folder)}",
        "pac": f"checkpoint={folder}",
        "lm": f"model={gpt2}",
        "grammar": "checker=harper",
    }

    def spec(name):
        if name == "grammar":
            pytest.importorskip("harper")
        given = [value for key, value in option.items() if key in name]
        return parse(f"{name}:{given[0]}" if given else name)

    return spec


def score(text, captions, folder="", examples=EXAMPLES):
    """What one reward gives, as lists."""
    mix = build([parse(text)], Context(EXAMPLES, clip=folder))
    mix.check(examples)
    return mix(examples, captions)[0]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_reward_fulfils_the_contract(name, spec, folder):
    check_reward(spec(name), EXAMPLES, Context(EXAMPLES, clip=folder))


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_reward_says_its_range_and_cost(name):
    module = import_module(BUILT_IN[name])
    doc = find(name).doc
    assert re.search(r"\d to |at most 0|, else 0|0 for", doc.replace("\n", " ")), doc
    assert "Cost:" in doc + module.__doc__, doc


def test_all_rewards_at_once_are_summed_and_signed(spec, folder):
    mix = build([spec(name) for name in BUILT_IN], Context(EXAMPLES, clip=folder))
    total, parts = mix(EXAMPLES, [["a cat"], ["a dog"], ["a bus"]])
    torch.testing.assert_close(total, sum(parts.values()))
    assert mix.signatures["cider"].startswith("STANDARD_wInit+Cider-D[n4,s6.0,df=")
    print_of_weights = load_clip(folder).fingerprint
    assert mix.signatures["clips"] == f"CLIP-S[w2.5,prefix='A photo depicts',weights={print_of_weights}]"
    assert mix.signatures["pacspp"] == f"PAC-S++[w2,prefix='A photo depicts',weights={print_of_weights}]"
    assert mix.signatures["repetition"] == "repetition[n=4,rate=False]"
    assert mix.signatures["rouge_l"] == "rouge_l"


# similarity


def cosines(folder, captions, example):
    """Second source, without Embedder, cache or batch: cosines to the picture and the nearest reference."""
    clip = load_clip(folder)
    image = clip.encode_image(clip.preprocess(open_image(example.image))[None])[0]
    text = {t: clip.encode_text(["A photo depicts " + t])[0] for t in (*captions, *example.references)}
    return [(float(image @ text[c]), max(float(text[c] @ text[r]) for r in example.references)) for c in captions]


def test_similarities_are_those_of_the_papers(folder):
    captions = [["a red cat", "beach beach"], ["a dog", "two boats"], ["a bus", ""]]
    clips, refclips = (score(name, captions, folder) for name in ("clips", "refclips"))
    pacspp = score(f"pacspp:checkpoint={folder}", captions)
    refpacspp = score(f"refpacspp:w=3,checkpoint={folder}", captions)
    assert torch.equal(score(f"pacs:checkpoint={folder}", captions), pacspp)  # of one CLIP; they differ in tuning
    assert torch.equal(score(f"refpacs:w=3,checkpoint={folder}", captions), refpacspp)
    assert (clips > 0).any()
    for b, example in enumerate(EXAMPLES):
        for k, (cosine, reference) in enumerate(cosines(folder, captions[b], example)):
            cosine, reference = max(cosine, 0.0), max(reference, 0.0)
            assert clips[b, k] == pytest.approx(2.5 * cosine, abs=1e-5)
            assert pacspp[b, k] == pytest.approx(2.0 * cosine, abs=1e-5)
            assert refclips[b, k] == pytest.approx(harmonic(2.5 * cosine, reference), abs=1e-5)
            assert refpacspp[b, k] == pytest.approx(harmonic(3.0 * cosine, reference), abs=1e-5)


def harmonic(one, other):
    return 2 / (1 / one + 1 / other) if one and other else 0.0


def test_clip_of_an_option_goes_before_the_clip_of_the_run(folder):
    captions = [["a red cat"]] * 3
    assert torch.equal(score(f"clips:clip={folder}", captions, "none"), score("clips", captions, folder))


def test_the_hard_name_is_the_same_computation_with_another_checkpoint(folder):
    captions = [["a red cat", "beach beach"], ["a dog", "two boats"], ["a bus", ""]]
    for ref in ("", "ref"):
        plain, other = f"{ref}pacspp:checkpoint={folder}", f"{ref}pacspp_hard:checkpoint={hard(folder)}"
        assert torch.equal(score(plain, captions), score(other, captions))
    mix = build([parse(f"pacspp_hard:checkpoint={hard(folder)}")], Context(EXAMPLES))
    assert mix.signatures["pacspp_hard"].startswith("PAC-S++ hard[w2,")


@pytest.mark.parametrize("ref", ["", "ref"])
def test_a_checkpoint_under_the_wrong_name_is_refused(folder, ref):
    with pytest.raises(ValueError, match=f"records no hard text negatives: type {ref}pacspp, not {ref}pacspp_hard"):
        build([parse(f"{ref}pacspp_hard:checkpoint={folder}")], Context(EXAMPLES))
    with pytest.raises(ValueError, match=f"3 hard text negatives a caption: type {ref}pacspp_hard, not {ref}pacspp$"):
        build([parse(f"{ref}pacspp:checkpoint={hard(folder)}")], Context(EXAMPLES))


def test_scale_stands_in_the_signature_when_it_is_not_one(folder):
    half, whole = (f"pacspp_hard:checkpoint={hard(folder)}{more}" for more in (",scale=0.5", ",scale=1"))
    signed = [build([parse(text)], Context(EXAMPLES)).signatures["pacspp_hard"] for text in (half, whole)]
    assert signed[0].endswith(",scale=0.5]") and "scale" not in signed[1]
    with pytest.raises(ValueError, match="scale is 0 .* to 1"):
        build([parse(f"pacspp_hard:checkpoint={hard(folder)},scale=2")], Context(EXAMPLES))


@pytest.mark.parametrize("name", ["pacs", "refpacs", "pacspp", "refpacspp", "pacspp_hard", "refpacspp_hard"])
def test_a_tuned_clip_has_to_be_named(name):
    with pytest.raises(ValueError, match=f"captioner metric train .*--reward {name}:checkpoint=DIR"):
        build([parse(name)], Context(EXAMPLES))


def test_a_folder_that_is_no_clip_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no CLIP is called"):
        build([parse(f"pacspp:checkpoint={tmp_path}")], Context(EXAMPLES))


# cider


def test_a_reference_scores_higher_than_a_stranger():
    good, bad = score("cider", [["a red cat on the beach", "a dog and a boat"]] * 3)[0]
    assert good > 1 > bad


def test_the_end_of_the_sentence_is_rewarded():
    whole, cut = score("cider", [["a small cat", Cut("a small cat")]] * 3)[0]
    assert whole > cut


def test_an_unfinished_caption_gains_nothing_by_its_ending():
    # without EOS, CIDEr pays for endings such as "on the": they match the middle of a reference
    whole, unfinished = score("cider", [["a red cat on the beach", "a red cat on the"]] * 3)[0]
    assert whole > unfinished


def test_cider_needs_training_captions():
    with pytest.raises(ValueError, match="cider needs the training captions"):
        build([parse("cider")], Context())


CORPUS = {str(example.id): list(example.references) for example in EXAMPLES}
COCO = {"annotations": [{"image_id": id, "caption": text} for id, texts in CORPUS.items() for text in texts]}


@pytest.mark.parametrize("content", [CORPUS, COCO], ids=["mapping", "coco"])
def test_document_frequency_may_come_from_a_file(tmp_path, content, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "corpus.json").write_text(json.dumps(content))
    captions = [["a red cat on a boat"], ["a dog"], ["something else"]]
    assert torch.equal(score(f"cider:df={tmp_path}/corpus.json", captions), score("cider", captions))


def test_document_frequency_may_be_that_of_coco(monkeypatch):
    captions = [["a red cat on a boat"], ["a dog"], ["unseen words"]]
    monkeypatch.setattr("rewards.built_in.cider.of_coco", lambda: counted([example.references for example in EXAMPLES]))
    assert torch.equal(score("cider:df=coco", captions), score("cider", captions))


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"cat": 3}', '{"cat": "a cat"}', '{"annotations": [{}]}'])
def test_a_file_that_holds_no_captions_is_refused(tmp_path, content):
    (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(ValueError, match="must be train, coco or a JSON file"):
        score(f"cider:df={tmp_path}/corpus.json", [["a"]])


# truth


@pytest.mark.parametrize(
    "caption, worth",
    [
        ("a red cat on the beach", 1.0),  # all claims, 1 of 1 things
        ("a blue cat", 2 / 3),  # one, a cat, not blue
        ("a red dog", 0.0),  # names nothing that is there
        ("", 0.0),
    ],
)
def test_truth_counts_true_claims_and_named_things(caption, worth):
    assert score("truth", [[caption]], examples=EXAMPLES[:1]).item() == pytest.approx(worth)


def test_naming_one_of_two_things_is_half_the_truth():
    assert score("truth", [["a dog"]], examples=EXAMPLES[1:2]).item() == 0.5


# the check itself


def by_caption(value):
    return lambda examples, captions: torch.tensor([[float(value(t)) for t in texts] for texts in captions])


def shuffling(examples, captions):
    captions[0].reverse()
    return torch.zeros(len(captions), len(captions[0]))


def counting_calls():
    calls = []

    def reward(examples, captions):
        calls.append(1)
        return torch.full((len(captions), len(captions[0])), float(len(calls)))

    return reward


def ranked(examples, captions):
    return torch.tensor([[float(text == max(texts)) for text in texts] for texts in captions])


@pytest.mark.parametrize(
    "reward, complaint",
    [
        (lambda examples, captions: torch.zeros(len(captions)), "shape"),
        (lambda examples, captions: [[0.0] * len(texts) for texts in captions], "return a tensor .* got a list"),
        (
            by_caption(lambda text: 1 / len(text) if text else float("inf")),
            "finite, got inf for the caption ''",
        ),
        (lambda examples, captions: by_caption(len)(examples, captions).double(), "float32"),
        (lambda examples, captions: by_caption(len)(examples, captions).requires_grad_(), "gradient"),
        (shuffling, "changes the lists"),
        (counting_calls(), "second call"),
        (
            lambda examples, captions: torch.arange(9.0)[: len(captions), None].expand(-1, len(captions[0])),
            "order",
        ),
        (ranked, "scored together"),
    ],
)
def test_the_check_finds_a_broken_reward(reward, complaint):
    with pytest.raises(BrokenContract, match=complaint):
        check_reward(reward)


def test_the_check_passes_a_good_reward():
    check_reward(by_caption(len))


def test_a_precision_other_than_fp32_stands_in_the_signature(folder):
    specs = ["clips", "clips:precision=bf16", f"refpacs:checkpoint={folder},precision=fp16"]
    signed = [next(iter(build([parse(spec)], Context(EXAMPLES, folder)).signatures.values())) for spec in specs]
    assert "precision" not in signed[0] and signed[1] == signed[0].replace("]", ",precision=bf16]")
    assert signed[2].endswith(",precision=fp16]")
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16, fp16, got 'fp8'"):
        build([parse("clips:precision=fp8")], Context(EXAMPLES, folder))
