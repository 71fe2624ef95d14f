from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import pytest

from captioner.cli import COMMANDS, main, parser
from captioner.commands.metric import PRETRAIN_GROUPS, TRAIN_GROUPS
from captioner.commands.train import asked_for
from captioner.config import Rl, Run, dotted, flag
from captioner.flags import add_flags, field_docs, given
from metric.training.config import MetricConfig, PretrainConfig

SCREEN = 40  # lines
METRIC_COMMANDS = ("train", "pretrain", "import", "positives", "judge", "audit", "video")


@dataclass(frozen=True)
class Inner:
    depth: int = 2
    "how deep, in 100% of cases"


@dataclass(frozen=True)
class Outer:
    name: str = ""
    "what it is called"
    quick: bool = True
    "whether it hurries"
    rate: float = 0.5
    "how fast"
    inner: Inner = Inner()


def typed(*words: str) -> dict:
    flags = argparse.ArgumentParser()
    add_flags(flags, Outer())
    return given(flags.parse_args(words), Outer())


def run_of(*words: str) -> Run:
    return asked_for(parser().parse_args(["train", "--out", "x", *words]))


def help_of(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*words, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_only_what_was_typed_is_given():
    assert typed() == {}
    assert typed("--rate", "1e-3", "--inner.depth", "7") == {"rate": 1e-3, "inner.depth": 7}


def test_boolean_has_its_opposite():
    assert typed("--quick") == {"quick": True} and typed("--no-quick") == {"quick": False}


@pytest.mark.parametrize("words", [["--inner.depth", "deep"], ["--rate", "fast"], ["--quick", "no"], ["--inner"]])
def test_value_of_the_wrong_type_is_refused(words):
    with pytest.raises(SystemExit) as stop:
        typed(*words)
    assert stop.value.code == 2


def test_every_field_has_its_string():
    for config in Run(), Run().model, Run().decode, Run().xe, Run().rl, MetricConfig(), PretrainConfig():
        plain = {item.name for item in fields(config) if not is_dataclass(getattr(config, item.name))}
        assert plain <= field_docs(type(config)).keys()


def test_help_of_train_shows_every_setting_and_its_default(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    said = help_of(capsys, "train").partition("options:")[2]
    blocks = {"--" + block.split()[0].rstrip(","): block for block in said.split("\n  --")}
    for name, value in dotted(Run()).items():
        assert value in ("", ()) or f"({value})" in blocks[flag(name)]
    assert {"--reward", "--init", "--pac", "--features"} <= blocks.keys()


def test_help_of_train_has_groups(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    groups = groups_of(help_of(capsys, "train"))
    wanted = "data", "model", "cross-entropy", "reward stage", "decoding", "running"
    assert tuple(groups)[2:] == wanted and list(groups)[:2] == ["positional arguments", "options"]
    assert "--reward SPEC" in groups["reward stage"] and "--rl.lr" in groups["reward stage"]
    assert "--init" in groups["model"] and "--clip" in groups["data"] and "--seed" in groups["running"]


COMMAND_LINES = [*([name] for name in COMMANDS), *(["metric", name] for name in METRIC_COMMANDS)]


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_each_group_of_each_help_is_at_most_a_screen(capsys, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "80")
    groups = groups_of(help_of(capsys, *words))
    assert groups and not {name: text for name, text in groups.items() if text.count("\n") >= SCREEN}


@pytest.mark.parametrize("groups, config", [(TRAIN_GROUPS, MetricConfig()), (PRETRAIN_GROUPS, PretrainConfig())])
def test_groups_of_metric_hold_settings_that_exist(groups, config):
    names = [name for group in groups.values() for name in group]
    assert len(names) == len(set(names)) and set(names) <= dotted(config).keys()


def groups_of(text: str) -> dict[str, str]:
    """Heading -> lines of the help below the heading."""
    return dict(re.findall(r"^(\w[\w -]+):\n(.*?)(?:\n\n|\Z)", text, re.M | re.S))


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The flags and positional arguments of every command."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    commands = [command for action in inner for command in action.choices.values()]
    return [action for action in parser._actions if action not in inner] + sum(map(actions, commands), [])


def test_every_flag_of_every_command_has_hyphens():
    names = {name for action in actions(parser()) for name in action.option_strings}
    assert len(names) > 100 and not [name for name in names if "_" in name]


def test_help_of_every_flag_stands_alone():
    """A help text begins with a noun of its own: not with `of --method sample`, `its split` or `what it reads`."""
    texts = {action.help for action in actions(parser()) if action.dest != "help"}
    dependent = re.compile(r"(a|the|of|its|what|where|who|how|which|whether|with|in|only)\b|.*'s, ")
    assert len(texts) > 100 and not [text for text in texts if dependent.match(text or "of nothing")]


@pytest.mark.parametrize(
    "words",
    [
        "train --out x --xe.batch_size 8 --val_every=3 --no-scst.decay --scst.top_p 0.5",
        "caption --out x_y --batch_size 8 --max_length=3 --skip_done --best_of 2",
        "metric train --out x --batch_size 8 --lambda_v 0.5",
        "metric positives --out x --shard_size 8 --min_similarity 0.5",
    ],
)
def test_underscores_and_the_former_section_mean_the_same(words):
    new = " ".join(word.replace("_", "-") if word.startswith("--") else word for word in words.split())
    new = new.replace("--scst.", "--rl.").replace("--no-scst.", "--no-rl.")
    assert new != words
    assert vars(parser().parse_args(words.split())) == vars(parser().parse_args(new.split()))


@pytest.mark.parametrize(
    "words, said",
    [
        ("train --ot x", "captioner train: no flag --ot; did you mean --out?"),
        ("train --out x --xe.lrr=1", "captioner train: no flag --xe.lrr; did you mean --xe.lr?"),
        ("train --out x --scst.bach_size 1", "captioner train: no flag --rl.bach-size; did you mean --rl.batch-size?"),
        (
            "metric train --out x --batch_siz 1",
            "captioner metric train: no flag --batch-siz; did you mean --batch-size?",
        ),
        ("--trace train --out x", "captioner: no flag --trace; did you mean --traceback?"),
        ("train --out x --qqqqqqqq 1", "captioner train: no flag --qqqqqqqq"),
        ("train --out x --xe.lr fast", "captioner train: argument --xe.lr: a finite number is expected, got 'fast'"),
        ("train --out x --xe.lr inf", "captioner train: argument --xe.lr: a finite number is expected, got 'inf'"),
        ("train --out x --rl.kl nan", "captioner train: argument --rl.kl: a finite number is expected, got 'nan'"),
        (
            "metric train --data x --out x --lr nan",
            "captioner metric train: argument --lr: a finite number is expected, got 'nan'",
        ),
        (
            "evaluate x --guidance inf",
            "captioner evaluate: argument --guidance: a finite number is expected, got 'inf'",
        ),
        (
            "caption --model x --images x --out x.json --top-p nan",
            "captioner caption: argument --top-p: a finite number is expected, got 'nan'",
        ),
        ("train", "captioner train: the following arguments are required: --out"),
        ("captin", "captioner: argument COMMAND: got 'captin'; did you mean caption?"),
        ("metric jugde", "captioner metric: argument COMMAND: got 'jugde'; did you mean judge?"),
        ("train --out x --preset smal", "captioner train: argument --preset: got 'smal'; did you mean small?"),
        (
            "train --out x --rl.objective grop",
            "captioner train: argument --rl.objective: got 'grop'; did you mean grpo?",
        ),
        ("train --out x --watch qq", "captioner train: argument --watch: got 'qq'; there are off, warn, stop"),
        ("--print-completion bahs", "captioner: argument --print-completion: got 'bahs'; did you mean bash?"),
    ],
)
def test_misspelt_word_is_told_in_a_line(capsys, words, said):
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith(said + " (usage: captioner ") and error.count("\n") == 1


def test_words_after_two_hyphens_are_no_flags():
    assert parser().parse_args(["data", "--", "--pictures_of"]).input == "--pictures_of"


def completed(tmp_path: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = tmp_path / "completion.bash"
    if not script.exists():
        command = [sys.executable, "-m", "captioner.cli", "--print-completion", "bash"]
        script.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ask = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_captioner; printf "%s\\n" "${COMPREPLY[@]}"'
    ran = subprocess.run(["bash", "-c", ask, script, *words], capture_output=True, text=True, check=True, cwd=tmp_path)
    return ran.stdout.split()


def test_bash_completes_commands_flags_choices_and_files(tmp_path):
    (tmp_path / "runs").mkdir()
    assert completed(tmp_path, "captioner", "tr") == ["train"]
    assert completed(tmp_path, "captioner", "metric", "pre") == ["pretrain"]
    assert completed(tmp_path, "captioner", "train", "--xe.b") == ["--xe.batch-size"]
    assert completed(tmp_path, "captioner", "train", "--rl.objective", "g") == ["grpo"]
    assert completed(tmp_path, "captioner", "train", "--out", "ru") == ["runs"]
    assert completed(tmp_path, "captioner", "compare", "ru") == ["runs"]


@pytest.mark.parametrize("command, config", [("train", MetricConfig()), ("pretrain", PretrainConfig())])
def test_help_of_metric_shows_every_setting(capsys, command, config):
    said = help_of(capsys, "metric", command)
    assert not [name for name in map(flag, dotted(config)) if f"{name} " not in said and f"{name}," not in said]


def test_rewards_repeat_in_their_order():
    run = run_of("--reward", "cider:weight=0.2", "--reward", "pacspp:checkpoint=runs/m,w=2.5")
    assert run.rewards == ("cider:weight=0.2", "pacspp:checkpoint=runs/m,w=2.5")
    assert run_of().rewards == ()


def test_flags_win_over_the_experiment_file_and_that_over_the_defaults(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from captioner.config import Run, Xe\nrun = Run(seed=3, xe=Xe(lr=1.0, steps=7), rewards=('cider',))"
    )
    assert run_of(str(file)) == Run(seed=3, xe=Run().xe.__class__(lr=1.0, steps=7), rewards=("cider",))
    run = run_of(str(file), "--xe.lr", "2", "--reward", "clips")
    assert (run.seed, run.xe.steps, run.xe.lr, run.rewards) == (3, 7, 2.0, ("clips",))
    assert run.rl == Run().rl


def test_experiment_file_of_a_former_version_is_read(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from captioner.config import Run, Scst\nrun = Run(seed=3, scst=Scst(lr=1.0))")
    assert run_of(str(file)) == Run(seed=3, rl=Rl(lr=1.0))
    assert run_of(str(file), "--scst.samples", "3") == Run(seed=3, rl=Rl(lr=1.0, samples=3))


def test_flags_win_over_the_preset():
    small, typed = run_of("--preset", "small"), run_of("--xe.lr", "9", "--preset", "small")
    assert small != Run() and run_of("--preset", "paper") == Run()
    assert typed.xe.lr == 9 and typed.model == small.model and typed.rl == small.rl


def test_a_recipe_keeps_its_choices_and_gives_up_its_numbers(tmp_path, capsys):
    leave_one_out = ["--reward", "cider", "--preset", "new_self_critical"]
    run = run_of(*leave_one_out, "--rl.samples", "3", "--rl.baseline", "leave_one_out")
    assert (run.rl.samples, run.rl.candidates, run.rl.baseline) == (3, "sample", "leave_one_out")
    assert main(["train", *leave_one_out, "--rl.baseline", "greedy", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "--preset new_self_critical is --rl.baseline leave_one_out (arXiv 2003.09971" in said
    assert "got --rl.baseline greedy; leave one of them out" in said and not (tmp_path / "run").exists()


def test_experiment_file_with_both_names_of_the_reward_stage_is_refused(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("from captioner.config import Rl, Run\nrun = Run(rl=Rl(), scst=Rl(lr=1.0))")
    assert main(["train", str(file), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "Run got rl=... and scst=..." in error and "leave scst out" in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content, words", [("x = 1", "run = Run"), ("run = 7", "run = Run")])
def test_file_without_a_run_is_refused(tmp_path, capsys, content, words):
    (tmp_path / "mine.py").write_text(content)
    assert main(["train", str(tmp_path / "mine.py"), "--out", str(tmp_path / "run")]) == 2
    assert words in capsys.readouterr().err


def test_two_starting_points_are_refused(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("from captioner.config import Run\nrun = Run()")
    assert main(["train", str(tmp_path / "mine.py"), "--preset", "small", "--out", str(tmp_path / "run")]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_settings_are_written_before_they_are_acted_on(tiny_flags, tmp_path):
    assert main(["train", *tiny_flags, "--xe.steps", "1", "--seed", "5", "--out", str(tmp_path / "run")]) == 0
    written = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (written["seed"], written["xe"]["steps"], written["model"]["d"]) == (5, 1, 16)
