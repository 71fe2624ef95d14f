"""The log-probability of captions under a language model, which does not see the picture.

Axes: b images, k captions of each, n texts, t tokens, v words of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from einops import rearrange, reduce
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from metric.example import Cut, Example
from metric.runtime.device import sent
from metric.runtime.fixed_batches import alike
from metric.runtime.progress import without_bars
from metric.storage.tensors import fingerprint
from rewards.context import Context
from rewards.registry import register

BATCH = 32  # captions at a time: logits of 32 x 30 x 50,000 are 200 MB
LONGEST = 256  # tokens of a caption that are read
REMEMBERED = 100_000  # captions whose value is kept
NOTHING = -100  # the target of a position that cross-entropy leaves out

Key = tuple[str, bool]  # a caption, and whether the length limit ended it


@register("lm", needs=("weights",))
class LanguageModel:
    """Mean log-probability of the caption's tokens under a causal language model, in nats, at most 0.

    1/n sum over tokens of log p(token | start, tokens before). The end of the sentence is a token too, unless the
    length limit ended the caption. `model` is a folder or a hub id that transformers loads, such as gpt2. The model
    sees no picture: raised alone, the reward leads to phrases that fit any picture.
    Cost: one forward pass of the model for each different caption, 32 in a batch.
    """

    def __init__(self, context: Context, model: str = "") -> None:
        if not model:
            raise ValueError("reward lm needs a language model, got none; type --reward lm:model=FOLDER or a hub id")
        self.tokenizer, self.model = load(model)
        self.model.to(context.device)  # type: ignore[arg-type]  # transformers annotates a device only
        self.end = self.tokenizer.eos_token_id
        # the token before the first word; GPT-2 and others have one token for the start and the end
        self.start = self.end if self.tokenizer.bos_token_id is None else self.tokenizer.bos_token_id
        known_length = getattr(self.model.config, "max_position_embeddings", LONGEST)  # some have no limit
        self.longest = min(known_length, self.tokenizer.model_max_length, LONGEST)
        self.signature = f"lm[weights={fingerprint(self.model.config.to_dict(), self.model.state_dict())}]"
        self.values: dict[Key, float] = {}

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`."""
        keys = [(str(text), isinstance(text, Cut)) for text in chain.from_iterable(captions)]
        if len(self.values) > REMEMBERED:
            self.values.clear()
        new = list(dict.fromkeys(key for key in keys if key not in self.values))
        rows = [[self.start, *self.tokens(key)] for key in new]
        for batch, filled, t in alike([len(row) for row in rows], self.longest, BATCH):
            values = self.mean_log_probabilities([rows[item] for item in filled], t).tolist()
            self.values.update((new[item], value) for item, value in zip(batch, values))
        return rearrange(torch.tensor([self.values[key] for key in keys]), "(b k) -> b k", b=len(examples))

    @torch.no_grad()
    def mean_log_probabilities(self, rows: Sequence[Sequence[int]], t: int) -> Tensor:
        """n rows of tokens -> `n`. Rows are padded to t on the right, where a causal model does not look."""
        device, padded = self.model.device, [[*row, *[self.end] * (t - len(row))] for row in rows]
        lengths, tokens = (sent(torch.tensor(given), device) for given in ([*map(len, rows)], padded))
        mask = (torch.arange(t, device=device) < lengths[:, None]).long()  # n t
        logits = self.model(input_ids=tokens, attention_mask=mask).logits[:, :-1].float()
        targets = tokens[:, 1:].masked_fill(mask[:, 1:] == 0, NOTHING)
        loss = F.cross_entropy(
            rearrange(logits, "n t v -> (n t) v"), targets.flatten(), ignore_index=NOTHING, reduction="none"
        )
        return -reduce(loss, "(n t) -> n", "sum", n=len(rows)) / mask[:, 1:].sum(1)

    def tokens(self, key: Key) -> list[int]:
        """The tokens of a caption and its end, at most `longest` with the start. An empty caption is its end alone."""
        caption, cut = key
        tokens = self.tokenizer.encode(caption, add_special_tokens=False)
        return [*tokens, *([] if cut and tokens else [self.end])][: self.longest - 1]


def load(name: str) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """A tokenizer and its frozen model in fp32. Raises ValueError for a name that transformers cannot load."""
    try:
        with without_bars():
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"reward lm: no causal language model {name} ({' '.join(str(error).split())[:200]})"
        ) from error
    if tokenizer.eos_token_id is None:
        raise ValueError(f"reward lm: the tokenizer of {name} has no end-of-sentence token")
    return tokenizer, model.eval().requires_grad_(False)
