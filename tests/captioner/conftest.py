"""What tests of training share: a CLIP of a few thousand weights in a folder, and a captioner of two words."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn

from captioner.cli import main
from captioner.model.encoder_decoder import Captioner, CaptionerConfig
from captioner.model.vocabulary import BOS, EOS, PAD, Vocabulary
from metric.clip.load import load_clip, new_clip, save_clip
from metric.example import Example
from metric.scenes.language import references
from metric.scenes.world import sample
from tests.captioner.tiny_hub_models import MODELS

FEW = 40  # scenes of a split in place of 1,000
COLOURS = ["red", "green", "blue", "yellow", "black", "white", "purple", "orange", "grey"]
CLIP = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 16, "layers": 1, "head_width": 8},
        "text_cfg": {"context_length": 28, "vocab_size": 300, "hf_tokenizer_name": "local"}
        | {"width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3, "interpolation": "bicubic", "resize_mode": "shortest"},
}


@pytest.fixture(scope="session")
def scenes() -> list[Example]:
    """Eight scenes of the training split."""
    return eight_scenes()


def eight_scenes() -> list[Example]:
    return [Example(f"train-{i:06d}", scene, references(scene)) for i in range(8) for scene in [sample("train", i)]]


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory, scenes) -> str:
    """The folder of an untrained CLIP that looks at 16 x 16 pixels."""
    return made_clip(tmp_path_factory.mktemp("clip"), scenes)


def made_clip(folder: Path, scenes: list[Example]) -> str:
    (folder / "model.json").write_text(json.dumps(CLIP))
    torch.manual_seed(0)
    texts = [text for example in scenes for text in example.references]
    save_clip(new_clip(folder / "model.json", texts), folder / "tiny")
    return str(folder / "tiny")


@pytest.fixture(scope="module")
def few_scenes() -> Iterator[None]:
    """Splits of few scenes in place of 1,000, for tests that say nothing of how many there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("captioner.data.adapters.scenes.HELD_OUT", FEW)
        yield


@pytest.fixture(scope="session")
def tiny_flags(tiny_clip) -> list[str]:
    """`captioner train` with these takes milliseconds a step."""
    flags = (
        "--preset small --data scenes:count=40 --val-count 6 --checker none --model.d 16 --model.heads 2 "
        "--model.encoder-layers 1 --model.decoder-layers 1 --model.feedforward 32 --model.vocabulary 560 "
        "--decode.max-length 8 --decode.beams 2 --xe.batch-size 4 --rl.batch-size 4 --rl.samples 3 "
        "--rl.candidates sample --log-every 1"
    )
    return [*flags.split(), "--clip", tiny_clip]


@pytest.fixture
def two_words() -> Callable[..., Captioner]:
    """A maker of untrained captioners that can say BOS, EOS, PAD, w0 and w1, ids 0 to 4, each with another chance."""

    def make(**changes) -> Captioner:
        names = [BOS, EOS, PAD, "w0", "w1"]
        tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token=PAD))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.add_special_tokens(names[:3])
        shape = {"d": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "feedforward": 16, "max_length": 4}
        config = CaptionerConfig(4, len(names), clip="tiny", clip_fingerprint="f00", **(shape | changes))
        captioner = Captioner(config, Vocabulary(tokenizer))
        generator = torch.Generator().manual_seed(5)
        for parameter in captioner.parameters():
            nn.init.normal_(parameter, std=0.5, generator=generator)
        return captioner.eval()

    return make


@pytest.fixture(scope="session")
def model(tiny_clip, tmp_path_factory) -> Path:
    """An untrained captioner of a few words whose captions differ from picture to picture."""
    return made_model(tiny_clip, tmp_path_factory.mktemp("model"))


def made_model(tiny_clip: str, place: Path) -> Path:
    names = [BOS, EOS, PAD, *COLOURS, "é"]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(names[:3])
    shape = {"d": 16, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "feedforward": 16, "max_length": 6}
    print_of = load_clip(tiny_clip).fingerprint
    torch.manual_seed(1)
    captioner = Captioner(CaptionerConfig(16, len(names), tiny_clip, print_of, **shape), Vocabulary(tokenizer))
    captioner.decoder[0].cross.out.weight.data *= 50  # pictures decide, not habits
    folder = place / "captioner"
    captioner.save_pretrained(folder)
    return folder


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Nine pictures of coloured blocks."""
    rng = random.Random(0)
    (tmp_path / "pictures" / "more").mkdir(parents=True)
    for number, colour in enumerate(COLOURS):
        where = tmp_path / "pictures" / ("more" if number % 3 == 0 else ".")
        blocks = Image.frombytes("RGB", (3, 2), rng.randbytes(18))
        blocks.resize((24 + 5 * number, 20), Image.Resampling.NEAREST).save(where / f"{colour}.png")
    return tmp_path / "pictures"


@pytest.fixture
def refused(capfd) -> Callable[..., str]:
    """Runs a command that must fail; returns the one line it says."""

    def refused(*words: object) -> str:
        capfd.readouterr()
        assert main([str(word) for word in words]) == 2
        lines = capfd.readouterr().err.splitlines(keepends=True)
        said = [line for line in lines if not line.startswith("captioner: caution: ")]
        assert len(said) == 1 and said[0].startswith("captioner: "), lines
        return said[0]

    return refused


@pytest.fixture(scope="session")
def hub_models(tmp_path_factory) -> Callable[[str], str]:
    """A function from blip, git, vit_gpt2 or qwen to `hf:FOLDER` of such a model with random weights."""
    made: dict[str, str] = {}

    def named(name: str) -> str:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            MODELS[name](folder)
            made[name] = f"hf:{folder}"
        return made[name]

    return named
