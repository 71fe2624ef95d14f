import json
from pathlib import Path

import pytest

from captioner.api import caption, compare, evaluate
from captioner.config import Rl, Run, as_json, dotted, flag, from_json, override, renamed
from captioner.config_checks import check
from captioner.flags import field_docs
from captioner.presets import PRESETS, RECIPES, settings_of
from metric.api import audit
from metric.training.config import MetricConfig, PretrainConfig

DICO = RECIPES["dico"].objective


def test_every_field_is_documented_and_there_are_at_most_fifty_five():
    run = Run()
    kinds = [type(run), type(run.model), type(run.decode), type(run.xe), type(run.rl)]
    documented = sum(len(field_docs(kind)) for kind in kinds)
    assert documented == len(dotted(run)) <= 55


def test_config_survives_json():
    run = override(Run(), {**PRESETS["small"], "rewards": ("cider", "clips:weight=0.5"), "rl.lr": 1e-4})
    assert from_json(json.dumps({**as_json(run), "commit": "abc", "hardware": "x"})) == run


def test_config_of_a_former_version_is_read():
    run = override(Run(), {"rl.lr": 1e-4, "rl.objective": "grpo"})
    new = as_json(run)
    old = {("scst" if name == "rl" else name): value for name, value in new.items()}
    assert "scst" not in new and from_json(json.dumps(old)) == run and renamed(old) == new


@pytest.mark.parametrize("rl", [Rl(), Rl(lr=1.0), Rl(lr=2.0)])
def test_one_section_under_two_names_is_refused(rl):
    assert Run(scst=Rl(lr=1.0)).rl == Run(rl=Rl(lr=1.0)).rl
    with pytest.raises(ValueError, match="leave scst out"):
        Run(rl=rl, scst=Rl(lr=1.0))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_hold(preset):
    run = override(Run(), PRESETS[preset])
    assert check(run) is run


@pytest.mark.parametrize("size", [(), ("paper",), ("small",)])
@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_hold_at_every_size_which_keeps_its_own_schedule(recipe, size):
    settings = settings_of([*size, recipe])
    run = check(override(Run(), {**settings, "rewards": ("cider",)}))
    known = {**RECIPES[recipe].objective, **(PRESETS["small"] if size == ("small",) else RECIPES[recipe].schedule)}
    known |= RECIPES[recipe].objective
    assert known.items() <= dotted(run).items()
    assert settings == settings_of([recipe, *size])


def test_two_presets_of_a_kind_are_refused():
    with pytest.raises(ValueError, match="--preset m2 and --preset dico are two recipes"):
        settings_of(["m2", "dico"])
    with pytest.raises(ValueError, match="are two sizes"):
        settings_of(["small", "paper"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"precision": "fp8"}, "--precision is one of fp32, tf32, bf16, fp16, got 'fp8'"),
        ({"rl.baseline": "rloo"}, "--rl.baseline is one of"),
        ({"rewards": ("cider",), "rl.samples": 1}, "got --rl.samples 1"),
        ({"rewards": ("cider",), **DICO, "rl.baseline": "greedy"}, "takes no baseline, got --rl.baseline greedy"),
        ({"rewards": ("cider",), **DICO, "rl.kl": 0.0}, "learns nothing with --rl.kl 0"),
        ({"rewards": ("cider",), **DICO, "rl.updates": 2}, "makes one update a step, got --rl.updates 2"),
        ({"rewards": ("cider",), **DICO, "rl.samples": 1}, "got --rl.samples 1"),
        ({"rewards": ("cider",), "rl.temperature": 0.5}, "--rl.candidates beam draws nothing"),
        ({"rl.top_p": 0.0}, "--rl.top-p is above 0 and at most 1, got 0.0"),
        ({"watch": "loud"}, "--watch is one of off, warn, stop, got 'loud'"),
        ({"xe.warmup": 1.0}, "--xe.warmup is a share of the steps"),
        ({"xe.steps": 0}, "nothing to train"),
        ({"model.d": 100}, "--model.d 100 cannot be split over --model.heads 8"),
        ({"xe.batch_size": 0}, "--xe.batch-size is 1 or more"),
        ({"xe.steps": -1}, "--xe.steps is 0 or more, got -1"),
        ({"rewards": ("cider",), "rl.steps": 0}, "--rl.steps is 1 or more, got 0"),
        ({"val_count": -5}, "--val-count is 1 or more, got -5"),
    ],
)
def test_impossible_settings_are_named(changes, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        check(override(Run(), changes))


RANGED = {name: value for name, value in dotted(Run()).items() if type(value) in (int, float)}
READ = {"seed", "decode.length_penalty"}  # refused where the flag is read


@pytest.mark.parametrize("name", sorted(RANGED.keys() - READ))
def test_each_number_has_a_range(name, refused, tmp_path):
    """-1 is in no range, and what is no number in none either."""
    said = refused("train", "--reward", "cider", f"{flag(name)}=-1", "--out", tmp_path / "run")
    assert flag(name) in said and "got -1" in said
    with pytest.raises(ValueError, match=f"{flag(name)} .*nan"):
        check(override(Run(), {name: float("nan")}))


@pytest.mark.parametrize(
    ("name", "value", "within"),
    [
        ("model.heads", 0, "1 or more"),
        ("model.d", 0, "1 or more"),
        ("model.decoder_layers", 0, "1 or more"),
        ("model.dropout", 1.0, "0 or more and below 1"),
        ("xe.label_smoothing", 1.5, "0 or more and at most 1"),
        ("rl.temperature", 0.0, "above 0"),
        ("rl.lr", float("inf"), "0 or more"),
        ("seed", 2**32, "0 or more and at most 4294967295"),
    ],
)
def test_a_number_out_of_its_range_is_one_line(name, value, within):
    with pytest.raises(ValueError, match=f"^{flag(name)} is {within}, got {value}$"):
        check(override(Run(), {name: value}))


def test_a_path_is_as_good_as_its_text():
    names = [name for name, value in dotted(Run()).items() if isinstance(value, str) and "." not in name]
    assert Run(**{name: Path("x") for name in names}) == Run(**dict.fromkeys(names, "x"))
    assert MetricConfig(clip=Path("x")).clip == PretrainConfig(init=Path("x")).init == "x"
    for made in (lambda: Run(data=3), lambda: MetricConfig(clip=None)):
        with pytest.raises(ValueError, match="^(data of Run|clip of MetricConfig) is a text or a path, got (3|None)$"):
            made()


def test_one_reward_is_no_list_of_letters():
    with pytest.raises(ValueError, match=r"^rewards are a list, got the text 'cider';"):
        Run(rewards="cider")
    for call in (
        lambda: caption("run", "images", "o.jsonl", rewards="cider"),
        lambda: caption("run", "images", "o.jsonl", drop_phrases="a photo of"),
        lambda: evaluate("run", rewards="cider"),
        lambda: compare("run"),
        lambda: audit([], "cider"),
    ):
        with pytest.raises(ValueError, match="are a list, got the text '"):
            call()


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="no setting 'xe.speed'"):
        override(Run(), {"xe.speed": 1})
