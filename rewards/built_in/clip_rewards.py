"""CLIP-S, PAC-S, PAC-S++ and PAC-S++ hard, each alone and with references, by a CLIP or by a tuned CLIP.

Cost: a forward pass of the text tower for each new caption, and of the image tower once for each image. Embeddings are
cached. `precision` is fp32, bf16 or fp16. `long=sentences` scores each sentence of a caption and takes the mean.
"""

from __future__ import annotations

from metric.clip.load import load_clip
from metric.clip.tuning import refuse_other_name
from metric.sentences import by_sentence
from metric.similarity import CLIP_W, PAC_W
from rewards.built_in.clip_similarity import similarity
from rewards.context import Context
from rewards.mix import Reward
from rewards.registry import register

# name -> title, and the docstring that the listing of rewards prints
TUNED = {
    "pacs": (
        "PAC-S",
        """PAC-S, w max(cos(image, caption), 0) with a CLIP whose two projections were tuned: 0 to w.

        arXiv 2303.12112. `checkpoint` is the folder of any tuned CLIP. Nobody checks that the CLIP was tuned as PAC-S.
        `scale` below 1 draws the weights back towards the CLIP before its tuning.
        """,
    ),
    "refpacs": (
        "RefPAC-S",
        """RefPAC-S, harmonic mean of PAC-S and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

        arXiv 2303.12112. Options as for pacs.
        """,
    ),
    "pacspp": (
        "PAC-S++",
        """PAC-S++, w max(cos(image, caption), 0) with a tuned CLIP: 0 to w; `checkpoint` is its folder.

        arXiv 2410.07336. `captioner metric train` writes that folder. The authors use w = 2.0 and w = 2.5. `scale`
        below 1 draws the weights back towards the CLIP before its tuning.
        """,
    ),
    "refpacspp": (
        "RefPAC-S++",
        """RefPAC-S++, harmonic mean of PAC-S++ and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

        arXiv 2410.07336. Options as for pacspp.
        """,
    ),
    "pacspp_hard": (
        "PAC-S++ hard",
        """PAC-S++ hard: PAC-S++ with a CLIP that was tuned with hard text negatives, which the paper has not: 0 to w.

        `captioner metric train --preset pacspp_hard` writes the folder `checkpoint`. Options as for pacspp.
        """,
    ),
    "refpacspp_hard": (
        "RefPAC-S++ hard",
        """RefPAC-S++ hard, harmonic mean of PAC-S++ hard and the best cosine to a reference, at least 0: 0 to 2w/(w+1).

        Options as for pacspp.
        """,
    ),
}


@register("clips", needs=("images",))
def build_clips(context: Context, clip: str = "", precision: str = "fp32", long: str = "") -> Reward:
    """CLIP-S, 2.5 max(cos(image, caption), 0): 0 to 2.5, with the run's CLIP or `clip`.

    arXiv 2104.08718. The references are not used. Raised for long, it leads to lists of keywords.
    """
    return untuned("CLIP-S", "clips", clip, precision, long, context)


@register("refclips", needs=("images", "references"))
def build_refclips(context: Context, clip: str = "", precision: str = "fp32", long: str = "") -> Reward:
    """RefCLIP-S, harmonic mean of CLIP-S and the best cosine to a reference, at least 0: 0 to 1.43.

    arXiv 2104.08718. The references of each image are embedded once.
    """
    return untuned("RefCLIP-S", "refclips", clip, precision, long, context)


def register_tuned(name: str, title: str, doc: str) -> None:
    """Registers the reward `name` by a tuned CLIP. All of them have the same options."""

    def build(
        context: Context,
        checkpoint: str = "",
        w: float = PAC_W,
        scale: float = 1.0,
        precision: str = "fp32",
        long: str = "",
    ) -> Reward:
        return tuned(title, name, checkpoint, w, scale, precision, long, context)

    build.__name__ = build.__qualname__ = f"build_{name}"
    build.__doc__ = doc
    needs = ("images", "references", "weights") if with_references(name) else ("images", "weights")
    register(name, needs=needs)(build)


def untuned(title: str, name: str, clip: str, precision: str, long: str, context: Context) -> Reward:
    """The reward `name` by the CLIP of that name, or by that of the run. Raises ValueError where there is neither."""
    if not (clip or context.clip):
        raise ValueError(f"reward {name} needs a CLIP, got none; type {name}:clip=ARCH:TAG, a folder, or scenes-clip")
    loaded = load_clip(clip or context.clip, context.device)
    return similarity(title, CLIP_W, loaded, with_references(name), precision, long=by_sentence(f"{name}:long", long))


def tuned(
    title: str, name: str, checkpoint: str, w: float, scale: float, precision: str, long: str, context: Context
) -> Reward:
    """The reward `name` by a tuned CLIP.

    Raises ValueError when no checkpoint was typed, since no CLIP is tuned by default, and for a CLIP whose training
    with or without negatives belongs to another name.
    """
    train = "captioner metric train --preset pacspp_hard" if name.endswith("_hard") else "captioner metric train"
    if not checkpoint:
        raise ValueError(
            f"reward {name} needs the folder of a tuned CLIP, got none: make one with "
            f"`{train} --out DIR`, then --reward {name}:checkpoint=DIR"
        )
    clip = load_clip(checkpoint, context.device, scale)
    if "pp" in name:
        plain = name.removesuffix("_hard")
        refuse_other_name(clip, plain != name, (plain, f"{plain}_hard"))
    drawn_back = "" if scale == 1 else f",scale={scale:g}"
    sentences = by_sentence(f"{name}:long", long)
    return similarity(title, w, clip, with_references(name), precision, drawn_back, sentences)


def with_references(name: str) -> bool:
    return name.startswith("ref")


for each, (its_title, its_doc) in TUNED.items():
    register_tuned(each, its_title, its_doc)
