"""Warnings about settings that work but are almost always a mistake. Each warning is one line with a better value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from captioner.config import Rl, Run, Xe
from captioner.model.vocabulary import Vocabulary, lowercased
from captioner.presets import PRESETS
from metric.example import Example
from metric.runtime.schedule import long_warmup

CARRIED = 2  # a reward stage at 1/CARRIED of cross-entropy's learning rate or more ruins captions in few steps
MOST = 0.99  # share of captions that a longer --decode.max-length should hold
STILL = 10  # steps of the reward stage without a gradient before the warning
NOTHING = 1e-7  # a gradient norm that is rounding alone
FAST = 10  # a learning rate above FAST times that of the preset of the model's size gets a warning
UNIT_TAU = 10  # tau of DiCO for gaps of about 1: 300 times the gaps of .03 that PAC-S has between candidates


def cautions(run: Run) -> list[str]:
    """The warnings for a run, before the run begins."""
    warnings = long_warmup("xe.warmup", run.xe.warmup) if run.xe.steps and not run.init else []
    return [*warnings, *(reward_stage(run) if run.rewards else [])]


def reward_stage(run: Run) -> list[str]:
    """The warnings for the reward stage: its warm-up, its learning rate and its start."""
    usual, rate = usual_rate(run), run.rl.lr
    warnings = long_warmup("rl.warmup", run.rl.warmup)
    if CARRIED * rate >= run.xe.lr:
        warnings.append(
            f"--rl.lr {rate:g} is near the learning rate of cross-entropy ({run.xe.lr:g}). Such a rate ruins captions "
            f"in the reward stage; type --rl.lr {usual:g}"
        )
    elif rate > FAST * usual:
        warnings.append(
            f"--rl.lr {rate:g} is {rate / usual:.0f} times the usual rate for a model of this size; "
            f"type --rl.lr {usual:g}"
        )
    if run.rl.objective == "dico" and run.rl.normalise != "sum":
        warnings.append(
            f"--rl.normalise {run.rl.normalise} divides dico's margin by a length, so that --rl.kl "
            f"{run.rl.kl:g} hardly holds the captioner to the reference; type --rl.normalise sum"
        )
    if run.rl.objective == "dico" and run.rl.mix != "raw" and run.rl.tau > UNIT_TAU:
        warnings.append(
            f"--rl.mix {run.rl.mix} makes reward gaps of about 1, and --rl.tau {run.rl.tau:g} is for gaps of .03. The "
            f"worst candidate alone would count as a loser; type --rl.tau {UNIT_TAU}"
        )
    if not run.init and not run.xe.steps:
        warnings.append(
            "the reward stage begins with an untrained model. No reward improves its captions, which are noise; "
            f"type --init RUN, or --xe.steps {usual_steps(run)}"
        )
    return warnings


def cut_captions(vocabulary: Vocabulary, examples: Sequence[Example], max_length: int) -> list[str]:
    """The warning about training captions that are longer than the longest caption of a run: they lose their end."""
    lengths = sorted(vocabulary.lengths([lowercased(text) for example in examples for text in example.references]))
    cut = sum(length > max_length for length in lengths)
    if not cut:
        return []
    enough = lengths[min(int(len(lengths) * MOST), len(lengths) - 1)]
    longer = f"{lengths[-1]:,}" if enough <= max_length else f"{enough:,}, which {MOST:.0%} do not exceed"
    return [
        f"{cut:,} of {len(lengths):,} training captions have more than {max_length} tokens, up to {lengths[-1]:,}, and "
        f"their end is not learned; type --decode.max-length {longer}"
    ]


def broken_words(vocabulary: Vocabulary, examples: Sequence[Example]) -> list[str]:
    """The warning about training captions whose words a vocabulary gives back in pieces."""
    captions = [lowercased(text) for example in examples for text in example.references]
    broken = [found for found in map(vocabulary.broken, captions) if found]
    if not broken:
        return []
    word, back = broken[0][0]
    return [
        f"{len(broken):,} of {len(captions):,} training captions have a word that the vocabulary gives back in pieces, "
        f"the first {word} in {back!r}; type --model.vocabulary 1000, or a larger one, made from the captions"
    ]


def same_pictures(training: Sequence[Example], others: Sequence[Example], split: str) -> list[str]:
    """The warning about pictures of another split that are training pictures too, as in data without splits."""
    known = {example.id for example in training}
    count = sum(example.id in known for example in others)
    if not count:
        return []
    return [
        f"{count:,} of {len(others):,} {split} pictures are training pictures too: their scores tell what was learned "
        "by heart; give each picture a split, such as a column split with train, val and test"
    ]


class Unmoved:
    """Finds a reward that never tells the candidates of a picture apart: the first steps have no gradient."""

    def __init__(self, steps: int) -> None:
        self.still = min(STILL, steps)

    def __call__(self, step: int, facts: Mapping[str, float]) -> list[str]:
        """The warning, after the step that makes it certain. `step` is the number of steps of the stage so far."""
        if step > self.still or facts["grad_norm"] > NOTHING:
            self.still = 0
        if step != self.still:
            return []
        return [
            f"the reward has given all captions of a picture the same value in all {step} steps so far, "
            f"{facts['reward']:g} in the last: nothing is learned; give a reward that tells captions apart, "
            "or add one, such as --reward clips"
        ]


def preset_of(run: Run) -> dict:
    """The preset of a size whose width is nearest to the width of the model."""
    widths = {name: preset.get("model.d", Run().model.d) for name, preset in PRESETS.items()}
    return PRESETS[min(widths, key=lambda name: abs(widths[name] - run.model.d))]


def usual_rate(run: Run) -> float:
    return preset_of(run).get("rl.lr", Rl().lr)


def usual_steps(run: Run) -> int:
    return preset_of(run).get("xe.steps", Xe().steps)
