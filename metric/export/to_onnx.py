"""A CLIP as two ONNX files, image.onnx and text.onnx: a batch of any size -> embeddings of unit length.

Axes: n pictures or texts, c h w pixels, t tokens, d features.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metric.clip.load import quiet
from metric.clip.merged_lora import open_attention
from metric.clip.model import CONFIG, Clip
from metric.runtime.installed import older

OPSET = 18
LARGE = 1_900_000_000  # bytes of weights from which they lie beside the file: protobuf holds two gigabytes
EXPORTER = (2, 9)  # of torch; before, files take batches of one size only
NEEDED = ("onnx", "onnxscript", "onnxruntime")


class Tower(nn.Module):
    """One tower of a CLIP as a module, `n ...` -> `n d`, unit length, fp32."""

    def __init__(self, model: nn.Module, encode: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.encode = model, encode

    def forward(self, batch: Tensor) -> Tensor:
        return F.normalize(self.encode(batch).float(), dim=-1)


def write_onnx(clip: Clip, folder: Path) -> tuple[Any, list[str]]:
    """Both towers, open_clip's configuration and the tokenizer. -> the towers in onnxruntime, and what to say.

    Raises ValueError for a missing package, and for a tower that torch cannot export.
    """
    if absent := [name for name in NEEDED if not find_spec(name)]:
        raise ValueError(f"{', '.join(absent)} is not installed; pip install 'captioner[export]'")
    if older("torch", EXPORTER):
        raise ValueError(
            f"PyTorch {torch.__version__} writes no ONNX file for batches of any size; pip install 'torch>=2.9'"
        )
    open_attention(clip.model)  # torch's own attention takes another path in inference, which ONNX does not have
    model = clip.model
    write_tower(Tower(model, model.encode_image), "pixels", torch.zeros(2, 3, *side(clip)), folder / "image.onnx")
    write_tower(Tower(model, model.encode_text), "tokens", clip.tokenizer(["a", "b"]), folder / "text.onnx")
    (folder / CONFIG).write_text(json.dumps(clip.config, indent=2) + "\n", encoding="utf-8")
    if isinstance(clip.tokenizer, open_clip.tokenizer.HFTokenizer):
        clip.tokenizer.save_pretrained(folder)
    image, text = session(folder / "image.onnx"), session(folder / "text.onnx")
    told = [
        f"load it: onnxruntime.InferenceSession('{folder}/image.onnx')",
        f"image.onnx: pixels {shape('n', 3, *side(clip))} float32 -> features {shape('n', clip.dim)}, opset {OPSET}",
        f"text.onnx: tokens {shape('n', clip.tokenizer(['a']).shape[1])} int64 -> features {shape('n', clip.dim)}, "
        f"opset {OPSET}",
    ]
    return (image, lambda texts: text(clip.tokenizer(texts))), told


def shape(*sides: object) -> str:
    return " x ".join(map(str, sides))


def side(clip: Clip) -> tuple[int, int]:
    """Height and width of the pictures that the CLIP takes."""
    size = clip.config["model_cfg"]["vision_cfg"].get("image_size", 224)
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    return int(height), int(width)


def write_tower(tower: Tower, name: str, batch: Tensor, file: Path) -> None:
    """Raises ValueError for a tower that torch cannot export, with torch's first line."""
    size = sum(weights.numel() * weights.element_size() for weights in tower.parameters())
    with quiet(), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch's exporter about itself
        try:
            torch.onnx.export(
                tower.eval(),
                (batch,),
                file,
                input_names=[name],
                output_names=["features"],
                opset_version=OPSET,
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                external_data=size > LARGE,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            why = str(error).strip().splitlines()[0]
            raise ValueError(f"{file.stem} tower: torch cannot export it ({why}); type --format open_clip") from error


def session(file: Path) -> Callable[[Tensor], Tensor]:
    """A written tower in onnxruntime on the CPU."""
    import onnxruntime

    runtime = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (given,) = runtime.get_inputs()
    return lambda batch: torch.from_numpy(runtime.run(None, {given.name: batch.numpy()})[0])
