"""Captions for a data set that need not fit in memory: batch by batch, appended to a file, resumable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from captioner.checkpoint import model_folder
from captioner.config import Decode, override
from captioner.device import device_of
from captioner.evaluate import read_run
from captioner.generate import generate
from captioner.models.captioner import Captioner
from captioner.models.features import computed
from captioner.writing import line, written
from metric.clip import load_clip
from metric.example import Example


def caption(
    model: str,
    examples: Sequence[Example],
    out: Path,
    decode: dict[str, Any],
    batch_size: int = 64,
    device: str = "auto",
    clip: str = "",
) -> None:
    """Caption what `out` does not hold yet; unreadable pictures are counted and named in <out>.skipped.txt.

    `decode` are the settings that were typed; the others are the run's. `clip` is where the captioner's own CLIP is,
    when not where it was.
    """
    where = device_of(device)
    captioner = Captioner.from_pretrained(model_folder(model)).to(where)
    eyes = load_clip(clip or captioner.config.clip, where)
    captioner.config.refuse_other_clip(eyes)
    settings = override(decode_of(model, captioner), decode)
    out.parent.mkdir(parents=True, exist_ok=True)
    done = written(out)
    todo = {example.id: example for example in examples if example.id not in done}
    skipped: dict[str, str] = {}
    words = count = 0
    with out.open("a", encoding="utf-8") as file:
        for names, features, unreadable in computed(todo, eyes, batch_size):
            skipped |= unreadable
            for name, text in captions(captioner, names, torch.from_numpy(features).float().to(where), settings):
                file.write(line(name, text))
                words, count = words + len(text.split()), count + 1
            file.flush()
    report(out, count, len(examples) - len(todo), words, skipped)


def decode_of(model: str, captioner: Captioner) -> Decode:
    """How the run itself decodes; of a model without a run, the default as far as it reads."""
    if (Path(model) / "checkpoints").is_dir():
        return read_run(Path(model)).decode
    return Decode(max_length=captioner.config.max_length)


def captions(
    captioner: Captioner, names: Sequence[str], features: torch.Tensor, decode: Decode
) -> Iterator[tuple[str, str]]:
    """(id, best caption) of each picture `b p f`."""
    if names:
        found = generate(captioner, features, method="beam", k=decode.beams, max_length=decode.max_length)
        yield from zip(names, (beams[0] for beams in found.captions))


def report(out: Path, count: int, before: int, words: int, skipped: dict[str, str]) -> None:
    kept = f", {before} were there already" if before else ""
    print(f"{out}: {count} captions of {words / max(count, 1):.1f} words{kept}, {len(skipped)} pictures skipped")
    path = out.with_name(out.name + ".skipped.txt")
    path.unlink(missing_ok=True)  # of an earlier call, which may have skipped others
    if skipped:
        path.write_text("".join(f"{name}\t{reason}\n" for name, reason in skipped.items()), encoding="utf-8")
        first = next(iter(skipped.values()))
        print(f"skipped, the first: {first} (all in {path})")
