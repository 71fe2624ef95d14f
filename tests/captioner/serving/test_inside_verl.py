"""verl's own code calls the bridge: its settings by hydra, its loader of functions, its reward manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metric.example import Example
from rewards import Context, build, parse
from rewards.bridges.judge import Judge
from tests.captioner.serving.test_server import running
from tests.captioner.tiny_hub_models import word_tokenizer

pytest.importorskip("fastapi", reason="no captioner[serve]")
pytest.importorskip("verl", reason="no verl")
pytest.importorskip("tensordict", reason="no tensordict, which verl needs")

SPECS = ("clips", "rouge_l:weight=0.5", "repetition:n=1,weight=0.1")
TEXTS = ("a dog sits on the floor", "a cat a cat", "the red dog")
pytestmark = pytest.mark.filterwarnings("ignore")  # verl's own, and those of its packages


def manager(url: str, tokenizer: Any) -> Any:
    """The reward manager of a run with the settings that docs/bridges.md names."""
    import verl
    from hydra import compose, initialize_config_dir
    from verl.trainer.ppo.reward import load_reward_manager

    settings = [
        "reward.custom_reward_function.path=pkg://rewards.bridges.verl",
        "reward.custom_reward_function.name=compute_score",
        f"+reward.custom_reward_function.reward_kwargs.url={url}",
    ]
    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
        config = compose("ppo_trainer", settings)
    return load_reward_manager(config, tokenizer)


def sample(tokenizer: Any, text: str, extra: dict[str, Any], truth: Any = "") -> Any:
    """A sample of a rollout: a prompt, and the response in a row that is filled up with padding."""
    from verl import DataProto

    ids = tokenizer(text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    fill = [0] * (12 - len(ids))
    tensors = {
        "prompts": torch.ones(1, 2, dtype=torch.long),
        "responses": torch.tensor([ids + fill]),
        "attention_mask": torch.tensor([[1, 1] + [1] * len(ids) + fill]),
    }
    facts = {"data_source": "photos", "reward_model": {"ground_truth": truth}, "extra_info": extra}
    return DataProto.from_dict(tensors, {name: np.array([fact], object) for name, fact in facts.items()})


def test_the_reward_manager_of_verl_has_the_values_of_the_rewards(pictures):
    tokenizer = word_tokenizer(["<pad>", "<s>", "</s>"])
    photos, texts = sorted(pictures.glob("*.png"))[:3], ["a dog on the floor", "the cat"]
    mix = build([parse(spec) for spec in SPECS], Context(clip="scenes-clip"))
    with running(Judge(SPECS, "scenes-clip")) as (url, _):
        rewards = manager(url, tokenizer)
        for photo, text in zip(photos, TEXTS):
            extra = {"image": str(photo), "references": np.array(texts, object)}
            answer = rewards.loop.run_until_complete(rewards.run_single(sample(tokenizer, text, extra)))
            total, parts = mix([Example("a", photo, tuple(texts))], [[text]])
            expected = {"score": float(total), **{key: float(value) for key, value in parts.items()}}
            assert answer["reward_score"] == pytest.approx(float(total), abs=1e-6)
            assert answer["reward_extra_info"] == pytest.approx(expected, abs=1e-6)
        with pytest.raises(ValueError, match="no picture, which clips needs"):
            rewards.loop.run_until_complete(rewards.run_single(sample(tokenizer, TEXTS[0], {}, texts)))
