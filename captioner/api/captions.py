"""Captions of a folder or a data set from Python: `caption`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.config_checks import decode_with
from metric.spec import refuse_one_spec

if TYPE_CHECKING:
    from captioner.sources.protocol import CaptionSource
    from captioner.sources.settings import CandidateSettings


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
    compiled: bool = False,
    plan: bool = False,
) -> bool:
    """Writes captions of the pictures of a folder or data set. A second call continues an interrupted one.

    Args:
        model: run folder, model folder or hub id of a captioner. `hf:ORG/NAME` and `hf:FOLDER` are models of
            transformers.
        images: folder, archive, shards, table, or a data set as `name:option=value,...`.
        out: file or folder of captions. OUT.work beside it keeps the finished blocks.
        split: split of the data set, if `images` is one.
        format: jsonl, coco, capevalkit, csv, parquet, txt or webdataset. Empty takes the format of the ending of `out`.
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
        compiled: whether the decoding steps of whole batches are compiled.
        plan: whether time, memory and disk are printed, and nothing is written.

    Returns:
        True if every picture was captioned. The others are named in OUT.left-out.jsonl. A plan is True too.

    Raises:
        ValueError: the model, the pictures, a setting or the output cannot be used.
    """
    from captioner.captioning.formats import format_of
    from captioner.captioning.job import Job, caption
    from captioner.captioning.phrases import phrases_of
    from captioner.captioning.plan import plan as plan_of
    from captioner.sources.candidate_file import CandidateSource, column_for, pictures_of
    from captioner.sources.named import source_of
    from metric.runtime.console import say
    from metric.runtime.work_share import own_gpu, share_of
    from metric.scores.grammar import known_checker

    known_checker(checker)
    refuse_one_spec("rewards", rewards)
    refuse_one_spec("drop_phrases", drop_phrases)
    file = Path(candidates).expanduser() if candidates else None
    source = source_of(str(model), clip, own_gpu(device, os.environ), features, prompt, file, batch_size * compiled)
    decoding: dict[str, float | None] = {"beams": beams or None, "max_length": max_length or None}
    decoding |= {"length_penalty": length_penalty, "no_repeat_ngram": no_repeat_ngram, "guidance": guidance}
    settings = settings_of(
        source,
        method,
        decoding,
        best_of,
        n=n,
        rewards=tuple(rewards),
        scores=scores,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        drop_phrases=phrases_of(drop_phrases),
        least_score=least_score,
    )
    images = str(images) or (pictures_of(file) if file else "")
    if isinstance(source, CandidateSource):
        source = replace(source, column=column_for(source.file, images, split))
    place = Path(out).expanduser()
    work = batch_size, share_of(shard, os.environ), skip_done, checker, workers
    job = Job(source, images, split, place, format_of(place, format), settings, *work)
    if plan:
        for line in plan_of(job) if job.share.speaks else ():
            say(line)
        return True
    return caption(job)


def settings_of(
    source: CaptionSource, method: str, decoding: Mapping[str, float | None], best_of: int, **chosen: Any
) -> CandidateSettings:
    """The settings of candidates. `decoding` has what was typed, and None for what the source decides.

    `chosen` are other fields of CandidateSettings. Raises ValueError for settings of decoding beside candidates that
    others made, and for settings that do not fit each other.
    """
    from captioner.sources.candidate_file import CandidateSource
    from captioner.sources.settings import GIVEN, CandidateSettings, refuse_decoding

    typed = {name: value for name, value in decoding.items() if value is not None}
    given = isinstance(source, CandidateSource)
    if given:
        refuse_decoding(typed | ({"method": method} if method else {}))
    decode = decode_with(source.decode(), typed)
    method = GIVEN if given else method or ("sample" if best_of else "beam")
    return CandidateSettings(
        max_length=decode.max_length,
        method=method,
        candidates=number_of_candidates(method, decode.beams, int(typed.get("beams", 0)), best_of, chosen["n"]),
        best=bool(chosen["rewards"] if given else best_of),
        length_penalty=decode.length_penalty if method == "beam" or typed.get("length_penalty") else 0.0,
        no_repeat_ngram=decode.no_repeat_ngram,
        guidance=decode.guidance,
        **chosen,
    )


def number_of_candidates(method: str, own_beams: int, beams: int, best_of: int, n: int) -> int:
    """The candidates that are made of a picture by a method, or, of those that others made, the most that count."""
    if method == "greedy":
        return 1
    return beams or best_of or {"beam": own_beams, "given": 0}.get(method, n)
