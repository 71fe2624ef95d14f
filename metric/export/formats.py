"""`captioner metric export`: a CLIP by its name as a folder of another program. An adapter is merged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from metric.clip.load import load_clip, save_clip
from metric.clip.model import Clip
from metric.export.to_onnx import side, write_onnx
from metric.export.to_transformers import write_transformers
from metric.spec import find
from metric.storage.atomic_files import replaced, write_json
from metric.storage.run_files import CONFIG

TEXTS = (
    "a photo depicts a dog",
    "A photo depicts two red cars, and a man's hat!",
    "x",
)  # whose embeddings are compared
TOLERANCE = 1e-4  # greatest difference of an embedding of unit length

# pixels `n c h w` -> image embeddings `n d`, texts -> text embeddings `n d`, both of unit length
Towers = tuple[Callable[[Tensor], Tensor], Callable[[list[str]], Tensor]]


def write_open_clip(clip: Clip, folder: Path) -> tuple[Towers, list[str]]:
    """open_clip's layout, which `local-dir:FOLDER` of open_clip loads. -> the towers as they load, and what to say."""
    save_clip(clip, folder)
    if clip.negatives:
        write_json(folder / CONFIG, {"negatives": clip.negatives, "negative_kinds": clip.negative_kinds})
    again = load_clip(str(folder))
    told = f"load it: open_clip.create_model_from_pretrained('local-dir:{folder}')"
    return (again.encode_image, again.encode_text), [told]


FORMATS: dict[str, Callable[[Clip, Path], tuple[Towers, list[str]]]] = {
    "open_clip": write_open_clip,
    "transformers": write_transformers,
    "onnx": write_onnx,
}


def export(name: str, form: str, out: Path) -> list[str]:
    """Writes the CLIP `name` to the folder `out`. -> lines that say what was written and how equal it is.

    Raises ValueError for an unknown name or format, for a folder that exists, for towers that the format cannot hold,
    and for a written CLIP that embeds unlike `name`. `out` is then not written.
    """
    form = find(form, FORMATS, "format")
    if out.exists():
        raise ValueError(f"{out} exists; give another --out, or delete it")
    clip = load_clip(name)
    fingerprint = clip.fingerprint
    pixels = torch.randn(3, 3, *side(clip), generator=torch.Generator().manual_seed(0))
    with replaced(out) as folder, torch.no_grad():
        expected = clip.encode_image(pixels), clip.encode_text(list(TEXTS))
        (image, text), lines = FORMATS[form](clip, folder)
        lines += equal(clip.name, (image(pixels), text(list(TEXTS))), expected)
    lines = [line.replace(str(folder), str(out)) for line in lines]  # the folder had another name until it was whole
    return [f"{out}: {clip.name} ({fingerprint}) for {form}", *lines]


def equal(name: str, found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> list[str]:
    """A line a tower with the greatest difference of an embedding. Raises ValueError for one above TOLERANCE."""
    lines = []
    for tower, written, before in zip(("image", "text"), found, expected):
        difference = float((written - before).abs().max())
        if not difference <= TOLERANCE:
            raise ValueError(
                f"the {tower} tower that was written embeds unlike {name}, by {difference:.1e} where {TOLERANCE:g} is "
                "allowed, since the format computes it in another way; type --format open_clip"
            )
        lines.append(f"{tower} tower: embeddings differ by at most {difference:.1e}, checked after writing")
    return lines
