from __future__ import annotations

import io
import os
import random
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metric.example import UnreadableImage, image_key, open_image
from metric.images import InMemory, InTar, InZip, named_warnings, opened_zip


def pixel(image: Image.Image, x: int = 0, y: int = 0) -> tuple[int, int, int]:
    assert image.mode == "RGB"
    return image.getpixel((x, y))


def saved(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


def close(one: tuple[int, ...], two: tuple[int, ...], by: int = 6) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, two))


def test_picture_is_turned_upright(tmp_path):
    image = Image.new("RGB", (30, 20), "red")
    image.paste("blue", (0, 0, 10, 20))  # left third
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    shown = open_image(saved(image, tmp_path / "a.png", exif=exif))
    assert shown.size == (20, 30) and pixel(shown, 10, 2) == (0, 0, 255) and pixel(shown, 10, 29) == (255, 0, 0)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_keep_their_brightness(tmp_path, ending):
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)  # 0, 1, 128 and 255 times 257
    shown = open_image(saved(Image.fromarray(values), tmp_path / f"a.{ending}"))
    assert [pixel(shown, x)[0] for x in range(4)] == [0, 1, 128, 255]


def test_dark_sixteen_bits_stay_dark(tmp_path):
    shown = open_image(saved(Image.fromarray(np.full((2, 2), 200, dtype=np.uint16)), tmp_path / "a.png"))
    assert pixel(shown) == (1, 1, 1)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_floating_point_has_the_range_of_its_values(tmp_path, top):
    values = np.array([[0, 0.5, 1, np.nan]], dtype=np.float32) * top
    shown = open_image(saved(Image.fromarray(values), tmp_path / "a.tif"))
    assert [pixel(shown, x)[0] for x in range(4)] == [0, 128, 255, 0]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_parts_show_white_paper(tmp_path, mode):
    image = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (4, 0, 8, 4))
    made = image.convert(mode)
    made.putalpha(image.getchannel("A"))  # which Pillow 11 loses on the way to PA
    shown = open_image(saved(made, tmp_path / ("a.tif" if mode == "PA" else "a.png")))
    assert pixel(shown, 0) == (255, 255, 255) and pixel(shown, 7) == (0, 0, 0)


def test_transparent_colour_of_a_palette_shows_white_paper(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 255, 0, 255, 0, 0])
    image.putpixel((0, 0), 0)
    for name, transparency in ("index.png", 1), ("bytes.png", bytes([255, 0])), ("a.gif", 1):
        shown = open_image(saved(image, tmp_path / name, transparency=transparency))
        assert pixel(shown) == (0, 255, 0) and pixel(shown, 3, 3) == (255, 255, 255)


def test_printers_colours_are_shown_as_screens(tmp_path):
    shown = open_image(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), tmp_path / "a.jpg"))
    assert close(pixel(shown), (255, 0, 0))


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif"])
def test_animation_is_its_first_frame(tmp_path, ending):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if ending == "webp" else {}
    frames[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=frames[1:], **options)
    assert pixel(open_image(tmp_path / f"a.{ending}")) == (255, 0, 0)


def png(size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(file, "PNG")
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG whose header tells of so many pixels."""
    import zlib

    whole = png()
    header = whole[12:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + whole[24:29]
    return whole[:12] + header + zlib.crc32(header).to_bytes(4, "big") + whole[33:]


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "no picture"),
        (b"<html>404</html>", "no picture"),
        (png()[:400], "truncated.*; fetch it again, or type --take truncated"),
        (claiming(20000, 20000), "400,000,000 pixels, more than 178,956,970; save it smaller, or type --take large"),
        (claiming(9, 9000), "times as long as wide"),
    ],
)
def test_what_cannot_be_shown_says_why_with_its_name(tmp_path, content, words):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadableImage, match=words) as error:
        open_image(tmp_path / "a.png")
    assert str(tmp_path / "a.png") in str(error.value) and "0x" not in str(error.value)


def test_file_that_is_gone_or_no_file_is_unreadable(tmp_path):
    for path, words in (tmp_path / "gone.jpg", "No such file"), (tmp_path, "directory"):
        with pytest.raises(UnreadableImage, match=words):
            open_image(path)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "TGA", "ICO", "AVIF"])
def test_damage_is_unreadable_or_shown_and_nothing_else(name):
    rng = random.Random(name)
    file = io.BytesIO()
    Image.effect_noise((24, 16), 80).convert("RGB").save(file, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
        for _ in range(60):
            data = bytearray(file.getvalue())
            for _ in range(rng.choice([1, 4, 16])):
                data[rng.randrange(min(len(data), 120))] = rng.randrange(256)
            try:
                open_image(InMemory("a", bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])))
            except UnreadableImage as error:
                assert str(error).startswith("a: ")


def test_members_of_archives_are_the_files_they_were(tmp_path):
    data = png()
    (tmp_path / "a.png").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("in/a.png", data)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "a.png", "in/a.png")
        entry = tar.getmember("in/a.png")
    with tarfile.open(tmp_path / "a.tar") as tar:
        entry = tar.getmember("in/a.png")
    inside = [
        InMemory("a.png", data),
        InZip(tmp_path / "a.zip", "in/a.png"),
        InTar(tmp_path / "a.tar", "in/a.png", entry.offset_data, entry.size),
    ]
    expected = open_image(tmp_path / "a.png").tobytes()
    assert all(open_image(image).tobytes() == expected for image in inside)
    assert len({image_key(image) for image in (tmp_path / "a.png", *inside)}) == 4
    assert str(inside[1]) == f"{tmp_path}/a.zip/in/a.png"


def test_broken_member_is_named_with_its_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.png", png())
    whole = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[:60] + bytes(200) + whole[260:])
    with pytest.raises(UnreadableImage, match=r"a\.zip/a\.png: .*CRC"):
        open_image(InZip(tmp_path / "a.zip", "a.png"))
    with pytest.raises(UnreadableImage, match="none.png"):
        open_image(InZip(tmp_path / "a.zip", "none.png"))


def test_a_forked_process_has_a_zip_of_its_own(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.png", png())
    assert opened_zip(tmp_path / "a.zip", os.getpid()) is opened_zip(tmp_path / "a.zip", os.getpid())
    assert opened_zip(tmp_path / "a.zip", os.getpid()) is not opened_zip(tmp_path / "a.zip", -1)
    opened_zip.cache_clear()


def test_a_warning_of_pillow_names_the_picture_in_a_line(tmp_path, capsys):
    (tmp_path / "large.png").write_bytes(claiming(10000, 10000))
    with warnings.catch_warnings(record=True) as others, named_warnings():
        warnings.simplefilter("always")
        with pytest.raises(UnreadableImage):
            open_image(tmp_path / "large.png")
        warnings.warn("of something else", stacklevel=1)
    assert capsys.readouterr().err == f"captioner: caution: {tmp_path}/large.png: 100,000,000 pixels\n"
    assert [str(other.message) for other in others] == ["of something else"]
