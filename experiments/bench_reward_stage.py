"""What a step of the reward stage costs, part by part, against cross-entropy, no cache, and transformers' generate.

Command: `.venv/bin/python experiments/bench_reward_stage.py --size small` (or `paper`; `--batch`, `--rounds`).
Cost: seconds (small), minutes (paper) on one core. Weights are random, so captions never end by themselves: all have
LENGTH tokens, in generation, cross-entropy and transformers alike. transformers decodes with a BART of the same width,
layers, heads, feed-forward, vocabulary, patches, beams and length. Medians over rounds that take turns.
Expect: a reward step below 4 cross-entropy steps of 5 references a picture; ours twice as fast as transformers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import torch
from einops import rearrange
from open_clip import get_model_config, get_tokenizer
from open_clip.model import CLIP
from torch import Tensor
from transformers import BartConfig, BartForConditionalGeneration

from captioner.beam import beam_search
from captioner.config import PRESETS, Decode, Run, Scst, override
from captioner.generate import at_rest
from captioner.models.captioner import Captioner, CaptionerConfig
from captioner.models.vocabulary import Vocabulary
from captioner.objectives import cross_entropy, self_critical
from captioner.rollout import Batch, judged, sample
from metric.clip import Clip, frozen, load_clip
from metric.embed import Embedder
from metric.example import Example
from metric.similarity import pac_s
from rewards.mix import Mix, Term
from rewards.similarity import Similarity
from rewards.spec import parse

LENGTH = 12  # tokens of a usual caption, EOS included
BEAMS, REFERENCES = 5, 5
PATCHES, FEATURES = 49, 768  # of ViT-B/32


class KnownImages(Embedder):
    """Pictures are embedded once for a data set, so not in a step: here they are given."""

    def images(self, images: list) -> Tensor:
        return torch.nn.functional.normalize(torch.ones(len(images), self.clip.dim), dim=-1)


@dataclass(frozen=True)
class Prefix:
    """What a decoder without a cache keeps: the patches, and all tokens read, `b k t`."""

    memory: Tensor
    tokens: Tensor | None = None

    def select(self, rows: Tensor) -> Prefix:
        assert self.tokens is not None
        flat = rearrange(self.tokens, "b k t -> (b k) t")[rows]
        return replace(self, tokens=rearrange(flat, "(b k) t -> b k t", b=len(self.memory)))


@dataclass(frozen=True)
class Uncached:
    """The same model, that reads every caption from its beginning at each step."""

    captioner: Captioner

    @property
    def vocabulary(self) -> Vocabulary:
        return self.captioner.vocabulary

    def start(self, memory: Tensor) -> Prefix:
        return Prefix(memory)

    def step(self, tokens: Tensor, prefix: Prefix) -> tuple[Tensor, Prefix]:
        tokens = tokens[..., None] if prefix.tokens is None else torch.cat([prefix.tokens, tokens[..., None]], -1)
        states, _ = self.captioner.read(tokens, self.captioner.start(prefix.memory))
        return self.captioner.logits(states[:, :, -1]), replace(prefix, tokens=tokens)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("small", "paper"), default="small")
    parser.add_argument("--batch", type=int, default=50, help="pictures")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.manual_seed(0)
    seconds = times(parts(args.size, args.batch), args.rounds)
    print(table(seconds, args.size, args.batch))


def parts(size: str, b: int) -> dict[str, Callable[[], object]]:
    """What is timed, by name; each call does the whole part."""
    run = override(Run(), {name: value for name, value in PRESETS[size].items() if name.startswith("model.")})
    run = replace(run, decode=Decode(max_length=LENGTH), scst=Scst(samples=BEAMS))
    captioner, reward = new_captioner(run), new_reward(size)
    examples = [Example(str(i), None) for i in range(b)]
    features = torch.randn(b, PATCHES, FEATURES)
    words = " ".join(["a"] * LENGTH)  # cut to LENGTH tokens
    one = Batch(examples, features, [words] * b, seed=0)
    all_references = replace(one, features=features.repeat(REFERENCES, 1, 1), captions=[words] * (b * REFERENCES))
    drawn = sample(captioner, one, run)
    bart = new_bart(run, captioner.vocabulary.size)
    embedded = torch.randn(b, PATCHES, run.model.d)
    whole = replace(one)

    def reward_step() -> None:
        whole.rollout = None
        self_critical(captioner, whole, fresh(reward), run)[0].backward()

    def update() -> None:
        self_critical(captioner, whole, reward, run)[0].backward()

    def uncached() -> None:
        with at_rest(captioner):
            beam_search(Uncached(captioner), captioner.encode(features), BEAMS, LENGTH)  # type: ignore[arg-type]

    reward_step()
    return {
        "generate": lambda: sample(captioner, one, run),
        "reward": lambda: judged(fresh(reward), one, drawn),
        "update": update,
        "reward step": reward_step,
        "XE step, 1 reference": lambda: cross_entropy(captioner, one, None, run)[0].backward(),
        f"XE step, {REFERENCES} references": lambda: cross_entropy(captioner, all_references, None, run)[0].backward(),
        "generate without a cache": uncached,
        "transformers' generate": lambda: bart.generate(
            inputs_embeds=embedded,
            num_beams=BEAMS,
            num_return_sequences=BEAMS,
            min_new_tokens=LENGTH,
            max_new_tokens=LENGTH,
            do_sample=False,
        ),
    }


def new_captioner(run: Run) -> Captioner:
    """Untrained; in training without dropout, as in the reward stage."""
    words = [chr(97 + i) * n for i in range(26) for n in range(1, 60)]
    vocabulary = Vocabulary.train(words, run.model.vocabulary) if run.model.vocabulary else Vocabulary.clip()
    shape = {
        name: getattr(run.model, name) for name in ("d", "heads", "encoder_layers", "decoder_layers", "feedforward")
    }
    return Captioner(
        CaptionerConfig(FEATURES, vocabulary.size, clip="random", clip_fingerprint="", **shape), vocabulary
    ).eval()


def new_reward(size: str) -> Mix:
    """PAC-S++ by scenes-clip, or by a ViT-B/32 with random weights."""
    if size == "small":
        clip = load_clip("scenes-clip")
    else:
        config = get_model_config("ViT-B-32-quickgelu")
        model = frozen(CLIP(**config))
        clip = Clip("random", model, lambda image: image, get_tokenizer("ViT-B-32-quickgelu"), {"model_cfg": config})
    similarity = Similarity("PAC-S++", KnownImages(clip), pac_s, False)
    return Mix([Term("pacspp", parse("pacspp"), ("images",), similarity, similarity.signature)])


def fresh(reward: Mix) -> Mix:
    """Texts are forgotten: a step's captions are new."""
    reward.terms[0].reward.embedder.known_texts.clear()  # type: ignore[attr-defined]
    return reward


def new_bart(run: Run, vocabulary: int) -> BartForConditionalGeneration:
    config = BartConfig(
        vocab_size=vocabulary,
        d_model=run.model.d,
        encoder_layers=run.model.encoder_layers,
        decoder_layers=run.model.decoder_layers,
        encoder_attention_heads=run.model.heads,
        decoder_attention_heads=run.model.heads,
        encoder_ffn_dim=run.model.feedforward,
        decoder_ffn_dim=run.model.feedforward,
        max_position_embeddings=64,
    )
    return BartForConditionalGeneration(config).eval()


def times(timed: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each; they take turns, so that what else the machine does meets all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, part in timed.items():
            started = time.process_time()
            part()
            seconds[name].append(time.process_time() - started)
    return {name: median(values) for name, values in seconds.items()}


def table(seconds: dict[str, float], size: str, b: int) -> str:
    share = {name: seconds[name] / sum(seconds[part] for part in ("generate", "reward", "update")) for name in seconds}
    lines = [f"{size}: {b} pictures x {BEAMS} beams, {LENGTH} tokens, {torch.get_num_threads()} thread(s), CPU seconds"]
    for name, value in seconds.items():
        part = f"{share[name]:5.0%} of the step" if name in ("generate", "reward", "update") else ""
        lines.append(f"  {name:28} {value:9.3f} s {part}")
    for one, other in (
        ("reward step", f"XE step, {REFERENCES} references"),
        ("reward step", "XE step, 1 reference"),
        ("generate without a cache", "generate"),
        ("transformers' generate", "generate"),
    ):
        lines.append(f"  {one} / {other}: {seconds[one] / seconds[other]:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
