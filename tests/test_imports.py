"""The direction of imports, and what may not be imported to answer --help."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "metric": {"metric"},
    "rewards": {"metric", "rewards"},
    "captioner": {"metric", "rewards", "captioner"},
}


def imported(path: Path) -> set[str]:
    """The top-level packages a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_no_package_imports_upward():
    ours = set(ALLOWED) | {"experiments", "tests"}
    files = [(package, path) for package in ALLOWED for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 30
    wrong = {str(path): imported(path) & ours - ALLOWED[package] for package, path in files}
    assert not {path: names for path, names in wrong.items() if names}


def test_help_imports_no_torch():
    code = (
        "import sys\n"
        "from captioner.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('heavy:', sorted({'torch', 'open_clip', 'transformers', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "COMMAND" in said and said.rstrip().endswith("heavy: []")
