"""What a newcomer may type that cannot work: exit code 2, one line that says what to type, and nothing lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from captioner.cli import main
from captioner.commands.train import from_file
from metric.clip.load import load_clip, save_clip
from metric.scores.grammar import checker_of


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Four pictures with references, a folder and the data set's file."""
    folder = tmp_path_factory.mktemp("data")
    for name in "abcd":
        Image.new("RGB", (20, 20), (60 * "abcd".index(name), 90, 120)).save(folder / f"{name}.png")
    rows = [{"image": f"{name}.png", "references": [f"a thing of {name}", "a colour"]} for name in "abcd"]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def flags(tiny_flags, data) -> list[str]:
    return [*tiny_flags, "--data", f"jsonl:file={data / 'data.jsonl'}", "--xe.steps", "1"]


@pytest.fixture(scope="module")
def run(flags, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "xe"
    assert main(["train", *flags, "--out", str(folder)]) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "reward, words",
    [
        ("cidre", "did you mean cider"),
        ("pacsp", "did you mean pacspp"),
        ("clips:clp=x", "did you mean clip"),
        ("cider:df", "option=value"),
        ("cider:weight=much", "number"),
        ("pacspp", "captioner metric train"),
        ("pacspp:checkpoint=nowhere", "nowhere"),
        ("truth", "scenes"),
        ("", "name"),
    ],
)
def test_reward_that_cannot_be_is_refused_before_anything_is_written(flags, refused, tmp_path, reward, words):
    said = refused("train", *flags, "--reward", reward, "--out", tmp_path / "run")
    assert words in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "spec, words",
    [
        ("scense", "did you mean scenes"),
        ("flicker8k:root=x", "did you mean flickr8k"),
        ("scenes:cuont=4", "did you mean count"),
        ("scenes:count=many", "scenes:count must be a whole number"),
        ("scenes:count=-4", "whole number"),
        ("scenes:text=prose", "keywords"),
        ("scenes:count", "option=value"),
        ("flickr8k", "flickr8k:root="),
        ("flickr8k:root=nowhere", "Flickr8k"),
        ("folder:root=nowhere", "neither a folder"),
        ("jsonl:file=nowhere.jsonl", "not a file"),
        ("tests", "has no picture"),
        ("", "scenes"),
    ],
)
def test_data_that_is_not_there_is_refused(tiny_flags, refused, tmp_path, monkeypatch, spec, words):
    (tmp_path / "tests").mkdir()
    monkeypatch.chdir(tmp_path)
    assert words in refused("train", *tiny_flags, "--data", spec, "--out", "run")
    assert not Path("run").exists()


def test_reward_of_references_is_refused_without_them(tiny_flags, data, refused, tmp_path):
    said = refused(
        "train", *tiny_flags, "--data", f"folder:root={data}", "--reward", "cider", "--out", tmp_path / "run"
    )
    assert "cider needs references" in said and not (tmp_path / "run").exists()


def test_run_is_never_written_over(flags, run, refused):
    before = contents(run)
    assert "--resume" in refused("train", *flags, "--out", run)
    assert contents(run) == before


@pytest.mark.parametrize("more", [["--xe.lr", "1"], ["--reward", "cider"], ["--preset", "small"], ["mine.py"]])
def test_resume_takes_no_other_settings(run, refused, more):
    before = contents(run)
    assert "only --out RUN --resume" in refused("train", *more, "--out", run, "--resume")
    assert contents(run) == before


def test_nothing_cannot_be_resumed(refused, tmp_path):
    assert "config.json" in refused("train", "--out", tmp_path / "none", "--resume")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["nowhere", "data"])
def test_start_that_is_no_model_is_refused(flags, data, refused, tmp_path, name):
    start = data if name == "data" else tmp_path / name
    said = refused("train", *flags, "--init", start, "--reward", "cider", "--out", tmp_path / "run")
    assert str(start) in said and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "wrong, words",
    [
        (["--xe.batch-size", "0"], "1 or more"),
        (["--model.heads", "3"], "--model.heads 3"),
        (["--clip", "nonsense"], "scenes-clip"),
        (["nowhere.py"], "nowhere.py"),
    ],
)
def test_setting_that_cannot_be_is_refused(flags, refused, tmp_path, wrong, words):
    assert words in refused("train", *flags, *wrong, "--out", tmp_path / "run")


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--xe.steps", "many", "--out", "x"],
        ["train", "--xe.steps", "1.5", "--out", "x"],
        ["train", "--rl.baseline", "best", "--out", "x"],
        ["train"],
        ["caption", "--model", "x", "--images", "x", "--out", "x", "--beams", "0"],
        ["trian"],
        [],
    ],
)
def test_command_line_of_the_wrong_form_ends_with_2(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2 and "usage: captioner" in capsys.readouterr().err


def test_pictures_that_are_not_there_are_refused(run, data, refused, tmp_path):
    (tmp_path / "empty").mkdir()
    for images, words in (
        (tmp_path / "empty", "has no picture"),
        (tmp_path / "nowhere", "does not exist"),
        ("scense:count=3", "did you mean scenes"),
        ("scenes:cuont=3", "did you mean count"),
    ):
        assert words in refused("caption", "--model", run, "--images", images, "--out", tmp_path / "out.jsonl")
    assert "splits" in refused(
        "caption", "--model", run, "--images", "scenes", "--split", "tset", "--out", tmp_path / "out.jsonl"
    )
    assert not (tmp_path / "out.jsonl").exists()


def model_of(run: Path, folder: Path) -> Path:
    shutil.copytree(run / "checkpoints" / "last", folder)
    return folder


def test_checkpoint_of_another_architecture_is_refused(run, data, refused, tmp_path):
    out = tmp_path / "out.jsonl"
    model = model_of(run, tmp_path / "model")
    tensors = load_file(model / "model.safetensors")
    tensors["token.weight"] = tensors["token.weight"][:, :8].contiguous()
    save_file(tensors, model / "model.safetensors")
    assert "shape" in refused("caption", "--model", model, "--images", data, "--out", out)
    (model / "model.safetensors").write_bytes(b"weights")
    assert "model.safetensors" in refused("caption", "--model", model, "--images", data, "--out", out)
    (model / "config.json").write_text('{"model_type": "blip"}')
    said = refused("caption", "--model", model, "--images", data, "--out", out)
    assert f"{model} is a model of the type blip, and no captioner of this package; type hf:{model}\n" in said
    (model / "config.json").write_text("{")
    assert "config.json" in refused("caption", "--model", model, "--images", data, "--out", out)
    assert "no captioner" in refused("caption", "--model", data, "--images", data, "--out", out)
    assert not out.exists()


def test_captioner_refuses_another_clip(run, data, refused, tmp_path, tiny_clip):
    other = load_clip(tiny_clip)
    with torch.no_grad():
        other.model.logit_scale.add_(1)
    save_clip(other, tmp_path / "other")
    model = model_of(run, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"clip": str(tmp_path / "other")}))
    said = refused("caption", "--model", model, "--images", data, "--out", tmp_path / "out.jsonl")
    assert config["clip_fingerprint"] in said and not (tmp_path / "out.jsonl").exists()


def test_output_that_is_a_folder_is_refused(run, data, refused):
    assert str(data) in refused("caption", "--model", run, "--images", data, "--out", data)


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_what_is_no_run_is_neither_evaluated_nor_compared(run, data, refused, tmp_path, command):
    more = ["--out", tmp_path / "report"] if command == "compare" else []
    before = contents(run)
    assert "config.json" in refused(command, tmp_path / "nowhere", *more)
    assert "config.json" in refused(command, data, *more)
    assert "config.json" in refused(command, run / "checkpoints" / "last", *more) or command == "compare"
    assert "config.json" in refused(command, run, data, *more) or command == "compare"
    assert contents(run) == before and not (tmp_path / "report").exists()


def test_run_without_scores_is_told_how_to_get_them(run, refused, tmp_path):
    assert "captioner evaluate" in refused("compare", run, "--out", tmp_path / "report")


def test_unknown_score_or_split_is_refused(run, refused):
    assert "did you mean cider" in refused("evaluate", run, "--scores", "cidre")
    assert "did you mean harper" in refused("evaluate", run, "--scores", "incorrect:checker=harpr")


@pytest.mark.parametrize(
    "wrong, words",
    [
        (["--clip", "nonsense"], "no CLIP is called 'nonsense'"),
        (["--positives", "nowhere"], "captioner metric positives --out nowhere"),
        (["--data", "scense"], "did you mean scenes"),
        (["--precision", "fp8"], "bf16"),
        (["--device", "toaster"], "cuda:N"),
        (["--resume"], "holds no run to resume"),
        (["--negatives", "-1"], "--negatives is 0 or more, got -1"),
        (["--negatives", "2", "--lambda-n", "-1"], "--lambda-n is above 0, got -1"),
        (["--negatives", "2", "--negative-kinds", "shufle"], "did you mean shuffle?"),
        (["--negatives", "2", "--negatives-form", "clip"], "negclip, fsc"),
        (["--lambda-n", "1"], "--lambda-n 1.0 does nothing with --negatives 0"),
        (["--preset", "pacspp_hard", "--negatives", "0"], "type --preset pacspp"),
        (["--preset", "pacspp_hard", "--rank", "4"], "--rank 4 does nothing with --method all; type --method lora"),
        (["--preset", "pacs", "--no-patches"], "--no-patches does nothing with --method projections"),
    ],
)
def test_metric_that_cannot_be_trained_is_refused(refused, data, tmp_path, tiny_clip, wrong, words):
    flags = ["--clip", tiny_clip, "--data", f"jsonl:file={data / 'data.jsonl'}", "--batch-size", "2", "--steps", "1"]
    assert words in refused("metric", "train", *flags, *wrong, "--out", tmp_path / "run")


def test_captions_of_one_word_have_no_negatives(refused, tmp_path, tiny_clip):
    lines = []
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
        lines.append(json.dumps({"image": name, "references": ["dog"]}))
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    flags = ["--clip", tiny_clip, "--data", f"jsonl:file={tmp_path / 'data.jsonl'}", "--batch-size", "2"]
    said = refused("metric", "train", *flags, "--negatives", "2", "--out", tmp_path / "run")
    assert "all 2 captions are of one word, which has no negative" in said and not (tmp_path / "run").exists()


def test_metric_is_trained_and_serves_as_reward_and_score(flags, data, tmp_path, tiny_clip):
    metric, run = str(tmp_path / "metric"), str(tmp_path / "run")
    words = ["--clip", tiny_clip, "--data", f"jsonl:file={data / 'data.jsonl'}", "--batch-size", "2", "--steps", "1"]
    assert main(["metric", "train", *words, "--out", metric]) == 0
    reward = ["--reward", f"PAC-S++:checkpoint={metric}", "--rl.steps", "1"]
    assert main(["train", *flags, *reward, "--out", run]) == 0
    assert main(["evaluate", run, "--scores", "pac_spp"]) == 0
    assert main(["compare", run, "--out", str(tmp_path / "report")]) == 0
    assert "+PAC-S++" in (tmp_path / "report" / "comparison.md").read_text()


def test_error_shows_where_it_came_from_when_asked():
    with pytest.raises(ValueError, match="nowhere"):
        main(["--traceback", "evaluate", "nowhere"])


def test_message_of_several_lines_becomes_one(monkeypatch, refused):
    def several(args):
        raise ValueError("first\n  second")

    monkeypatch.setattr("captioner.commands.rewards.run", several)
    assert refused("rewards") == "captioner: first second\n"


def test_rewards_are_listed_with_what_can_be_typed(capsys):
    assert main(["rewards"]) == 0
    said = capsys.readouterr().out
    for words in "cider", "clips", "pacspp", "checkpoint=STR", "references", "--reward cider:weight=0.2":
        assert words in said


def test_doctor_says_what_is_here(capsys, monkeypatch):
    checker_of.cache_clear()  # an earlier test may have started Harper
    monkeypatch.setattr("metric.scores.grammar.ENGINES", {"harper": (lambda: "pip install 'captioner[harper]'", None)})
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for words in (
        "torch",
        "Java",
        "missing: the grammar checker harper cannot run",
        "captioner[harper]",
        "METEOR",
        "SPICE",
        "scenes-clip",
        "--device auto",
    ):
        assert words in said


def test_a_reader_that_ends_early_is_no_fault():
    """`captioner rewards cider | head -1`: nothing on stderr, and the code of a program that SIGPIPE ended."""
    command = [sys.executable, "-m", "captioner", "rewards", "cider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        program.stdout.close()
        assert program.stderr.read() == b""
    assert program.returncode == 141


def test_a_broken_connection_is_told(monkeypatch, capsys):
    """The reader of stdout is there: what broke is something else, such as an upload."""
    monkeypatch.setattr("captioner.commands.doctor.checks", lambda: {"hub": broken_connection})
    assert main(["doctor"]) == 2
    assert "captioner: [Errno 32] Broken pipe" in capsys.readouterr().err


def broken_connection():
    raise BrokenPipeError(32, "Broken pipe")


def test_doctor_does_not_need_what_it_looks_for(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("metric.clip.load.ASSETS", tmp_path)
    monkeypatch.setattr("metric.scores.grammar.ENGINES", {})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert said.count("missing") >= 5 and "missing: java is not on the PATH; METEOR needs Java" in said


@pytest.mark.parametrize(
    "command",
    ["train", "data", "caption", "evaluate", "score", "compare", "rewards", "metric", "push", "app", "doctor"],
)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and f"captioner {command}" in capsys.readouterr().out


def test_cider_of_one_picture_is_refused_as_a_reward_and_explained_as_a_score(flags, refused, tmp_path, capfd):
    one = tmp_path / "one.jsonl"
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    one.write_text(json.dumps({"image": "a.png", "references": ["a dog", "one dog"]}))
    said = refused("train", *flags, "--data", f"jsonl:file={one}", "--reward", "cider", "--out", tmp_path / "run")
    assert "0 for every caption" in said and "cider:df=coco" in said
    (tmp_path / "c.json").write_text(json.dumps({"a.png": "a dog"}))
    typed = ["score", "--captions", str(tmp_path / "c.json"), "--references", str(tmp_path / "r.json")]
    (tmp_path / "r.json").write_text(json.dumps({"a.png": ["a dog", "one dog"]}))
    assert main([*typed, "--scores", "cider,cider_plain"]) == 0
    assert capfd.readouterr().out.count("the CIDEr of one image is 0 by definition") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from captioner import Run\nrun = Run(dta='x')\n", ", line 2: TypeError: "),
        ("import nowhere_at_all\n", ", line 1: ModuleNotFoundError: No module named 'nowhere_at_all'; mend the file"),
        ("run = (\n", ": SyntaxError: "),
    ],
)
def test_an_experiment_file_that_fails_is_one_line(tmp_path, capsys, monkeypatch, text, said):
    monkeypatch.setattr(sys, "path", list(sys.path))
    file = tmp_path / "exp.py"
    file.write_text(text)
    assert main(["train", str(file), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert f"captioner: {file}{said}" in error and error.count("\n") == 1


def test_an_experiment_file_imports_modules_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside_the_experiment.py").write_text("SEED = 7\n")
    (tmp_path / "exp.py").write_text(
        "from beside_the_experiment import SEED\nfrom captioner import Run\nrun = Run(seed=SEED)\n"
    )
    assert from_file(str(tmp_path / "exp.py")).seed == 7
