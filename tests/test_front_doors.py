"""The front doors: the names of `import captioner`, `import metric` and `import rewards`, each used once."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from PIL import Image

import captioner
import metric
import rewards
from captioner import Captioner, Describer, Run, caption, compare, evaluate, load_data, resume, train
from captioner.config import Decode, Model, Rl, Xe
from metric import Embedder, Example, MetricConfig, audit, judge, load_clip, train_metric
from rewards import Context, build, check_reward, parse, register

PACKAGES = (captioner, metric, rewards)
AGREED = {
    captioner: {"Captioner", "Describer", "Run", "train", "resume", "evaluate", "compare", "caption"},
    metric: {"Example", "Embedder", "load_clip", "evaluate", "train_metric", "judge", "audit"},
    rewards: {"Context", "register", "build", "parse", "check_reward"},
}
PUBLIC = [(package, name) for package in PACKAGES for name in sorted(AGREED[package])]
NAMES = [pytest.param(*pair, id=f"{pair[0].__name__}.{pair[1]}") for pair in PUBLIC]
HEAVY = "print(sorted({'torch', 'numpy', 'PIL', 'open_clip', 'transformers'} & set(sys.modules)))"
RUN = Run(
    data="scenes:count=12",
    checker="none",
    val_count=4,
    model=Model(d=16, heads=2, encoder_layers=1, decoder_layers=1, feedforward=32, vocabulary=560),
    decode=Decode(beams=2, max_length=8),
    xe=Xe(steps=2, batch_size=4),
    rl=Rl(steps=2, batch_size=4, samples=2, candidates="sample"),
)


@register("front_door_brevity")
def brevity(context: Context, most: int = 5):
    """1 for captions of at most `most` words, else 0."""

    def reward(examples, captions):
        return torch.tensor([[float(len(text.split()) <= most) for text in texts] for texts in captions])

    return reward


@pytest.mark.parametrize("package", PACKAGES)
def test_names_for_type_checkers_are_those_that_are_imported(package):
    tree = ast.parse(Path(package.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    checked = {alias.name for node in block.body for alias in node.names}
    assert AGREED[package] <= checked == set(package.__all__) == set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_public_name_is_documented_and_annotated(package, name):
    thing = getattr(package, name)
    assert inspect.getdoc(thing)
    signature = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)
    unannotated = [item.name for item in signature.parameters.values() if item.annotation is item.empty]
    assert set(unannotated) <= {"self"} and signature.return_annotation is not signature.empty


@pytest.mark.parametrize("typed", ["import captioner", "import metric", "import rewards"])
def test_import_loads_nothing_heavy(typed):
    code = f"import sys\n{typed}\n{HEAVY}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_python_m_captioner_is_captioner_and_loads_nothing_heavy_for_help():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['captioner', '--help']\n"
        "try: runpy.run_module('captioner', run_name='__main__')\n"
        f"except SystemExit: {HEAVY}"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert printed.startswith("usage: captioner") and printed.endswith("[]\n")


@pytest.mark.parametrize("first", ["metric.evaluation", "metric.judgement.judge", "metric.judgement.audit"])
def test_function_is_not_hidden_by_a_module(first):
    import_module(first)
    assert all(callable(function) for function in (metric.evaluate, metric.judge, metric.audit))


def test_version_is_that_of_the_package():
    from importlib.metadata import version

    assert captioner.__version__ == version("captioner")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """A cross-entropy run and one raised by a reward of this file, both evaluated."""
    folder = tmp_path_factory.mktemp("runs")
    xe = train(RUN, folder / "xe")
    rewarded = Run(**{**vars(RUN), "init": str(xe), "rewards": ("front_door_brevity:most=4",)})
    reward = train(rewarded, str(folder / "reward"))
    for run in (xe, reward):
        scores = evaluate(run, split="train", scores=("cider", "length"))
        assert scores.corpus.keys() == {"cider", "length"}
    return {"xe": xe, "reward": reward}


def test_runs_are_compared_from_python(runs, tmp_path):
    comparison = compare([runs["xe"], str(runs["reward"])], tmp_path / "report", split="train", pictures=2)
    assert "CIDEr" in comparison.table()
    assert {"comparison.md", "index.html"} <= {path.name for path in (tmp_path / "report").iterdir()}


def test_finished_run_is_resumed_to_nothing(runs, capsys):
    assert resume(str(runs["xe"])) == runs["xe"]
    assert "is finished" in capsys.readouterr().out


def test_folder_of_pictures_is_captioned_from_python(runs, tmp_path):
    (tmp_path / "pictures").mkdir()
    for colour in ("red", "blue"):
        Image.new("RGB", (40, 30), colour).save(tmp_path / "pictures" / f"{colour}.png")
    out = tmp_path / "captions.jsonl"
    assert caption(runs["reward"], tmp_path / "pictures", out, beams=3, checker="none")
    captions = {row["id"]: row["caption"] for row in map(json.loads, out.read_text().splitlines())}
    describe = Describer.from_pretrained(runs["reward"])
    assert len(captions) == 2 and isinstance(describe([Image.new("RGB", (40, 30), "red")])[0], str)
    assert Captioner.from_pretrained(runs["reward"]).config == describe.captioner.config


def test_metric_is_trained_and_used_from_python(tmp_path):
    config = MetricConfig(steps=2, batch_size=4, val_every=0, save_every=0)
    examples = load_data("scenes:count=8", "train")
    report = train_metric(config, examples, examples, tmp_path / "metric")
    assert report.keys() == {"before", "after"}
    pac = Embedder(load_clip(str(tmp_path / "metric")))
    scores = metric.evaluate({examples[0].id: "a dog"}, examples[:1], ["pac_spp"], pac=pac)
    assert 0 <= scores.corpus["pac_spp"] <= 2


def test_metrics_are_judged_from_python(tmp_path):
    tokens = [f"{name}.jpg#{n}\tCaption {n} of {name} ." for name in "ab" for n in range(5)]
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join(tokens) + "\n")
    expert = ["a.jpg\ta.jpg#0\t4\t4\t4", "a.jpg\tb.jpg#2\t1\t1\t2", "b.jpg\ta.jpg#1\t2\t3\t1"]
    (tmp_path / "ExpertAnnotations.txt").write_text("\n".join(expert) + "\n")
    (tmp_path / "Images").mkdir()

    def words(examples, captions):
        return {"words": [len(text.split()) for text in captions]}

    judgement = judge("flickr8k-expert", tmp_path, ["bleu_1"], [words], resamples=0)
    assert judgement.metrics.keys() == {"bleu_1", "words"}


def test_metric_is_audited_from_python():
    report = audit(load_data("scenes:count=4"), ["bleu_4"])
    assert report.metrics == ["bleu_4"] and all(row.count + row.not_applicable == 4 for row in report.rows)


def test_registered_reward_holds_its_contract():
    check_reward(parse("front_door_brevity:most=3"))
    mix = build([parse("front_door_brevity:most=3,weight=2")], Context())
    total, _ = mix([Example("a", Path("a.jpg"))], [["one two three", "one two three four"]])
    assert total.tolist() == [[2.0, 0.0]]
