"""The metrics against `metric.evaluate`, pycocoevalcap, two processes, a MetricCollection and a Lightning module."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from pycocoevalcap.cider.cider import Cider
from torch import multiprocessing, nn
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection

from metric import Example, evaluate
from metric.pictures import picture_of
from metric.runtime.processes import joined, rank
from metric.scenes.language import references
from metric.scenes.world import sample
from metric.torchmetrics import CLIPS, PACS, CIDErD, GrammarErrors, RepN
from tests.ports import free_ports

SCENES = [sample("test", number) for number in range(4)]
REFERENCES = [references(scene) for scene in SCENES]
CAPTIONS = [REFERENCES[0][1], "a a red dog a red dog a red dog", REFERENCES[2][0], "a cat eat in a the"]
CLIP = "scenes-clip"


def collection() -> MetricCollection:
    return MetricCollection(
        {
            "clip_s": CLIPS(CLIP),
            "ref_clip_s": CLIPS(CLIP, references=True),
            "pac_spp": PACS(CLIP),
            "ref_pac_spp": PACS(CLIP, references=True, w=2.5),
            "cider": CIDErD(),
            "rep_1": RepN(1),
            "rep_4": RepN(),
            "rep_2_rate": RepN(2, rate=True),
            "incorrect": GrammarErrors("harper"),
        }
    )


def ours() -> dict[str, float]:
    """The numbers of `metric.evaluate`."""
    examples = [Example(str(n), scene, tuple(of)) for n, (scene, of) in enumerate(zip(SCENES, REFERENCES))]
    specs = [f"clip:clip={CLIP}", f"pac_spp:checkpoint={CLIP}", "cider", "rep_1", "rep_4", "rep_2_rate"]
    scores = evaluate(dict(zip("0123", CAPTIONS)), examples, [*specs, "incorrect:checker=harper"])
    wider = evaluate(dict(zip("0123", CAPTIONS)), examples, [f"ref_pac_spp:checkpoint={CLIP},w=2.5"])
    return scores.corpus | wider.corpus


def update(metrics: MetricCollection, start: int, end: int) -> None:
    rows = slice(start, end)
    metrics.update(captions=CAPTIONS[rows], images=SCENES[rows], references=REFERENCES[rows])


def close(found: dict[str, torch.Tensor], expected: dict[str, float]) -> bool:
    return all(
        abs(float(value) - expected[name]) <= 1e-6 * max(1, abs(expected[name])) for name, value in found.items()
    )


def test_numbers_are_those_of_evaluate_in_any_batches():
    metrics = collection()
    update(metrics, 0, 1)
    update(metrics, 1, 4)
    found = metrics.compute()
    assert found.keys() <= ours().keys() and close(found, ours())
    assert metrics["clip_s"].fact.startswith("w 2.5, prefix 'A photo depicts', CLIP scenes-clip")
    assert "harper" in metrics["incorrect"].fact and "4 images" in metrics["cider"].fact


def test_cider_is_that_of_pycocoevalcap():
    metric = CIDErD()
    metric.update([], [])  # the last batch of a loader may be empty
    metric.update(CAPTIONS, REFERENCES)
    ids = range(len(CAPTIONS))
    said = {n: [CAPTIONS[n]] for n in ids}
    expected, _ = Cider().compute_score({n: list(REFERENCES[n]) for n in ids}, said)
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-6)


def test_metrics_with_equal_first_values_do_not_share_a_state():
    metrics = MetricCollection([RepN(3), GrammarErrors("harper")])
    metrics.update(captions=["a dog runs"])  # 0 for both
    metrics.update(captions=["a red dog a red dog"])
    assert {name: float(value) for name, value in metrics.compute().items()} == {"RepN": 0.5, "GrammarErrors": 0.0}


def test_forward_gives_the_batch_and_reset_forgets():
    metric = RepN(1)
    assert float(metric(["a dog a dog"])) == 2 and float(metric(["a dog"])) == 0 and float(metric.compute()) == 1
    metric.reset()
    metric.update(["a a a"])
    assert float(metric.compute()) == 2
    again = pickle.loads(pickle.dumps(metric))
    again.update(["a"])
    assert float(again.compute()) == 1 and float(metric.compute()) == 2


def test_directions_and_plots():
    matplotlib.use("Agg")
    higher = {name: metric.higher_is_better for name, metric in collection().items()}
    assert [name for name, better in higher.items() if not better] == ["incorrect", "rep_1", "rep_2_rate", "rep_4"]
    metric = RepN(1)
    metric.update(["a a"])
    figure, axes = metric.plot()
    assert axes.get_ylim()[0] <= 0 and figure.axes


def work(number: int, folder: Path) -> None:
    """Process 0 has three captions in two updates, process 1 has the other one, or none in the second round."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(number), "WORLD_SIZE": "2", "LOCAL_RANK": str(number)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": (folder / "port").read_text()}
    with joined():
        metrics, alone = collection(), CIDErD()
        for start, end in ((0, 1), (1, 3)) if rank() == 0 else ((3, 4),):
            update(metrics, start, end)
        if rank() == 0:
            alone.update(CAPTIONS, REFERENCES)
        alone._update_count = 1  # torchmetrics warns of a compute before any update
        torch.save({"all": metrics.compute(), "alone": alone.compute()}, folder / f"{number}.pt")


def test_two_processes_give_the_numbers_of_one(tmp_path):
    (tmp_path / "port").write_text(str(*free_ports(1)))
    multiprocessing.spawn(work, (tmp_path,), nprocs=2)
    expected = ours()
    for number in range(2):
        told = torch.load(tmp_path / f"{number}.pt")
        assert close(told["all"], expected) and close({"cider": told["alone"]}, expected)


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_lightning_module_logs_the_numbers(tmp_path, monkeypatch):
    from lightning import LightningModule, Trainer  # takes seconds, also in the processes of the test above

    class Tiny(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.metrics = nn.Linear(1, 1), collection()

        def validation_step(self, batch, index):
            self.metrics.update(**batch)
            self.log_dict(self.metrics, on_epoch=True, batch_size=len(batch["captions"]))

    monkeypatch.chdir(tmp_path)
    pictures = [scene.draw() for scene in SCENES]
    rows = [
        {"captions": CAPTIONS[n : n + 2], "images": pictures[n : n + 2], "references": REFERENCES[n : n + 2]}
        for n in (0, 2)
    ]
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator="cpu", devices=1, enable_checkpointing=False, **quiet)
    (logged,) = trainer.validate(Tiny(), DataLoader(rows, batch_size=None), verbose=False)
    assert close(logged, ours())


def test_pictures_of_all_kinds_give_one_number(tmp_path):
    drawn = SCENES[0].draw()
    drawn.save(tmp_path / "a.png")
    data = io.BytesIO()
    drawn.save(data, "PNG")
    pixels = torch.from_numpy(np.asarray(drawn).copy()).permute(2, 0, 1)
    record = {"bytes": None, "path": str(tmp_path / "a.png")}
    kinds = [
        SCENES[0],
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        data.getvalue(),
        record,
        drawn,
        pixels,
        pixels / 255,
    ]
    values = []
    for picture in kinds:
        metric = CLIPS(CLIP)
        metric.update([CAPTIONS[0]], [picture])
        values.append(float(metric.compute()))
    assert max(values) - min(values) < 1e-6
    assert picture_of(drawn).key == picture_of(drawn.copy()).key == picture_of(pixels).key
    grey = picture_of(torch.zeros(1, 2, 3)).draw()
    assert grey.size == (3, 2) and grey.mode == "RGB"


@pytest.mark.parametrize(
    ("metric", "given", "said"),
    [
        (CLIPS(CLIP), {"captions": ["a", "b"], "images": [SCENES[0]]}, "got 2 captions and 1 pictures"),
        (CLIPS(CLIP, references=True), {"captions": ["a"], "images": [SCENES[0]]}, "compares captions with references"),
        (CLIPS(CLIP), {"captions": ["a"], "images": torch.randn(1, 3, 8, 8)}, "before it was normalised"),
        (CLIPS(CLIP), {"captions": ["a"], "images": [3]}, "a picture is a path, .* got int"),
        (CLIPS(CLIP), {"captions": ["a"], "images": ["no.jpg"]}, "the picture no.jpg is not there"),
        (CLIPS("nowhere"), {"captions": ["a"], "images": [SCENES[0]]}, "no CLIP is called 'nowhere'"),
        (CIDErD(), {"captions": ["a"], "references": ["a dog"]}, "a list of one or more texts for each caption"),
        (CIDErD(), {"captions": ["a"], "references": [[]]}, "a list of one or more texts for each caption"),
        (RepN(), {"captions": "a dog"}, "captions are a list, got the text"),
        (GrammarErrors("nobody"), {"captions": ["a dog"]}, "no grammar checker is called 'nobody'"),
    ],
)
def test_bad_input_is_one_line(metric, given, said):
    with pytest.raises(ValueError, match=said) as error:
        metric.update(**given)
    assert "\n" not in str(error.value)


def test_settings_are_checked():
    with pytest.raises(ValueError, match="n is 1 to 4, got 5"):
        RepN(5)
    with pytest.raises(ValueError, match="score is pac_spp, pac_s or pac_spp_hard"):
        PACS(CLIP, score="clip_s")
