"""The eyes of the two grammar checkers: the share of flagged captions, of people and with faults made on purpose.

Source: the captions of Flickr8k's test photographs (research use; none is copied here).
Command: `LTP_PATH=../shared/languagetool .venv/bin/python -m experiments.benchmarks.checkers --flickr8k DIR`
Cost: five minutes of one core. The table is written to experiments/results/checkers.md.
Expect: LanguageTool sees nearly every repeated word and a third to half of broken agreement. Harper sees half of the
repeated words and no broken agreement. Neither sees a dropped article or a sentence that stops in the
middle. `bad_endings` counts sentences that stop at a word that ends no sentence. The cut sentences here stop so.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from captioner.data import load
from captioner.model.vocabulary import lowercased
from metric.scores.grammar import Checker, grammar_checker
from metric.scores.repetition import BAD_ENDINGS, ends_badly
from metric.storage.atomic_files import write
from metric.storage.provenance import commit, hardware

ARTICLES = {"a", "an", "the"}
AGREEMENT = {"is": "are", "are": "is", "has": "have", "have": "has", "was": "were", "were": "was"}
NUMBERS = set("two three four five six seven eight nine ten several many".split())
Words = list[str]


def word_repeated(words: Words, rng: random.Random) -> Words:
    """The words with one of them twice in a row."""
    place = rng.randrange(len(words))
    return [*words[: place + 1], *words[place:]]


def article_dropped(words: Words, rng: random.Random) -> Words:
    """The words without one of their articles. Words without an article stay as they are."""
    places = [place for place, word in enumerate(words) if word in ARTICLES]
    return without(words, rng.choice(places)) if places else words


def agreement_broken(words: Words, rng: random.Random) -> Words:
    """The words with the first verb of AGREEMENT in the other number."""
    place = next((place for place, word in enumerate(words) if word in AGREEMENT), None)
    return words if place is None else [*words[:place], AGREEMENT[words[place]], *words[place + 1 :]]


def plural_lost(words: Words, rng: random.Random) -> Words:
    """The words with a singular after a number: `two dogs` -> `two dog`."""
    for place, (word, after) in enumerate(zip(words, words[1:]), start=1):
        if word in NUMBERS and after.endswith("s") and not after.endswith("ss"):
            return [*words[:place], after[:-1], *words[place + 1 :]]
    return words


def ending_cut(words: Words, rng: random.Random) -> Words:
    """The words up to the last bad ending after the second word. Words without a bad ending stay as they are."""
    places = [place for place, word in enumerate(words[:-1]) if place > 1 and word in BAD_ENDINGS]
    return words[: places[-1] + 1] if places else words


def without(words: Words, place: int) -> Words:
    return [*words[:place], *words[place + 1 :]]


CHANGES: dict[str, Callable[[Words, random.Random], Words]] = {
    "a word repeated": word_repeated,
    "an article dropped": article_dropped,
    "agreement broken (is, are)": agreement_broken,
    "plural lost after a number": plural_lost,
    "the ending cut": ending_cut,
}


def changed(captions: Sequence[str], change: Callable[[Words, random.Random], Words]) -> list[tuple[str, str]]:
    """The captions before and after a change, without the captions that the change leaves as they are. Seed 0."""
    rng = random.Random(0)
    pairs = [(caption, " ".join(change(caption.split(), rng))) for caption in captions if caption]
    return [(before, after) for before, after in pairs if before != after]


def row(name: str, pairs: Sequence[tuple[str, str]], checkers: Sequence[Checker]) -> str:
    """A row of the table: percent flagged before and after a change, by each checker and by `bad_endings`."""
    before, after = zip(*pairs)
    cells = [name, f"{len(pairs):,}"]
    for checker in checkers:
        cells.append(f"{percent(checker.incorrect(before))} → {percent(checker.incorrect(after))}")
    endings = [[ends_badly(caption.split()) for caption in captions] for captions in (before, after)]
    return "| " + " | ".join([*cells, " → ".join(map(percent, endings))]) + " |"


def percent(flags: Sequence[bool]) -> str:
    return f"{100 * sum(flags) / len(flags):.1f}"


def table(captions: Sequence[str], checkers: Sequence[Checker]) -> str:
    """The Markdown table: captions as people wrote them, then a row for each change."""
    human = [checker.incorrect(captions) for checker in checkers]
    endings = [ends_badly(caption.split()) for caption in captions]
    lines = [
        "| captions | count | LanguageTool % | Harper % | bad_endings % |",
        "|---|---|---|---|---|",
        f"| as humans wrote them | {len(captions):,} | {' | '.join(map(percent, [*human, endings]))} |",
    ]
    return "\n".join([*lines, *(row(name, changed(captions, change), checkers) for name, change in CHANGES.items())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flickr8k", type=Path, required=True)
    parser.add_argument("--cache", default="", help="folder for the verdicts, which a second call then reuses")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results" / "checkers.md")
    args = parser.parse_args()
    examples = load(f"flickr8k:root={args.flickr8k}", "test")
    captions = [lowercased(reference) for example in examples for reference in example.references]
    checkers = [grammar_checker(name, args.cache) for name in ("languagetool", "harper")]
    named = "\n".join(f"- {checker.name}" for checker in checkers)
    write(
        args.out,
        f"""# What the grammar checkers see

Percent of captions with a match: the five references of the {len(examples):,} Flickr8k test photographs, lower-cased,
without the final stop; then those that can be broken in one way, before → after. What a checker can see is the step.

{table(captions, checkers)}

{named}

Commit {commit()}, {hardware()}; seed 0. Made by
`LTP_PATH=../shared/languagetool python -m experiments.benchmarks.checkers --flickr8k ../shared/flickr8k`.
""",
    )


if __name__ == "__main__":
    main()
