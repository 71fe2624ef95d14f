"""The versions that are tested: the oldest that setup.cfg promises, and the newest that go together.

Commands: `make test-oldest` installs what `python -m experiments.pins oldest` prints. `make constraints` writes
constraints.txt by `python -m experiments.pins newest REPORT`, where REPORT is what `pip install --report` writes.
Cost: seconds; pip takes minutes.
Expect: one line a package, `NAME==VERSION`. A package without a floor in setup.cfg has no version.
No package is imported here, so that a bare Python can run it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNPINNED = ("captioner", "setuptools", "pip")  # this package, and what a new environment brings along
TESTED = ("test", "app")  # the extras that the tests use


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=("oldest", "newest"))
    parser.add_argument("report", nargs="?", type=Path, help="report of `pip install --report`, for newest")
    args = parser.parse_args()
    if (args.which == "newest") != bool(args.report):
        parser.error("newest takes the report of pip, and oldest takes none")
    lines = of_report(args.report.read_text("utf-8")) if args.report else oldest(ROOT / "setup.cfg", TESTED)
    print("\n".join(lines))


def oldest(config: Path, extras: Iterable[str]) -> list[str]:
    """The requirements of setup.cfg and of the extras, each at its floor: `torch>=2.4` becomes `torch==2.4`."""
    parser = ConfigParser()
    parser.read_string(config.read_text("utf-8"))
    asked = [parser["options"]["install_requires"], *(parser["options.extras_require"][extra] for extra in extras)]
    return [requirement.replace(">=", "==") for text in asked for requirement in text.split("\n") if requirement]


def of_report(text: str) -> list[str]:
    """What pip would install, but for UNPINNED: `NAME==VERSION` in alphabetical order."""
    found = {entry["metadata"]["name"]: entry["metadata"]["version"] for entry in json.loads(text)["install"]}
    return [f"{name}=={found[name]}" for name in sorted(found, key=plain) if plain(name) not in UNPINNED]


def plain(name: str) -> str:
    """The name as package registries compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
