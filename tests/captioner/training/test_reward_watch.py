"""Guards that fall, and what becomes of the run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from captioner.cli import main
from captioner.config import Run
from captioner.model.encoder_decoder import Captioner
from captioner.runs.folder import RunFolder
from captioner.training import checkpoint, loop, reward_watch
from captioner.training.reward_watch import Evaluation, Guard, best_step, fallen, guards, is_best

CLIPS = Run(rewards=("clips",))
FIRST = {
    **{"reward": 1.0, "cider": 2.0, "clip_s": 1.0, "pac_spp": 0.8},
    **{"length": 10.0, "rep_4": 0.0, "vocabulary": 100.0, "unique": 40.0},
}


def at(step: int, fell: tuple[str, ...] = (), **scores: float) -> Evaluation:
    return Evaluation(step, {**FIRST, **scores}, fell)


@pytest.mark.parametrize(
    ("scores", "names"),
    [
        ({"length": 12.9, "rep_4": 0.19, "cider": 1.31, "vocabulary": 61.0, "unique": 21.0}, []),
        ({"length": 13.1}, ["length"]),
        ({"length": 6.9, "rep_4": 0.3}, ["rep_4", "length"]),
        ({"cider": 1.29, "vocabulary": 300.0}, ["cider"]),
        ({"unique": 19.0}, ["unique"]),
        ({"vocabulary": 59.0, "clip_s": 0.1}, ["vocabulary"]),
    ],
)
@pytest.mark.parametrize(("reward", "said"), [(1.1, "rose 1 -> 1.1"), (0.9, "did not rise, 1 -> 0.9")])
def test_a_guard_falls_beyond_its_limit_and_the_reward_is_told(scores, names, reward, said):
    lines = fallen(CLIPS, [at(0)], {**FIRST, "reward": reward, **scores})
    assert [line.split()[0] for line in lines] == names
    assert all(line.endswith(f"while the reward {said}") for line in lines)


def test_step_0_has_nothing_to_be_compared_with():
    assert fallen(CLIPS, [], FIRST) == () and is_best([], FIRST, ())


@pytest.mark.parametrize(
    ("rewards", "held_out"),
    [
        (("clips",), "cider"),
        (("cider",), "clip_s"),
        (("CIDEr:weight=0.2", "refclips"), "pac_spp"),
        (("clips", "cider:weight=0"), "cider"),  # only logged
        (("cider", "clips", "pacspp:checkpoint=x,weight=0"), "pac_spp"),
        (("cider", "clips", "pacspp:checkpoint=x"), None),
        (("cider", "clips", "pacspp_hard:checkpoint=x"), None),
        (("cider", "retrieval"), "pac_spp"),  # by the CLIP of the run
        (("cider", "retrieval:clip=other"), "clip_s"),
        (("cider", "clips", "retrieval:clip=x"), "pac_spp"),  # x is not the CLIP of pac_spp
        (("cider", "clips", "pacs:checkpoint=x"), None),  # pac_spp is computed with x, which is being optimised
    ],
)
def test_the_held_out_score_is_not_the_reward(rewards, held_out):
    extra = set(guards(Run(rewards=rewards), FIRST)) - set(reward_watch.GUARDS)
    assert extra == ({held_out} if held_out else set())


def test_a_share_of_nothing_cannot_be_lost():
    assert Guard(least=-0.1, share=True).holds(0.0, 0.5)


def test_the_best_is_the_highest_reward_before_the_first_fall():
    seen = [at(0), at(10, reward=1.2), at(20, reward=1.1), at(30, ("length",), reward=1.5), at(40, reward=1.6)]
    assert best_step(seen) == 10
    assert not is_best(seen, {**FIRST, "reward": 9.0}, ())


@pytest.fixture(scope="module")
def start(tmp_path_factory, tiny_flags):
    out = tmp_path_factory.mktemp("watch") / "xe"
    assert main(["train", *tiny_flags, "--xe.steps", "3", "--out", str(out)]) == 0
    return out


def cheat(monkeypatch, from_step: int) -> None:
    """From that step on the captions' scores are those of a run that is cheated; the rest is real."""

    def scored(session, stage, step, out, log, original=loop.evaluate):
        def worse(captioner, reference=None):
            scores, samples = session.validation(captioner, reference)
            cheated = step >= from_step
            return {**scores, "reward": float(step), "length": 99.0 if cheated else 10.0}, samples

        return original(replace(session, validation=worse), stage, step, out, log)

    monkeypatch.setattr(loop, "evaluate", scored)


def rows(out) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]


def reward_run(tiny_flags, start, out, *flags: str) -> int:
    given = ["--init", str(start), "--reward", "clips", "--rl.steps", "6", "--val-every", "1", "--save-every", "1"]
    return main(["train", *tiny_flags, *given, *flags, "--out", str(out)])


@pytest.mark.parametrize(("way", "last"), [("stop", 3), ("warn", 6), ("off", 6)])
def test_a_cheated_run_is_told_or_stopped_and_its_best_is_kept(
    tmp_path, monkeypatch, capsys, tiny_flags, start, way, last
):
    cheat(monkeypatch, 3)
    assert reward_run(tiny_flags, start, tmp_path, "--watch", way) == 0
    said = capsys.readouterr().out
    told = [row["step"] for row in rows(tmp_path) if row.get("watch")]
    assert told == {"stop": [3], "warn": [3, 4, 5, 6], "off": []}[way]
    assert checkpoint.position(tmp_path) == checkpoint.Position("reward", last)
    best = RunFolder(tmp_path).best
    if way == "off":
        return
    assert "watch, step 3: length 10 -> 99 while the reward rose 0 -> 3" in said and "of step 2" in said
    assert json.loads((best / "position.json").read_text()) == {"stage": "reward", "step": 2}
    assert main(["train", "--out", str(tmp_path), "--resume"]) == 0
    assert "is finished" in capsys.readouterr().out
    assert Captioner.from_pretrained(best).config.d == 16


def test_a_resumed_run_remembers_what_was_seen(tmp_path, monkeypatch, tiny_flags, start):
    class Killed(BaseException):
        pass

    def update(session, stage, step, original=loop.update):
        if step == 4:
            raise Killed
        return original(session, stage, step)

    cheat(monkeypatch, 3)
    monkeypatch.setattr(loop, "update", update)
    with pytest.raises(Killed):
        reward_run(tiny_flags, start, tmp_path)
    monkeypatch.undo()
    assert main(["train", "--out", str(tmp_path), "--resume"]) == 0
    best = json.loads((RunFolder(tmp_path).best / "position.json").read_text())
    assert best["step"] == 2  # no evaluation after the fall counts, however it looks


def test_divergence_is_0_from_oneself_and_grows(tiny_flags, start, tmp_path):
    assert reward_run(tiny_flags, start, tmp_path, "--rl.lr", "1e-2", "--rl.warmup", "0") == 0
    kl = [row["val/kl"] for row in rows(tmp_path) if "val/kl" in row]
    assert kl[0] == pytest.approx(0, abs=1e-5) and kl[-1] > 0.01


def test_reference_is_the_model_the_stage_began_with(tiny_flags, start, tmp_path):
    assert reward_run(tiny_flags, start, tmp_path) == 0
    one = Captioner.from_pretrained(RunFolder(tmp_path).reference).state_dict()
    other = Captioner.from_pretrained(RunFolder(start).last).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
