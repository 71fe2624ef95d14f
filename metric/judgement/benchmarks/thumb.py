"""THumB 1.0: precision, recall and fluency of captions by four captioners and by people (Kasai et al. 2022).

    ROOT/mscoco_THumB-1.0.jsonl      {"SYS", "image", "hyp", "human_score", "seg_id", ...} a line
    ROOT/mscoco_references.json      {"seg_id", "refs": [...]} a line (also called .jsonl)
    ROOT/images/ (or karpathy-test-split-images/, val2014/)

All may be in ROOT/mscoco/, as in the authors' repository.

Versions of the protocol: `all` captions, or those of `machines`, without the people's (SYS is "Human").
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from metric.judgement.benchmark import Benchmark, Rated, of_ratings
from metric.judgement.benchmark_files import Pictures, locate, plain, rating, read_jsonl

FILE = "mscoco_THumB-1.0.jsonl"
REFERENCES = ("mscoco_references.json", "mscoco_references.jsonl")
PAPER = "the paper quotes Pearson's correlation (arXiv 2111.08940)"
RULES = {
    "all": f"the total score of all captions, people's among them; {PAPER}",
    "machines": f"the total score of the captions of machines, without people's; {PAPER}",
}
PEOPLE = "Human"


def thumb(root: Path, version: str = "") -> Benchmark:
    version = version or "all"
    root = locate(root, FILE, f"mscoco/{FILE}").parent
    references = {
        str(row["seg_id"]): tuple(plain(text) for text in row["refs"])
        for row in read_jsonl(locate(root, *REFERENCES), "seg_id", "refs")
    }
    pictures = Pictures.below(root, "images", "karpathy-test-split-images", "val2014")
    systems = ("SYS",) if version == "machines" else ()
    rows = read_jsonl(root / FILE, "image", "hyp", "human_score", "seg_id", *systems)
    people = [row for row in rows if systems and row["SYS"] == PEOPLE]
    rows = [row for row in rows if not systems or row["SYS"] != PEOPLE]
    rated = [
        Rated(
            row["image"],
            pictures(row["image"]),
            references[str(row["seg_id"])],
            plain(row["hyp"]),
            rating(f"{FILE} {row['image']}", row["human_score"]),
        )
        for row in rows
        if str(row["seg_id"]) in references
    ]
    lost = [f"{row['image']} {row['seg_id']}" for row in rows if str(row["seg_id"]) not in references]
    benchmark = replace(of_ratings("thumb", RULES[version], rated), version=version, quoted="pearson")
    return benchmark.noting("by people", [f"{row['image']} {row['seg_id']}" for row in people]).noting(
        "without references", lost
    )
