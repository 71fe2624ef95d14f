"""Document frequencies of large sets of captions, for CIDEr: counted once, then kept in the user's cache.

An n-gram of one image only weighs as much as one never seen (CIDEr takes the logarithm of at least 1), so it is
not kept: 964,502 n-grams of COCO are left, and every score is the same. The end of the sentence is
counted as a word, which changes nothing for those who leave it out.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from metric.scores.caption_sets import coco_captions, read_corpus
from metric.scores.cider import EOS, DocumentFrequency, runs
from metric.scores.ptb_tokenizer import words
from metric.storage.atomic_files import whole_file
from metric.storage.user_cache import user_cache

FORMAT = 1  # of the kept files and of the tokens in them

Corpus = Sequence[Sequence[str]]


def of_coco() -> DocumentFrequency:
    """Of all COCO 2014 captions inside pycocoevalcap. The published table is of these too, less the test split."""
    return kept(f"coco2014-v{FORMAT}", coco_captions)


def of_file(path: Path) -> DocumentFrequency:
    """Of a file that `read_corpus` reads. Raises ValueError."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; CIDEr wants a JSON file of captions there") from None
    return kept(f"{digest}-v{FORMAT}", lambda: read_corpus(path))


def kept(name: str, corpus: Callable[[], Corpus]) -> DocumentFrequency:
    """From the cache, or counted and put there."""
    path = user_cache("cider", f"{name}.txt.gz")
    if not path.is_file():
        save(counted(corpus()), path)
    return load(path)


def counted(corpus: Corpus) -> DocumentFrequency:
    found: Counter[str] = Counter()
    for captions in tqdm(corpus, desc="document frequency", unit="image", disable=None):
        found.update(runs((*words(caption), EOS) for caption in captions))
    return DocumentFrequency({gram: count for gram, count in found.items() if count > 1}, len(corpus))


def save(df: DocumentFrequency, path: Path) -> None:
    """A line with the number of documents, then `count n-gram` a line; appears whole or not at all."""
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
