"""Settings of Sphinx for `make docs`. The API pages come from the source text: no package of ours is imported."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

from astroid.exceptions import AstroidImportError
from astroid.manager import AstroidManager
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent
PACKAGES = ("captioner", "metric", "rewards")

project = "captioner"
author = "the authors of captioner"
extensions = ["myst_parser", "autoapi.extension"]
html_theme = "furo"
html_title = "captioner"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries = False
default_role = "literal"
myst_heading_anchors = 3
suppress_warnings = [
    "autoapi.python_import_resolution",  # of names that other packages give us
    "ref.python",  # names such as Row, which several modules define
]

autoapi_dirs = [str(ROOT / package) for package in PACKAGES]
autoapi_root = "api"
autoapi_options = ["members", "undoc-members", "show-module-summary"]
autoapi_add_toctree_entry = False
autoapi_python_class_content = "both"
autoapi_member_order = "bysource"


read_any = AstroidManager.ast_from_module_name


def read_ours(manager: AstroidManager, modname: str | None, *given: Any, **named: Any) -> Any:
    """Our packages and the standard library alone: PyTorch takes minutes, and its docstrings are not plain text."""
    if str(modname).partition(".")[0] not in {*PACKAGES, *sys.stdlib_module_names}:
        raise AstroidImportError(modname=str(modname))
    return read_any(manager, modname, *given, **named)


AstroidManager.ast_from_module_name = read_ours  # type: ignore[method-assign]


def doors(package: str) -> dict[str, str]:
    """Each name of `__all__` in a package's `__init__.py` -> where it is defined, read from the text alone."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (listed,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return {name: imported[name] for name in ast.literal_eval(listed)}


class Doors(SphinxDirective):
    """`.. doors:: PACKAGE`: signature and docstring of each name that the package gives."""

    required_arguments = 1

    def run(self) -> list[Any]:
        entries = self.env.autoapi_all_objects  # type: ignore[attr-defined]
        lines = []
        for _, full in sorted(doors(self.arguments[0]).items()):
            members = ["   :members:", "   :undoc-members:"] if entries[full].type == "class" else []
            lines += [f".. autoapi{entries[full].type}:: {full}", "   :no-index:", *members, ""]
        return self.parse_text_to_nodes("\n".join(lines))


def as_rst(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings here are plain text: an indented block is shown as it stands, only `code` and links are markup.

    What napoleon makes of Args, Returns and Raises, lines that begin with a colon, stays.
    """
    if what in ("function", "method", "class"):
        lines[:] = GoogleDocstring(lines, Config()).lines()
    blocks = re.split(r"(?m)((?:^[ ]+\S.*\n?(?:^[ ]*\n(?=[ ]))*)+)", "\n".join(lines))  # plain, indented, plain, ...
    for number in range(1, len(blocks), 2):
        above = blocks[number - 1].rstrip("\n").rpartition("\n")[2]
        blocks[number] = marked(blocks[number]) if above.startswith(":") else f"\n::\n\n{blocks[number]}\n"
    lines[:] = "".join(block if n % 2 else marked(block) for n, block in enumerate(blocks)).splitlines()


def marked(text: str) -> str:
    """Stars, bars and final underscores are escaped, and code may have a letter after it; doctests stay."""
    parts = re.split(r"(`+[^`]*`+|(?m:^>>>(?:.+\n?)+))", text)
    plain = (re.sub(r"([*|]|_(?!\w))", r"\\\1", part) for part in parts[::2])
    code = (part + "\\ " if part.startswith("`") else part for part in [*parts[1::2], ""])
    return "".join(f"{words}{snippet}" for words, snippet in zip(plain, code))


def outside(app: Sphinx, name: str, source: list[str]) -> None:
    """Links to files of the repository beyond docs/, which the pages then carry with them."""
    if not name.startswith("api/"):
        source[0] = source[0].replace("](../", "](path:../")


def rooms_alone(app: Sphinx, name: str, source: list[str]) -> None:
    """The sidebar ends at the rooms, which link to their modules: a sidebar of all modules took most of a build."""
    if name.startswith("api/"):
        modules = [page for page in re.findall(r"(?m)^   /(api/\S+)$", source[0]) if not is_room(page)]
        lines = [line for line in source[0].splitlines() if line.strip("/ ") not in modules]
        links = [f"* :doc:`/{page}`" for page in modules]
        at = lines.index("Submodules") if modules else 0
        source[0] = "\n".join([*([] if is_room(name) else [":orphan:", ""]), *lines[:at], *links, "", *lines[at:]])


def is_room(page: str) -> bool:
    return (ROOT / page.removeprefix("api/").removesuffix("/index")).is_dir()


def setup(app: Sphinx) -> None:
    app.add_directive("doors", Doors)
    app.connect("source-read", outside)
    app.connect("source-read", rooms_alone)
    app.connect("autodoc-process-docstring", as_rst)
