"""THumB 1.0: precision, recall and fluency of captions by four captioners and by people (Kasai et al. 2022).

    ROOT/mscoco_THumB-1.0.jsonl      {"image", "hyp", "human_score", "seg_id", ...} a line
    ROOT/mscoco_references.json      {"seg_id", "refs": [...]} a line (also called .jsonl)
    ROOT/images/ (or karpathy-test-split-images/, val2014/)

All may be in ROOT/mscoco/, as in the authors' repository.
"""

from __future__ import annotations

from pathlib import Path

from metric.judgement.benchmark import Benchmark, Rated, of_ratings
from metric.judgement.benchmark_files import Pictures, locate, plain, rating, read_jsonl

FILE = "mscoco_THumB-1.0.jsonl"
REFERENCES = ("mscoco_references.json", "mscoco_references.jsonl")
PROTOCOL = (
    "the total score of all captions, people's among them; the paper itself has Pearson's correlation (2111.08940)"
)


def thumb(root: Path) -> Benchmark:
    root = locate(root, FILE, f"mscoco/{FILE}").parent
    references = {
        str(row["seg_id"]): tuple(plain(text) for text in row["refs"])
        for row in read_jsonl(locate(root, *REFERENCES), "seg_id", "refs")
    }
    pictures = Pictures.below(root, "images", "karpathy-test-split-images", "val2014")
    rows = read_jsonl(root / FILE, "image", "hyp", "human_score", "seg_id")
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
    return of_ratings("thumb", PROTOCOL, rated).noting("without references", lost)
