"""Published figures of the agreement of metrics with people, to print beside ours and to check ours against.

A figure is written as its source writes it, in percent, so that its number of digits is known. Learned metrics are of
CLIP ViT-B/32. Figures that no source states, or that are known by hearsay only, are not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Figures = dict[str, float]

KIT = "arXiv 2512.21582"  # CaptionEvalKit's table of expected values
CLIPSCORE = "arXiv 2104.08718"
PACSCORE = "aimagelab/pacscore README"
RADAR = "aimagelab/pacscore, read off images/radar_new.png"
TAUS, KINDS = ("tau_b", "tau_c"), ("hc", "hi", "hm", "mm", "accuracy")


@dataclass(frozen=True)
class Published:
    """Figures of one metric on one benchmark from one source."""

    benchmark: str
    metric: str
    figures: Figures
    """result -> figure in units of 1"""
    units: Figures
    """result -> half a unit of the last published digit, in units of 1"""
    source: str
    versions: tuple[str, ...] = ()
    """versions of the protocol that the figures are of; () for all"""
    references: tuple[int, ...] = (0,)
    """values of --references that the figures are of"""
    unsaid: str = ""
    """what the source does not say, so that nothing can be compared"""


def written(results: tuple[str, ...], text: str) -> tuple[Figures, Figures]:
    """Figures and half units of `32.175 32.324`, in the order of `results`. A hyphen stands for a figure that lacks.

    >>> written(("tau_b", "tau_c"), "- 53.0")
    ({'tau_c': 0.53}, {'tau_c': 0.0005})
    """
    given = {result: figure for result, figure in zip(results, text.split(), strict=True) if figure != "-"}
    digits = {result: len(figure.partition(".")[2]) for result, figure in given.items()}
    figures = {result: round(float(figure) / 100, digits[result] + 2) for result, figure in given.items()}
    return figures, {result: round(0.005 / 10 ** digits[result], 8) for result in given}


def of(
    benchmark: str,
    source: str,
    results: tuple[str, ...],
    texts: dict[str, str],
    versions: tuple[str, ...] = (),
    references: tuple[int, ...] = (0,),
    unsaid: str = "",
) -> Iterator[Published]:
    for metric, text in texts.items():
        yield Published(benchmark, metric, *written(results, text), source, versions, references, unsaid)


EXPERT = {
    PACSCORE: {
        "bleu_1": "32.175 32.324",
        "bleu_4": "30.599 30.776",
        "meteor": "41.538 41.822",
        "rouge_l": "32.139 32.314",
        "cider": "43.602 43.891",
        "pac_s": "53.919 54.292",
    },
    KIT: {"spice": "51.7 44.9", "clip_s": "51.1 51.2", "ref_clip_s": "52.6 53.0", "ref_pac_s": "- 55.9"},
    RADAR: {"pac_spp": "54.5 -"},
}
CROWD = {
    PACSCORE: {
        "bleu_1": "17.946 9.256",
        "bleu_4": "16.863 8.710",
        "meteor": "22.269 11.510",
        "rouge_l": "19.903 10.274",
        "cider": "24.619 12.724",
        "pac_s": "36.037 18.628",
    },
    KIT: {"spice": "24.4 12.0", "clip_s": "34.4 17.7", "ref_clip_s": "36.4 18.8", "ref_pac_s": "37.6 -"},
    RADAR: {"pac_spp": "- 19.1"},
}
COMPOSITE = {
    CLIPSCORE: {"bleu_1": "- 31.3"},
    KIT: {
        "bleu_4": "28.3 30.6",
        "rouge_l": "30.0 32.4",
        "meteor": "36.0 38.9",
        "cider": "34.9 37.7",
        "spice": "38.8 40.3",
        "clip_s": "49.8 53.8",
        "ref_clip_s": "51.2 55.4",
    },
}
COMPOSITE_RATINGS = {
    KIT: {"pac_s": "51.5 55.7", "ref_pac_s": "- 57.3"},
    RADAR: {"pac_spp": "- 58.3"},
}
SPICA = {  # CaptionEvalKit puts Spica's scores in the place of Nebula's
    "bleu_4": "46.5 44.1",
    "rouge_l": "45.8 43.4",
    "meteor": "50.2 47.6",
    "cider": "51.5 48.8",
    "spice": "51.5 47.4",
    "clip_s": "50.5 47.9",
    "ref_clip_s": "- 46.9",
    "pac_s": "51.0 48.3",
    "ref_pac_s": "- 50.6",
}
NEBULA = {"clip_s": "- 46.9", "pac_s": "- 47.2"}
POLARIS = {
    "bleu_4": "46.3",
    "rouge_l": "46.3",
    "meteor": "51.2",
    "cider": "52.1",
    "spice": "51.0",
    "clip_s": "52.3",
    "ref_clip_s": "52.3",
    "pac_s": "52.5",
    "ref_pac_s": "56.0",
}
PASCAL = {
    "length": "51.7 52.3 63.6 49.6 54.3",
    "bleu_4": "60.4 90.6 84.9 54.7 72.6",
    "rouge_l": "63.7 95.3 92.3 61.2 78.1",
    "meteor": "63.8 97.7 93.7 65.4 80.1",
    "cider": "65.1 98.1 90.5 64.8 79.6",
    "spice": "63.6 96.3 86.7 68.3 78.7",
    "clip_s": "56.5 99.3 96.4 70.4 80.7",
    "ref_clip_s": "64.5 99.6 95.4 72.8 83.1",
}
FOIL = {  # with one and with four references
    1: {"length": "50.2", "bleu_4": "66.5", "rouge_l": "71.7", "meteor": "78.8", "cider": "82.5", "spice": "75.5"}
    | {"clip_s": "87.2", "ref_clip_s": "91.0"},
    4: {"length": "50.2", "bleu_4": "82.6", "rouge_l": "79.3", "meteor": "85.4", "cider": "90.6", "spice": "86.1"}
    | {"clip_s": "87.2", "ref_clip_s": "92.6"},
}
FOIL_SUBSET = "only pictures outside COCO's training part count there, which the files do not tell"
VATEX_SETTING = "the picture does not say with how many references"
TAU_C, ACCURACY = ("tau_c",), ("accuracy",)


def every() -> Iterator[Published]:
    for source, texts in EXPERT.items():
        yield from of("flickr8k-expert", source, TAUS, texts)
    for source, texts in CROWD.items():
        yield from of("flickr8k-cf", source, TAUS, texts)
    for source, texts in COMPOSITE.items():
        yield from of("composite", source, TAUS, texts, versions=("12k", "polos"))
    for source, texts in COMPOSITE_RATINGS.items():
        yield from of("composite", source, TAUS, texts, versions=("ratings",))
    yield from of("nebula", KIT, TAUS, SPICA, versions=("spica",))
    yield from of("nebula", "EXPERT's table", TAUS, NEBULA, versions=("own",))
    yield from of("polaris", KIT, TAU_C, POLARIS)
    yield from of("pascal-50s", CLIPSCORE, KINDS, PASCAL)
    yield from of("pascal-50s", RADAR, ACCURACY, {"pac_spp": "82.3"})
    yield from of("foil", CLIPSCORE, ACCURACY, FOIL[1], references=(1,))
    yield from of("foil", CLIPSCORE, ACCURACY, FOIL[4], references=(0, 4))
    yield from of("foil", RADAR, ACCURACY, {"pac_s": "89.9", "pac_spp": "90.2"}, unsaid=FOIL_SUBSET)
    yield from of("activitynet-foil", RADAR, ACCURACY, {"clip_s": "89.5", "pac_s": "90.1", "pac_spp": "91.0"})
    vatex = {"clip_s": "28.6", "pac_s": "31.4", "pac_spp": "32.2"}
    yield from of("vatex-eval", RADAR, ("tau_b",), vatex, references=(0, 1, 9), unsaid=VATEX_SETTING)


PUBLISHED = tuple(every())
# Data points of the published figures, where they are known.
POINTS = {
    ("flickr8k-expert", ""): 16992,
    ("flickr8k-cf", ""): 47830,
    ("composite", "12k"): 11985,
    ("pascal-50s", ""): 4000,
}


def published(benchmark: str, metric: str) -> list[Published]:
    """What is published of a metric on a benchmark, in the order of this module."""
    return [row for row in PUBLISHED if (row.benchmark, row.metric) == (benchmark, metric)]
