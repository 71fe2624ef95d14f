"""Runs from Python: `train`, `resume`, `evaluate`, `compare`, and the data that they read, `load_data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.config import Run
from captioner.config_checks import check
from metric.spec import refuse_one_spec

if TYPE_CHECKING:
    from captioner.comparison.table import Comparison
    from metric.example import Example
    from metric.scores.result import Scores


def train(run: Run, out: str | Path) -> Path:
    """Trains a captioner: cross-entropy, then the reward stage if `run.rewards` names a reward.

    One process trains alone. The processes of torchrun or accelerate launch train together.

    Args:
        run: settings, such as `Run(rewards=("cider",))`.
        out: folder of the run, which must not hold a run yet.

    Returns:
        The folder `out`, which `evaluate`, `compare`, `caption` and `Captioner.from_pretrained` take.

    Raises:
        ValueError: a setting, the data or the folder cannot be used.
    """
    from captioner.training import loop
    from metric.runtime.processes import joined
    from metric.storage.ledger import LEFT_OUT, kept

    with joined(), kept(Path(out).expanduser() / LEFT_OUT):
        loop.train(check(run), Path(out).expanduser())
    return Path(out).expanduser()


def resume(out: str | Path) -> Path:
    """Continues the run in the folder `out` from the last checkpoint, with the settings in its config.json.

    Returns the folder. Raises ValueError if `out` is no run, or if the data or a reward has changed since.
    """
    from captioner.training import loop
    from metric.runtime.processes import joined
    from metric.storage.ledger import LEFT_OUT, kept

    with joined(), kept(Path(out).expanduser() / LEFT_OUT):
        loop.resume(Path(out).expanduser())
    return Path(out).expanduser()


def evaluate(
    run: str | Path,
    split: str = "test",
    scores: Sequence[str] = ("all",),
    checkpoint: str = "last",
    decoding: Mapping[str, int | float] = {},
    best_of: int = 0,
    rewards: Sequence[str] = (),
    name: str = "",
    device: str = "auto",
) -> Scores:
    """Captions one split of a run's data set with a checkpoint of the run, and scores the captions.

    Writes captions-SPLIT.jsonl, scores-SPLIT.json and scores-SPLIT.csv into the run folder, and prints the scores. The
    files of other settings than those of the run carry a name, as captions-SPLIT@NAME.jsonl.

    Args:
        run: folder that `train` wrote.
        split: split of the run's data set.
        scores: scores and families, such as `cider`, `classic` or `pac_spp:checkpoint=DIR`.
        checkpoint: last, best, or a stage and step such as reward-000150.
        decoding: settings in place of the run's, such as `{"beams": 1, "guidance": 2.0}`.
        best_of: captions that are drawn of each picture, the best of which by `rewards` is scored. 0 searches by beams.
        rewards: rewards of a caption as `name:option=value,...`. Several are a mix.
        name: name of the evaluation. Empty takes a name made of the settings, such as `guidance-2`.
        device: device of the work: auto, cpu, cuda, cuda:N, mps or xpu.

    Returns:
        The scores of the set (`.corpus`) and of each caption (`.per_caption`).

    Raises:
        ValueError: the folder is no run, or a split, score or option is unknown.
    """
    from captioner.scoring.evaluate_run import Evaluation, evaluate_run, files_of
    from metric.storage.ledger import kept

    refuse_one_spec("rewards", rewards)
    folder = Path(run).expanduser()
    how = Evaluation(split, scores, checkpoint, decoding, best_of, rewards, name, device)
    with kept(files_of(folder, how).left_out_file(split)):
        return evaluate_run(folder, how)


def compare(
    runs: Sequence[str | Path], out: str | Path | None = None, split: str = "test", pictures: int = 60
) -> Comparison:
    """Puts the scores of evaluated runs side by side. Runs that differ in their seed alone become one row.

    Args:
        runs: run folders that `evaluate` has scored, or RUN@NAME for an evaluation with a name.
        out: folder for comparison.md, comparison.csv, comparison.json and index.html. None writes no file.
        split: split whose scores are compared.
        pictures: number of pictures in the gallery of index.html.

    Returns:
        The comparison. `.table()` is the text for a terminal.

    Raises:
        ValueError: a folder has no scores, or the runs captioned different pictures.
    """
    from captioner.comparison.gallery import gallery
    from captioner.comparison.report import write
    from captioner.comparison.table import compare

    refuse_one_spec("runs", runs)
    folders = [Path(run).expanduser() for run in runs]
    comparison = compare(folders, split)
    if out is not None:
        write(comparison, gallery(folders[0], split, pictures), Path(out).expanduser())
    return comparison


def load_data(data: str | Path, split: str = "train") -> list[Example]:
    """Reads the examples of one split of a data set.

    Args:
        data: path, or data set as `name:option=value,...`, such as `scenes:count=100`.
        split: split, such as train, val or test.

    Returns:
        The examples, each a picture with its captions.

    Raises:
        ValueError: no data set or no split has the name.
    """
    from captioner.data import load

    return load(str(data), split)
