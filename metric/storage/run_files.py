"""Names of the files that every training run leaves in its folder, of a captioner and of a CLIP alike."""

from __future__ import annotations

from pathlib import Path

CONFIG = "config.json"  # the settings, written before the first step
METRICS = "metrics.jsonl"  # the training log, one JSON object a line
TENSORBOARD = "tensorboard"  # the same numbers
CHECKPOINTS = "checkpoints"
LAST = Path(CHECKPOINTS) / "last"  # where --resume goes on
REPORT = "report.json"  # figures of a CLIP, when its training has ended
PROVENANCE = "provenance.json"  # data, commit, versions and hardware of a CLIP's training
