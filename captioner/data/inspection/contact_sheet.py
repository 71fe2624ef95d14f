"""A contact sheet: a few pictures with their captions, as PNG and as HTML."""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from captioner.data.inspection.counts import thumbnail
from captioner.pages import render
from metric.example import Example
from metric.storage import atomic_files

COLUMNS, WIDTH, HEIGHT, MARGIN, LINE = 4, 260, 200, 16, 16  # cells in a row; the others in pixels
SIZE, LETTERS = 12, 38  # size of the font; letters in a line
CAPTIONS, LINES = 5, 3  # captions of a picture; lines of a caption
INK, SOFT, BROKEN, PAPER = "#1d1f23", "#63676f", "#b3261e", "#fbfaf8"


def png(examples: Sequence[Example]) -> Image.Image:
    """Cells from left to right. A row is as high as its highest cell."""
    cells = [cell(example) for example in examples]
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    heights = [max(picture.height for picture in row) + MARGIN for row in rows]
    sheet = Image.new("RGB", (COLUMNS * (WIDTH + MARGIN) + MARGIN, sum(heights) + MARGIN), PAPER)
    top = MARGIN
    for row, height in zip(rows, heights):
        for place, picture in enumerate(row):
            sheet.paste(picture, (MARGIN + place * (WIDTH + MARGIN), top))
        top += height
    return sheet


def cell(example: Example) -> Image.Image:
    """The picture with its id and captions. A picture that cannot be read is replaced by the reason."""
    picture = thumbnail(example, (WIDTH, HEIGHT))
    captions = [(text, INK) for caption in example.references[:CAPTIONS] for text in wrapped(caption)]
    fault = [(text, BROKEN) for text in wrapped(picture)] if isinstance(picture, str) else []
    lines = [(shortened(example.id), SOFT), *fault, *captions, *more(example)]
    drawn = Image.new("RGB", (WIDTH, HEIGHT + LINE * (len(lines) + 1)), PAPER)
    if isinstance(picture, Image.Image):
        drawn.paste(picture, ((WIDTH - picture.width) // 2, (HEIGHT - picture.height) // 2))
    pen, font = ImageDraw.Draw(drawn), letters()
    for number, (text, colour) in enumerate(lines):
        pen.text((0, HEIGHT + LINE // 2 + number * LINE), text, fill=colour, font=font)
    return drawn


def wrapped(caption: str) -> list[str]:
    return textwrap.wrap(f"· {caption}", LETTERS, max_lines=LINES, placeholder=" …", subsequent_indent="  ")


def more(example: Example) -> list[tuple[str, str]]:
    others = len(example.references) - CAPTIONS
    return [(f"and {others} more", SOFT)] if others > 0 else []


def shortened(name: str) -> str:
    """A name of at most LETTERS letters. A long name keeps its end, which tells more than its beginning."""
    return name if len(name) <= LETTERS else f"…{name[1 - LETTERS :]}"


def letters() -> ImageFont.FreeTypeFont:
    """DejaVu Sans from matplotlib, with Latin, Greek, Cyrillic, Arabic and other letters."""
    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", SIZE)


def html(splits: Mapping[str, Sequence[Example]], source: str) -> str:
    """A page that contains its pictures."""
    shown = {name: [(example, embedded(example)) for example in examples] for name, examples in splits.items()}
    return render("sheet.html.j2", source=source, splits=shown)


def embedded(example: Example) -> dict[str, str]:
    """`src`, the picture as a data URL, or `fault`, the reason why the picture cannot be read. One of them is empty."""
    picture = thumbnail(example, (2 * WIDTH, 2 * HEIGHT))
    if isinstance(picture, str):
        return {"src": "", "fault": picture}
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return {"src": f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", "fault": ""}


def write(folder: Path, splits: Mapping[str, Sequence[Example]], source: str) -> list[Path]:
    """Write sheet-<split>.png for each split and sheet.html for all. -> the paths."""
    written = []
    for name, examples in splits.items():
        if examples:
            written.append(folder / f"sheet-{name}.png")
            png(examples).save(written[-1])
    page = folder / "sheet.html"
    atomic_files.write(page, html(splits, source))
    return [*written, page]
