"""Small odd files as people have them: folders, archives, shards, img2dataset, imagefolder, Hugging Face data sets.

`python -m tests.odd_files DIR` makes them. Every maker takes an empty folder and returns what to type as --data.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

Files = dict[str, bytes]
Maker = Callable[[Path], str]


def picture(number: int, kind: str = "JPEG") -> bytes:
    """A picture of 12 x 8 pixels that differs from those of other numbers."""
    file = io.BytesIO()
    Image.new("RGB", (12, 8), (37 * number % 256, 91 * number % 256, 200)).save(file, kind)
    return file.getvalue()


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def row(**values: object) -> bytes:
    return json.dumps(values).encode()


def folder_of(root: Path, files: Files) -> str:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return str(root)


def tar_of(path: Path, files: Iterable[tuple[str, bytes]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return str(path)


def zip_of(path: Path, files: Iterable[tuple[str, bytes]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name)
            archive.writestr(entry, content)
    return str(path)


KOHYA = {
    "1.jpg": picture(1),
    "1.txt": text("a dog runs", "a brown dog"),
    "10_dog/2.png": picture(2, "PNG"),
    "10_dog/2.caption": text("a cat sits"),
    "3.jpg": picture(3),
    "3.jpg.txt": text("a boat"),
    "alone.jpg": picture(4),
}
ODD = {
    "IMG.HEIC": b"\0\0\0\x18ftypheic",
    "raw.CR2": b"II*\0\x10\0\0\0CR",
    "film.mp4": b"\0\0\0\x18ftypmp42",
    "0012": picture(5),
    "photo.jpg?width=200": picture(6),
    "note": b"a file without an ending",
    "lost.txt": text("whose picture is gone"),
    ".DS_Store": b"\0\0\0\1Bud1",
    "README.md": b"# pictures",
}


def kohya(root: Path) -> str:
    return folder_of(root, KOHYA)


def kohya_zip(root: Path) -> str:
    return zip_of(root / "kohya.zip", KOHYA.items())


def kohya_tar(root: Path) -> str:
    return tar_of(root / "kohya.tar", KOHYA.items())


def odd_folder(root: Path) -> str:
    return folder_of(root, KOHYA | ODD)


def linked(root: Path) -> str:
    """A folder that another folder links to, with a link back to the first."""
    folder_of(root / "elsewhere", {"far.jpg": picture(7), "far.txt": text("far away")})
    folder_of(root / "photos", {"near.jpg": picture(8)})
    (root / "photos" / "linked").symlink_to(root / "elsewhere")
    (root / "photos" / "again").symlink_to(root / "elsewhere")
    (root / "elsewhere" / "back").symlink_to(root / "photos")
    (root / "photos" / "itself").symlink_to("itself")
    return str(root / "photos")


def nameless(root: Path) -> str:
    return folder_of(root, {f"{number:032x}": picture(number) for number in range(3)})


def samples(start: int, count: int) -> list[tuple[str, bytes]]:
    return [
        item
        for number in range(start, start + count)
        for item in (
            (f"{number:09d}.jpg", picture(number)),
            (f"{number:09d}.txt", text(f"caption {number}").strip()),
            (f"{number:09d}.json", row(key=f"{number:09d}", caption=f"caption {number}", status="success")),
        )
    ]


def metadata(path: Path, start: int, count: int, pictures: bool = False) -> None:
    """img2dataset's parquet: the rows of a shard and one that could not be downloaded. With `pictures` their bytes."""
    import pyarrow
    from pyarrow.parquet import write_table

    keys = [f"{number:09d}" for number in range(start, start + count + 1)]
    columns: dict[str, list] = {
        "url": [f"http://example.org/{key}.jpg" for key in keys],
        "caption": [f"caption {number}" for number in range(start, start + count + 1)],
        "key": keys,
        "status": ["success"] * count + ["failed_to_download"],
    }
    if pictures:
        columns["jpg"] = [picture(number) for number in range(start, start + count)] + [None]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(pyarrow.table(columns), path)
    path.with_name(f"{path.stem}_stats.json").write_bytes(row(count=count + 1, successes=count))


def img2dataset_tars(root: Path) -> str:
    for shard in range(2):
        tar_of(root / f"{shard:05d}.tar", samples(10 * shard, 2))
        metadata(root / f"{shard:05d}.parquet", 10 * shard, 2)
    return str(root)


def img2dataset_files(root: Path) -> str:
    for shard in range(2):
        folder_of(root / f"{shard:05d}", dict(samples(10 * shard, 2)))
        metadata(root / f"{shard:05d}.parquet", 10 * shard, 2)
    return str(root)


def img2dataset_parquet(root: Path) -> str:
    for shard in range(2):
        metadata(root / f"{shard:05d}.parquet", 10 * shard, 2, pictures=True)
    return str(root)


def unsorted_tar(root: Path) -> str:
    files = samples(0, 3)
    return tar_of(root / "unsorted.tar", sorted(files, key=lambda item: item[0].rpartition(".")[2]))


TWICE = [("0.jpg", picture(0)), ("0.txt", b"zero"), ("0.jpg", picture(9)), ("1.jpg", picture(1)), ("1.txt", b"one")]


def twice_tar(root: Path) -> str:
    return tar_of(root / "twice.tar", TWICE)


def twice_zip(root: Path) -> str:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's of the name that comes twice
        return zip_of(root / "twice.zip", TWICE)


def from_zero(root: Path) -> str:
    """Two shards that both begin at key 0."""
    for shard in range(2):
        files = [("0.jpg", picture(shard)), ("0.txt", text(f"shard {shard}"))]
        tar_of(root / f"{shard:05d}.tar", files)
    return str(root)


def dotted(root: Path) -> str:
    files = {
        **{"a.input.jpg": picture(1), "a.txt": b"dots"},
        **{"IMG.1.jpg": picture(2), "IMG.1.txt": b"first", "IMG.2.jpg": picture(3), "IMG.2.txt": b"second"},
        **{"B.JPG": picture(4), "B.TXT": b"capitals"},
        **{"c.jpg": picture(5), "c.seg.png": picture(6, "PNG"), "c.txt": b"segmented"},
    }
    return tar_of(root / "dotted.tar", files.items())


def texts_tar(root: Path) -> str:
    files = {
        **{"0.jpg": picture(0), "0.txt": "\ufeffa dog".encode()},
        **{"1.jpg": picture(1), "1.txt": "a dog\u2028on grass\x85today\x0c".encode()},
        **{"2.jpg": picture(2), "2.txt": "un caf\xe9".encode("latin-1")},
        **{"3.jpg": picture(3), "3.json": b'{"caption": "a dog \\ud83d runs"}'},
        **{"4.jpg": picture(4), "4.json": b'{"caption": null}'},
        **{"5.jpg": picture(5), "5.json": b"{"},
    }
    return tar_of(root / "texts.tar", files.items())


def imagefolder(root: Path) -> str:
    lines = [row(file_name=f"{number}.jpg", text=f"picture {number}") for number in range(3)]
    folder_of(root / "train", {f"{number}.jpg": picture(number) for number in range(4)})
    (root / "train" / "metadata.jsonl").write_bytes(b"\n".join([*lines, row(file_name="gone.jpg", text="gone")]))
    folder_of(root / "test", {"deep/9.jpg": picture(9), "metadata.csv": b"file_name,text\ndeep/9.jpg,nine\n"})
    return str(root)


def imagefolder_parquet(root: Path) -> str:
    import pyarrow
    from pyarrow.parquet import write_table

    for number, split in enumerate(("train", "validation")):
        folder_of(root / split, {"a.jpg": picture(number)})
        table = pyarrow.table({"file_name": ["a.jpg"], "caption": [f"in {split}"]})
        write_table(table, root / split / "metadata.parquet")
    return str(root)


def class_folders(root: Path) -> str:
    names = ("train/cat/1.jpg", "train/dog/1.jpg", "test/cat/2.jpg")
    return folder_of(root, {name: picture(number) for number, name in enumerate(names)})


def rooms(root: Path) -> list[str]:
    names = [str(root / f"room{number}" / "view.jpg") for number in range(4)]
    folder_of(root, {name: picture(number) for number, name in enumerate(names)})
    return names


def rooms_saved(root: Path) -> str:
    from datasets import Dataset, Features, Value
    from datasets import Image as Picture

    features = Features({"image": Picture(), "caption": Value("string")})
    rows = {"image": rooms(root / "rooms"), "caption": [f"room {number}" for number in range(4)]}
    Dataset.from_dict(rows, features).save_to_disk(root / "saved")
    return str(root / "saved")


def rooms_parquet(root: Path) -> str:
    from datasets import load_from_disk

    (root / "parquet").mkdir(parents=True)
    load_from_disk(rooms_saved(root)).to_parquet(root / "parquet" / "train-00000-of-00001.parquet")
    return str(root / "parquet")


MAKERS: list[Maker] = [
    *(kohya, kohya_zip, kohya_tar, odd_folder, linked, nameless),
    *(img2dataset_tars, img2dataset_files, img2dataset_parquet),
    *(unsorted_tar, twice_tar, twice_zip, from_zero, dotted, texts_tar),
    *(imagefolder, imagefolder_parquet, class_folders, rooms_saved, rooms_parquet),
]


def make(root: Path) -> dict[str, str]:
    """Name of each odd thing -> what to type as --data."""
    made = {}
    for maker in MAKERS:
        (root / maker.__name__).mkdir(parents=True)
        made[maker.__name__] = maker(root / maker.__name__)
    return made


if __name__ == "__main__":
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    for name, typed in make(Path(sys.argv[1])).items():
        print(name, typed)
