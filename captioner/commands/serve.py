"""Serve rewards over HTTP. Requests of many clients are scored in batches on one device."""

from __future__ import annotations

import argparse

from captioner.flags import add_device, positive

HELP = "rewards over HTTP, for trainers that call them one caption at a time"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reward",
        action="append",
        required=True,
        metavar="SPEC",
        help="reward as name:option=value,...,weight=W; repeat the flag to mix (see captioner rewards)",
    )
    parser.add_argument("--clip", default="", help="CLIP of clips and refclips; empty is scenes-clip, of drawn scenes")
    parser.add_argument(
        "--scale", default="raw", help="scale of the total: raw, unit (0 to 1) or standard:mean=M,spread=S (raw)"
    )
    add_device(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address of the server; 0.0.0.0 serves other machines too (127.0.0.1)"
    )
    parser.add_argument("--port", type=int, default=8100, help="port of the server; 0 takes a free one (8100)")
    parser.add_argument(
        "--images",
        default="",
        metavar="DIR",
        help="folder of the pictures that are sent as paths; empty lets clients on this machine name any file, and "
        "others none",
    )
    parser.add_argument("--batch", type=positive, default=64, metavar="N", help="captions that make a batch (64)")
    parser.add_argument(
        "--wait", type=positive, default=5, metavar="MS", help="milliseconds that a request waits for others (5)"
    )
    parser.add_argument("--most-items", type=positive, default=256, metavar="N", help="captions of a request (256)")
    parser.add_argument("--most-mb", type=positive, default=32, metavar="N", help="megabytes of a request (32)")


def run(args: argparse.Namespace) -> None:
    from captioner.serving.server import bound, library, rules_of, serve
    from metric.runtime.console import ended

    library()  # a missing library and a taken port are errors before a model is loaded
    rules = rules_of(args.host, args.images, args.most_items, args.most_mb)
    with bound(args.host, args.port) as listener:
        from captioner.serving.batching import Batcher
        from rewards.bridges.judge import Judge

        judge = Judge(args.reward, args.clip, args.device, args.scale)
        batcher = Batcher(judge, args.batch, args.wait / 1000)
        serve(judge, rules, batcher, args.host, listener)
    ended(f"the server is closed; {batcher.scored} captions were scored", then=["captioner", *args.typed])
