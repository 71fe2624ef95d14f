"""Captions that no run of ours made, scored beside runs from Python: `evaluate_others`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from captioner.api.captions import caption
from captioner.config_checks import decode_with
from metric.spec import refuse_one_spec

if TYPE_CHECKING:
    from captioner.scoring.evaluate_others import Others
    from metric.scores.result import Scores


def evaluate_others(
    captions: str | Path,
    data: str | Path,
    out: str | Path,
    split: str = "test",
    scores: Sequence[str] = ("all",),
    *,
    prompt: str = "",
    clip: str = "",
    decoding: Mapping[str, int | float] = {},
    best_of: int = 0,
    rewards: Sequence[str] = (),
    name: str = "",
    checker: str = "auto",
    device: str = "auto",
) -> Scores:
    """Scores the captions of a transformers model, or of a file, on one split of a data set.

    Writes captions-SPLIT.jsonl, scores-SPLIT.json and scores-SPLIT.csv into a folder that `compare` takes beside runs.
    A model captions as `caption` does: a second call continues an interrupted one.

    Args:
        captions: `hf:ORG/NAME` or `hf:FOLDER`, or a file of captions.
        data: data set, as `load_data` takes it.
        out: folder of the captions and the scores.
        split: split of the data set.
        scores: scores and families, such as `cider`, `classic` or `pac_spp:checkpoint=DIR`.
        prompt: text that the model continues, or the question to a chat model.
        clip: CLIP of CLIP-S and of rewards. Empty takes scenes-clip for drawn scenes, else none.
        decoding: settings in place of those in the model's files, such as `{"beams": 3}`.
        best_of: captions that are drawn of each picture, the best of which by `rewards` is scored. 0 draws none.
        rewards: rewards of a caption as `name:option=value,...`. Several are a mix.
        name: name of the evaluation. Empty takes a name made of the settings, such as `beams-3`.
        checker: grammar checker: languagetool, harper, none or auto.
        device: device of the work: auto, cpu, cuda, cuda:N, mps or xpu.

    Returns:
        The scores of the set (`.corpus`) and of each caption (`.per_caption`).

    Raises:
        ValueError: the model, the file, the data, a score or a setting cannot be used.
    """
    from captioner.data import load
    from captioner.data.caption_files import write_lines
    from captioner.scoring import evaluate_others as scoring
    from metric.storage.ledger import kept

    refuse_one_spec("rewards", rewards)
    made = made_by(str(captions), str(data), prompt, clip, decoding, best_of, rewards, name, device)
    scoring.defaults_of(made, scores, load(made.data, split), checker, device)  # refuses scores before the captioning
    files = scoring.opened(Path(out).expanduser(), made)
    with kept(files.left_out_file(split)):
        if made.own:
            given = {**decoding, "best_of": best_of, "rewards": rewards, "prompt": prompt, "clip": made.clip}
            place = files.captions_file(split)
            caption(made.name, made.data, place, split=split, checker="none", device=device, **given)  # type: ignore[arg-type]
        else:
            write_lines(files.captions_file(split), scoring.captions_of_file(Path(made.name), made.data, split))
        return scoring.score_others(files, made, split, scores, checker=checker, device=device)


def made_by(
    captions: str,
    data: str,
    prompt: str,
    clip: str,
    decoding: Mapping[str, int | float],
    best_of: int,
    rewards: Sequence[str],
    name: str,
    device: str,
) -> Others:
    """What made the captions: a model of transformers with its settings, or a file. Raises ValueError for neither."""
    from captioner.scoring.evaluate_others import Others, of_file, refuse_generation
    from captioner.sources.named import source_of
    from metric.image_to_text.folder import PREFIX

    clip = clip or ("scenes-clip" if data.partition(":")[0] == "scenes" else "")
    if not captions.startswith(PREFIX):
        refuse_generation(prompt, decoding, best_of, rewards)
        return of_file(Path(captions).expanduser(), data, clip, name)
    source = source_of(captions, clip, device, prompt=prompt)
    own = source.decode()
    settings = own, decode_with(own, decoding), best_of, tuple(rewards)
    return Others(captions, source.settings, data, clip, *settings, evaluation=name)
