"""The line that says what a run raised: what changes it, what does not, and what it lets compare refuse."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from captioner.cli import main
from captioner.config import Run, as_json, dotted, override
from captioner.runs.signature import SCHEDULE, refuse_false, refuse_unlike, signature
from metric.runtime import installed
from metric.storage.provenance import origin

pytestmark = pytest.mark.usefixtures("few_scenes")

RUN = Run(rewards=("pacspp:checkpoint=m", "cider:weight=0.2"))
PRINTS = ("PAC-S++[w2,weights=f00]", "STANDARD_wInit+Cider-D[n4,s6.0]")


def config(run: Run = RUN, prints: tuple[str, ...] = PRINTS, **more) -> dict:
    """As captioner.runs.record.describe writes it."""
    versions = {"captioner": version("captioner")}
    content = {**as_json(run), "reward_signatures": list(prints), "versions": versions} | more
    return {**content, "signature": signature(content)}


def test_it_reads_as_in_sacre_eos():
    line = signature(config())
    assert line.startswith("1*PAC-S++[w2,weights=f00]+0.2*STANDARD_wInit+Cider-D[n4,s6.0]+scst[")
    assert line.endswith(f"]+xe[label_smoothing=0.0]+max_length=30+{version('captioner')}")
    assert all(part in line for part in ("candidates=beam", "samples=5", "baseline=mean", "temperature=1.0"))


def test_without_a_reward_it_is_that_of_cross_entropy():
    assert signature(config(Run(), ())) == f"xe[label_smoothing=0.0]+max_length=30+{version('captioner')}"


def test_every_setting_of_the_objective_changes_it_and_its_schedule_does_not():
    for name, value in dotted(RUN.rl).items():
        other = override(RUN, {f"rl.{name}": value + 1 if isinstance(value, (int, float)) else "another"})
        assert (signature(config(other)) == signature(config())) == (name in SCHEDULE), name


def test_seed_and_folders_do_not_change_it_and_weights_do():
    moved = replace(RUN, seed=7, features="f", rewards=("pacspp:checkpoint=elsewhere", "cider:weight=0.2"))
    assert signature(config(moved)) == signature(config())
    assert signature(config(prints=("PAC-S++[w2,weights=bad]", PRINTS[1]))) != signature(config())
    assert signature(config(replace(RUN, rewards=("pacspp:checkpoint=m", "cider:weight=0.3")))) != signature(config())


def test_settings_that_were_changed_after_the_run_are_refused():
    honest = config()
    refuse_false(Path("a"), honest)
    with pytest.raises(ValueError, match="a is signed .*samples=5.* make .*samples=6.*changed after the run began"):
        refuse_false(Path("a"), {**honest, "rl": {**honest["rl"], "samples": 6}})


def test_runs_of_another_version_or_without_a_signature_are_taken_at_their_word():
    refuse_false(Path("a"), config(versions={"captioner": "0.0.1"}) | {"signature": "an old form"})
    refuse_false(Path("a"), as_json(RUN))


def test_a_reward_that_was_trained_again_between_two_runs_is_refused():
    other = replace(RUN, rewards=("pacspp:checkpoint=m,weight=3",))  # another experiment with the same metric
    runs = {Path("a"): config(), Path("b"): config(other, PRINTS[:1])}
    refuse_unlike(runs)
    runs[Path("c")] = config(other, ("PAC-S++[w2,weights=bad]",))
    with pytest.raises(ValueError, match=r"--reward pacspp:checkpoint=m .*not the same in a and c: .*f00.*bad"):
        refuse_unlike(runs)


def test_another_folder_or_clip_may_hold_other_weights():
    elsewhere = replace(RUN, rewards=("pacspp:checkpoint=m/1", "cider:weight=0.2"))
    refuse_unlike({Path("a"): config(), Path("b"): config(elsewhere, ("PAC-S++[w2,weights=bad]", PRINTS[1]))})
    one, two = (Run(rewards=("clips",), clip=clip) for clip in ("x", "y"))
    refuse_unlike({Path("a"): config(one, ("CLIP-S[1]",)), Path("b"): config(two, ("CLIP-S[2]",))})


def test_a_start_that_was_trained_again_between_two_runs_is_refused():
    run = replace(RUN, init="runs/xe")
    runs = {Path(name): config(run, init_fingerprint=name) for name in ("a", "b")}
    with pytest.raises(ValueError, match="--init runs/xe is not the same in a and b: there weights=a, here weights=b"):
        refuse_unlike(runs)


@pytest.fixture(scope="module")
def runs(tiny_flags, tmp_path_factory) -> dict[str, Path]:
    """An XE model and two seeds of a reward stage from it, evaluated."""
    folder = tmp_path_factory.mktemp("signed")
    xe, zero, one = (folder / name for name in ("xe", "zero", "one"))
    assert main(["train", *tiny_flags, "--xe.steps", "1", "--out", str(xe)]) == 0
    for seed, out in enumerate((zero, one)):
        reward = ["--init", str(xe), "--reward", "length", "--rl.steps", "1", "--seed", str(seed)]
        assert main(["train", *tiny_flags, *reward, "--out", str(out)]) == 0
    assert main(["evaluate", str(xe), str(zero), str(one), "--scores", "length"]) == 0
    return {"xe": xe, "zero": zero, "one": one}


def test_the_signature_is_in_the_run_the_checkpoint_and_every_table(runs, tmp_path, capsys):
    line = json.loads((runs["zero"] / "config.json").read_text())["signature"]
    assert line.startswith("1*length[least=8,most=16]+scst[") and "+init+" in line
    assert json.loads((runs["zero"] / "checkpoints" / "last" / "run.json").read_text())["signature"] == line
    assert main(["compare", *map(str, runs.values()), "--out", str(tmp_path)]) == 0
    assert f"+Length: {line}" in capsys.readouterr().out
    for name in ("comparison.md", "comparison.csv", "comparison.json"):
        assert line in (tmp_path / name).read_text(), name
    assert f"<code>{line}</code>" in (tmp_path / "index.html").read_text().replace("<wbr>", "")


def test_run_of_a_former_version_is_compared_with_one_of_today(runs, tmp_path, capsys):
    """Its config.json calls the reward stage scst, and its signature is the same."""
    old = shutil.copytree(runs["one"], tmp_path / "old")
    content = json.loads((old / "config.json").read_text())
    former = {("scst" if name == "rl" else name): value for name, value in content.items()}
    (old / "config.json").write_text(json.dumps(former))
    assert main(["evaluate", str(old), "--scores", "length"]) == 0
    assert main(["compare", str(runs["xe"]), str(runs["zero"]), str(old), "--out", str(tmp_path / "report")]) == 0
    assert "0, 1" in capsys.readouterr().out  # both seeds in one row


def test_compare_refuses_a_run_whose_start_was_replaced(runs, tmp_path, capsys):
    path = runs["one"] / "config.json"
    honest = path.read_text()
    path.write_text(json.dumps(json.loads(honest) | {"init_fingerprint": "0"}))
    assert main(["compare", *map(str, runs.values()), "--out", str(tmp_path)]) == 2
    path.write_text(honest)
    assert "--init" in (said := capsys.readouterr().err) and said.count("\n") == 1


def test_a_checkout_that_is_not_installed_has_an_unknown_version(monkeypatch):
    """As on a cluster where the folder lies on the path: a training may not end with a traceback for want of it."""

    def absent(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(installed, "version", absent)
    versions = origin()["versions"]
    assert versions["captioner"] == versions["torch"] == "unknown"
    assert signature(config(Run(), (), versions=versions)).endswith("+max_length=30+unknown")
