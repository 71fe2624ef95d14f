"""Captions for a data set that need not fit in memory: batch by batch, appended to a file, resumable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from captioner.checkpoint import model_folder
from captioner.config import Decode
from captioner.generate import generate
from captioner.models.captioner import Captioner
from captioner.models.features import grid_features
from captioner.writing import line, written
from metric.clip import Clip, load_clip
from metric.example import Example, UnreadableImage, open_image


def caption(model: str, examples: Sequence[Example], out: Path, decode: Decode, batch_size: int, device: str) -> None:
    """Caption what `out` does not hold yet; unreadable pictures are counted and named in <out>.skipped.txt."""
    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    captioner = Captioner.from_pretrained(model_folder(model)).to(where)
    clip = load_clip(captioner.config.clip, where)
    captioner.config.refuse_other_clip(clip)
    out.parent.mkdir(parents=True, exist_ok=True)
    done = written(out)
    todo = [example for example in examples if example.id not in done]
    skipped: dict[str, str] = {}
    words = count = 0
    with out.open("a", encoding="utf-8") as file, tqdm(total=len(todo), unit="picture", disable=None) as bar:
        for start in range(0, len(todo), batch_size):
            batch = todo[start : start + batch_size]
            for name, text in captions(captioner, clip, batch, decode, skipped):
                file.write(line(name, text))
                words, count = words + len(text.split()), count + 1
            file.flush()
            bar.update(len(batch))
    report(out, count, len(examples) - len(todo), words, skipped)


@torch.no_grad()
def captions(
    captioner: Captioner, clip: Clip, batch: Sequence[Example], decode: Decode, skipped: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """(id, best caption) of each picture that can be read; the others go into `skipped` with the reason."""
    names, pixels = [], []
    for example in batch:
        try:
            pixels.append(clip.preprocess(open_image(example.image)))
            names.append(example.id)
        except UnreadableImage as error:
            skipped[example.id] = str(error)
    if names:
        features = grid_features(clip, torch.stack(pixels).to(clip.device)).float()
        found = generate(captioner, features, method="beam", k=decode.beams, max_length=decode.max_length)
        yield from zip(names, (beams[0] for beams in found.captions))


def report(out: Path, count: int, before: int, words: int, skipped: dict[str, str]) -> None:
    kept = f", {before} were there already" if before else ""
    print(f"{out}: {count} captions of {words / max(count, 1):.1f} words{kept}, {len(skipped)} pictures skipped")
    if skipped:
        path = out.with_name(out.name + ".skipped.txt")
        path.write_text("".join(f"{name}\t{reason}\n" for name, reason in skipped.items()), encoding="utf-8")
        first = next(iter(skipped.values()))
        print(f"skipped, the first: {first} (all in {path})")
