"""Prints the counts of decoding and training on the pretend accelerator, as Markdown tables."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

import torch

from metric.clip.load import new_clip, save_clip
from tests.captioner.conftest import CLIP
from tests.pretend import accelerator, measured
from tests.pretend.counts import Counts

HEAD = "| | waits | copies | of them held up | launches | kB |\n| :-- | --: | --: | --: | --: | --: |"


def main() -> None:
    kept = accelerator.install()
    with tempfile.TemporaryDirectory() as folder:
        clip, data = tiny(Path(folder)), measured.squares(Path(folder) / "squares")
        print(f"A step of decoding, {measured.B} pictures\n\n{HEAD}")
        for name, how in measured.DECODING.items():
            whole, step = measured.of_decoding(how)
            print(row(name, step))
            print(row(f"{name}, {measured.LONG} tokens", whole))
        for name, beams in measured.THEIRS.items():
            whole, step = measured.of_transformers(beams)
            print(row(f"transformers, {name}", step))
            print(row(f"transformers, {name}, {measured.LONG} tokens", whole))
        print(f"\nA step of training\n\n{HEAD}")
        for name in measured.TRAINING:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                count = measured.of_training(name, clip, data, Path(folder) / name)
            print(row(name, count))
        for name in measured.METRIC:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                count = measured.of_metric(name, clip, data, Path(folder) / name)
            print(row(f"metric: {name}", count))
    del kept


def tiny(folder: Path) -> str:
    """The folder of an untrained CLIP that looks at 16 x 16 pixels."""
    (folder / "model.json").write_text(json.dumps(CLIP))
    torch.manual_seed(0)
    save_clip(new_clip(folder / "model.json", measured.WORDS), folder / "tiny")
    return str(folder / "tiny")


def row(name: str, count: Counts) -> str:
    waits, copies, held_up, launches, size = vars(count).values()
    return f"| {name} | {waits:g} | {copies:g} | {held_up:g} | {launches:g} | {size / 1000:,.0f} |"


if __name__ == "__main__":
    main()
