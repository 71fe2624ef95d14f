"""The functions behind `from captioner import train, resume, evaluate, compare, caption, load_data`.

Each function joins the parts of one command. Heavy modules are imported when a function is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.config import Run
from captioner.config_checks import check, decode_with

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

    folder = Path(run).expanduser()
    how = Evaluation(split, scores, checkpoint, decoding, best_of, rewards, name, device)
    with kept(files_of(folder, how).left_out_file(split)):
        return evaluate_run(folder, how)


def evaluate_others(
    captions: str | Path,
    data: str | Path,
    out: str | Path,
    split: str = "test",
    scores: Sequence[str] = ("all",),
    *,
    prompt: str = "",
    clip: str = "",
    decoding: Mapping[str, int | float] = {},
    best_of: int = 0,
    rewards: Sequence[str] = (),
    name: str = "",
    checker: str = "auto",
    device: str = "auto",
) -> Scores:
    """Scores the captions of a transformers model, or of a file, on one split of a data set.

    Writes captions-SPLIT.jsonl, scores-SPLIT.json and scores-SPLIT.csv into a folder that `compare` takes beside runs.
    A model captions as `caption` does: a second call continues an interrupted one.

    Args:
        captions: `hf:ORG/NAME` or `hf:FOLDER`, or a file of captions.
        data: data set, as `load_data` takes it.
        out: folder of the captions and the scores.
        split: split of the data set.
        scores: scores and families, such as `cider`, `classic` or `pac_spp:checkpoint=DIR`.
        prompt: text that the model continues, or the question to a chat model.
        clip: CLIP of CLIP-S and of rewards. Empty takes scenes-clip for drawn scenes, else none.
        decoding: settings in place of those in the model's files, such as `{"beams": 3}`.
        best_of: captions that are drawn of each picture, the best of which by `rewards` is scored. 0 draws none.
        rewards: rewards of a caption as `name:option=value,...`. Several are a mix.
        name: name of the evaluation. Empty takes a name made of the settings, such as `beams-3`.
        checker: grammar checker: languagetool, harper, none or auto.
        device: device of the work: auto, cpu, cuda or cuda:N.

    Returns:
        The scores of the set (`.corpus`) and of each caption (`.per_caption`).

    Raises:
        ValueError: the model, the file, the data, a score or a setting cannot be used.
    """
    from captioner.data.caption_files import write_lines
    from captioner.scoring import evaluate_others as others
    from captioner.sources.named import source_of
    from metric.image_to_text.folder import PREFIX
    from metric.storage.ledger import kept

    text, data = str(captions), str(data)
    clip = clip or ("scenes-clip" if data.partition(":")[0] == "scenes" else "")
    by_model = text.startswith(PREFIX)
    if by_model:
        source = source_of(text, clip, device, prompt=prompt)
        own = source.decode()
        settings = own, decode_with(own, decoding), best_of, tuple(rewards)
        made = others.Others(text, source.settings, data, clip, *settings, evaluation=name)
    else:
        others.refuse_generation(prompt, decoding, best_of, rewards)
        made = others.of_file(Path(text).expanduser(), data, clip, name)
    others.defaults_of(made, scores, checker, device)  # a wrong score is refused before the captioning
    files = others.opened(Path(out).expanduser(), made)
    place = files.captions_file(split)
    with kept(files.left_out_file(split)):
        if by_model:
            given = {**decoding, "best_of": best_of, "rewards": rewards, "prompt": prompt, "clip": clip}
            caption(text, data, place, split=split, checker="none", device=device, **given)  # type: ignore[arg-type]
        else:
            write_lines(place, others.captions_of_file(Path(text).expanduser(), data, split))
        return others.score_others(files, made, split, scores, checker=checker, device=device)


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

    folders = [Path(run).expanduser() for run in runs]
    comparison = compare(folders, split)
    if out is not None:
        write(comparison, gallery(folders[0], split, pictures), Path(out).expanduser())
    return comparison


def caption(
    model: str | Path,
    images: str | Path,
    out: str | Path,
    *,
    split: str = "test",
    format: str = "",
    method: str = "",
    beams: int = 0,
    max_length: int = 0,
    length_penalty: float | None = None,
    no_repeat_ngram: int | None = None,
    guidance: float | None = None,
    n: int = 1,
    best_of: int = 0,
    rewards: Sequence[str] = (),
    scores: bool = False,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
    batch_size: int = 64,
    device: str = "auto",
    clip: str = "",
    features: str = "",
    shard: str = "",
    skip_done: bool = False,
    checker: str = "auto",
    workers: int = 0,
    prompt: str = "",
    candidates: str | Path = "",
    drop_phrases: Sequence[str] = (),
    least_score: float | None = None,
) -> bool:
    """Writes captions of the pictures of a folder or data set. A second call continues an interrupted one.

    Args:
        model: run folder, model folder or hub id of a captioner. `hf:ORG/NAME` and `hf:FOLDER` are models of
            transformers.
        images: folder, archive, shards, table, or a data set as `name:option=value,...`.
        out: file or folder of captions. OUT.work beside it keeps the finished blocks.
        split: split of the data set, if `images` is one.
        format: format of `out`: jsonl, coco, capevalkit, csv, txt or webdataset. Empty takes the format of the ending.
        method: decoding: beam, greedy or sample. Empty takes beam, or sample with `best_of`.
        beams: number of beams. 0 takes the beams of the run.
        max_length: most tokens of a caption, end of sentence included. 0 takes the length of the run.
        length_penalty: power of the length that divides the log-probability of a beam. None takes that of the run.
        no_repeat_ngram: tokens of the n-grams that a caption has once at most. None takes the number of the run.
        guidance: weight of the picture, for a run with `drop_features`. 1 has no guidance, None takes that of the run.
        n: captions that are written of each picture.
        best_of: captions that are made of each picture, the best of which by `rewards` are written. 0 chooses by no
            reward.
        rewards: rewards of a caption as `name:option=value,...`. Several are a mix.
        scores: whether the log-probability and the rewards of each caption are written.
        temperature: temperature of the method sample.
        top_p: probability of the nucleus, the likeliest tokens that the method sample draws from.
        seed: seed of the method sample.
        batch_size: pictures at a time.
        device: device of the work: auto, cpu, cuda, cuda:N, mps or xpu.
        clip: new place of the captioner's CLIP, if the CLIP has moved.
        features: folder of features that `captioner features` made.
        shard: share of this process as I/N. Empty takes the share of torchrun or accelerate launch, else everything.
        skip_done: whether the captions in `out` are kept, whoever made them and how.
        checker: grammar checker of the printed summary: languagetool, harper, none or auto.
        workers: workers of Ray. With 0, this process captions.
        prompt: text that a transformers model continues, or the question to a chat model.
        candidates: file of captions that others made, in place of `model`; `images` may then be empty, for the pictures
            that the file names.
        drop_phrases: phrases that are removed from the beginning of a caption, or files with a phrase a line.
        least_score: lowest reward of a caption that is written.

    Returns:
        True if every picture was captioned. The others are named in OUT.left-out.jsonl.

    Raises:
        ValueError: the model, the pictures, a setting or the output cannot be used.
    """
    from captioner.captioning.formats import format_of
    from captioner.captioning.job import Job, caption
    from captioner.captioning.phrases import phrases_of
    from captioner.sources.candidate_file import pictures_of, refuse_strangers
    from captioner.sources.named import source_of
    from captioner.sources.settings import GIVEN, CandidateSettings, refuse_decoding
    from metric.runtime.work_share import own_gpu, share_of

    file = Path(candidates).expanduser() if candidates else None
    source = source_of(str(model), clip, own_gpu(device, os.environ), features, prompt, file)
    given: dict[str, float | None] = {"beams": beams or None, "max_length": max_length or None}
    given |= {"length_penalty": length_penalty, "no_repeat_ngram": no_repeat_ngram, "guidance": guidance}
    given = {name: value for name, value in given.items() if value is not None}
    if file:
        refuse_decoding(given | ({"method": method} if method else {}))
        images = str(images) or pictures_of(file)
        refuse_strangers(file, images, split)
    decode = decode_with(source.decode(), given)
    method = GIVEN if file else method or ("sample" if best_of else "beam")
    settings = CandidateSettings(
        max_length=decode.max_length,
        method=method,
        candidates=number_of_candidates(method, decode.beams, beams, best_of, n),
        n=n,
        rewards=tuple(rewards),
        best=bool(rewards if file else best_of),
        scores=scores,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        length_penalty=decode.length_penalty if method == "beam" or length_penalty else 0.0,
        no_repeat_ngram=decode.no_repeat_ngram,
        guidance=decode.guidance,
        drop_phrases=phrases_of(drop_phrases),
        least_score=least_score,
    )
    share = share_of(shard, os.environ)
    kind = format_of(Path(out).expanduser(), format)
    return caption(
        Job(
            source,
            str(images),
            split,
            Path(out).expanduser(),
            kind,
            settings,
            batch_size,
            share,
            skip_done,
            checker,
            workers,
        )
    )


def number_of_candidates(method: str, own_beams: int, beams: int, best_of: int, n: int) -> int:
    """The candidates that are made of a picture by a method, or, of those that others made, the most that count."""
    if method == "greedy":
        return 1
    return beams or best_of or {"beam": own_beams, "given": 0}.get(method, n)


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
