"""Checks of README.md and docs/: commands parse or run, Python runs, and folders, flags and links exist.

An HTML comment on the line above a fence of `bash` or `python` gives the check of the fence:

    <!-- test: run -->      the blocks of a page run one after another, on tiny data, in a folder of their own
    <!-- test: parse -->    each command line is accepted (the default of bash)
    <!-- test: compile -->  the code compiles and its imports exist (the default of Python is run)

A fence of `text tree` is compared with the folders. The commands of other projects stand in fences of `text`.
"""

import argparse
import ast
import configparser
import contextlib
import functools
import importlib
import io
import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from captioner.cli import COMMANDS, main, parser
from captioner.flags import spelt
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards.registry import ENTRIES
from tests.places import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^(?:<!-- test: (?P<how>\w+) -->\n)?```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)
CONTRASTIVE = "--steps 2 --batch-size 4 --val-every 0 --save-every 0"
TRAINING = "--data tiny.jsonl --val-count 4 --checker none"
TINY = {
    "train": f"{TRAINING} --model.d 16 --model.heads 2 --model.feedforward 32 --model.vocabulary 560 --decode.beams 2 "
    "--decode.max-length 8 --xe.steps 2 --xe.batch-size 4 --rl.steps 2 --rl.batch-size 2 --rl.samples 2",
    "metric train": f"--data tiny.jsonl {CONTRASTIVE}",
    "metric audit": "--count 4",
    "evaluate": "--scores classic,clip,rep_4,length",
    "caption": "--checker none",
    "score": "--bootstrap 20",
    "data": "--open 2 --show 2",
}
METRIC = ("train", "pretrain", "import", "export", "positives", "judge", "audit", "video")
ELSEWHERE = {"--nproc-per-node", "--dry-run", "--seconds", "--full"}  # of launchers and scripts
OF_OTHERS = "coming-from.md"  # the page whose prose names the flags of other projects
SHELL = {"cd", "export", "git", "hf"}  # commands that are not ours to check


@dataclass(frozen=True)
class Block:
    """A fence of a page, with the number of its line and the name of its check."""

    page: Path
    line: int
    language: str
    how: str
    body: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command line. A backslash at the end of a line joins the line with the next."""
        lines = re.sub(r"\\\n\s*", " ", self.body).splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    usual = {"bash": "parse", "python": "run"}
    return [
        Block(
            page,
            text[: match.start()].count("\n") + 1,
            match["info"],
            match["how"] or usual.get(match["info"], ""),
            match["body"],
        )
        for match in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = {page: [block for block in blocks(page) if block.how == "run"] for page in PAGES}


def refusal(words: list[str]) -> str:
    """The error of `captioner` for a command line. Empty for an accepted line. No command runs."""
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            parser().parse_args(words)
    except SystemExit:
        return errors.getvalue()
    return ""


def launched(launcher: argparse.ArgumentParser, words: list[str]) -> str:
    """The error of `captioner` for the command line after the flags of torchrun or accelerate."""
    args = launcher.parse_args(words)
    assert args.module and args.training_script == "captioner", f"type -m captioner, got {words}"
    return refusal(args.training_script_args)


def script(path: str, words: list[str]) -> str:
    """The flags among `words` that the text of the script does not hold."""
    file = ROOT / path
    text = (file if file.exists() else file.with_suffix("") / "__main__.py").read_text(encoding="utf-8")
    return ", ".join(word for word in words if word.startswith("--") and f'"{word}"' not in text)


def complaint(words: list[str]) -> str:
    """The error of a command line. Empty for a correct one."""
    program, *rest = words[next(n for n, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)) :]
    if program.rpartition("/")[2] == "captioner":
        return refusal(rest)
    if program.rpartition("/")[2] == "python":
        if rest[:2] == ["-m", "captioner"]:
            return refusal(rest[2:])
        return script(rest[1].replace(".", "/") + ".py", rest[2:]) if rest[0] == "-m" else f"type python -m, got {rest}"
    if program == "torchrun":
        from torch.distributed.run import get_args_parser

        return launched(get_args_parser(), rest)
    if program == "accelerate":
        from accelerate.commands.launch import launch_command_parser

        return launched(launch_command_parser(), rest[1:])
    if program == "make":
        rules = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        return ", ".join(word for word in rest if "=" not in word and word not in rules)
    if program == "pip":
        return ", ".join(extra for word in rest for extra in re.findall(r"\[(.+)\]", word) if extra not in extras())
    if program == "bash":
        return "" if (ROOT / rest[0]).is_file() else f"no file {rest[0]}"
    return "" if program in SHELL else f"a command that is not checked: {program}"


def extras() -> set[str]:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    return set(setup["options.extras_require"])


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "bash"], ids=str)
def test_command_lines_are_accepted(block):
    wrong = {shlex.join(words): error for words in block.commands if (error := complaint(words))}
    assert not wrong


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=str)
def test_python_compiles_and_its_imports_are_there(block):
    tree = ast.parse(block.body, str(block))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("captioner", "metric", "rewards"):
            module = importlib.import_module(node.module)
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with pictures, captions and runs of a few steps, for pages that need the results of other pages."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "photos").mkdir()
    rows = []
    for split, count in (("train", 12), ("val", 4), ("test", 4)):
        for number in range(count):
            scene = sample(split, number)
            scene.draw().save(folder / "photos" / f"{split}-{number}.png")
            rows.append({"image": f"photos/{split}-{number}.png", "references": references(scene), "split": split})
    (folder / "tiny.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shutil.copy(folder / "photos" / "test-0.png", folder / "picture.jpg")
    captions = {Path(row["image"]).stem: row["references"] for row in rows[-4:]}
    (folder / "references.json").write_text(json.dumps({name: texts[1:] for name, texts in captions.items()}))
    for number, name in enumerate(("mine.json", "theirs.json")):
        (folder / name).write_text(json.dumps({name: texts[number] for name, texts in captions.items()}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("metric train --out runs/metric")
        run("train --preset small --out runs/xe")
        run("train --preset small --init runs/xe --reward pacspp:checkpoint=runs/metric --out runs/pacspp")
        run("evaluate runs/xe runs/pacspp")
    return folder


def run(line: str) -> None:
    """Runs a command line of `captioner` with the flags that make its work tiny."""
    words = shlex.split(line)
    name = " ".join(words[:2] if words[0] == "metric" else words[:1])
    more = [] if "--resume" in words or "--merge" in words else shlex.split(TINY.get(name, ""))
    assert main([*words, *more]) == 0, line


@pytest.fixture
def registered():
    """Removes the rewards that a page registers, after the page."""
    yield
    for name in [name for name, entry in ENTRIES.items() if entry.factory.__module__ == "page"]:
        del ENTRIES[name]


def made(page: Path) -> set[str]:
    """The runs that the commands of a page make."""
    lines = [words for block in RUN[page] if block.language == "bash" for words in block.commands]
    return {
        name for words in lines if "--out" in words if (name := words[words.index("--out") + 1]).startswith("runs/")
    }


@pytest.mark.parametrize("page", [page for page in PAGES if RUN[page]], ids=lambda page: page.name)
def test_blocks_run_from_the_top_of_the_page(page, given, registered, tmp_path, monkeypatch):
    shutil.copytree(given, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    for name in made(page):
        shutil.rmtree(name, ignore_errors=True)
    names: dict[str, object] = {"__name__": "page"}
    for block in RUN[page]:
        if block.language == "python":
            exec(compile(block.body, str(block), "exec"), names)
        for words in block.commands if block.language == "bash" else []:
            assert words[0] == "captioner", f"{block}: only captioner is run here"
            run(shlex.join(words[1:]))


@functools.cache
def flags() -> set[str]:
    """Every flag of every command, with hyphens."""
    commands = [[], *([name] for name in COMMANDS), *(["metric", name] for name in METRIC)]
    help_texts = io.StringIO()
    for command in commands:
        with contextlib.redirect_stdout(help_texts), pytest.raises(SystemExit):
            parser().parse_args([*command, "--help"])
    return {flag.replace("_", "-") for flag in re.findall(r"--[\w.-]+", help_texts.getvalue())}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != OF_OTHERS], ids=lambda page: page.name)
def test_flags_named_in_the_prose_exist(page):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    named = {*spelt(re.findall(r"`(--[\w.-]+)", prose))} - ELSEWHERE
    existing = flags()
    assert not {flag for flag in named if not any(name.startswith(flag) for name in existing)}


TREES = [block for block in BLOCKS if block.language == "text tree"]
ENTRY = re.compile(r"^( *)([\w.-]+/|[\w.-]+\.\w+)(?:  |$)", re.M)


def entries(tree: str) -> list[str]:
    """The paths of a printed tree: names that end in a slash or have an ending, two spaces before the comment."""
    above: list[tuple[int, str]] = []
    paths = []
    for indent, name in ENTRY.findall(tree):
        above = [(depth, parent) for depth, parent in above if depth < len(indent)]
        paths.append("".join(parent for _, parent in above) + name)
        above.append((len(indent), name))
    return paths


def folders(path: Path) -> set[str]:
    """The names of the folders in a folder that hold files of the project."""
    made = {"build", "runs"} if path == ROOT else set()
    inside = [inner for inner in path.iterdir() if inner.is_dir() and not inner.name.startswith((".", "__"))]
    return {inner.name for inner in inside if any(inner.rglob("*.*")) and inner.suffix != ".egg-info"} - made


@pytest.mark.parametrize("block", TREES, ids=str)
def test_printed_trees_are_the_folders(block):
    paths = entries(block.body)
    assert not [path for path in paths if not (ROOT / path).exists()]
    for parent in {path.rstrip("/").rpartition("/")[0] for path in paths if path.endswith("/")}:
        printed = {
            path.rstrip("/").rpartition("/")[2] for path in paths if path.rstrip("/").rpartition("/")[0] == parent
        }
        assert folders(ROOT / parent) <= printed, parent


def test_contributing_prints_the_tree():
    assert [block for block in TREES if block.page.name == "CONTRIBUTING.md"]


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", prose):
        target = page if not path else page.parent / path
        assert re.match(r"\w+:", path) or target.exists(), path
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
            assert anchor[1:] in map(slug, headings), f"{path}{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_in_the_prose_exist(page):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    named = re.findall(r"`((?:captioner|rewards|metric|experiments|tests|docs)/[\w./-]+)[`:]", prose)
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_tests_named_in_the_prose_exist(page):
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for text in files for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert not {*re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))} - there


def test_the_checks_see_what_is_wrong():
    assert "--no-such-flag" in complaint(["captioner", "train", "--out", "RUN", "--no-such-flag"])
    assert complaint(["make", "coffee"]) and complaint(["pip", "install", "captioner[nothing]"])
    assert complaint(["torchrun", "--nproc-per-node", "2", "-m", "captioner", "train", "--no-such-flag"])
    assert complaint(["python", "-m", "experiments.demo", "--no-such-flag"])
    assert complaint(["python", "experiments/demo.py"]) and complaint(["rm", "-r", "x"])
    assert entries("a/       one\n  b/\n    c.py   two\n  d/\nwords/of prose\n") == ["a/", "a/b/", "a/b/c.py", "a/d/"]
