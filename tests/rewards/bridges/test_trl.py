"""Rewards in TRL's own trainers: random models of two layers, made on the spot, train on the CPU, offline."""

from __future__ import annotations

import json
import pickle
import sys
from itertools import chain
from pathlib import Path
from statistics import mean

import pytest
from datasets import Dataset
from PIL import Image
from transformers import Qwen2Config, Qwen2ForCausalLM
from trl import GRPOTrainer, ModelConfig, RLOOConfig, RLOOTrainer
from trl.scripts import grpo

from experiments import trl_grpo
from metric.example import Cut, Example
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards import Context, build, parse
from rewards.bridges import trl, trl_reward
from rewards.bridges.pictures import picture_of

# TRL 1.16 sets an argument whose name transformers 5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
QUALITY = ("refclips", "rouge_l:weight=0.5")
TINY = {"num_generations": 2, "per_device_train_batch_size": 4, "max_completion_length": 5, "max_steps": 2}


class Recorder:
    """A reward of 0 that keeps what TRL hands to a reward."""

    __name__ = "recorder"

    def __init__(self):
        self.calls = []

    def __call__(self, **given):
        self.calls.append(given)
        return [0.0] * len(given["completions"])


def directly(specs, call, end) -> list[tuple[float, dict[str, float]]]:
    """Totals and terms of a recorded call, by the rewards themselves, one row after another."""
    mix = build([parse(spec) for spec in specs], Context())
    found = []
    for completion, ids, image, texts in zip(
        *(call[name] for name in ("completions", "completion_ids", "image", "references"))
    ):
        text = completion[0]["content"]
        total, parts = mix(
            [Example("x", picture_of(image, "x"), tuple(texts))], [[text if ids[-1] == end else Cut(text)]]
        )
        found.append((total.item(), {key: values.item() for key, values in parts.items()}))
    return found


def test_grpo_with_pictures_logs_the_values_of_the_rewards_under_their_names(tmp_path):
    data = trl_grpo.rows(8)
    tokenizer = trl_grpo.tokenizer_of([trl_grpo.ASK, *chain.from_iterable(row["references"] for row in data)])
    recorder, quality = Recorder(), trl_reward(*QUALITY, clip="scenes-clip", name="quality")
    trainer = GRPOTrainer(
        model=trl_grpo.model_of(tokenizer),
        reward_funcs=[quality, trl_reward("length:least=4", weight=0.1), recorder],
        args=trl_grpo.settings(tmp_path, **TINY),
        train_dataset=Dataset.from_list(data),
        processing_class=trl_grpo.processor_of(tokenizer),
    )
    trainer.train()
    steps = [row for row in trainer.state.log_history if "reward" in row]
    assert len(steps) == len(recorder.calls) == 2
    for row, call in zip(steps, recorder.calls):
        found = directly(QUALITY, call, tokenizer.eos_token_id)
        assert row["rewards/quality/mean"] == pytest.approx(mean(total for total, _ in found), abs=1e-6)
        for key in ("refclips", "rouge_l"):
            assert row[f"quality/{key}"] == pytest.approx(mean(parts[key] for _, parts in found), abs=1e-6)
        assert row["rewards/length:least=4/mean"] <= 0.0
    ends = {ids[-1] == tokenizer.eos_token_id for call in recorder.calls for ids in call["completion_ids"]}
    assert False in ends  # the limit of five tokens cut some captions
    assert len({id(image) for image in recorder.calls[0]["image"]}) == 4  # two pictures, four objects
    assert len(quality.judge.mix.terms[0].reward.embedder.known_images) == 4  # of two steps


@pytest.fixture(scope="module")
def words() -> tuple[object, Qwen2Config]:
    """A tokenizer of a few words, and the shape of a language model of two layers."""
    tokenizer = trl_grpo.tokenizer_of(["say a dog", "two red cats on a beach"])
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    return tokenizer, Qwen2Config(vocab_size=len(tokenizer), num_key_value_heads=2, **shape, **ends)


def rloo(folder: Path, **more):
    usual = {name: value for name, value in trl_grpo.settings(folder).to_dict().items() if name in USUAL}
    return RLOOConfig(str(folder), beta=0.0, **(usual | more))


USUAL = ("use_cpu", "logging_steps", "save_strategy", "report_to", "disable_tqdm", "dataloader_pin_memory")


@pytest.mark.parametrize(("trainer", "settings"), [(GRPOTrainer, trl_grpo.settings), (RLOOTrainer, rloo)])
def test_texts_without_pictures_train_too(trainer, settings, words, tmp_path):
    tokenizer, config = words
    funcs = [trl_reward("repetition:n=1"), trl_reward("length:least=4,most=5", weight=0.1)]
    training = trainer(
        model=Qwen2ForCausalLM(config),
        reward_funcs=funcs,
        args=settings(tmp_path, **TINY),
        train_dataset=Dataset.from_list([{"prompt": "say a dog"}] * 8),
        processing_class=tokenizer,
    )
    training.train()
    row = training.state.log_history[0]
    one, other = (row[f"rewards/{func.__name__}/mean"] for func in funcs)
    assert row["reward"] == pytest.approx(one + other, abs=1e-6) and {func.__name__ for func in funcs} == {
        "repetition:n=1",
        "length:least=4,most=5",
    }


def test_the_command_line_of_trl_finds_rewards_by_dotted_paths(words, tmp_path, monkeypatch, capsys):
    tokenizer, config = words
    Qwen2ForCausalLM(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text((json.dumps({"prompt": "say a dog"}) + "\n") * 8)
    monkeypatch.setenv(trl.VARIABLE, "repetition bad_endings:weight=0.5")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(sys, "path", list(sys.path))  # TRL puts the working directory there
    paths = ["rewards.bridges.trl.length:least=4", "rewards.bridges.trl.mix"]
    arguments = grpo.GRPOScriptArguments(dataset_name=str(tmp_path / "data"), reward_funcs=paths)
    model = ModelConfig(model_name_or_path=str(tmp_path / "model"), dtype="float32")
    grpo.main(arguments, trl_grpo.settings(tmp_path / "out", **TINY | {"max_steps": 1}), model, NoMixture())
    said = capsys.readouterr().out
    assert "rewards/length:least=4/mean" in said and "rewards/mix/mean" in said and "mix/bad_endings" in said


class NoMixture:
    """TRL's arguments of a mixture of data sets, of which there is none."""

    datasets: tuple[()] = ()


def test_the_variable_of_the_mix_is_told_where_it_is_missing(monkeypatch):
    monkeypatch.delenv(trl.VARIABLE, raising=False)
    with pytest.raises(ValueError, match="CAPTIONER_REWARD='clips cider'"):
        trl.mix  # noqa: B018
    with pytest.raises(ValueError, match="did you mean clips"):
        trl.clisp  # noqa: B018


SCENE = sample("train", 0)
TEXTS = ["a dog", "a dog with a"]


def test_captions_that_the_limit_cut_are_known_by_their_last_id(capsys):
    columns = {"completions": TEXTS, "references": [list(references(SCENE))] * 2, "completion_ids": [[5, 2], [5, 6]]}
    told, unknown = trl_reward("rouge_l", eos=[2]), trl_reward("rouge_l")
    mix = build([parse("rouge_l")], Context())
    example = Example("x", SCENE, references(SCENE))
    assert told(**columns) == pytest.approx(mix([example], [[TEXTS[0], Cut(TEXTS[1])]])[0][0].tolist(), abs=1e-6)
    assert unknown(**columns) == pytest.approx(mix([example], [TEXTS])[0][0].tolist(), abs=1e-6)
    assert "type trl_reward(..., eos=[tokenizer.eos_token_id])" in capsys.readouterr().err


def test_rows_that_cannot_be_judged_are_none_and_stay_out_of_the_log():
    logged = {}
    reward = trl_reward("rouge_l", "bleu4", name="overlap", weight=2.0, scale="unit")
    values = reward(completions=["a dog"] * 2, references=[["a dog"], None], log_metric=logged.__setitem__)
    example = Example("x", SCENE, ("a dog",))
    total, parts = build([parse("rouge_l"), parse("bleu4")], Context())([example], [["a dog"]])
    assert values == [pytest.approx(2 * total.item() / 2, abs=1e-6), None]  # the total is 0 to 2, the weight 2
    assert logged == pytest.approx({f"overlap/{key}": value.item() for key, value in parts.items()})


def test_a_reward_is_pickled_with_its_name():
    reward = trl_reward("repetition:n=1", weight=0.5)
    again = pickle.loads(pickle.dumps(reward))
    assert again.__name__ == "repetition:n=1"
    assert again(completions=["a a"]) == reward(completions=["a a"]) == [-0.5]


def test_names_differ_where_the_texts_differ_and_hold_no_slash():
    texts = ("clips:clip=scenes-clip", "clips:clip=metric/assets/scenes-clip", "repetition", "repetition:n=1")
    names = {trl_reward(text).__name__ for text in texts}
    assert len(names) == 4 and not any("/" in name for name in names)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"references": [["x"]]}, "needs pictures, and the batch has no column image or images"),
        ({"image": [Image.new("RGB", (4, 4))] * 2, "references": [["x"]]}, "1 captions came with 2 cells"),
        ({"image": [Image.new("RGB", (4, 4))]}, "needs references"),
        ({"image": [[Image.new("RGB", (4, 4))] * 2], "references": [["x"]]}, "row 0 has 2 pictures"),
    ],
)
def test_wrong_batches_are_one_line_with_what_to_do(columns, words):
    with pytest.raises(ValueError, match=words) as error:
        trl_reward("refclips", clip="scenes-clip")(completions=["a"], **columns)
    assert "\n" not in str(error.value)
