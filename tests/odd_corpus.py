"""One data set with ten kinds of odd files, in every format, run through four commands.

`python -m tests.odd_corpus DIR [PICTURES]` prints the table of docs/data.md. Every format has the same drawn pictures
and captions, five pictures that cannot be read, and captions that cannot be learned. A table also names a picture
that is gone, and a folder or archive also holds files that are no pictures.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from captioner.cli import main
from metric.scenes.draw import draw
from metric.scenes.language import references
from metric.scenes.world import sample
from tests.odd_files import Files, folder_of, tar_of, text, zip_of

Rows = list[tuple[str, str | None]]  # name of a picture, and a caption


@lru_cache
def drawn(number: int) -> tuple[bytes, str]:
    """The file of a scene, and a caption of it."""
    scene, file = sample("test", number), io.BytesIO()
    draw(scene, 48).save(file, "PNG")
    return file.getvalue(), references(scene)[0]


def claiming(width: int, height: int) -> bytes:
    """A PNG whose header tells of so many pixels."""
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "PNG")
    whole = file.getvalue()
    header = whole[12:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + whole[24:29]
    return whole[:12] + header + zlib.crc32(header).to_bytes(4, "big") + whole[33:]


def good(count: int) -> Files:
    return {f"{number:06d}.png": drawn(number)[0] for number in range(count)}


def unreadable() -> Files:
    """Cut short, empty, a web page, longer than 500 times its width, larger than any memory."""
    return {
        "cut.png": drawn(0)[0][:200],
        "empty.png": b"",
        "page.png": b"<html>404 Not Found</html>",
        "narrow.png": claiming(9, 9000),
        "huge.png": claiming(20000, 20000),
    }


def rows(count: int) -> Rows:
    """The rows of a table. The last rows are odd: a picture that is gone, a blank, a null and half an emoji."""
    told: Rows = [(name, drawn(number)[1]) for number, name in enumerate(good(count))]
    told += [(name, "a picture that cannot be read") for name in unreadable()]
    return [*told, ("gone.png", "a picture that is gone"), ("000000.png", "  "), ("000001.png", None)]


def places(root: Path, count: int) -> str:
    return folder_of(root / "pictures", good(count) | unreadable())


def beside(count: int) -> Files:
    """Pictures with captions beside them, and files that are no pictures."""
    told = {name: caption for name, caption in rows(count) if caption and caption.strip()}
    files = good(count) | unreadable()
    files |= {name.replace(".png", ".txt"): text(caption) for name, caption in told.items()}
    return files | {
        "photo.heic": b"\0\0\0\x18ftypheic",
        "film.mp4": b"\0\0\0\x18ftypmp42",
        "blank.png": drawn(count)[0],
        "blank.txt": b" \n",
        "latin.png": drawn(count + 1)[0],
        "latin.txt": "un caf\xe9".encode("latin-1"),
    }


def folder(root: Path, count: int) -> str:
    return folder_of(root / "photos", beside(count))


def zipped(root: Path, count: int) -> str:
    return zip_of(root / "photos.zip", beside(count).items())


def shards(root: Path, count: int) -> str:
    return tar_of(root / "00000.tar", sorted(beside(count).items()))


def jsonl(root: Path, count: int) -> str:
    odd = json.dumps({"image": "000002.png", "caption": "half an emoji \ud83d"})
    lines = [json.dumps({"image": name, "caption": caption}) for name, caption in rows(count)]
    (root / "data.jsonl").write_text("\n".join([*lines, odd]))
    return f"jsonl:file={root}/data.jsonl,images={places(root, count)}"


def comma(root: Path, count: int) -> str:
    with (root / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "caption"), *((name, caption or "") for name, caption in rows(count))])
    return f"csv:file={root}/data.csv,images={places(root, count)}"


def records(root: Path, count: int) -> str:
    content = [{"image": name, "caption": caption} for name, caption in rows(count)]
    (root / "data.json").write_text(json.dumps(content))
    return f"json:file={root}/data.json,images={places(root, count)}"


def coco(root: Path, count: int) -> str:
    ids = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in rows(count)))}
    notes = [
        {"id": number, "image_id": ids[name], "caption": caption} for number, (name, caption) in enumerate(rows(count))
    ]
    notes.append({"id": len(notes), "image_id": 999_999, "caption": "a caption without a picture"})
    images = [{"id": number, "file_name": name} for name, number in ids.items()]
    (root / "captions.json").write_text(json.dumps({"images": images, "annotations": notes}))
    return f"coco:file={root}/captions.json,images={places(root, count)}"


def karpathy(root: Path, count: int) -> str:
    told: dict[str, list[dict[str, str | None]]] = {}
    for name, caption in rows(count):
        told.setdefault(name, []).append({"raw": caption})
    images = [{"filename": name, "split": "test", "sentences": said} for name, said in told.items()]
    (root / "dataset.json").write_text(json.dumps({"images": images}))
    return f"karpathy:file={root}/dataset.json,images={places(root, count)}"


def tokens(root: Path, count: int) -> str:
    lines = [f"{name}#{number}\t{caption or ''}\n" for number, (name, caption) in enumerate(rows(count))]
    (root / "results.token").write_text("".join(lines))
    return f"tokens:file={root}/results.token,images={places(root, count)}"


def imagefolder(root: Path, count: int) -> str:
    lines = "\n".join(json.dumps({"file_name": name, "text": caption}) for name, caption in rows(count))
    return folder_of(root / "images", good(count) | unreadable() | {"metadata.jsonl": lines.encode()})


def parquet(root: Path, count: int) -> str:
    from datasets import Dataset, Features, Value
    from datasets import Image as Pictures

    files = good(count) | unreadable()
    columns = {
        "id": [name for name, _ in rows(count)],
        "image": [{"path": None, "bytes": files[name]} if name in files else None for name, _ in rows(count)],
        "caption": [caption for _, caption in rows(count)],
    }
    features = Features({"id": Value("string"), "image": Pictures(), "caption": Value("string")})
    Dataset.from_dict(columns, features).to_parquet(root / "data.parquet")
    return str(root / "data.parquet")


FORMATS: dict[str, Callable[[Path, int], str]] = {
    "folder": folder,
    "zip": zipped,
    "shards": shards,
    "jsonl": jsonl,
    "csv": comma,
    "json": records,
    "coco": coco,
    "karpathy": karpathy,
    "tokens": tokens,
    "imagefolder": imagefolder,
    "parquet": parquet,
}


@dataclass(frozen=True)
class Outcome:
    """What four commands made of a data set."""

    codes: tuple[int, ...]
    """exit codes of data, data --strict, features, caption, and score --partial"""
    named: dict[str, set[str]]
    """command -> names of what it left out"""
    captioned: set[str]
    scored: int
    """captions with a score"""


def outcome(typed: str, model: Path, clip: str, out: Path) -> Outcome:
    """Runs the commands. Their folders are in `out`."""
    out.mkdir()
    commands = {
        "data": ["data", typed, "--all", "--out", f"{out}/data", "--show", "2"],
        "strict": ["data", typed, "--all", "--strict", "--out", f"{out}/strict", "--show", "0"],
        "features": ["features", typed, "--clip", clip, "--out", f"{out}/features"],
        "caption": ["caption", "--model", str(model), "--images", typed, "--out", f"{out}/a.jsonl"],
        "score": ["score", "--captions", f"{out}/a.jsonl", "--references", typed, "--scores", "length,bleu_4"],
    }
    commands["caption"] += ["--checker", "none"]
    commands["score"] += ["--partial", "--bootstrap", "0", "--out", f"{out}/scores.json"]
    with redirect_stdout(io.StringIO()):
        codes = tuple(main(words) for words in commands.values())
    places = {"data": "data/left-out.jsonl", "features": "features/left-out.jsonl", "caption": "a.jsonl.left-out.jsonl"}
    written = [json.loads(line) for line in (out / "a.jsonl").read_text().splitlines()]
    scores = json.loads((out / "scores.json").read_text())
    named = {command: names(out / place) for command, place in places.items()}
    return Outcome(codes, named, {row["id"] for row in written}, scores["count"])


def names(ledger: Path) -> set[str]:
    """What a ledger names."""
    return {json.loads(line)["id"] for line in ledger.read_text().splitlines()} if ledger.exists() else set()


def table(root: Path, count: int, model: Path, clip: str) -> Iterator[str]:
    """The lines of the table of docs/data.md."""
    yield "| format | captioned | scored | named by `data` | by `features` and `caption` | exit codes |"
    yield "| :-- | --: | --: | --: | --: | :-- |"
    for name, make in FORMATS.items():
        (root / name).mkdir(parents=True)
        found = outcome(make(root / name, count), model, clip, root / name / "out")
        codes = " ".join(map(str, found.codes))
        both = len(found.named["features"] & found.named["caption"])
        numbers = (len(found.captioned), found.scored, len(found.named["data"]), both)
        yield f"| {name} | {' | '.join(map(str, numbers))} | {codes} |"


if __name__ == "__main__":
    from tests.captioner.conftest import eight_scenes, made_clip, made_model

    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    clip = made_clip(place, eight_scenes())
    for line in table(place, int((sys.argv[2:] or ["300"])[0]), made_model(clip, place), clip):
        print(line, flush=True)
