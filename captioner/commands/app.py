"""Try captioners in a browser. The page shows the captions and scores of each captioner for a picture of yours."""

from __future__ import annotations

import argparse

from captioner.flags import add_device

HELP = "page to try captioners in a browser"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        nargs="+",
        required=True,
        metavar="RUN",
        help="captioners: run folders, model folders or hub ids; models of transformers: hf:ORG/NAME or hf:FOLDER",
    )
    parser.add_argument("--pac", default="", help="tuned CLIP for the score PAC-S++; empty takes that of a run")
    parser.add_argument(
        "--clip", default="", help="new place of the captioners' CLIP; for hf: alone, the CLIP of CLIP-S"
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
    scenes = shown.clip.clip.name == "scenes-clip"
    serve(page(shown, scenes), args.host, args.port)
    ended(
        "the page is closed",
        then=["captioner", "caption", "--model", args.model[0], "--images", "DIR", "--out", "FILE.jsonl"],
    )
