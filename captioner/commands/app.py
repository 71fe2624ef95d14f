"""Try captioners in a browser. The page shows the captions and scores of each captioner for a picture of yours."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from captioner.flags import add_device

HELP = "page to try captioners in a browser"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        nargs="+",
        required=True,
        metavar="RUN",
        help="captioners: run folders, model folders or hub ids; models of transformers: hf:ORG/NAME or hf:FOLDER; "
        "files of captions, which are found by the name of the picture",
    )
    parser.add_argument("--pac", default="", help="tuned CLIP for the score PAC-S++; empty takes that of a run")
    parser.add_argument(
        "--clip", default="", help="new place of the captioners' CLIP; for hf: and files alone, the CLIP of CLIP-S"
    )
    parser.add_argument(
        "--prompt", default="", metavar="TEXT", help="text that a model of transformers continues, or its question"
    )
    parser.add_argument("--checker", default="auto", help="grammar checker: languagetool, harper, none or auto (auto)")
    add_device(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address of the page; 0.0.0.0 serves other machines too (127.0.0.1)"
    )
    parser.add_argument("--port", type=int, default=7860, help="port of the page (7860)")


def run(args: argparse.Namespace) -> None:
    from captioner.publishing.browser_page import library, page, serve
    from captioner.publishing.side_by_side import trial
    from metric.runtime.console import ended
    from metric.runtime.device import device_of

    library()  # a missing library is an error before a model is loaded
    shown = trial(args.model, args.pac, args.clip, args.checker, str(device_of(args.device)), args.prompt)
    with TemporaryDirectory() as drawn:
        scenes = Path(drawn) if shown.clip.clip.name == "scenes-clip" else None
        serve(page(shown, scenes), args.host, args.port)
    ended("the page is closed", then=captioning(args.model))


def captioning(models: list[str]) -> list[str]:
    """The command that captions a folder with the first model of the page, or one that compares its files."""
    from captioner.publishing.voices import is_file

    model = next((name for name in models if not is_file(name)), "")
    if model:
        return ["captioner", "caption", "--model", model, "--images", "DIR", "--out", "FILE.jsonl"]
    return ["captioner", "score", "--captions", *models, "--references", "DATA"]
