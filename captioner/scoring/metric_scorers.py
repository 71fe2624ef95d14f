"""Metrics by name as functions of examples and captions: scores, rewards, and EMScore where pictures are videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import torch

from metric.clip.load import folder_of
from metric.clip.tuning import recorded
from metric.evaluation import evaluate_each
from metric.example import Example
from metric.judgement.judge import Scorer
from metric.negatives.drawing import kinds_of
from metric.runtime.progress import Progress
from metric.scores.catalogue import SCORES, expand_names
from metric.scores.clip_families import check_name, described, embedder_of
from metric.scores.emscore import PARTS, EmScore, both
from metric.spec import find, split_spec, split_specs
from metric.video import FRAMES, Video
from rewards import Context, build, parse
from rewards.registry import find as find_reward

BATCH = 64  # examples that a reward is given at once
VIDEO_OPTIONS = ("clip", "checkpoint", "part", "frames", "precision")


@dataclass(frozen=True)
class Metrics:
    """The scores and rewards to compute. `clip` is the CLIP of scores and rewards that name none."""

    scores: tuple[str, ...]
    rewards: tuple[str, ...]
    clip: str
    device: torch.device
    precision: str = "fp32"
    """of the CLIPs of scores that name none; a reward has an option of its own"""
    facts: dict[str, str] = field(default_factory=dict)
    """score -> CLIP, scale or document frequency that its numbers come from; filled while scoring"""

    @classmethod
    def from_specs(
        cls, metrics: str, rewards: Sequence[str], clip: str, device: torch.device, precision: str = "fp32"
    ) -> Metrics:
        """The scores and rewards of specs with commas between them.

        Raises ValueError for a name of neither score nor reward, and without any spec.
        """
        specs = split_specs(metrics)
        scores = [spec for spec in specs if is_score(spec)]
        others = [spec for spec in specs if not is_score(spec)]
        if not specs and not rewards:
            raise ValueError("no metric was given; type for example --metrics bleu_4,cider,clip_s:clip=ARCH:TAG")
        return cls(tuple(scores), (*others, *rewards), clip, device, precision)

    @property
    def look(self) -> bool:
        """Whether any score or reward needs pictures."""
        names = chain.from_iterable(map(names_of, self.scores))
        needs = [find_reward(parse(spec).name).needs for spec in self.rewards]
        return any(SCORES[name].family == "clip" for name in names) or any("images" in need for need in needs)

    @property
    def negative_kinds(self) -> dict[str, list[str]]:
        """Score or reward -> the kinds of hard text negatives that its checkpoint was trained with, if it has any."""
        scored = {self.key(spec, name): spec for spec in self.scores for name in names_of(spec)}
        trained = {key: kinds_behind(spec) for key, spec in {**scored, **self.reward_keys}.items()}
        return {key: kinds for key, kinds in trained.items() if kinds}

    def scorers(self, examples: Sequence[Example], corpus: Sequence[str] = (), frames: int = FRAMES) -> list[Scorer]:
        """The scorers for these examples. EMScore counts rare words in `corpus`, and looks at `frames`, 0 for all.

        Raises ValueError for an option that a score does not take.
        """
        filmed = any(isinstance(example.image, Video) for example in examples)
        looking = [spec for spec in self.scores if filmed and SCORES[names_of(spec)[0]].family == "clip"]
        others = [spec for spec in self.scores if spec not in looking]
        for spec in others:
            expand_names([spec])  # refuses an option that is not there before anything is scored
        plain = [spec for spec in others if ":" not in spec]
        alone = [[spec] for spec in others if ":" in spec]
        scorers = [self.evaluated(specs) for specs in ([plain] if plain else []) + alone]
        scorers += [self.filmed(spec, corpus, frames) for spec in looking]
        return scorers + [self.rewarded(spec, examples) for spec in self.rewards]

    def key(self, spec: str, name: str) -> str:
        """The column of a score: its name, or its spec if the score is computed with different options too."""
        return spec if ":" in spec and [names_of(other) for other in self.scores].count([name]) > 1 else name

    def evaluated(self, specs: Sequence[str]) -> Scorer:
        """Scores that are computed together: several scores without options, or one score with options."""

        def scorer(examples: Sequence[Example], captions: Sequence[str]) -> dict[str, list[float]]:
            scores = evaluate_each(captions, examples, specs, self.clip, str(self.device), self.precision)
            self.facts.update({self.key(specs[0], name): fact for name, fact in scores.facts.items()})
            return {self.key(specs[0], name): list(values.values()) for name, values in scores.per_caption.items()}

        return scorer

    @property
    def reward_keys(self) -> dict[str, str]:
        return {self.reward_key(spec): spec for spec in self.rewards}

    def reward_key(self, spec: str) -> str:
        """The column of a reward: its name, or its spec if it is given twice; told apart from a score of its name."""
        name = parse(spec).name
        shared = [parse(other).name for other in self.rewards].count(name) > 1
        return f"reward:{spec if shared else name}" if is_score(name) else spec if shared else name

    def rewarded(self, spec: str, examples: Sequence[Example]) -> Scorer:
        """A reward, of one caption an example."""
        reward = build([parse(spec)], Context(examples, self.clip, str(self.device)))
        key = self.reward_key(spec)
        self.facts[key] = "; ".join(reward.signatures.values())

        def scorer(examples: Sequence[Example], captions: Sequence[str]) -> dict[str, list[float]]:
            numbers: list[float] = []
            with Progress(f"{key} of caption", len(captions), part=True) as progress:
                for start in range(0, len(examples), BATCH):
                    batch = captions[start : start + BATCH]
                    total, _ = reward(examples[start : start + BATCH], [[caption] for caption in batch])
                    numbers += total[:, 0].tolist()
                    progress.advance(len(batch))
            return {key: numbers}

        return scorer

    def filmed(self, spec: str, corpus: Sequence[str], frames: int) -> Scorer:
        """EMScore with the CLIP of a score such as `clip_s`. With references: the mean of video and references."""
        name, options = names_of(spec)[0], split_spec(spec)[1]
        for option in options:
            find(option, VIDEO_OPTIONS, f"option of {name} on videos")
        part = find(options.get("part", "full"), PARTS, "part of EMScore")
        most = frame_count(options.get("frames", str(frames)), name)
        clip = options.get("checkpoint") or options.get("clip") or ("" if "pac" in name else self.clip)
        if not clip:
            raise ValueError(f"{name} needs the folder of a tuned CLIP; type {name}:checkpoint=DIR")
        embedder = embedder_of(clip, str(self.device), precision=options.get("precision", self.precision))
        check_name(embedder, name.removeprefix("ref_"))
        with_references = name.startswith("ref_")

        def scorer(examples: Sequence[Example], captions: Sequence[str]) -> dict[str, list[float]]:
            references = [example.references for example in examples]
            words = list(corpus) or list(chain.from_iterable(references)) or list(captions)
            metric = EmScore(embedder, words, most)
            videos = [example.image for example in examples if isinstance(example.image, Video)]
            scored = metric.with_video(videos, captions)
            bare = sum(not texts for texts in references)
            if with_references and bare:
                raise ValueError(f"{name} cannot be computed: {bare} of {len(captions)} videos have no references")
            if with_references:
                scored = both(scored, metric.with_references(captions, references))
            seen = f"{part}, {most or 'all'} frames"
            self.facts[self.key(spec, name)] = f"EMScore, {seen}, no prefix, no w, {described(embedder)}"
            return {self.key(spec, name): [row[part] for row in scored]}

        return scorer


def kinds_behind(spec: str) -> list[str]:
    """The kinds of negatives that the `checkpoint` of a spec records; none without a checkpoint or a record."""
    folder = split_spec(spec)[1].get("checkpoint", "")
    settings = recorded(folder_of(folder)) if folder else {}
    return list(kinds_of(settings["negative_kinds"])) if settings.get("negatives") else []


def frame_count(text: str, name: str) -> int:
    """A whole number from 0. ValueError for another text."""
    if not text.isdecimal():
        raise ValueError(f"{name}: frames is a number of frames, 0 for all, got {text!r}; type {name}:frames=10")
    return int(text)


def is_score(spec: str) -> bool:
    """Whether a spec names a score. Raises ValueError, as for a score, for a name of neither score nor reward."""
    name = split_spec(spec)[0]
    try:
        expand_names([name])
    except ValueError as unknown:
        try:
            find_reward(name)
        except ValueError:
            raise unknown from None
        return False
    return True


def names_of(spec: str) -> list[str]:
    return expand_names([split_spec(spec)[0]])
