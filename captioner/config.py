"""What a run is: frozen dataclasses, the string under a field being its help. No torch here.

defaults < preset < experiment file < flags -> `Run` -> config.json in the run's folder, which all that follows reads.
"""

from __future__ import annotations

import json
from dataclasses import InitVar, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, get_type_hints

from metric.runtime.schedule import refuse_warmup
from rewards.spec import RewardSpec, parse


@dataclass(frozen=True)
class Model:
    d: int = 512
    """width of the Transformer"""
    heads: int = 8
    """attention heads"""
    encoder_layers: int = 3
    """layers over the picture's features"""
    decoder_layers: int = 3
    """layers over the words"""
    feedforward: int = 2048
    """width of the feed-forward layers"""
    dropout: float = 0.1
    """dropout while training"""
    vocabulary: int = 0
    """size of a BPE trained on the training captions; 0 takes CLIP's own 49,408 tokens"""


@dataclass(frozen=True)
class Decode:
    beams: int = 5
    """beams when captions are generated for evaluation or for a data set; 1 is greedy"""
    max_length: int = 30
    """most tokens a caption may have, end of sentence included"""


@dataclass(frozen=True)
class Xe:
    steps: int = 50_000
    """cross-entropy steps; 0 skips the stage"""
    batch_size: int = 50
    """pictures a step, one reference each"""
    lr: float = 2.5e-4
    """highest learning rate, reached after the warm-up, then falling as a cosine"""
    warmup: float = 0.05
    """share of the steps with a rising learning rate"""
    label_smoothing: float = 0.0
    """share of the target's probability that is spread over all words"""


@dataclass(frozen=True)
class Rl:
    steps: int = 10_000
    """steps of the reward stage"""
    batch_size: int = 50
    """pictures a step"""
    lr: float = 5e-6
    """highest learning rate, reached after the warm-up"""
    warmup: float = 0.0
    """share of the steps with a rising learning rate"""
    decay: bool = False
    """whether the learning rate then falls as a cosine, as in cross-entropy; the published recipes keep it"""
    objective: str = "scst"
    """how rewards become a gradient: scst, grpo (rewards normalised over a picture's candidates) or dico"""
    candidates: str = "beam"
    """how candidates are found: beam, diverse_beam or sample"""
    samples: int = 5
    """candidates a picture"""
    baseline: str = "mean"
    """what scst compares a candidate with: mean of the candidates, greedy caption, or leave_one_out mean"""
    temperature: float = 1.0
    """temperature of sampling"""
    top_p: float = 1.0
    """samples come from the fewest tokens that together have this probability"""
    normalise: str = "max_length"
    """a caption's log-probability: sum over its tokens, or that by length, max_length, or token (mean of the batch)"""
    kl: float = 0.0
    """weight of the KL divergence from the model the stage began with; for dico its beta"""
    updates: int = 1
    """updates that grpo makes with a step's candidates"""
    tau: float = 300.0
    """dico: how much more the worst losers count; suits rewards between 0 and 2"""


Scst = Rl  # as experiment files of version 0.1 call it


@dataclass(frozen=True)
class Run:
    data: str = "scenes"
    """data set, name:option=value,... such as scenes:count=4000, or a path that `captioner data` reads"""
    clip: str = "scenes-clip"
    """CLIP whose features are captioned: scenes-clip, a folder, or ARCH:TAG such as ViT-L-14-quickgelu:openai"""
    rewards: tuple[str, ...] = ()
    """reward of the second stage, name:option=value,...; repeat to mix; `captioner rewards` lists them"""
    init: str = ""
    """run or model folder to start from; its cross-entropy stage is not repeated"""
    pac: str = ""
    """checkpoint of `captioner metric train` that scores pac_spp, or pac_spp_hard, at every evaluation"""
    seed: int = 0
    """seed of everything random"""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N"""
    precision: str = "fp32"
    """fp32; tf32 for its matrix products on a GPU that has it; bf16 or fp16 under autocast"""
    accumulate: int = 1
    """parts that a process works on one after the other, for one update: the whole batch's, in a part's memory"""
    features: str = ""
    """folder that keeps the pictures' features, or online: computed for each batch; empty keeps them in memory"""
    checker: str = "auto"
    """grammar checker: languagetool, harper, none, or auto (the best that is here)"""
    watch: str = "warn"
    """what happens when captions get worse while the reward rises: off, warn, or stop"""
    val_every: int = 500
    """steps between evaluations on the validation split"""
    val_count: int = 500
    """validation pictures looked at while training"""
    log_every: int = 10
    """steps between lines of metrics.jsonl"""
    save_every: int = 500
    """steps between checkpoints"""
    keep: int = 2
    """checkpoints that are kept: the last, and those before it; the watch's best is kept beside them"""
    model: Model = field(default_factory=Model)
    decode: Decode = field(default_factory=Decode)
    xe: Xe = field(default_factory=Xe)
    rl: Rl = field(default_factory=Rl)
    scst: InitVar = None  # `rl` as experiment files of version 0.1 call it

    def __post_init__(self, scst: Rl | None) -> None:
        if scst is not None:
            object.__setattr__(self, "rl", scst)

    @property
    def reward_specs(self) -> list[RewardSpec]:
        return [parse(text) for text in self.rewards]

    @property
    def pac_checkpoint(self) -> str:
        """The PAC-S++ that scores the run: --pac, or the first one that the run is rewarded with; "" for none."""
        options = (dict(spec.options) for spec in self.reward_specs)
        return self.pac or next((option["checkpoint"] for option in options if "checkpoint" in option), "")

    @property
    def pac_scale(self) -> float:
        """The `scale` of that PAC-S++: of the weights of --pac 1, else as the reward has it."""
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
}

# what counts something, and the least of it
LEAST = {
    "xe.steps": 0,
    "rl.steps": 1,
    **dict.fromkeys(("xe.batch_size", "rl.batch_size", "rl.samples", "rl.updates", "decode.beams"), 1),
    **dict.fromkeys(("rl.kl", "rl.tau"), 0),
    "decode.max_length": 2,
    **dict.fromkeys(("val_every", "val_count", "save_every", "log_every", "keep", "accumulate"), 1),
}

T = TypeVar("T")


def flag(setting: str) -> str:
    """`xe.batch_size` -> `--xe.batch-size`: a setting as it is typed."""
    return "--" + setting.replace("_", "-")


def dotted(config: Any, prefix: str = "") -> dict[str, Any]:
    """A nested dataclass as {"rl.lr": 5e-6, ...}."""
    values = {}
    for item in fields(config):
        value = getattr(config, item.name)
        values.update(dotted(value, f"{prefix}{item.name}.") if is_dataclass(value) else {prefix + item.name: value})
    return values


def override(config: T, changes: dict[str, Any]) -> T:
    """The dataclass with dotted fields changed; unknown names are a ValueError."""
    known = dotted(config)
    for name in changes:
        if name not in known:
            raise ValueError(f"no setting {name!r}; there are {', '.join(known)}")
    own = {name: value for name, value in changes.items() if "." not in name}
    for item in fields(config):  # type: ignore[arg-type]
        inner = {name.partition(".")[2]: value for name, value in changes.items() if name.startswith(item.name + ".")}
        if inner:
            own[item.name] = override(getattr(config, item.name), inner)
    return replace(config, **own)  # type: ignore[type-var]


def check(run: Run) -> Run:
    """The run, or a ValueError that says which setting cannot be."""
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
            f"sampling wants --rl.temperature above 0 and --rl.top-p in (0, 1], "
            f"got {run.rl.temperature:g} and {run.rl.top_p:g}"
        )
    if run.rewards:
        check_objective(run.rl)
    if not run.rewards and not run.xe.steps:
        raise ValueError("nothing to train: --xe.steps 0 and no --reward; give one of them")
    return run


def check_objective(rl: Rl) -> None:
    """Raises ValueError for settings of the reward stage that contradict each other."""
    asked = f"--rl.objective {rl.objective}"
    if rl.objective != "scst" and rl.baseline != "mean":
        raise ValueError(
            f"{asked} compares the candidates with each other and takes no baseline, "
            f"got --rl.baseline {rl.baseline}; leave it out or type --rl.objective scst"
        )
    if rl.samples < 2 and rl.baseline != "greedy":
        raise ValueError(
            f"{asked} with --rl.baseline {rl.baseline} compares 2 candidates a picture or more, "
            f"got --rl.samples {rl.samples}; raise it or type --rl.baseline greedy"
        )
    if rl.updates > 1 and rl.objective != "grpo":
        raise ValueError(f"{asked} makes one update a step, got --rl.updates {rl.updates}; type --rl.objective grpo")
    if rl.objective == "dico" and not rl.kl:
        raise ValueError(f"{asked} learns nothing with --rl.kl 0, which is its beta; the paper has --rl.kl 0.2")
    if rl.candidates != "sample" and (rl.temperature, rl.top_p) != (1, 1):
        raise ValueError(
            f"--rl.candidates {rl.candidates} draws nothing, got --rl.temperature {rl.temperature:g} and "
            f"--rl.top-p {rl.top_p:g}; leave them at 1 or type --rl.candidates sample"
        )


def from_json(text: str) -> Run:
    """The Run of a config.json; what else the file holds is left alone."""
    return from_dict(Run, renamed(json.loads(text)))


def renamed(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a config.json; its reward stage is called `rl` also where version 0.1 wrote `scst`."""
    return {("rl" if name == "scst" else name): value for name, value in content.items()}


def from_dict(kind: type[T], values: dict[str, Any]) -> T:
    hints = get_type_hints(kind)
    known = {item.name: values[item.name] for item in fields(kind) if item.name in values}  # type: ignore[arg-type]
    for name, value in known.items():
        if is_dataclass(hints[name]):
            known[name] = from_dict(hints[name], value)  # type: ignore[arg-type]
        elif isinstance(value, list):
            known[name] = tuple(value)
    return kind(**known)


def as_json(run: Run) -> dict[str, Any]:
    return asdict(run)
