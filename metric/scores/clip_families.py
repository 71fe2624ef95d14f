"""Scores by a CLIP: CLIP-S, PAC-S, PAC-S++ and their reference versions."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from metric.example import Example
from metric.images import file_key
from metric.scores.family import Defaults, Family, Options, Part, Unavailable, means
from metric.sentences import Split, by_sentence
from metric.storage.paths import expanded

if TYPE_CHECKING:
    from metric.clip.embedder import Embedder

HARD = ("pac_spp", "pac_spp_hard")  # of a CLIP that was tuned without, and with hard text negatives


def open_clip_s(options: Options, defaults: Defaults) -> Family:
    from metric.similarity import CLIP_W

    precision = options.get("precision", defaults.precision)
    if "clip" in options:
        embedder = embedder_of(options["clip"], defaults.device, precision=precision or "fp32")
    elif defaults.clip is None:
        raise Unavailable("no CLIP was given; type clip_s:clip=ARCH:TAG, a folder, or scenes-clip")
    else:
        embedder = in_precision(defaults.clip, precision)
    return sentence_wise("clip_s", options, partial(similarity, embedder, "clip_s", CLIP_W))


def open_pac_s(options: Options, defaults: Defaults) -> Family:
    return open_tuned("pac_s", options, replace(defaults, pac=None))


def open_pac_spp(options: Options, defaults: Defaults) -> Family:
    return open_tuned("pac_spp", options, defaults)


def open_pac_spp_hard(options: Options, defaults: Defaults) -> Family:
    return open_tuned("pac_spp_hard", options, defaults)


def open_tuned(name: str, options: Options, defaults: Defaults) -> Family:
    """The family of a tuned CLIP: that of the options, else that of the `defaults`.

    Raises ValueError for a checkpoint that was typed under the wrong name. Raises Unavailable without any CLIP, and for
    a default of the wrong name.
    """
    from metric.similarity import PAC_W

    precision = options.get("precision", defaults.precision)
    if "checkpoint" in options:
        scale = share(f"{name}:scale", options["scale"]) if "scale" in options else 1.0
        embedder = embedder_of(options["checkpoint"], defaults.device, scale, precision or "fp32")
        check_name(embedder, name)
    elif defaults.pac is None:
        raise Unavailable(f"no tuned CLIP was given; type {name}:checkpoint=DIR")
    elif "scale" in options:
        raise ValueError(f"{name}:scale={options['scale']} goes with a checkpoint; type {name}:checkpoint=DIR,scale=S")
    else:
        embedder = in_precision(defaults.pac, precision)
        try:
            check_name(embedder, name)
        except ValueError as reason:
            raise Unavailable(str(reason)) from None
    w = positive(f"{name}:w", options["w"]) if "w" in options else PAC_W
    return sentence_wise(name, options, partial(similarity, embedder, name, w))


def sentence_wise(name: str, options: Options, family: Family) -> Family:
    """The family, or with `long=sentences` the family whose scores are means over the sentences of each caption."""
    if not by_sentence(f"{name}:long", options.get("long", "")):
        return family

    def of_sentences(captions: list[str], examples: list[Example]) -> Part:
        split = Split.of(captions, examples)
        part = family(split.sentences, split.examples)
        per_caption = {score: split.means(values) for score, values in part.per_caption.items()}
        told = {score: f"{fact}, the mean over the sentences of a caption" for score, fact in part.facts.items()}
        return Part(means(per_caption), per_caption, facts=told)

    return of_sentences


def check_name(embedder: Embedder, name: str) -> None:
    """Raises ValueError when the CLIP was trained with negatives and the score has the other name, or the reverse."""
    from metric.clip.tuning import refuse_other_name

    if name in HARD:
        refuse_other_name(embedder.clip, HARD.index(name) == 1, HARD)


def embedder_of(name: str, device: str, scale: float = 1.0, precision: str = "fp32") -> Embedder:
    """The Embedder of a CLIP by the name and the scale that `load_clip` takes; the last four are kept.

    A folder whose files have changed since, such as a metric that was trained anew, is loaded again.
    """
    return kept_embedder(name, files_of(name), device, scale, precision)


@lru_cache(maxsize=4)
def kept_embedder(name: str, files: tuple[str, ...], device: str, scale: float, precision: str) -> Embedder:
    from metric.clip.embedder import Embedder
    from metric.clip.load import load_clip

    return Embedder(load_clip(name, device, scale), precision=precision)


def files_of(name: str) -> tuple[str, ...]:
    """Path, size and time of the files of a CLIP's folder; nothing for another name."""
    folders = [Path(expanded(name)) / part for part in ("", "clip", "adapter")]
    return tuple(file_key(file) for folder in folders for file in sorted(folder.glob("*")) if file.is_file())


def in_precision(embedder: Embedder, precision: str) -> Embedder:
    """The embedder itself, or another with its CLIP where it computes in another precision. "" is any precision."""
    same = precision in ("", embedder.precision)
    return embedder if same else type(embedder)(embedder.clip, precision=precision)


def share(what: str, text: str) -> float:
    """A typed number from 0 to 1. The ValueError for other text names `what`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(f"{what} is a number from 0 to 1, got {text!r}")
    return number


def positive(option: str, text: str) -> float:
    """A typed number above 0. Raises ValueError for other text, with the name of the option."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{option} must be a number above 0, got {text!r}")
    return number


def described(embedder: Embedder) -> str:
    """`CLIP runs/pac (0f3a), fp32`: what the facts of a score say of its CLIP."""
    clip = embedder.clip
    hard = f", tuned with {clip.negatives} hard text negatives a caption" if clip.negatives else ""
    whose = f", {clip.origin}" if clip.origin else ""
    return f"CLIP {clip.name} ({clip.fingerprint}){whose}{hard}, {embedder.precision}"


def similarity(embedder: Embedder, name: str, w: float, captions: list[str], examples: list[Example]) -> Part:
    """w max(cos, 0): CLIP-S, PAC-S or PAC-S++, and the reference version when all images have references.

    Raises Unavailable for a picture that is not there.
    """
    from metric.clip.embedder import best_reference
    from metric.similarity import PREFIX, pac_s, ref_score

    try:
        images = embedder.images([example.image for example in examples])
    except FileNotFoundError as error:
        raise Unavailable(f"the picture {error.filename} is not there") from None
    asked = [PREFIX + caption for caption in captions]
    candidates = embedder.texts(asked)
    cosine = (images * candidates).sum(1)
    score = pac_s(cosine, w)  # CLIP-S is the same with another w
    per_caption = {name: score.tolist()}
    if all(example.references for example in examples):
        best = best_reference(embedder, candidates, examples, PREFIX)
        per_caption[f"ref_{name}"] = ref_score(score, best).tolist()
        asked += [PREFIX + reference for example in examples for reference in example.references]
    fact = f"w {w}, prefix {PREFIX.strip()!r}, {described(embedder)}"
    cut = embedder.cut.keys() & {*asked}
    lost = f", {len(cut)} texts longer than its context were cut" if cut else ""
    return Part(means(per_caption), per_caption, facts={name: fact + lost})
