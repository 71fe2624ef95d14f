from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv2d, gelu, layer_norm, normalize

from captioner.cli import main
from captioner.scoring.authors_example import WEIGHTS
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.clip.pacs_import import import_checkpoint, whose
from metric.judgement import check
from metric.similarity import pac_s

PATCH, GRID, FEATURES, CONTEXT = 8, 3, 32, 77
IMAGE, TEXT, RANK = 128, 64, 2  # widths: two heads and one
CAPTIONS = ["A photo depicts a red ball on the beach", "A photo depicts two small cats in a room"]
Weights = dict[str, Tensor]


def block(width: int, lora: bool) -> Weights:
    """One of OpenAI's blocks; LoRA matrices as in loralib, all of them far from zero."""
    shapes = {"attn.in_proj_weight": (3 * width, width), "attn.out_proj.weight": (width, width)}
    shapes |= {"mlp.c_fc.weight": (4 * width, width), "mlp.c_proj.weight": (width, 4 * width)}
    weights = {name: torch.randn(shape) / shape[1] ** 0.5 for name, shape in shapes.items()}
    for name, (out, into) in shapes.items():
        weights[name.removesuffix("weight") + "bias"] = torch.randn(out) / 10
        if lora:
            stem = name + "_lora_" if "in_proj" in name else name.removesuffix("weight") + "lora_"
            weights |= {stem + "A": torch.randn(RANK, into) / into**0.5, stem + "B": torch.randn(out, RANK) / 2}
    for norm in "ln_1", "ln_2":
        weights |= {f"{norm}.weight": 1 + torch.randn(width) / 10, f"{norm}.bias": torch.randn(width) / 10}
    return weights


def state_dict(lora: bool, layers: int = 2) -> Weights:
    torch.manual_seed(0)
    weights: Weights = {"logit_scale": torch.tensor(4.6052), "text_projection": torch.randn(TEXT, FEATURES)}
    weights |= {"visual.class_embedding": torch.randn(IMAGE), "visual.proj": torch.randn(IMAGE, FEATURES)}
    weights |= {"visual.positional_embedding": torch.randn(GRID**2 + 1, IMAGE)}
    weights |= {"positional_embedding": torch.randn(CONTEXT, TEXT), "token_embedding.weight": torch.randn(49408, TEXT)}
    weights["visual.conv1.weight"] = torch.randn(IMAGE, 3, PATCH, PATCH) / 10
    if lora:
        weights["visual.conv1.lora_A"] = torch.randn(RANK * PATCH, 3 * PATCH) / 10
        weights["visual.conv1.lora_B"] = torch.randn(IMAGE * PATCH, RANK * PATCH) / 5
    for norm, width in ("visual.ln_pre", IMAGE), ("visual.ln_post", IMAGE), ("ln_final", TEXT):
        weights |= {f"{norm}.weight": 1 + torch.randn(width) / 10, f"{norm}.bias": torch.randn(width) / 10}
    for tower, width in ("visual.transformer", IMAGE), ("transformer", TEXT):
        for layer in range(layers):
            weights |= {f"{tower}.resblocks.{layer}.{name}": t for name, t in block(width, lora).items()}
    return weights


class Authors:
    """Their forward pass in plain tensor operations: QuickGELU, LoRA beside attention and patches, MLPs as stored."""

    def __init__(self, weights: Weights, gelu_exact: bool = False) -> None:
        self.w, self.exact = weights, gelu_exact

    def norm(self, x: Tensor, name: str) -> Tensor:
        return layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def beside(self, x: Tensor, stem: str) -> Tensor | float:
        a, b = self.w.get(f"{stem}lora_A"), self.w.get(f"{stem}lora_B")
        return 0.0 if a is None or b is None else (x @ a.T @ b.T) / RANK

    def transformer(self, x: Tensor, tower: str, mask: Tensor | float) -> Tensor:
        n, t, width = x.shape
        heads = width // 64
        for layer in range(2):
            p = f"{tower}.resblocks.{layer}."
            y = self.norm(x, p + "ln_1")
            qkv = y @ self.w[p + "attn.in_proj_weight"].T + self.w[p + "attn.in_proj_bias"]
            qkv = qkv + self.beside(y, p + "attn.in_proj_weight_")
            q, k, v = (part.view(n, t, heads, 64).transpose(1, 2) for part in qkv.chunk(3, -1))
            y = ((q @ k.mT / 8 + mask).softmax(-1) @ v).transpose(1, 2).reshape(n, t, width)
            out = y @ self.w[p + "attn.out_proj.weight"].T + self.w[p + "attn.out_proj.bias"]
            x = x + out + self.beside(y, p + "attn.out_proj.")
            y = self.norm(x, p + "ln_2") @ self.w[p + "mlp.c_fc.weight"].T + self.w[p + "mlp.c_fc.bias"]
            y = gelu(y) if self.exact else y * torch.sigmoid(1.702 * y)
            x = x + y @ self.w[p + "mlp.c_proj.weight"].T + self.w[p + "mlp.c_proj.bias"]
        return x

    def image(self, pixels: Tensor) -> Tensor:
        kernel = self.w["visual.conv1.weight"]
        if "visual.conv1.lora_A" in self.w:
            kernel = kernel + (self.w["visual.conv1.lora_B"] @ self.w["visual.conv1.lora_A"]).view(kernel.shape) / RANK
        x = conv2d(pixels, kernel, stride=PATCH).flatten(2).mT
        x = torch.cat([self.w["visual.class_embedding"].expand(len(x), 1, -1), x], 1)
        x = self.norm(x + self.w["visual.positional_embedding"], "visual.ln_pre")
        x = self.transformer(x, "visual.transformer", 0.0)
        return normalize(self.norm(x[:, 0], "visual.ln_post") @ self.w["visual.proj"], dim=-1)

    def text(self, tokens: Tensor) -> Tensor:
        x = self.w["token_embedding.weight"][tokens] + self.w["positional_embedding"]
        x = self.norm(self.transformer(x, "transformer", torch.full((77, 77), -torch.inf).triu(1)), "ln_final")
        return normalize(x[torch.arange(len(x)), tokens.argmax(-1)] @ self.w["text_projection"], dim=-1)


def saved(weights: object, path: Path) -> Path:
    torch.save({"state_dict": weights, "epoch": 3}, path)
    return path


def scores(folder: Path, images: list[Path]) -> Tensor:
    """PAC-S of every picture with every caption, and of the negated cosine, so that none hides in the clamp."""
    embedder = Embedder(load_clip(str(folder)))
    cosine = embedder.images(images) @ embedder.texts(CAPTIONS).T
    return torch.stack([pac_s(cosine), pac_s(-cosine)])


def expected(weights: Weights, folder: Path, images: list[Path], gelu_exact: bool = False) -> Tensor:
    clip, theirs = load_clip(str(folder)), Authors(weights, gelu_exact)
    pixels = torch.stack([clip.preprocess(Image.open(image)) for image in images])
    cosine = theirs.image(pixels) @ theirs.text(clip.tokenizer(CAPTIONS)).T
    return 2 * torch.stack([cosine, -cosine]).clamp(min=0)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    for colour in "red", "teal":
        Image.new("RGB", (40, 30), colour).save(tmp_path / f"{colour}.png")
    return [tmp_path / "red.png", tmp_path / "teal.png"]


@pytest.mark.parametrize("lora, said", [(True, "PAC-S++"), (False, "PAC-S, a plain")])
def test_imported_file_scores_as_the_authors_forward_pass(
    lora: bool, said: str, tmp_path: Path, images: list[Path]
) -> None:
    weights = state_dict(lora)
    told = import_checkpoint(saved(weights, tmp_path / "clip_ViT.pth"), tmp_path / "out")
    assert said in told and "2 layers, width 128, patches of 8 in 24 px" in told and "checked" in told
    torch.testing.assert_close(
        scores(tmp_path / "out", images), expected(weights, tmp_path / "out", images), rtol=0, atol=1e-5
    )


def test_lora_counts_in_attention_and_patches_and_never_in_the_mlps(tmp_path: Path, images: list[Path]) -> None:
    weights = state_dict(True)
    import_checkpoint(saved(weights, tmp_path / "x.pth"), tmp_path / "out")
    ours = scores(tmp_path / "out", images)
    for part in "in_proj", "out_proj", "conv1":
        without = {key: t for key, t in weights.items() if not (part in key and "lora_" in key)}
        assert (expected(without, tmp_path / "out", images) - ours).abs().max() > 1e-3
    twice = dict(weights)
    for key in [key for key in weights if ".mlp." in key and key.endswith("lora_A")]:
        stem = key.removesuffix("lora_A")
        twice[f"{stem}weight"] = weights[f"{stem}weight"] + weights[f"{stem}lora_B"] @ weights[key] / RANK
    assert (expected(twice, tmp_path / "out", images) - ours).abs().max() > 1e-3


def test_openclip_file_computes_gelu_and_its_own_normalisation(tmp_path: Path, images: list[Path]) -> None:
    weights = state_dict(False)
    told = import_checkpoint(saved(weights, tmp_path / "openClip_ViT-L-14.pth"), tmp_path / "out")
    assert "PAC-S of OpenCLIP" in told and "GELU" in told
    torch.testing.assert_close(
        scores(tmp_path / "out", images), expected(weights, tmp_path / "out", images, True), rtol=0, atol=1e-5
    )
    clip = load_clip(str(tmp_path / "out"))
    assert clip.config["preprocess_cfg"]["mean"] == [0.5, 0.5, 0.5]


def test_weights_that_are_not_openais_are_remarked_on(tmp_path: Path) -> None:
    weights = state_dict(False)
    told = import_checkpoint(saved(weights, tmp_path / "clip.pth"), tmp_path / "one")
    assert "--activation gelu" in told
    halves = {key: tensor.half() for key, tensor in weights.items()}
    assert "--activation" not in import_checkpoint(saved(halves, tmp_path / "clip.pth"), tmp_path / "two")


def test_lora_that_changes_no_score_is_refused(tmp_path: Path) -> None:
    """Adapters that were made anew and never loaded: their second matrix is zero."""
    lost = {key: torch.zeros_like(t) if key.endswith("lora_B") else t for key, t in state_dict(True).items()}
    with pytest.raises(ValueError, match="scores as plain CLIP does: its LoRA matrices change nothing"):
        import_checkpoint(saved(lost, tmp_path / "PAC++.pth"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_plain_clip_of_openais_is_refused(tmp_path: Path) -> None:
    plain = {key: tensor.half().float() for key, tensor in state_dict(False).items()}
    with pytest.raises(
        ValueError, match="scores as plain CLIP does: both projections hold half-precision numbers only"
    ):
        import_checkpoint(saved(plain, tmp_path / "clip.pth"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    tuned = plain | {"visual.proj": plain["visual.proj"] + 1e-5 * torch.randn_like(plain["visual.proj"])}
    assert "checked" in import_checkpoint(saved(tuned, tmp_path / "clip.pth"), tmp_path / "out")


def test_scores_have_to_differ_from_a_given_plain_clip(tmp_path: Path) -> None:
    plain = state_dict(False)
    import_checkpoint(saved(plain, tmp_path / "plain.pth"), tmp_path / "plain")
    base = str(tmp_path / "plain")
    with pytest.raises(ValueError, match=f"again.pth scores as plain CLIP {base} does: its adapters were not loaded"):
        import_checkpoint(saved(plain, tmp_path / "again.pth"), tmp_path / "again", base=base)
    assert not (tmp_path / "again").exists()
    tuned = plain | {"text_projection": plain["text_projection"] * 1.5 + torch.randn(TEXT, FEATURES) / 9}
    told = import_checkpoint(saved(tuned, tmp_path / "tuned.pth"), tmp_path / "tuned", base=base)
    assert f"its scores differ from those of {base} by up to 0." in told
    with pytest.raises(ValueError, match="--base scenes-clip has .* give the plain CLIP of its size"):
        import_checkpoint(tmp_path / "tuned.pth", tmp_path / "other", base="scenes-clip")


@pytest.mark.parametrize("lora, weights", [(True, "the authors' PAC-S++ of"), (False, "the authors' PAC-S of")])
def test_an_imported_clip_knows_whose_weights_it_has(lora: bool, weights: str, tmp_path: Path) -> None:
    import_checkpoint(saved(state_dict(lora), tmp_path / "x.pth"), tmp_path / "out")
    assert load_clip(str(tmp_path / "out")).origin == f"{weights} ViT-width {IMAGE}/{PATCH}"
    sizes = {"model_cfg": {"vision_cfg": {"width": 768, "patch_size": 32}}}
    assert whose([], True, sizes) == WEIGHTS == check.WEIGHTS["pac_s"]


def test_command_writes_a_folder_that_serves_as_pac(
    tmp_path: Path, images: list[Path], capsys: pytest.CaptureFixture
) -> None:
    file = saved({f"module.{key}": tensor for key, tensor in state_dict(True).items()}, tmp_path / "PAC++.pth")
    assert main(["metric", "import", str(file), "--out", str(tmp_path / "out")]) == 0
    assert f"pacspp:checkpoint={tmp_path / 'out'}" in capsys.readouterr().out
    assert main(["metric", "import", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "give another --out" in capsys.readouterr().err
    with pytest.raises(ValueError, match="captioner metric import"):
        load_clip(str(file))


class Program:
    """What would run if the file were unpickled without care."""

    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit('ran')",)


def wrong_files(folder: Path) -> dict[str, tuple[Path, str]]:
    weights = state_dict(True)
    key = "transformer.resblocks.1.attn.in_proj_weight"
    whole = saved(weights, folder / "whole.pth")
    (folder / "cut.pth").write_bytes(whole.read_bytes()[:100_000])
    (folder / "text.pth").write_text("not found\n")
    (folder / "empty.pth").write_bytes(b"")
    (folder / "pickle.pth").write_bytes(pickle.dumps(Program()))
    lacking = {name: tensor for name, tensor in weights.items() if name != "visual.ln_post.bias"}
    halved = {name: tensor for name, tensor in weights.items() if not name.endswith("1.attn.in_proj_weight_lora_B")}
    return {
        "absent": (folder / "absent.pth", "is not a file"),
        "cut": (folder / "cut.pth", "an incomplete one"),
        "text": (folder / "text.pth", "no PyTorch checkpoint"),
        "empty": (folder / "empty.pth", "no PyTorch checkpoint"),
        "program": (saved(Program(), folder / "program.pth"), "no PyTorch checkpoint"),
        "pickle": (folder / "pickle.pth", "no PyTorch checkpoint"),
        "list": (saved([1, 2], folder / "list.pth"), "no state dict, got a list"),
        "other": (saved({"fc.weight": torch.ones(2, 2)}, folder / "other.pth"), "has no visual.conv1.weight"),
        "only-lora": (
            saved({name: t for name, t in weights.items() if "lora_" in name}, folder / "lora.pth"),
            "without their CLIP",
        ),
        "lacking": (saved(lacking, folder / "lacking.pth"), "lacks 1 tensors .* visual.ln_post.bias"),
        "halved": (saved(halved, folder / "halved.pth"), "checkpoint is incomplete"),
        "another-base": (
            saved(weights | {f"{key}_lora_A": torch.ones(RANK, 80)}, folder / "base.pth"),
            "expected LoRA of the same CLIP",
        ),
    }


KINDS = "absent cut text empty program pickle list other only-lora lacking halved another-base".split()


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    return wrong_files(tmp_path_factory.mktemp("wrong"))


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_file_is_refused_in_one_line_that_names_it(kind: str, wrong: dict, tmp_path: Path) -> None:
    file, said = wrong[kind]
    with pytest.raises(ValueError, match=said) as error:
        import_checkpoint(file, tmp_path / "out")
    assert str(file) in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()
