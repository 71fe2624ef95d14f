"""The settings of a run as frozen dataclasses. The string under a field is the help of its flag.

Flags win over an experiment file or a preset, and these win over the defaults. The resulting `Run` is written to
config.json in the run folder, and later commands read that file. `captioner.config_checks` says what the settings may
be. This module imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import InitVar, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, get_type_hints

from metric.scores.catalogue import canonical
from metric.settings import take_paths
from metric.spec import refuse_one_spec
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
    """The first stage: cross-entropy with references of each picture."""

    steps: int = 50_000
    """steps of cross-entropy; 0 skips the stage"""
    batch_size: int = 50
    """pictures a step, each with --xe.references references"""
    references: int = 1
    """references of a picture that a step learns, after one pass of the encoder over the picture"""
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

    `captioner.config_checks.check` raises ValueError for settings that are out of range or contradict each other.
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
    """device of the run: auto, cpu, cuda, cuda:N, mps or xpu"""
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
        take_paths(self)
        refuse_one_spec("rewards", self.rewards)
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
