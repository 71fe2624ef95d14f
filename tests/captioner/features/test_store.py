from dataclasses import dataclass, field
from types import SimpleNamespace

import open_clip
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms.functional import pil_to_tensor

from captioner.features import patch_features, store
from captioner.features.patch_features import feature_dim, grid_features
from captioner.features.store import FeatureStore
from metric.example import Example

TEXT = {"context_length": 8, "vocab_size": 32, "width": 8, "heads": 2, "layers": 1}
VIT = {"image_size": 16, "layers": 2, "width": 12, "head_width": 6, "patch_size": 4}
RESNET = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 32}
CONVOLUTIONS = {"image_size": 64, "timm_model_name": "mobilenetv3_small_050", "timm_pool": "avg"}
TIMM_VIT = {"image_size": 224, "timm_model_name": "test_vit", "timm_pool": "avg"}


@dataclass
class Tiny:
    """A CLIP of the contract, small and untrained, that counts the pictures it was shown."""

    vision: dict
    name: str = "tiny"
    fingerprint: str = "f00"
    device: torch.device = torch.device("cpu")
    model: nn.Module = field(init=False)
    prepared: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.model = open_clip.model.CLIP(8, self.vision, TEXT).eval().requires_grad_(False)

    def preprocess(self, picture: Image.Image) -> torch.Tensor:
        self.prepared += 1
        size = self.vision["image_size"]
        return pil_to_tensor(picture.resize((size, size))).float() / 255


@dataclass(frozen=True)
class Plain:
    """A picture of one colour."""

    shade: int

    @property
    def key(self) -> str:
        return f"plain {self.shade}"

    def draw(self) -> Image.Image:
        return Image.new("RGB", (16, 16), (self.shade, 0, 255 - self.shade))


def examples(*shades: int) -> list[Example]:
    return [Example(f"id{shade}", Plain(shade)) for shade in shades]


def pixels(size: int) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_vit_patches_come_after_the_last_norm_without_class_token() -> None:
    clip = Tiny(VIT)
    tower, x = clip.model.visual, pixels(16)
    tokens = tower.ln_post(tower.transformer(tower._embeds(x)))  # n 1+16 f, class token first
    torch.testing.assert_close(grid_features(clip, x), tokens[:, 1:])
    torch.testing.assert_close(tokens[:, 0] @ tower.proj, tower(x))


def test_coca_patches_come_before_its_attentional_pool() -> None:
    clip = Tiny(
        VIT | {"attentional_pool": True, "attn_pooler_heads": 2, "attn_pooler_queries": 4, "output_tokens": False}
    )
    tower, x = clip.model.visual, pixels(16)
    torch.testing.assert_close(grid_features(clip, x), tower.transformer(tower._embeds(x))[:, 1:])


def test_resnet_grid_is_what_enters_the_attention_pool() -> None:
    clip = Tiny(RESNET)
    tower, x = clip.model.visual, pixels(64)
    grid = grid_features(clip, x)
    assert grid.shape == (2, 4, 256)  # 64 / 32 squared, width * 32
    square = grid.transpose(1, 2).reshape(2, 256, 2, 2)
    torch.testing.assert_close(tower.attnpool(square), tower(x))


def test_timm_convolutions_give_their_grid() -> None:
    clip = Tiny(CONVOLUTIONS)
    tower, x = clip.model.visual, pixels(64)
    grid = grid_features(clip, x)
    assert grid.shape[:2] == (2, 4)
    torch.testing.assert_close(grid[:, 3], tower.trunk.forward_features(x)[:, :, 1, 1])


def test_timm_tokens_lose_their_prefix() -> None:
    clip = Tiny(TIMM_VIT)
    size = clip.model.visual.trunk.patch_embed.img_size[0]
    found = clip.model.visual.trunk.forward_features(pixels(size))
    prefix = clip.model.visual.trunk.num_prefix_tokens
    assert prefix == 1
    torch.testing.assert_close(grid_features(clip, pixels(size)), found[:, 1:])


def test_timm_grids_with_channels_last_are_read_as_such() -> None:
    trunk = SimpleNamespace(output_fmt="NHWC", forward_features=lambda x: torch.arange(24.0).reshape(1, 2, 3, 4))
    found = patch_features.timm_features(SimpleNamespace(trunk=trunk), pixels(8))
    assert torch.equal(found[0, 1], torch.arange(4.0, 8.0))


def test_unknown_towers_are_refused() -> None:
    clip = SimpleNamespace(name="odd", model=SimpleNamespace(visual=nn.Linear(1, 1)))
    with pytest.raises(ValueError, match="odd has an image tower of type Linear, expected VisionTransformer"):
        grid_features(clip, pixels(8))


@pytest.mark.parametrize(("vision", "f"), [(VIT, 12), (RESNET, 256)])
def test_feature_dim_is_known_from_the_clip(vision: dict, f: int) -> None:
    assert feature_dim(Tiny(vision)) == f


@pytest.mark.parametrize("on_disk", [True, False])
def test_store_gives_the_features_of_the_ids_asked_for(tmp_path, on_disk: bool) -> None:
    clip = Tiny(VIT)
    store = FeatureStore.build(examples(0, 50, 100, 150, 200), clip, tmp_path / "f" if on_disk else None, size=2)
    found = store[["id150", "id0", "id150"]]
    direct = grid_features(clip, torch.stack([clip.preprocess(Plain(shade).draw()) for shade in (150, 0, 150)]))
    assert found.dtype == torch.float32 and found.shape == (3, 16, 12) and len(store) == 5
    torch.testing.assert_close(found, direct, atol=2e-3, rtol=1e-3)  # fp16


def test_features_are_computed_once(tmp_path) -> None:
    clip = Tiny(VIT)
    first = FeatureStore.build(examples(0, 50, 100), clip, tmp_path)
    assert clip.prepared == 3
    again = FeatureStore.build(examples(100, 0), clip, tmp_path)
    assert clip.prepared == 3
    assert torch.equal(again[["id100", "id0"]], first[["id100", "id0"]])


def test_folder_grows_with_new_pictures(tmp_path) -> None:
    clip = Tiny(VIT)
    before = FeatureStore.build(examples(0, 50), clip, tmp_path)
    after = FeatureStore.build(examples(0, 100), clip, tmp_path)
    assert clip.prepared == 3
    assert torch.equal(before[["id0"]], after[["id0"]])


@pytest.mark.parametrize("on_disk", [True, False])
def test_examples_of_one_picture_have_the_same_features(tmp_path, on_disk: bool) -> None:
    some = [Example("a", Plain(7)), Example("b", Plain(7)), Example("c", Plain(9)), Example("d", Plain(7))]
    store = FeatureStore.build(some, Tiny(VIT), tmp_path if on_disk else None, size=2)
    assert torch.equal(store[["a", "a"]], store[["b", "d"]])


class Killed(Tiny):
    """Dies at the fifth picture."""

    def preprocess(self, picture: Image.Image) -> torch.Tensor:
        if self.prepared == 4:
            raise KeyboardInterrupt
        return super().preprocess(picture)


def test_killed_build_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    five = examples(0, 50, 100, 150, 200)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # pictures are prepared one after the other
    with pytest.raises(KeyboardInterrupt):
        FeatureStore.build(five, Killed(VIT), tmp_path, size=2)
    clip = Tiny(VIT)
    store = FeatureStore.build(five, clip, tmp_path, size=2)
    assert 0 < clip.prepared < 5  # finished shards stay
    unbroken = FeatureStore.build(five, Tiny(VIT), None, size=2)
    names = [example.id for example in five]
    assert torch.equal(store[names], unbroken[names])


def test_unreadable_images_are_skipped_by_name_and_reason(tmp_path) -> None:
    broken, good, small = tmp_path / "broken.jpg", tmp_path / "good.png", tmp_path / "empty.png"
    broken.write_text("no picture")
    small.write_bytes(b"")
    Image.new("RGB", (9, 9)).save(good)
    some = [Example(path.stem, path) for path in (broken, good, small, tmp_path / "missing.png")]
    store = FeatureStore.build(some, Tiny(VIT), None, size=1)
    assert store.skipped.keys() == {"broken", "empty", "missing"} and len(store) == 1
    assert "broken.jpg" in store.skipped["broken"] and "No such file" in store.skipped["missing"]
    assert store[["good"]].shape == (1, 16, 12)


def test_nothing_to_see_is_an_empty_store(tmp_path) -> None:
    for folder in (None, tmp_path / "f"):
        assert len(FeatureStore.build([], Tiny(VIT), folder)) == 0


def test_changed_file_is_another_picture(tmp_path) -> None:
    path, clip = tmp_path / "a.png", Tiny(VIT)
    Image.new("RGB", (9, 9)).save(path)
    black = FeatureStore.build([Example("a", path)], clip, tmp_path / "f")[["a"]]
    Image.new("RGB", (99, 99), "white").save(path)
    assert not torch.equal(FeatureStore.build([Example("a", path)], clip, tmp_path / "f")[["a"]], black)


def test_store_of_another_clip_is_refused(tmp_path) -> None:
    FeatureStore.build(examples(0), Tiny(VIT), tmp_path)
    with pytest.raises(ValueError, match=r"features of the CLIP tiny \(f00\), not of other \(bad\)") as error:
        FeatureStore.build(examples(0), Tiny(VIT, name="other", fingerprint="bad"), tmp_path)
    assert "\n" not in str(error.value)


def test_folder_that_is_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        FeatureStore.build(examples(0), Tiny(VIT), tmp_path / "f")


def test_huge_features_stay_finite() -> None:
    clip = Tiny(VIT)
    clip.model.visual.ln_post.weight.fill_(1e6)
    assert FeatureStore.build(examples(0), clip, None)[["id0"]].isfinite().all()


def test_long_work_is_told_before_it_starts(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(store, "PLANNED", 3)
    FeatureStore.build(examples(1, 2), Tiny(VIT), tmp_path)
    assert not capsys.readouterr().out
    FeatureStore.build(examples(*range(10, 15)), Tiny(VIT), tmp_path)
    assert "features of 5 pictures: 16 x 12 each, 0.0 MB" in capsys.readouterr().out
