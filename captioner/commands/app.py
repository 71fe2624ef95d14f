"""Try captioners in a browser: drop a picture, and read the caption of each run with its scores."""

from __future__ import annotations

import argparse

HELP = "try captioners in a browser"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        nargs="+",
        required=True,
        metavar="RUN",
        help="run folders, model folders or hub ids, several at once",
    )
    parser.add_argument("--pac", default="", help="tuned CLIP that scores PAC-S++; empty takes the tuned CLIP of a run")
    parser.add_argument("--clip", default="", help="new place of the captioners' own CLIP, if the CLIP has moved")
    parser.add_argument("--checker", default="auto", help="grammar checker: languagetool, harper, none or auto (auto)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address of the page; 0.0.0.0 lets other machines in (127.0.0.1)"
    )
    parser.add_argument("--port", type=int, default=7860, help="port of the page (7860)")


def run(args: argparse.Namespace) -> None:
    from captioner.publishing.browser_page import library, page, serve
    from captioner.publishing.side_by_side import trial
    from metric.runtime.console import ended
    from metric.runtime.device import device_of

    library()  # its absence is told before anything is loaded
    shown = trial(args.model, args.pac, args.clip, args.checker, str(device_of(args.device)))
    scenes = all(describe.clip.name == "scenes-clip" for describe in shown.voices.values())
    serve(page(shown, scenes), args.host, args.port)
    ended(
        "the page is closed",
        then=["captioner", "caption", "--model", args.model[0], "--images", "DIR", "--out", "FILE.jsonl"],
    )
