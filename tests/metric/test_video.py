from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from metric.video import Video, as_pictures, frame_numbers, frames, video_file

GREYS = [0, 60, 120, 180, 240]


@pytest.fixture
def film(tmp_path) -> Path:
    """A video of 25 frames that gets brighter in five steps."""
    av = pytest.importorskip("av")
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for n in range(25):
            picture = Image.new("RGB", (32, 32), (GREYS[n // 5],) * 3)
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "film").mkdir()
    for n, grey in enumerate(GREYS):
        Image.new("RGB", (8, 8), (grey,) * 3).save(tmp_path / "film" / f"{n:03}.png")
    (tmp_path / "film" / "notes.txt").write_text("no frame")
    return tmp_path / "film"


def greys(pictures: list[Image.Image]) -> list[int]:
    return [picture.getpixel((4, 4))[0] for picture in pictures]


def test_frames_of_a_file_are_spread_over_its_length(film):
    assert greys(frames(Video(film), 5)) == pytest.approx(GREYS, abs=8)
    assert len(frames(Video(film), 0)) == 25


def test_frames_of_a_folder_are_in_the_order_of_names(folder):
    assert greys(frames(Video(folder), 0)) == GREYS
    assert greys(frames(Video(folder), 3)) == [0, 120, 240]
    assert greys([Video(folder).draw()]) == [120]


def test_part_of_a_video_has_the_frames_of_that_time(film, folder):
    assert greys(frames(Video(film, 0.4, 0.6), 0)) == pytest.approx([120] * 5, abs=8)
    assert greys(frames(Video(folder, 0.5, 0.5))) == [120]


@pytest.mark.parametrize("most", [0, 1, 2, 10])
@pytest.mark.parametrize(("start", "end"), [(0, 1), (0.99, 1), (1, 1), (0, 0), (0.3, 0.2)])
def test_places_are_within_the_video(most, start, end):
    for count in (1, 2, 7, 100):
        found = frame_numbers(Video(Path("x"), start, end), count, most)
        assert found == sorted(found) and 0 <= found[0] and found[-1] < count and len(found) <= (most or count)


def test_what_is_no_video_is_one_clear_line(tmp_path, folder):
    pytest.importorskip("av")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ValueError, match="text.mp4 cannot be read as a video"):
        frames(Video(tmp_path / "text.mp4"))
    with pytest.raises(ValueError, match="absent.mp4 is missing; a video is a file or a folder"):
        frames(Video(tmp_path / "absent.mp4"))
    for path in folder.glob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match="film has no frames"):
        frames(Video(folder))


def test_sound_alone_is_no_video(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(ValueError, match="no video stream"):
        frames(Video(tmp_path / "sound.wav"))


def test_video_is_found_as_folder_or_file(tmp_path, film):
    assert video_file(tmp_path, "film") == film
    (tmp_path / "film").mkdir()
    assert video_file(tmp_path, "film") == tmp_path / "film"
    assert video_file(tmp_path, "other") == tmp_path / "other.mp4"
    assert video_file(tmp_path, "film.mp4") == film


def test_frames_are_known_by_their_place(folder):
    first, second = as_pictures(Video(folder), 2), as_pictures(Video(folder, 0.0, 0.4), 2)
    assert len({frame.key for frame in (*first, *second)}) == 4


@pytest.mark.parametrize("duration", [82.73, 30.0, 9.9])
def test_segments_of_seconds_have_the_frames_of_emscores_code(duration):
    count = 250
    for start, end in ((0, duration / 3), (0.29 * duration, 0.58 * duration), (2.5, duration)):
        numbers = frame_numbers(Video(Path("v"), start, end, duration), count, 0)
        assert numbers == list(range(count))[int(start * count // duration) : int(end * count // duration)]


def test_the_product_comes_before_the_division():
    assert frame_numbers(Video(Path("v"), 29, 58, 100), 100, 0) == list(range(29, 58))  # .29 * 100 is 28.99...
