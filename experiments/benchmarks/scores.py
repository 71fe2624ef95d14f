"""The speed of the scores: ours against pycocoevalcap, on the same captions.

Command: `.venv/bin/python -m experiments.benchmarks.scores --flickr8k ../shared/flickr8k --captions 5000`
Cost: about two minutes of a free core. Java is needed.
Three tables in Markdown are printed. The first has the tokenizer, BLEU, ROUGE-L and CIDEr over a set of captions with
five references each. The second has CIDEr where both programs are given tokens. The third has one call of the CIDEr
reward, 32 pictures x 5 captions. Its counterpart is the Java tokenizer and the Cider of pycocoevalcap on the same
input. Times are CPU seconds, with those of Java, so other work does not change the times. The last column is by the
clock. Each figure is the best of `--repeat` rounds. Each round begins with empty caches, but the second table and the
reward keep the words of known captions.
Expect: the reward is much faster than pycocoevalcap, the scores of a whole set are at least twice as fast.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import resource
import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider as TheirCider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from captioner.data import load
from metric.example import Example
from metric.scores import ptb_tokenizer as tokens
from metric.scores.bleu_rouge import bleu, rouge_l
from metric.scores.cider import Cider
from metric.scores.ptb_tokenizer import tokenize, words
from rewards import Context, build, parse

PICTURES, CAPTIONS = 32, 5  # pictures of a call of the reward, captions of a picture
Tokenized = dict[str, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flickr8k", default="../shared/flickr8k", help="folder of Flickr8k")
    parser.add_argument("--captions", type=int, default=5000, help="scored captions, of as many pictures")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; the best counts")
    args = parser.parse_args()
    examples = load(f"flickr8k:root={args.flickr8k}", "train")[: args.captions]
    captions = shuffled(examples)
    table = Table(args.repeat)
    table.rows("captions a second", len(captions), of_a_set(captions, examples), cold=True)
    table.rows("captions a second", len(captions), of_known_tokens(captions, examples), cold=False)
    table.rows("seconds a call", 1, of_a_reward(examples), cold=False)


def shuffled(examples: Sequence[Example]) -> list[str]:
    """A caption for each picture: a reference of the picture itself or, at even odds, of another picture."""
    rng = random.Random(0)
    return [rng.choice((example if rng.random() < 0.5 else rng.choice(examples)).references) for example in examples]


def of_a_set(captions: list[str], examples: list[Example]) -> dict[str, tuple[Callable, Callable]]:
    """Name -> our function and the function of pycocoevalcap. Both get tokens, as the scores of pycocoevalcap do."""
    raw = {
        example.id: [caption, *example.references] for caption, example in zip(captions, examples)
    }  # all texts in one call, as pycocoevalcap has it
    in_their_form = {name: [{"caption": text} for text in texts] for name, texts in raw.items()}
    tokenized = {name: [" ".join(tokenize(text)) for text in texts] for name, texts in raw.items()}
    guesses = {name: texts[:1] for name, texts in tokenized.items()}
    truths = {name: texts[1:] for name, texts in tokenized.items()}
    candidates = [words(caption) for caption in captions]
    references = [[words(text) for text in example.references] for example in examples]
    texts = [example.references for example in examples]
    return {
        "tokenizer, 6 texts each": (
            lambda: [tokenize(text) for text in chain.from_iterable(raw.values())],
            lambda: PTBTokenizer().tokenize(in_their_form),
        ),
        "BLEU-1..4": (lambda: bleu(candidates, references), lambda: quiet(Bleu(4).compute_score, truths, guesses)),
        "ROUGE-L": (
            lambda: list(map(rouge_l, candidates, references)),
            lambda: Rouge().compute_score(truths, guesses),
        ),
        "CIDEr-D, tokenizer included in ours": (
            lambda: Cider(texts).scores_once(captions, texts),
            lambda: TheirCider().compute_score(truths, guesses),
        ),
    }


def of_known_tokens(captions: list[str], examples: list[Example]) -> dict[str, tuple[Callable, Callable]]:
    """CIDEr-D after other scores of the same captions, which have tokenised them."""
    texts = [example.references for example in examples]
    truths = {example.id: [" ".join(words(text)) for text in example.references] for example in examples}
    guesses = {example.id: [" ".join(words(caption))] for caption, example in zip(captions, examples)}
    return {
        "CIDEr-D, tokens known to both": (
            lambda: Cider(texts).scores_once(captions, texts),
            lambda: TheirCider().compute_score(truths, guesses),
        )
    }


def of_a_reward(examples: list[Example]) -> dict[str, tuple[Callable, Callable]]:
    """Name -> one call of our reward and its counterpart, for new pictures and for pictures of an earlier epoch."""
    chosen = examples[:PICTURES]
    rng = random.Random(1)
    captions = [[rng.choice(rng.choice(examples).references) for _ in range(CAPTIONS)] for _ in chosen]
    mix = build([parse("cider")], Context(examples))
    cider = mix.terms[0].reward.cider  # type: ignore[attr-defined]

    def new() -> None:
        cider.vectors.cache_clear()
        seen()

    def seen() -> None:
        tokens.tokenize.cache_clear()  # new captions of known words
        mix(chosen, captions)

    def theirs() -> None:
        rows = [
            (f"{example.id}{k}", example, text) for example, row in zip(chosen, captions) for k, text in enumerate(row)
        ]
        tokenizer = PTBTokenizer()
        truths = tokenizer.tokenize(
            {key: [{"caption": text} for text in example.references] for key, example, _ in rows}
        )
        guesses = tokenizer.tokenize({key: [{"caption": text}] for key, _, text in rows})
        TheirCider().compute_score(truths, guesses)

    return {
        f"CIDEr reward, {PICTURES} x {CAPTIONS}, new pictures": (new, theirs),
        f"CIDEr reward, {PICTURES} x {CAPTIONS}, seen in an earlier epoch": (seen, theirs),
    }


def quiet(call: Callable, *arguments: Tokenized) -> None:
    """Calls a function without its printed lines. The BLEU of pycocoevalcap prints lengths."""
    with contextlib.redirect_stdout(io.StringIO()):
        call(*arguments)


class Seconds(NamedTuple):
    """CPU and clock seconds."""

    cpu: float
    """seconds of this process and of its finished child processes"""
    clock: float


def now() -> Seconds:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Seconds(time.process_time() + children.ru_utime + children.ru_stime, time.perf_counter())


class Table:
    """Prints rows of our speed, the speed of pycocoevalcap, and the ratio."""

    def __init__(self, repeat: int) -> None:
        self.repeat = repeat

    def rows(self, unit: str, count: int, timed: dict[str, tuple[Callable, Callable]], cold: bool) -> None:
        print(f"\n| {unit} | ours | pycocoevalcap | times faster | by the clock |\n| --- | ---: | ---: | ---: | ---: |")
        for name, (ours, theirs) in timed.items():
            fast = self.best(ours, cold=cold)
            slow = self.best(theirs, cold=False)
            cells = [f"{count / seconds.cpu:,.0f}" if count > 1 else f"{seconds.cpu:.4f}" for seconds in (fast, slow)]
            times = f"{slow.cpu / fast.cpu:,.1f} | {slow.clock / fast.clock:,.1f}"
            print(f"| {name} | {cells[0]} | {cells[1]} | {times} |", flush=True)

    def best(self, call: Callable, cold: bool) -> Seconds:
        """The fastest of `repeat` rounds, each with empty caches if `cold`."""
        rounds = []
        for _ in range(self.repeat):
            if cold:
                tokens.tokenize.cache_clear()
                tokens.plain_piece.cache_clear()
            began = now()
            call()
            ended = now()
            rounds.append(Seconds(ended.cpu - began.cpu, ended.clock - began.clock))
        return Seconds(min(seconds.cpu for seconds in rounds), min(seconds.clock for seconds in rounds))


if __name__ == "__main__":
    main()
