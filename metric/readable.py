"""A check of pictures before long work, so that one damaged file does not end the work after hours.

Every byte of a file is decoded, a JPEG at an eighth of its size, which costs a fraction of the work that follows. The
processes of one training check a share each.
"""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageFile

from metric.example import Example, Picture, file_bytes
from metric.images import InTar, InZip, Stored, UnreadableImage, decode_all, reason
from metric.runtime.progress import watched
from metric.storage.ledger import report_all

FROM_FILES = (Path, Stored, InTar, InZip)


@contextmanager
def taking(kinds: Collection[str]) -> Iterator[None]:
    """Inside, pictures of these kinds are read, which are otherwise left out.

    `large`: a picture may have any number of pixels, whatever memory that needs. `truncated`: what a file lacks, which
    ends too early, is grey or black.
    """
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    if "large" in kinds:
        Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES |= "truncated" in kinds
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def readable(examples: Sequence[Example], source: str) -> list[Example]:
    """The examples whose picture can be read. The others are reported to the ledger, under the name of `source`."""
    faults = picture_faults([example.image for example in examples])
    report_all(source, {example.id: faults[example.image] for example in examples if example.image in faults})
    return [example for example in examples if example.image not in faults]


def picture_faults(images: Sequence[Path | Picture]) -> dict[Path | Picture, str]:
    """Picture -> the fault of its file, for the pictures that cannot be read. Scenes, which are drawn, have no file."""
    from metric.runtime.processes import gathered, own_share  # imports torch

    files = [*dict.fromkeys(image for image in images if isinstance(image, FROM_FILES))]
    own = own_share([*enumerate(files)])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(fault_of, (image for _, image in own))
        reasons = list(watched(found, "check of picture", len(own), part=True))
    numbered = [(number, why) for (number, _), why in zip(own, reasons) if why]
    return {files[number]: why for part in gathered(numbered) for number, why in part}


def fault_of(image: Path | Picture) -> str:
    """The fault of a picture that cannot be read, "" for one that can."""
    try:
        decode_all(image if isinstance(image, Path) else io.BytesIO(file_bytes(image) or b""), str(image))
    except UnreadableImage as error:
        return str(error).removeprefix(f"{image}: ")
    except OSError as error:
        return reason(error)
    return ""
