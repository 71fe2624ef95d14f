"""Sets of captions as files: COCO's captions_*.json, or `{id: [caption, ...]}`."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from metric.programs.java_program import packaged

COCO = ("train2014", "val2014")


def read_corpus(path: Path) -> list[tuple[str, ...]]:
    """The captions of each image in a JSON file. Raises ValueError for a file of another kind."""
    try:
        return captions_by_image(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} must be a JSON file, COCO annotations or {{id: [caption]}} ({type(error).__name__}: {error})"
        ) from None


def coco_captions() -> list[tuple[str, ...]]:
    """All 616,767 captions of the 123,287 images of COCO 2014, from SPICE's jar in pycocoevalcap."""
    with ZipFile(packaged("spice/spice-1.0.jar")) as jar:
        files = [json.loads(jar.read(f"coco/annotations/captions_{split}.json")) for split in COCO]
    return [captions for content in files for captions in captions_by_image(content)]


def captions_by_image(content: dict[str, Any]) -> list[tuple[str, ...]]:
    """The captions of each image in COCO annotations, or in `{id: [caption, ...]}`.

    A caption is a text, or `{"caption": text}` as in pycocoevalcap. Raises ValueError, KeyError, TypeError or
    AttributeError for other content.
    """
    captions: dict[Any, list[str]] = content
    if "annotations" in content:
        captions = defaultdict(list)
        for annotation in content["annotations"]:
            captions[annotation["image_id"]].append(annotation["caption"])
    if any(isinstance(texts, str) for texts in captions.values()):
        raise ValueError("expected a list of captions, got one caption")
    return [tuple(map(text_of, texts)) for texts in captions.values()]


def text_of(caption: Any) -> str:
    """The text of a caption. Raises ValueError for another value."""
    text = caption.get("caption") if isinstance(caption, dict) else caption
    if not isinstance(text, str):
        raise ValueError(f"expected a caption as text, got {caption!r:.60}")
    return text
