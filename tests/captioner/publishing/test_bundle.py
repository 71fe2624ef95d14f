"""A run on the hub: what is uploaded, what its card says, and that it loads again from the hub's cache, offline."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, ModelCard, constants
from huggingface_hub.errors import HTTPError
from PIL import Image

from captioner.cli import main
from captioner.model.encoder_decoder import Captioner
from captioner.publishing.model_card import captioner_card
from metric.clip.load import load_clip
from rewards import Context, build, parse
from tests.full_disk import files_of_at_most
from tests.places import ROOT

pytestmark = pytest.mark.usefixtures("few_scenes")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def runs(tiny_flags, tiny_clip, tmp_path_factory) -> Path:
    """A metric, an XE run, and one rewarded by the metric; both evaluated."""
    folder = tmp_path_factory.mktemp("runs")
    words = f"metric train --clip {tiny_clip} --data scenes:count=40 --batch-size 4 --steps 1 --out {folder}/metric"
    assert main(words.split()) == 0
    train = ["train", *tiny_flags, "--val-every", "100", "--decode.max-length", "20"]
    assert main([*train, "--xe.steps", "1", "--out", f"{folder}/xe"]) == 0
    reward = ["--init", f"{folder}/xe", "--reward", f"pacspp:checkpoint={folder}/metric", "--rl.steps", "1"]
    assert main([*train, *reward, "--out", f"{folder}/pacspp"]) == 0
    assert main(["evaluate", f"{folder}/xe", f"{folder}/pacspp", "--scores", "cider,rep_4,pac_spp"]) == 0
    return folder


@pytest.fixture(scope="module")
def pushed(runs, tmp_path_factory) -> Path:
    """What would be uploaded of the rewarded run and of the metric."""
    folder = tmp_path_factory.mktemp("pushed")
    against = ["--against", f"{runs}/xe", f"{runs}/pacspp"]
    assert main(["push", f"{runs}/pacspp", "org/captioner", "--to", f"{folder}/captioner", *against]) == 0
    assert main(["push", f"{runs}/metric", "org/metric", "--to", f"{folder}/metric"]) == 0
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of the hub, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


@pytest.fixture
def install(cache) -> Callable[[Path, str], None]:
    """Into the cache as the hub's own client lays it out."""

    def install(folder: Path, repo: str) -> None:
        place = cache / f"models--{repo.replace('/', '--')}"
        shutil.copytree(folder, place / "snapshots" / COMMIT)
        (place / "refs").mkdir()
        (place / "refs" / "main").write_text(COMMIT)

    return install


def caption(model: object, pictures: Path, out: Path) -> str:
    assert (
        main(["caption", "--model", str(model), "--images", str(pictures), "--out", str(out), "--checker", "none"]) == 0
    )
    return out.read_text()


def test_captioner_from_the_cache_says_what_the_run_says(runs, pushed, install, pictures, tmp_path):
    install(pushed / "captioner", "org/captioner")
    ours = caption(runs / "pacspp", pictures, tmp_path / "a.jsonl")
    assert caption("org/captioner", pictures, tmp_path / "b.jsonl") == ours


def test_folder_that_would_be_uploaded_is_whole_without_the_hub(pushed, pictures, tmp_path):
    moved = shutil.copytree(pushed / "captioner", tmp_path / "elsewhere")
    assert {"config.json", "model.safetensors", "tokenizer.json", "run.json", "README.md", "clip"} <= set(
        os.listdir(moved)
    )
    assert Captioner.from_pretrained(moved).config.clip == str(moved / "clip")  # its CLIP was on this disk only
    assert json.loads((moved / "config.json").read_text())["clip"] == "org/captioner"
    assert caption(moved, pictures, tmp_path / "a.jsonl").count("caption") == 9


def test_training_goes_on_from_the_cache(pushed, install, tiny_flags, tmp_path):
    install(pushed / "captioner", "org/captioner")
    install(pushed / "metric", "org/metric")
    clip = ["--clip", "org/captioner", "--init", "org/captioner"]
    words = [*clip, "--reward", "pacspp:checkpoint=org/metric", "--rl.steps", "1", "--val-every", "100"]
    assert main(["train", *tiny_flags, *words, "--out", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["rewards"] == ["pacspp:checkpoint=org/metric"]


def test_metric_from_the_cache_is_the_merged_one(runs, pushed, install, scenes):
    install(pushed / "metric", "org/metric")
    assert load_clip("org/metric").fingerprint == load_clip(str(runs / "metric")).fingerprint
    one, other = (
        build([parse(f"pacspp:checkpoint={name}")], Context())(scenes[:2], [["a red cat"], ["a dog"]])[0]
        for name in ("org/metric", runs / "metric")
    )
    assert torch.equal(one, other)


def test_metric_with_negatives_is_pushed_under_its_own_name(runs, install, scenes, tmp_path):
    run = tmp_path / "hard"
    shutil.copytree(runs / "metric", run)
    settings = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(settings | {"negatives": 3}))
    assert main(["push", str(run), "org/hard", "--to", str(tmp_path / "pushed")]) == 0
    card = (tmp_path / "pushed" / "README.md").read_text()
    assert "pacspp_hard:checkpoint=org/hard" in card and "3 hard text negatives" in card and "PAC-S++ hard" in card
    install(tmp_path / "pushed", "org/hard")
    assert load_clip("org/hard").negatives == 3
    with pytest.raises(ValueError, match="type pacspp_hard, not pacspp"):
        build([parse("pacspp:checkpoint=org/hard")], Context())


def test_card_holds_the_numbers_of_the_run(runs, pushed):
    card = ModelCard.load(pushed / "captioner" / "README.md")
    scores = json.loads((runs / "pacspp" / "scores-test.json").read_text())
    named = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert named == {name: pytest.approx(value, abs=1e-4) for name, value in scores["corpus"].items()}
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "captioner")
    config = json.loads((runs / "pacspp" / "config.json").read_text())
    for words in (config["signature"], config["hardware"], config["commit"], config["init_fingerprint"], "seed 0"):
        assert words in card.text
    assert re.search(r"\|  \| XE \| \+PAC-S\+\+ \|", card.text), "the runs it was compared with"
    assert str(runs) not in card.text.split("## Scores")[0], "no places on somebody's disk"


def test_card_names_the_stages_that_the_run_had(runs):
    config = json.loads((runs / "xe" / "config.json").read_text())
    alone = {**config, "rewards": ["cider"], "xe": {**config["xe"], "steps": 0}}
    card = captioner_card("me/x", runs / "xe", alone, 1, None, "apache-2.0")
    assert "trained on the reward **CIDEr**" in card and "- cross-entropy:" not in card and "- reward stage:" in card
    both = captioner_card("me/x", runs / "xe", {**config, "rewards": ["cider"]}, 1, None, "apache-2.0")
    assert "trained with cross-entropy and then on the reward **CIDEr**" in both and "- cross-entropy:" in both


def test_card_of_a_metric_holds_figures_and_where_they_come_from(runs, pushed):
    card = ModelCard.load(pushed / "metric" / "README.md")
    after = json.loads((runs / "metric" / "report.json").read_text())["after"]
    assert f"| i2t_r1 | {0:.3f}"[:10] in card.text and f"{after['i2t_r1']:.3f} |" in card.text
    assert load_clip(str(runs / "metric")).fingerprint in card.text and "`scenes:count=40`" in card.text


def run_python(code: str, picture: Path, capsys) -> str:
    """What a block of Python prints once the picture is there; it is short."""
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 10
    exec(code.replace("picture.jpg", str(picture)), {})
    return capsys.readouterr().out.strip()


def python_of(markdown: str) -> str:
    return next(
        block for block in re.findall(r"```python\n(.*?)```", markdown, re.DOTALL) if "from_pretrained" in block
    )


def test_ten_lines_of_the_card_caption_a_picture(pushed, install, tmp_path, capsys):
    install(pushed / "captioner", "org/captioner")
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "a.png")
    code = python_of((pushed / "captioner" / "README.md").read_text())
    assert run_python(code, tmp_path / "a.png", capsys)


def test_ten_lines_of_the_readme_caption_a_picture(runs, tmp_path, capsys):
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "a.png")
    model = f'from_pretrained("{runs}/pacspp/checkpoints/last")'
    code = re.sub(r'from_pretrained\(".*?"\)', model, python_of((ROOT / "README.md").read_text()))
    assert run_python(code, tmp_path / "a.png", capsys)


def test_lines_of_a_metric_card_score_a_picture(pushed, install, tmp_path, capsys):
    install(pushed / "metric", "org/metric")
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "a.png")
    (code,) = re.findall(r"```python\n(.*?)```", (pushed / "metric" / "README.md").read_text(), re.DOTALL)
    assert "pac_spp" in run_python(code, tmp_path / "a.png", capsys)


def test_upload_sends_the_bundle_to_a_repository_that_is_made_first(runs, monkeypatch, capsys, tmp_path):
    calls = []

    def create(self, repo, **options):
        calls.append(("create", repo, options["private"]))
        return f"https://hub/{repo}"

    def upload(self, repo_id, folder_path, **_):
        calls.append(("upload", repo_id, sorted(os.listdir(folder_path))))

    monkeypatch.setattr(HfApi, "create_repo", create)
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    assert main(["push", f"{runs}/metric", "org/metric", "--private"]) == 0
    made, sent = calls
    assert made == ("create", "org/metric", True) and sent[:2] == ("upload", "org/metric")
    assert {"README.md", "open_clip_config.json", "open_clip_model.safetensors"} <= set(sent[2])
    assert capsys.readouterr().out.strip() == "https://hub/org/metric"


def test_push_without_a_network_says_what_to_type(runs, refused):
    said = refused("push", runs / "metric", "org/metric")
    assert "HF_HUB_OFFLINE is set" in said and "--to FOLDER" in said and "hf upload org/metric FOLDER" in said


def test_network_that_fails_is_told_in_one_line(runs, refused, monkeypatch):
    def unreachable(*_, **__):
        raise HTTPError("[Errno -2] Name or service not known")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "create_repo", unreachable)
    said = refused("push", runs / "metric", "org/metric")
    assert "Name or service not known" in said and "--to FOLDER" in said


@pytest.mark.parametrize(
    "words",
    [
        "caption --images . --out a.jsonl --model",
        "train --out run --clip",
        "metric train --out run --clip",
        "train --out run --reward pacspp:checkpoint=",
    ],
)
def test_name_that_is_nowhere_is_told_in_one_line(words, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    *others, last = words.split()
    said = refused(*others, *([f"{last}org/absent"] if last.endswith("=") else [last, "org/absent"]))
    for part in "neither a folder nor in the hub's cache", "HF_HUB_OFFLINE is set", "hf download org/absent":
        assert part in said


def test_offline_is_what_the_environment_says(tmp_path):
    """As a user has it: another process, nothing patched."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path)}
    words = [
        sys.executable,
        "-m",
        "captioner",
        "caption",
        "--model",
        "org/absent",
        "--images",
        ".",
        "--out",
        "a.csv",
    ]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 2 and ran.stderr.count("\n") == 1 and "hf download org/absent" in ran.stderr


def test_what_cannot_be_pushed_is_said(runs, pushed, refused, tmp_path):
    assert "nothing to push" in refused("push", tmp_path, "org/name", "--to", tmp_path / "out")
    assert "OWNER/NAME" in refused("push", runs / "metric", "metric", "--to", tmp_path / "out")
    assert "exists; give another folder" in refused("push", runs / "metric", "org/metric", "--to", pushed)
    provenance = runs / "metric" / "provenance.json"
    before = provenance.read_text()
    try:
        provenance.write_text(before.replace("scenes:", "photos:"))
        assert "--license ID" in refused("push", runs / "metric", "org/metric", "--to", tmp_path / "out")
    finally:
        provenance.write_text(before)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("run", ["pacspp", "metric"])
@pytest.mark.parametrize("size", [3_000, 30_000])  # bytes of a file that still have room
def test_full_disk_leaves_no_folder_and_one_line(runs, refused, tmp_path, run, size):
    out = tmp_path / "pushed"
    with files_of_at_most(size):
        said = refused("push", runs / run, "org/name", "--to", out)
    assert said.startswith("captioner: a file is too large, and ") and str(out) in said
    assert said.endswith(" cannot be written; make room, then type the same command again\n")
    assert list(tmp_path.glob("*pushed*")) == list(tmp_path.glob(".*pushed*")) == []
