"""Document frequencies of large sets of captions, for CIDEr: counted once, then kept in the user's cache.

An n-gram of one image weighs as much as an n-gram of none, since CIDEr takes the logarithm of at least 1. Such n-grams
are not kept: 964,502 n-grams of COCO are left, and every score is the same. The end of the sentence is counted as a
word. Scores without it do not change.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from metric.runtime.progress import watched
from metric.scores.caption_sets import coco_captions, read_corpus
from metric.scores.cider import EOS, DocumentFrequency, runs
from metric.scores.ptb_tokenizer import words
from metric.storage.atomic_files import whole_file
from metric.storage.user_cache import user_cache

FORMAT = 1  # of the kept files and of the tokens in them

Corpus = Sequence[Sequence[str]]


def of_coco() -> DocumentFrequency:
    """The frequency in all COCO 2014 captions inside pycocoevalcap. The published table leaves the test split out."""
    return cached(f"coco2014-v{FORMAT}", coco_captions)


def of_file(path: Path) -> DocumentFrequency:
    """The frequency in a file that `read_corpus` reads. Raises ValueError for a file that it cannot read."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; expected a JSON file of captions for CIDEr") from None
    return cached(f"{digest}-v{FORMAT}", lambda: read_corpus(path))


def cached(name: str, corpus: Callable[[], Corpus]) -> DocumentFrequency:
    """The frequency called `name` from the cache, or counted in the corpus and put into the cache."""
    path = user_cache("cider", f"{name}.txt.gz")
    if not path.is_file():
        save(counted(corpus()), path)
    return load(path)


def counted(corpus: Corpus) -> DocumentFrequency:
    """The frequency in a corpus, without n-grams of one image."""
    counts: Counter[str] = Counter()
    for captions in watched(corpus, "document frequency of picture", part=True):
        counts.update(runs((*words(caption), EOS) for caption in captions))
    return DocumentFrequency({gram: count for gram, count in counts.items() if count > 1}, len(corpus))


def save(df: DocumentFrequency, path: Path) -> None:
    """Write a frequency as compressed text: a line with the number of documents, then `count n-gram` a line."""
    with whole_file(path) as new, gzip.open(new, "wt", encoding="utf-8", compresslevel=3) as file:
        file.write(f"{df.documents}\n")
        file.writelines(f"{count} {gram}\n" for gram, count in df.counts.items())


def load(path: Path) -> DocumentFrequency:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        documents = int(next(file))
        return DocumentFrequency(dict(map(read_line, file)), documents)


def read_line(line: str) -> tuple[str, int]:
    count, gram = line.rstrip("\n").split(" ", 1)
    return gram, int(count)
