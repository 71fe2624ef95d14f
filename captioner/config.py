"""The settings of a run as frozen dataclasses. The string under a field is the help of its flag.

Flags win over an experiment file or a preset, and these win over the defaults. The resulting `Run` is written to
config.json in the run folder, and later commands read that file. This module imports no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import InitVar, asdict, dataclass, field, fields, is_dataclass, replace
from math import isfinite
from typing import Any, TypeVar, get_type_hints

from metric.runtime.schedule import refuse_warmup
from metric.scores.catalogue import canonical, direction
from rewards.spec import RewardSpec, parse


@dataclass(frozen=True)
class Model:
    """The sizes of the captioner, an encoder-decoder Transformer over CLIP features."""

    d: int = 512
    """width of the Transformer"""
    heads: int = 8
    """attention heads of each layer"""
    encoder_layers: int = 3
    """layers of the encoder, over the features of the picture"""
    decoder_layers: int = 3
    """layers of the decoder, over the tokens of the caption"""
    feedforward: int = 2048
    """width of the feed-forward layers"""
    dropout: float = 0.1
    """dropout in cross-entropy; the reward stage has none"""
    vocabulary: int = 0
    """tokens of a BPE that is trained on the captions; 0 takes the 49,408 tokens of CLIP"""


@dataclass(frozen=True)
class Decode:
    """The search for captions after training."""

    beams: int = 5
    """beams in validation, in evaluation and for data sets; 1 is greedy decoding"""
    max_length: int = 30
    """most tokens of a caption, end of sentence included"""
    length_penalty: float = 0.0
    """power of the length that divides the log-probability of a beam; above 0 favours longer captions"""
    no_repeat_ngram: int = 0
    """tokens of the n-grams that a caption has once at most; 0 allows repeats"""
    guidance: float = 1.0
    """weight of the picture after training (classifier-free guidance); 1 has none; needs --xe.drop-features"""


@dataclass(frozen=True)
class Xe:
    """The first stage: cross-entropy with one reference of each picture."""

    steps: int = 50_000
    """steps of cross-entropy; 0 skips the stage"""
    batch_size: int = 50
    """pictures a step, each with one reference"""
    lr: float = 2.5e-4
    """highest learning rate, after the warm-up and before the cosine decay"""
    warmup: float = 0.05
    """share of the steps with a rising learning rate"""
    label_smoothing: float = 0.0
    """share of the target's probability that is spread over all tokens"""
    drop_features: float = 0.0
    """share of the pictures that are hidden, so that the captioner can be guided in decoding"""
    patience: int = 0
    """evaluations without a better --keep-best score after which the stage ends; 0 runs all steps"""


@dataclass(frozen=True)
class Rl:
    """The second stage: training on rewards of the captioner's own captions."""

    steps: int = 10_000
    """steps of the reward stage"""
    batch_size: int = 50
    """pictures a step"""
    lr: float = 5e-6
    """highest learning rate, after the warm-up"""
    warmup: float = 0.0
    """share of the steps with a rising learning rate"""
    decay: bool = False
    """cosine decay of the learning rate after the warm-up; the published recipes have none"""
    objective: str = "scst"
    """objective: scst, grpo (rewards normalised over the candidates of a picture) or dico"""
    candidates: str = "beam"
    """source of the candidates: beam, diverse_beam or sample"""
    samples: int = 5
    """candidates a picture"""
    baseline: str = "mean"
    """reward that scst subtracts: mean (of all candidates), greedy (caption) or leave_one_out (mean of the others)"""
    temperature: float = 1.0
    """temperature of --rl.candidates sample"""
    top_p: float = 1.0
    """probability of the nucleus, the likeliest tokens that --rl.candidates sample draws from"""
    normalise: str = "max_length"
    """divisor of a caption's log-probability: sum (none), length, max_length, or token (mean length)"""
    kl: float = 0.0
    """weight of the KL divergence from the model at the beginning of the stage; beta of dico"""
    updates: int = 1
    """updates of grpo with the candidates of a step"""
    tau: float = 300.0
    """factor of the reward gaps in dico's weights of the losers, for rewards from 0 to 2"""
    xe_weight: float = 0.0
    """weight of cross-entropy with one reference of each picture, which is added to the loss of the reward stage"""
    mix: str = "raw"
    """scale of the rewards before their weighted sum: raw, or their spread over a picture's candidates or the batch"""


Scst = Rl  # the name in experiment files of version 0.1
UNSET = Rl()  # the one object that tells a `Run` without `rl` from a `Run(rl=Rl())`


@dataclass(frozen=True)
class Run:
    """All settings of a run of `captioner train`, with the sections `model`, `decode`, `xe` and `rl`.

    `check` raises ValueError for settings that are out of range or contradict each other.
    """

    data: str = "scenes"
    """data set: a path that `captioner data` reads, or name:option=value,... as in scenes:count=4000"""
    clip: str = "scenes-clip"
    """CLIP of the features: scenes-clip, a folder, or ARCH:TAG as in ViT-L-14-quickgelu:openai"""
    rewards: tuple[str, ...] = ()
    """reward of this stage as name:option=value,... from `captioner rewards`; repeated flags make a mix"""
    init: str = ""
    """run or model folder to start from, in place of cross-entropy"""
    pac: str = ""
    """checkpoint of `captioner metric train` for the score pac_spp, or pac_spp_hard, at every evaluation"""
    seed: int = 0
    """seed of weights, batches, dropout and samples"""
    device: str = "auto"
    """device of the run: auto, cpu, cuda or cuda:N"""
    precision: str = "fp32"
    """precision of matrix products: fp32, tf32 (on a GPU that has it), bf16 or fp16 (the last two under autocast)"""
    accumulate: int = 1
    """equal parts of a batch, computed one after the other: the same update in less memory"""
    features: str = ""
    """folder of kept features, or online (computed for each batch); empty keeps features in memory"""
    checker: str = "auto"
    """grammar checker: languagetool, harper, none, or auto (the best one that is installed)"""
    watch: str = "warn"
    """reaction to captions that get worse while the reward rises: off, warn or stop"""
    val_every: int = 500
    """steps between evaluations on the validation split"""
    val_count: int = 500
    """validation pictures that are used while training"""
    log_every: int = 10
    """steps between lines of metrics.jsonl"""
    save_every: int = 500
    """steps between checkpoints"""
    keep: int = 2
    """number of newest checkpoints that are kept, besides the best one"""
    keep_best: str = ""
    """validation score that chooses checkpoints/best, with which a later stage begins; empty leaves it to the watch"""
    model: Model = field(default_factory=Model)
    decode: Decode = field(default_factory=Decode)
    xe: Xe = field(default_factory=Xe)
    rl: Rl = UNSET
    scst: InitVar = None  # the name of `rl` in experiment files of version 0.1

    def __post_init__(self, scst: Rl | None) -> None:
        if scst is None:
            return
        if self.rl is not UNSET:
            raise ValueError("Run got rl=... and scst=..., two names of one section; leave scst out")
        object.__setattr__(self, "rl", scst)

    @property
    def reward_specs(self) -> list[RewardSpec]:
        """The rewards as data. Raises ValueError for text that is no reward."""
        return [parse(text) for text in self.rewards]

    @property
    def best_score(self) -> str:
        """The score of --keep-best as score files name it, or "". Raises ValueError for an unknown score."""
        return canonical(self.keep_best) if self.keep_best else ""

    @property
    def pac_checkpoint(self) -> str:
        """The PAC-S++ that scores the run: that of --pac, or the first among the rewards, or "" for none."""
        options = (dict(spec.options) for spec in self.reward_specs)
        return self.pac or next((option["checkpoint"] for option in options if "checkpoint" in option), "")

    @property
    def pac_scale(self) -> float:
        """The `scale` of the PAC-S++ that scores the run: 1 for that of --pac, or else the `scale` of the reward."""
        options = (dict(spec.options) for spec in self.reward_specs)
        rewarded = next((option for option in options if "checkpoint" in option), {})
        return 1.0 if self.pac else float(rewarded.get("scale", 1.0))


CHOICES = {
    "precision": ("fp32", "tf32", "bf16", "fp16"),
    "checker": ("auto", "languagetool", "harper", "none"),
    "watch": ("off", "warn", "stop"),
    "rl.objective": ("scst", "grpo", "dico"),
    "rl.candidates": ("beam", "diverse_beam", "sample"),
    "rl.baseline": ("mean", "greedy", "leave_one_out"),
    "rl.normalise": ("sum", "length", "max_length", "token"),
    "rl.mix": ("raw", "picture", "batch"),
}

# settings that count something -> the least value
LEAST = {
    "xe.steps": 0,
    "xe.patience": 0,
    "rl.steps": 1,
    **dict.fromkeys(("xe.batch_size", "rl.batch_size", "rl.samples", "rl.updates"), 1),
    **dict.fromkeys(("rl.kl", "rl.tau"), 0),
    **dict.fromkeys(("val_every", "val_count", "save_every", "log_every", "keep", "accumulate"), 1),
}

T = TypeVar("T")


def flag(setting: str) -> str:
    """`xe.batch_size` -> `--xe.batch-size`: a setting as it is typed."""
    return "--" + setting.replace("_", "-")


def dotted(config: Any, prefix: str = "") -> dict[str, Any]:
    """The fields of a nested dataclass by dotted name, such as {"rl.lr": 5e-6, ...}."""
    values = {}
    for item in fields(config):
        value = getattr(config, item.name)
        values.update(dotted(value, f"{prefix}{item.name}.") if is_dataclass(value) else {prefix + item.name: value})
    return values


def override(config: T, changes: dict[str, Any]) -> T:
    """The dataclass with dotted fields changed. Raises ValueError for an unknown name."""
    settings = dotted(config)
    for name in changes:
        if name not in settings:
            raise ValueError(f"no setting {name!r}; there are {', '.join(settings)}")
    replaced = {name: value for name, value in changes.items() if "." not in name}
    for item in fields(config):  # type: ignore[arg-type]
        inner = {name.partition(".")[2]: value for name, value in changes.items() if name.startswith(item.name + ".")}
        if inner:
            replaced[item.name] = override(getattr(config, item.name), inner)
    return replace(config, **replaced)  # type: ignore[type-var]


def check(run: Run) -> Run:
    """Returns the run. Raises ValueError for a setting that is out of range or contradicts another one."""
    values = dotted(run)
    for name, choices in CHOICES.items():
        if values[name] not in choices:
            raise ValueError(f"{flag(name)} is one of {', '.join(choices)}, got {values[name]!r}")
    for name, least in LEAST.items():
        if values[name] < least:
            raise ValueError(f"{flag(name)} is {least} or more, got {values[name]}")
    for stage in ("xe", "rl"):
        refuse_warmup(f"{stage}.warmup", values[f"{stage}.warmup"], values[f"{stage}.steps"])
    if run.model.d % run.model.heads:
        raise ValueError(f"--model.d {run.model.d} cannot be split over --model.heads {run.model.heads}")
    if run.rl.temperature <= 0 or not 0 < run.rl.top_p <= 1:
        raise ValueError(
            f"sampling needs --rl.temperature above 0 and --rl.top-p in (0, 1], "
            f"got {run.rl.temperature:g} and {run.rl.top_p:g}"
        )
    check_best(run)
    check_decode(run.decode)
    check_hidden(run)
    if not (isfinite(run.rl.xe_weight) and run.rl.xe_weight >= 0):
        raise ValueError(f"--rl.xe-weight is 0 or more, got {run.rl.xe_weight:g}")
    if run.rewards:
        check_objective(run.rl)
    if not run.rewards and not run.xe.steps:
        raise ValueError("nothing to train, got --xe.steps 0 and no --reward; type --reward SPEC or more --xe.steps")
    return run


def check_hidden(run: Run) -> None:
    """Raises ValueError for a share of hidden pictures out of range, and for guidance that training would not allow."""
    if not 0 <= run.xe.drop_features < 1:
        raise ValueError(f"--xe.drop-features is a share of 0 or more and below 1, got {run.xe.drop_features:g}")
    if run.decode.guidance == 1:
        return
    if run.rewards:
        raise ValueError(
            f"--decode.guidance {run.decode.guidance:g} is for captions after training, and --reward learns from "
            "captions without it; leave it out, and type --guidance to `captioner evaluate`"
        )
    if not run.xe.drop_features:
        raise ValueError(
            f"--decode.guidance {run.decode.guidance:g} needs a captioner that knows captions without a picture; "
            "type --xe.drop-features 0.1, or leave it out"
        )


def check_guidance(name: str, guidance: float) -> None:
    """Raises ValueError unless `guidance`, the value of the flag `name`, is a number from 0."""
    if not 0 <= guidance < float("inf"):
        raise ValueError(f"{name} is 0 or more, where 1 decodes without guidance, got {guidance:g}")


def check_decode(decode: Decode, prefix: str = "--decode.") -> Decode:
    """Returns the settings. Raises ValueError for a number out of range. `prefix` begins the flags in the message."""
    least = {"beams": 1, "max_length": 2, "no_repeat_ngram": 0}
    for name, lowest in least.items():
        if getattr(decode, name) < lowest:
            typed = prefix + name.replace("_", "-")
            raise ValueError(f"{typed} is {lowest} or more, got {getattr(decode, name)}")
    if not isfinite(decode.length_penalty):
        raise ValueError(f"{prefix}length-penalty is a number such as 1, got {decode.length_penalty}")
    check_guidance(f"{prefix}guidance", decode.guidance)
    return decode


def decode_with(decode: Decode, changes: Mapping[str, Any]) -> Decode:
    """The settings with `changes` by name. Raises ValueError for a number out of range."""
    return check_decode(replace(decode, **changes), "--")


def check_best(run: Run) -> None:
    """Raises ValueError for a choice of checkpoints by no score, or by a score that has no better direction."""
    if run.keep_best and not direction(run.best_score):
        raise ValueError(
            f"--keep-best takes a score that is better when it is higher or lower, got {run.keep_best}; "
            "type --keep-best cider"
        )
    if run.xe.patience and not run.keep_best:
        raise ValueError(
            f"--xe.patience {run.xe.patience} waits for a better score, got no --keep-best; type --keep-best cider"
        )


def check_objective(rl: Rl) -> None:
    """Raises ValueError for settings of the reward stage that contradict each other."""
    asked = f"--rl.objective {rl.objective}"
    if rl.objective != "scst" and rl.baseline != "mean":
        raise ValueError(
            f"{asked} compares the candidates with each other and takes no baseline, "
            f"got --rl.baseline {rl.baseline}; leave --rl.baseline out or type --rl.objective scst"
        )
    if rl.samples < 2 and rl.baseline != "greedy":
        raise ValueError(
            f"{asked} with --rl.baseline {rl.baseline} compares 2 candidates a picture or more, "
            f"got --rl.samples {rl.samples}; type --rl.samples 2 or --rl.baseline greedy"
        )
    if rl.mix != "raw" and (rl.samples < 2 or (rl.mix, rl.baseline) == ("picture", "greedy")):
        raise ValueError(
            f"--rl.mix {rl.mix} divides by the spread of a picture's candidates, got --rl.samples {rl.samples} and "
            f"--rl.baseline {rl.baseline}, which the spread does not hold; type --rl.samples 5 and "
            "--rl.baseline mean, or --rl.mix raw"
        )
    if rl.updates > 1 and rl.objective != "grpo":
        raise ValueError(f"{asked} makes one update a step, got --rl.updates {rl.updates}; type --rl.objective grpo")
    if rl.objective == "dico" and not rl.kl:
        raise ValueError(f"{asked} learns nothing with --rl.kl 0, the beta of DiCO; type --rl.kl 0.2 as in the paper")
    if rl.candidates != "sample" and (rl.temperature, rl.top_p) != (1, 1):
        raise ValueError(
            f"--rl.candidates {rl.candidates} draws nothing, got --rl.temperature {rl.temperature:g} and "
            f"--rl.top-p {rl.top_p:g}; leave out both or type --rl.candidates sample"
        )


def from_json(text: str) -> Run:
    """The Run of the text of a config.json. Other keys of the file, such as the commit, are ignored."""
    return from_dict(Run, renamed(json.loads(text)))


def renamed(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a config.json with `rl` as the name of the reward stage, which version 0.1 called `scst`."""
    return {("rl" if name == "scst" else name): value for name, value in content.items()}


def from_dict(kind: type[T], values: dict[str, Any]) -> T:
    """The dataclass `kind` with its fields among `values`. Other keys are ignored, and absent fields have defaults."""
    hints = get_type_hints(kind)
    arguments = {item.name: values[item.name] for item in fields(kind) if item.name in values}  # type: ignore[arg-type]
    for name, value in arguments.items():
        if is_dataclass(hints[name]):
            arguments[name] = from_dict(hints[name], value)  # type: ignore[arg-type]
        elif isinstance(value, list):
            arguments[name] = tuple(value)
    return kind(**arguments)


def as_json(run: Run) -> dict[str, Any]:
    """The settings of a run as the content of a config.json."""
    return asdict(run)
