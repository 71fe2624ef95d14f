"""GRPO of TRL with rewards of this package: a random two-layer Qwen2-VL learns captions of drawn scenes, on the CPU.

    python -m experiments.trl_grpo                                three steps, about 10 seconds
    python -m experiments.trl_grpo --steps 50 --warm-up 200       the reward goes up, about 2 minutes

Model and tokenizer are made on the spot, and nothing is downloaded. `--warm-up` teaches the words of the references by
cross-entropy. The script prints the rewards and their terms from TRL's log, and writes the log to OUT/log.jsonl. It
needs the extra trl.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from metric.runtime.console import ended
from metric.scenes.language import references
from metric.scenes.world import sample
from metric.storage.atomic_files import write

SIZE = 32  # pixels of a side: four tokens of a picture
REWARDS = ("refclips", "repetition:weight=0.2")
ASK = "describe the picture"
PAD, START, END, VISION_START, VISION_END, IMAGE, VIDEO = "<pad> <s> </s> <vision> </vision> <image> <video>".split()
TEMPLATE = (
    "{% for message in messages %}{{ '<s>' }}{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}{% if part.type == 'image' %}{{ '<vision><image></vision>' }}"
    "{% elif part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}{% endif %}{{ '</s>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s>' }}{% endif %}"
)


def rows(count: int) -> list[dict[str, Any]]:
    """A row a scene: a chat prompt, the picture and its references. The columns are those that TRL expects."""
    scenes = [sample("train", number) for number in range(count)]
    prompt = [{"role": "user", "content": ASK}]
    return [{"prompt": prompt, "image": scene.draw(), "references": list(references(scene))} for scene in scenes]


def tokenizer_of(texts: Sequence[str]) -> Any:
    """A tokenizer whose tokens are the words of `texts`."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, START, END, VISION_START, VISION_END, IMAGE, VIDEO]
    words = sorted({word for text in texts for word in text.split()})
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate([*special, *words])}, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(special)
    ends = {"pad_token": PAD, "bos_token": START, "eos_token": END, "unk_token": PAD}
    more = {"image_token": IMAGE, "video_token": VIDEO, "vision_start": VISION_START, "vision_end": VISION_END}
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, extra_special_tokens=more, **ends)
    made.chat_template = TEMPLATE
    return made


def processor_of(tokenizer: Any) -> Any:
    """The processor of a Qwen2-VL with patches of 8 pixels, four of which make a token."""
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    shape = {"patch_size": 8, "merge_size": 2, "min_pixels": SIZE * SIZE, "max_pixels": SIZE * SIZE}
    images, videos = Qwen2VLImageProcessor(**shape), Qwen2VLVideoProcessor(**shape)
    return Qwen2VLProcessor(images, tokenizer, videos, chat_template=tokenizer.chat_template)


def model_of(tokenizer: Any, width: int = 64) -> Any:
    """A random Qwen2-VL of two layers."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    ids = {"bos_token_id": START, "eos_token_id": END, "pad_token_id": PAD}
    special = {name: tokenizer.convert_tokens_to_ids(token) for name, token in ids.items()}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128,
        "rope_parameters": {"rope_type": "default", "mrope_section": [width // 32, width // 32, width // 16]},
        **special,
    }
    vision = {"depth": 1, "embed_dim": 32, "hidden_size": width, "num_heads": 2, "mlp_ratio": 2, "patch_size": 8}
    tokens = {
        "image_token_id": IMAGE,
        "video_token_id": VIDEO,
        "vision_start_token_id": VISION_START,
        "vision_end_token_id": VISION_END,
    }
    numbers = {name: tokenizer.convert_tokens_to_ids(token) for name, token in tokens.items()}
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=text, vision_config=vision, **numbers))
    for name, number in special.items():
        setattr(model.generation_config, name, number)
    return model


def teach(model: Any, processor: Any, data: Sequence[dict[str, Any]], steps: int) -> None:
    """Cross-entropy of the first references, so that the model knows the language before GRPO begins."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    content = [{"type": "image"}, {"type": "text", "text": ASK}]
    prompt = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    start = processor(text=[prompt], images=[data[0]["image"]], return_tensors="pt").input_ids.shape[1]
    for step in range(steps):
        batch = [data[number % len(data)] for number in range(step * 32, step * 32 + 32)]
        texts = [f"{prompt}{row['references'][step % len(row['references'])]}{END}" for row in batch]
        given = processor(text=texts, images=[row["image"] for row in batch], padding=True, return_tensors="pt")
        labels = given.input_ids.masked_fill(given.attention_mask == 0, -100)
        labels[:, :start] = -100
        model(**given, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def settings(out: Path, **more: Any) -> Any:
    """Settings of TRL for the CPU, offline, with a log line a step."""
    from trl import GRPOConfig

    usual: dict[str, Any] = {
        "use_cpu": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "num_generations": 8,
        "per_device_train_batch_size": 64,
        "max_completion_length": 14,
        "dataloader_pin_memory": False,
        "seed": 0,
    }
    return GRPOConfig(str(out), **(usual | more))


def trained(out: Path, steps: int, warm_up: int, rate: float) -> list[dict[str, float]]:
    """Trains for `steps` steps of GRPO after `warm_up` steps of cross-entropy. A row of the log a step of GRPO."""
    from datasets import Dataset
    from trl import GRPOTrainer

    from rewards.bridges import trl_reward

    data = rows(max(8 * steps, 32 if warm_up else 0))
    tokenizer = tokenizer_of([ASK, *chain.from_iterable(row["references"] for row in data)])
    processor = processor_of(tokenizer)
    model = model_of(tokenizer)
    teach(model, processor, data, warm_up)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[trl_reward(*REWARDS, name="quality"), trl_reward("length:least=6,most=13", weight=0.05)],
        args=settings(out, max_steps=steps, learning_rate=rate),
        train_dataset=Dataset.from_list(data),
        processing_class=processor,
    )
    trainer.train()
    return [row for row in trainer.state.log_history if "reward" in row]


def lines(log: Sequence[dict[str, float]]) -> Iterator[str]:
    """The reward and its parts at the first step, then the mean of each tenth of the steps."""
    keys = [
        "reward",
        *sorted(key for key in log[0] if key.startswith("quality/") or key.endswith("/mean") and "rewards/" in key),
    ]
    yield "step  " + "  ".join(keys)
    size = max(1, len(log) // 10)
    for start in range(0, len(log), size):
        part = log[start : start + size]
        means = (sum(row[key] for row in part) / len(part) for key in keys)
        yield f"{start + len(part):4d}  " + "  ".join(f"{mean:{len(key)}.3f}" for key, mean in zip(keys, means))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="GRPO steps of 8 pictures with 8 captions each (3)")
    parser.add_argument("--warm-up", type=int, default=0, help="steps of cross-entropy before (0)")
    parser.add_argument("--rate", type=float, default=3e-3, help="learning rate of GRPO (3e-3)")
    parser.add_argument("--out", type=Path, default=Path("runs/trl-grpo"), help="folder of the log (runs/trl-grpo)")
    args = parser.parse_args(words)
    log = trained(args.out, args.steps, args.warm_up, args.rate)
    print("\n".join(lines(log)))
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / "log.jsonl", "".join(json.dumps(row) + "\n" for row in log))
    longer = ["python", "-m", "experiments.trl_grpo", "--steps", 50, "--warm-up", 200]
    ended(f"{args.steps} steps of GRPO", args.out / "log.jsonl", longer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
