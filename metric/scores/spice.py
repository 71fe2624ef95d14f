"""SPICE (arXiv 1607.08822): agreement of the scene graphs of caption and references.

The Java program inside pycocoevalcap computes it. The program needs Stanford CoreNLP 3.6.0 (GPL-3.0) and, on Java 15
and newer, a JavaScript engine. `corenlp` is a folder of these jars, as pycocoevalcap's own class downloads them. Parsed
captions are kept in a cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from metric.programs.java_program import java_absent, last_words, packaged
from metric.programs.watched_run import run_watched
from metric.runtime.console import tell
from metric.runtime.progress import duration
from metric.scores.bleu_rouge import Tokens
from metric.storage.user_cache import user_cache

MEMORY = "8G"  # as pycocoevalcap gives it
# Packages of Java that the program uses and that Java 9 and newer close.
OPENED = ("lang", "util", "math", "net", "text", "util.concurrent")
START_LIMIT, SENTENCE_LIMIT = 300.0, 1.0  # seconds for the start and for a caption; some 35 captions a second are usual
LONG, LONG_LIMIT = 60, 120.0  # words of a caption from which the parser needs long, and seconds for such a caption


def spice_absent(corenlp: str) -> str:
    """The reason why SPICE cannot run with the jars of this folder, "" when it can."""
    if reason := java_absent("SPICE"):
        return reason
    if not corenlp:
        return "SPICE needs a folder with Stanford CoreNLP 3.6.0; set CORENLP_HOME or type spice:corenlp=DIR"
    jars = [jar.name for jar in Path(corenlp).glob("*.jar")]
    lacking = [part for part in ("stanford-corenlp-3", "models") if not any(part in name for name in jars)]
    if lacking:
        return f"no {lacking[0]}*.jar in {corenlp}; SPICE needs Stanford CoreNLP 3.6.0 there"
    return ""


def spice(
    candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]], corenlp: str, cache: Path | None = None
) -> list[float]:
    """F-score of each caption, 0 to 1. Raises ValueError when SPICE cannot run, stops, or takes too long."""
    if reason := spice_absent(corenlp):
        raise ValueError(reason)
    requests = [
        {"image_id": number, "test": " ".join(candidate), "refs": [" ".join(reference) for reference in of_image]}
        for number, (candidate, of_image) in enumerate(zip(candidates, references))
    ]
    limit = time_limit([*map(len, candidates), *map(len, chain.from_iterable(references))])
    f_scores = {row["image_id"]: row["scores"]["All"]["f"] for row in run(requests, corenlp, cache, limit)}
    return [float(f_scores[number]) for number in range(len(requests))]


def time_limit(lengths: Sequence[int]) -> float:
    """Seconds after which SPICE is taken for hung, for captions of so many words. Long captions are told."""
    long = sum(length > LONG for length in lengths)
    if long:
        tell([f"SPICE takes up to minutes for a text of over {LONG} words; {long:,} have more, up to {max(lengths)}"])
    return START_LIMIT + SENTENCE_LIMIT * len(lengths) + LONG_LIMIT * long


def run(requests: list[dict[str, Any]], corenlp: str, cache: Path | None, limit: float) -> list[dict[str, Any]]:
    """The output of SpiceScorer for its input, both as JSON. `limit` is in seconds."""
    cache_folder = cache or user_cache("spice")
    cache_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        source, out = Path(folder, "in.json"), Path(folder, "out.json")
        source.write_text(json.dumps(requests), encoding="utf-8")
        try:
            code = run_watched(command(corenlp, str(source), str(cache_folder), str(out)), output, limit, at_work)
        except subprocess.TimeoutExpired:
            raise ValueError(f"SPICE has not ended in {limit:.0f} seconds; Java said: {last_words(output)}") from None
        if code or not out.is_file():
            raise ValueError(f"SPICE stopped; Java said: {last_words(output)}")
        return json.loads(out.read_text(encoding="utf-8"))


def at_work(seconds: float) -> None:
    """A sign of life, since the program says nothing before its end."""
    print(f"captioner: SPICE has worked for {duration(seconds)}", file=sys.stderr, flush=True)


def command(corenlp: str, source: str, cache: str, out: str) -> list[str]:
    opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENED]
    path = os.pathsep.join([str(packaged("spice/spice-1.0.jar")), str(Path(corenlp, "*"))])
    scorer = ["edu.anu.spice.SpiceScorer", source, "-cache", cache, "-out", out, "-subset", "-silent"]
    return ["java", "-Dfile.encoding=UTF-8", f"-Xmx{MEMORY}", *opened, "-cp", path, *scorer]
