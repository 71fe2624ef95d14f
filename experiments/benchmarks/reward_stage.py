"""The cost of a reward step, part by part, against cross-entropy, decoding without a cache, and transformers.

Command: `.venv/bin/python -m experiments.benchmarks.reward_stage --size small` (or `paper`; `--precision bf16`;
`--rounds N`; `--device cuda`).
Cost: seconds (small) or minutes (paper) of one core. Time is CPU time; on a GPU it is that of the clock.
Weights are random, so captions never end by themselves. All captions have LENGTH tokens, here and in transformers. The
beams of a random model begin too much alike (2.6 to 3.3 tokens a distinct beginning). Reward and update therefore get
made candidates with 1.7 tokens. The beams of the demo's captioners have 1.63 to 1.84 (samples have 1.2).
transformers decodes with a BART of the same width, layers, heads, feed-forward, vocabulary, patches, beams and length.
`decode` begins with encoded pictures and ends with token ids, in both programs. `its matrix products alone` is the time
of the products that both programs need, so no decoder can be quicker. Figures are medians over rounds in turn.
Expect: a reward step costs less than 4 cross-entropy steps. Decoding is faster than transformers', and the difference
shrinks where the matrix products dominate. LOG.md has the figures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
from einops import rearrange
from open_clip import get_model_config, get_tokenizer
from open_clip.model import CLIP
from torch import Tensor, nn
from torchvision.transforms.functional import to_tensor
from transformers import BartConfig, BartForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from captioner.config import Decode, Rl, Run, override
from captioner.data import load
from captioner.decoding.beam_search import beam_search
from captioner.decoding.generate import Generated, at_rest
from captioner.model.encoder_decoder import Captioner
from captioner.model.vocabulary import Vocabulary
from captioner.presets import PRESETS
from captioner.training.objectives import cross_entropy, self_critical
from captioner.training.opening import untrained, vocabulary_of
from captioner.training.rollout import Batch, Drawn, Place, judged, sample
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.clip.model import Clip, frozen
from metric.example import Example, Picture
from metric.runtime.device import device_of
from metric.runtime.precision import PRECISIONS, mixed
from metric.runtime.prefixes import Prefixes
from metric.similarity import pac_s
from rewards.built_in.clip_similarity import Similarity
from rewards.mix import Mix, Term
from rewards.spec import parse

LENGTH = 12  # tokens of a usual caption, EOS included
BEAMS, REFERENCES = 5, 5
SHARED = (LENGTH, 9, 6, 4, 2)  # tokens of each candidate that the first has too: 1.7 for each distinct beginning
LOOKS = {"small": (36, 128), "paper": (49, 768)}  # patches and their features: of scenes-clip, of ViT-B/32


class KnownImages(Embedder):
    """An Embedder with given pictures. A run embeds each picture once, and not in every step."""

    def images(self, images: Sequence[Path | Picture]) -> Tensor:
        return torch.nn.functional.normalize(torch.ones(len(images), self.clip.dim), dim=-1)


@dataclass(frozen=True)
class Prefix:
    """The state of a decoder without a cache: the patches, and all tokens read so far, `b k t`."""

    memory: Tensor
    tokens: Tensor | None = None

    def select(self, rows: Tensor) -> Prefix:
        assert self.tokens is not None
        flat = rearrange(self.tokens, "b k t -> (b k) t")[rows]
        return replace(self, tokens=rearrange(flat, "(b k) t -> b k t", b=len(self.memory)))


@dataclass(frozen=True)
class Uncached:
    """The same model without a cache. Each step reads every caption from its beginning."""

    captioner: Captioner

    @property
    def vocabulary(self) -> Vocabulary:
        return self.captioner.vocabulary

    def start(self, memory: Tensor) -> Prefix:
        return Prefix(memory)

    def step(self, tokens: Tensor, prefix: Prefix) -> tuple[Tensor, Prefix]:
        tokens = tokens[..., None] if prefix.tokens is None else torch.cat([prefix.tokens, tokens[..., None]], -1)
        states = self.captioner.read(prefix.memory, Prefixes.apart(tokens))
        return self.captioner.logits(states.view(*tokens.shape, -1)[:, :, -1]), replace(prefix, tokens=tokens)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("small", "paper"), default="small")
    parser.add_argument("--batch", type=int, default=50, help="pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of all parts but the reward")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.manual_seed(0)
    device = device_of(args.device)
    with mixed(device, PRECISIONS[args.precision]):
        seconds = times(parts(args.size, args.batch, device), args.rounds, device)
    print(table(seconds, f"{args.size}, {args.precision}, {device}", args.batch))


def parts(size: str, b: int, device: torch.device) -> dict[str, Callable[[], object]]:
    """Name -> function that does the whole part. The functions are timed."""
    run = override(Run(), {name: value for name, value in PRESETS[size].items() if name.startswith("model.")})
    run = replace(run, decode=Decode(max_length=LENGTH), rl=Rl(samples=BEAMS))
    texts = [text for example in load("scenes:count=500", "train") for text in example.references]
    vocabulary = vocabulary_of(run.model, texts)
    captioner = untrained(run.model, vocabulary, LOOKS[size][1], LENGTH, "random", "").to(device)
    captioner.eval()  # no dropout, as in SCST
    reward = new_reward(size, device)
    examples = [Example(str(i), Path(str(i))) for i in range(b)]
    features = torch.randn(b, *LOOKS[size]).to(device)
    long = " ".join(texts[:LENGTH])  # cut to LENGTH tokens
    tokens = vocabulary.encode([long] * b, LENGTH + 1)[:, None].to(device)
    one = Batch(examples, features, tokens, 0, Place(0, b))
    all_references = replace(
        one, features=features.repeat(REFERENCES, 1, 1), references=tokens.repeat(REFERENCES, 1, 1)
    )
    drawn = candidates(vocabulary, texts, b)
    judged_candidates = Drawn(drawn.tokens, drawn.captions, *judged(reward, one, drawn), mean_length=LENGTH)
    bart = new_bart(run, vocabulary.size).to(device)
    embedded = torch.randn(b, LOOKS[size][0], run.model.d).to(device)

    def update() -> None:
        self_critical(captioner, one, judged_candidates, run).value.backward()

    def learn(batch: Batch) -> None:
        cross_entropy(captioner, batch, LENGTH, run).value.backward()

    def reward_step() -> None:
        sample(captioner, one, run)
        judged(fresh(reward), one, drawn)
        update()

    with at_rest(captioner):
        memory = captioner.encode(features)

    def decode(model: Captioner | Uncached) -> None:
        with at_rest(captioner):
            beam_search(model, memory, BEAMS, LENGTH)  # type: ignore[arg-type]

    def products() -> None:
        with torch.no_grad():
            for rows in [b] + [b * BEAMS] * (LENGTH - 1):
                multiply(captioner, rows)

    def transformers_decode(**inputs: object) -> None:
        bart.generate(
            **inputs,
            num_beams=BEAMS,
            num_return_sequences=BEAMS,
            max_new_tokens=LENGTH,
            eos_token_id=None,
            do_sample=False,
        )

    reward_step()
    return {
        "generate": lambda: sample(captioner, one, run),
        "reward": lambda: judged(fresh(reward), one, drawn),
        "update": update,
        "reward step": reward_step,
        "XE step, 1 reference": lambda: learn(one),
        f"XE step, {REFERENCES} references": lambda: learn(all_references),
        "decode": lambda: decode(captioner),
        "its matrix products alone": products,
        "decode without a cache": lambda: decode(Uncached(captioner)),
        "transformers' generate": lambda: transformers_decode(inputs_embeds=embedded),
        "transformers' decode": lambda: transformers_decode(encoder_outputs=BaseModelOutput(embedded)),
    }


def multiply(captioner: Captioner, rows: int) -> None:
    """Computes the matrix products that any decoder of this shape needs for one more token of `rows` captions."""
    for layer in captioner.layers:
        for name, module in layer.named_modules():
            if isinstance(module, nn.Linear) and name != "cross.key_value":  # computed once a picture
                module(module.weight.new_zeros(rows, module.in_features))
    captioner.logits(captioner.token.weight.new_zeros(rows, captioner.config.d))


def candidates(vocabulary: Vocabulary, texts: list[str], b: int) -> Generated:
    """Made candidates of LENGTH tokens from `texts`. Candidate i begins with SHARED[i] tokens of the first."""
    ids = vocabulary.encode(texts, 2 * LENGTH).unique()
    ids = ids[~torch.isin(ids, torch.tensor([vocabulary.bos, vocabulary.eos, vocabulary.pad]))]
    tokens = ids[torch.randint(len(ids), (b, BEAMS, LENGTH + 1))]
    tokens[:, :, 0] = vocabulary.bos
    for candidate, shared in enumerate(SHARED):
        tokens[:, candidate, : shared + 1] = tokens[:, 0, : shared + 1]
    captions = vocabulary.decode(tokens.flatten(0, 1))
    return Generated(tokens, torch.zeros(b, BEAMS), [captions[i : i + BEAMS] for i in range(0, b * BEAMS, BEAMS)])


def new_reward(size: str, device: torch.device) -> Mix:
    """The reward PAC-S++ of scenes-clip, or of a ViT-B/32 with random weights."""
    if size == "small":
        clip = load_clip("scenes-clip", device)
    else:
        config = get_model_config("ViT-B-32-quickgelu")
        model = frozen(CLIP(**config)).to(device)
        clip = Clip("random", model, to_tensor, get_tokenizer("ViT-B-32-quickgelu"), {"model_cfg": config})
    similarity = Similarity("PAC-S++", KnownImages(clip), pac_s, False)
    return Mix([Term("pacspp", parse("pacspp"), ("images",), similarity, similarity.signature)])


def fresh(reward: Mix) -> Mix:
    """The reward without its cache of texts, as for the new captions of a step."""
    reward.terms[0].reward.embedder.known_texts.clear()  # type: ignore[attr-defined]
    return reward


def new_bart(run: Run, vocabulary: int) -> BartForConditionalGeneration:
    """A BART of the sizes of our captioner, with random weights."""
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


def times(timed: dict[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, float]:
    """Median seconds of each part. The parts take turns, so that other work on the machine meets all alike."""
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, part in timed.items():
            taken[name].append(seconds_of(part, device))
    return {name: median(values) for name, values in taken.items()}


def seconds_of(part: Callable[[], object], device: torch.device) -> float:
    """The CPU seconds of a part; on a GPU those of the clock, until its last kernel has ended."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    started = clock()
    part()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - started


def table(seconds: dict[str, float], title: str, b: int) -> str:
    """The seconds and their ratios as text, for `b` pictures."""
    share = {name: seconds[name] / sum(seconds[part] for part in ("generate", "reward", "update")) for name in seconds}
    lines = [f"{title}: {b} pictures x {BEAMS} beams, {LENGTH} tokens, {torch.get_num_threads()} thread(s)"]
    for name, value in seconds.items():
        part = f"{share[name]:5.0%} of the step" if name in ("generate", "reward", "update") else ""
        lines.append(f"  {name:28} {value:9.3f} s {part}")
    for one, other in (
        ("reward step", f"XE step, {REFERENCES} references"),
        ("reward step", "XE step, 1 reference"),
        ("transformers' generate", "generate"),
        ("transformers' decode", "decode"),
        ("transformers' decode", "its matrix products alone"),
        ("decode without a cache", "decode"),
    ):
        lines.append(f"  {one} / {other}: {seconds[one] / seconds[other]:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
