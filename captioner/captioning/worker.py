"""A loaded source of captions that captions blocks of pictures: the same in one process, in several, and under Ray."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from captioner.captioning.candidates import candidates
from captioner.captioning.journal import Row
from captioner.data import load
from captioner.data.blocks import Block
from captioner.features.store import reasons
from captioner.sources.protocol import CaptionSource, Seen
from captioner.sources.settings import CandidateSettings
from metric.example import Example
from metric.runtime.device import device_of
from rewards import Context, build
from rewards.mix import Mix
from rewards.registry import find
from rewards.spec import parse


class Worker:
    """A source of captions with the rewards. Raises ValueError when they do not fit each other."""

    def __init__(self, source: CaptionSource, settings: CandidateSettings, images: str, split: str) -> None:
        self.device = device_of(source.device)
        self.settings = settings
        self.maker = source.load(settings)
        self.reward = self.make_reward(images, split)

    def make_reward(self, images: str, split: str) -> Mix | None:
        """Builds the rewards. Those that look at the whole data set get it, for document frequencies or rivals."""
        if not self.settings.rewards:
            return None
        specs = [parse(text) for text in self.settings.rewards]
        whole = any({"references", "others"} & {*find(spec.name).needs} for spec in specs)
        examples = load(images, split) if whole else []
        return build(specs, Context(examples, self.maker.clip, str(self.device), self.settings.seed))

    def rows(self, blocks: Iterable[Block]) -> Iterator[list[Row]]:
        """Captions the blocks one after the other, and reads the pictures of the next block meanwhile.

        The row of a picture that cannot be captioned has the reason in `skipped`.
        """
        waiting: list[Block] = []

        def pictures() -> Iterator[list[Example]]:
            for block in blocks:
                waiting.append(block)
                yield block.examples

        for seen in self.maker.see(pictures()):
            yield self.rows_of(waiting.pop(0), seen)

    def rows_of(self, block: Block, seen: Seen) -> list[Row]:
        """The rows of one block."""
        rows = candidates(self.maker, seen, self.settings, self.reward) if seen.examples else []
        faults = reasons(seen.faults, block.examples)
        left_out = {name: (reason, "picture") for name, reason in faults.items()}
        left_out |= {item.id: (item.reason, item.kind) for item in block.left_out if item.kind != "caption"}
        places, entries = block.places(), {entry.id: [entry.state, entry.key] for entry in seen.entries}
        return [
            *(replace(row, order=places[row.id], picture=entries[row.id]) for row in rows),
            *(
                Row(name, places.get(name, block.order), skipped=reason, kind=kind)
                for name, (reason, kind) in left_out.items()
            ),
        ]
