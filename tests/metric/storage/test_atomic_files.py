"""Files that appear whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metric.storage import atomic_files
from metric.storage.atomic_files import replaced, unfinished, whole_file, whole_text, write
from tests.full_disk import files_of_at_most
from tests.places import ROOT

WRITTEN = {
    "write": ("néw\r\n", "néw\r\n"),
    "write_bytes": ("néw\r\n".encode(), "néw\r\n"),
    "write_json": ({"a": "é"}, '{\n  "a": "é"\n}\n'),
}


def in_a_process(name: str, path: Path, before: str = "") -> int:
    """Writes `path` there; -> the exit code."""
    code = f"import os\nfrom pathlib import Path\nfrom metric.storage.atomic_files import {name}\n{before}\n"
    return subprocess.run(
        [sys.executable, "-c", code + f"{name}(Path({str(path)!r}), {WRITTEN[name][0]!r})"], cwd=ROOT
    ).returncode


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_is_written_with_its_folders_and_nothing_beside_it(name, tmp_path):
    path = tmp_path / "a" / "b" / "file"
    content, expected = WRITTEN[name]
    for _ in range(2):
        getattr(atomic_files, name)(path, content)
        assert path.read_bytes().decode() == expected and os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_kill_before_the_rename_leaves_the_file_as_it_was(name, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    assert in_a_process(name, path, "os.replace = lambda *_: os.kill(os.getpid(), 9)") == -9
    assert path.read_text() == "old"
    (half,) = unfinished(tmp_path)
    assert half.name.startswith(".new-file.") and half.read_bytes().decode() == WRITTEN[name][1]


def test_a_full_disk_leaves_the_file_as_it_was_and_no_half(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="No space"), whole_text(path) as file:
        file.write("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_a_file_that_cannot_be_written_is_named_and_not_its_temporary_name(tmp_path):
    with pytest.raises(OSError) as full, files_of_at_most(10):
        write(tmp_path / "file", "x" * 100)
    assert full.value.filename == str(tmp_path / "file") and full.value.errno == errno.EFBIG
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as folder:
        write(tmp_path / "folder", "x")
    assert folder.value.filename == str(tmp_path / "folder")
    with pytest.raises(FileNotFoundError) as other, whole_file(tmp_path / "file"):
        (tmp_path / "absent").read_text()
    assert str(other.value.filename) == str(tmp_path / "absent")


def test_a_folder_is_replaced_whole_or_stays(tmp_path):
    place = tmp_path / "folder"
    with replaced(place) as new:
        (new / "a").write_text("old")
    with pytest.raises(ValueError), replaced(place) as new:
        raise ValueError
    assert (place / "a").read_text() == "old" and os.listdir(tmp_path) == ["folder"]


def test_two_processes_may_write_one_file(tmp_path):
    path = tmp_path / "file"
    with whole_file(path) as new:
        new.write_text("ours")
        assert in_a_process("write", path) == 0 and path.read_bytes().decode() == WRITTEN["write"][1]
    assert path.read_text() == "ours" and os.listdir(tmp_path) == ["file"]


def test_no_other_module_renames_what_it_wrote():
    command = ["git", "grep", "-l", "os[.]replace", "--", "captioner", "metric", "rewards"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.split()
    assert found == ["metric/storage/atomic_files.py"]
