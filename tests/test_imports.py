"""The direction of imports, and the modules that --help may not import. experiments/rooms.py has the rules."""

import ast
import subprocess
import sys

from experiments.rooms import (
    ARGPARSE,
    MOST_MODULES,
    PACKAGES,
    RULES,
    allowed,
    arrows_of,
    circles,
    imports,
    modules_of,
    package_of,
    room_of,
    rooms_of,
)
from tests.places import ROOT

MODULES = modules_of(ROOT)
OURS = {*PACKAGES, "experiments", "tests"}


def test_no_package_imports_upward():
    assert len(MODULES) > 30
    wrong = {}
    for name in MODULES:
        package = package_of(name)
        wrong[name] = {package_of(target) for target in imports(name, MODULES)} & OURS - {package, *PACKAGES[package]}
    assert not {name: packages for name, packages in wrong.items() if packages}


def test_the_rooms_are_those_of_the_rules():
    rooms = rooms_of(MODULES)
    assert not sorted(RULES.keys() - rooms), "rooms of experiments/rooms.py that this tree lacks"
    assert not sorted(rooms - RULES.keys()), "rooms of this tree that experiments/rooms.py has no rule for"


def test_no_room_imports_a_room_that_its_rule_leaves_out():
    ruled = {arrow: names for arrow, names in arrows_of(MODULES).items() if RULES.keys() >= set(arrow)}
    wrong = {f"{room} -> {target}": names for (room, target), names in ruled.items() if not allowed(room, target)}
    assert not wrong


def test_the_rules_hold_no_circle():
    assert not circles({(room, target): [] for room, targets in RULES.items() for target in targets})


def test_every_folder_of_modules_says_what_belongs_in_it():
    silent = []
    for folder in {path.parent for path in MODULES.values()}:
        front = folder / "__init__.py"
        if not front.is_file() or not (ast.get_docstring(ast.parse(front.read_text("utf-8"))) or "").strip():
            silent.append(str(folder.relative_to(ROOT)))
    assert not sorted(silent), "folders without a docstring in __init__.py"


def test_no_folder_holds_more_modules_than_a_reader_can_survey():
    folders = {path.parent for path in MODULES.values()}
    counts = {str(folder.relative_to(ROOT)): len(list(folder.glob("*.py"))) - 1 for folder in folders}  # no __init__
    assert not {folder: count for folder, count in counts.items() if count > MOST_MODULES}


def test_only_the_command_line_sees_argparse():
    seen = {name for name in MODULES if "argparse" in set(imports(name, MODULES))}
    assert seen and not {name for name in seen if room_of(name) not in ARGPARSE}


def test_every_way_to_import_is_read(tmp_path):
    files = {
        "metric/__init__.py": "from metric.clip import load",
        "metric/clip/__init__.py": "from .. import video",
        "metric/clip/load.py": "def late():\n    from ..video import frames\n    import torch, metric.clip.model as m",
        "metric/clip/model.py": "from metric import video, Example\nfrom . import load",
        "metric/video.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    modules = modules_of(tmp_path)
    assert {name: set(imports(name, modules)) for name in modules} == {
        "metric": {"metric.clip.load"},
        "metric.clip": {"metric.video"},
        "metric.clip.load": {"metric.video", "torch", "metric.clip.model"},
        "metric.clip.model": {"metric.video", "metric", "metric.clip.load"},
        "metric.video": set(),
    }
    assert arrows_of(modules).keys() == {
        ("metric", "metric.clip"),
        ("metric.clip", "metric.video"),
        ("metric.clip", "metric"),
    }
    assert circles(arrows_of(modules)) == [("metric.clip", "metric")]


def test_help_imports_no_torch():
    code = (
        "import sys\n"
        "from captioner.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('heavy:', sorted({'torch', 'open_clip', 'transformers', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "COMMAND" in printed and printed.rstrip().endswith("heavy: []")
