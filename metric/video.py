"""Videos as pictures: evenly spaced frames of a file (PyAV, the extra `video`) or of a folder of frames.

Axes: f frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from metric.example import image_key, open_image

FRAMES = 10  # frames of a video, as in EMScore's code for VATEX-EVAL (arXiv 2111.08919)
SUFFIXES = (".mp4", ".webm", ".mkv", ".avi", ".mov")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class Video:
    """A video, or its part from `start` to `end`, in the unit of `length`. `draw` gives the middle frame."""

    path: Path
    start: float = 0.0
    end: float = 1.0
    length: float = 1.0
    """the length of the whole video: seconds, or 1 where start and end are shares"""

    @property
    def key(self) -> str:
        return f"{image_key(self.path)}|{self.start}|{self.end}|{self.length}"

    def draw(self) -> Image.Image:
        return frames(self, 1)[0]


@dataclass(frozen=True)
class Frame:
    """A decoded frame of a video. The key holds the video and the number of the frame."""

    key: str
    picture: Image.Image

    def draw(self) -> Image.Image:
        return self.picture


def video_file(folder: Path, name: str) -> Path:
    """The folder of frames or the video file called `name`. Without both, the path of NAME.mp4."""
    paths = [folder / name, *(folder / f"{name}{suffix}" for suffix in SUFFIXES)]
    return next((path for path in paths if path.exists()), folder / f"{name}{SUFFIXES[0]}")


def frames(video: Video, most: int = FRAMES) -> list[Image.Image]:
    """At most `most` evenly spaced frames, the first and the last among them. 0 gives all frames.

    Raises ValueError for a video that is missing, damaged or without a frame.
    """
    if video.path.is_dir():
        files = sorted(path for path in video.path.iterdir() if path.suffix.lower() in PICTURES)
        return [open_image(files[number]) for number in frame_numbers(video, len(files), most)]
    if not video.path.is_file():
        raise ValueError(f"{video.path} is missing; a video is a file or a folder of frames")
    count = sum(1 for _ in decoded(video.path))  # the length in a container may be wrong
    wanted = frame_numbers(video, count, most)
    images = {number: frame.to_image() for number, frame in enumerate(decoded(video.path)) if number in set(wanted)}
    return [images[number] for number in wanted]


def frame_numbers(video: Video, count: int, most: int) -> list[int]:
    """The numbers of at most `most` of `count` frames. A part shorter than a frame gives the frame around the part.

    A part begins at frame start * count // length and ends before end * count // length, as in EMScore's code. The
    product comes first: .29 * 100 is below 29 in floating point, 29 * 100 / 100 is not.
    """
    if not count:
        raise ValueError(f"{video.path} has no frames, expected at least 1")
    first = min(int(video.start * count // video.length), count - 1)
    last = max(first, min(int(video.end * count // video.length), count) - 1)
    if most == 1:
        return [(first + last) // 2]
    size = last - first + 1
    return (first + np.linspace(0, size - 1, min(most or size, size)).astype(int)).tolist()


def decoded(path: Path) -> Iterator:
    """Every frame of the first video stream, decoded by PyAV. Raises ValueError for a file that PyAV cannot read."""
    try:
        import av
    except ImportError:
        raise ValueError(f"{path} is a video: pip install 'captioner[video]', or give a folder of frames") from None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ValueError(f"{path} has no video stream")
            yield from container.decode(container.streams.video[0])
    except av.error.FFmpegError as error:
        raise ValueError(f"{path} cannot be read as a video: {error.strerror}") from None


def as_pictures(video: Video, most: int = FRAMES) -> list[Frame]:
    """At most `most` frames of a video as Pictures, for an Embedder."""
    return [Frame(f"{video.key}|{most}|{number}", picture) for number, picture in enumerate(frames(video, most))]
