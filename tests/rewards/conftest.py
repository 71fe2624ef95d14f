import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from metric.clip import new_tokenizer
from rewards.registry import ENTRIES, MODULES


@pytest.fixture(autouse=True)
def registry():
    """What a test registers ends with it; built-in rewards stay, as their modules are imported only once."""
    before = dict(ENTRIES)
    yield ENTRIES
    for name in set(ENTRIES) - set(before) - set(MODULES):
        del ENTRIES[name]
    ENTRIES.update(before)


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory) -> str:
    """The folder of an untrained GPT-2 of a few thousand weights that reads 48 tokens."""
    folder = tmp_path_factory.mktemp("gpt2")
    tokenizer = new_tokenizer.train(["a red cat on the beach", "two dogs play in the snow"], 300)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    shape = {"n_positions": 48, "n_embd": 16, "n_layer": 2, "n_head": 2, "initializer_range": 0.5}
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **shape, **ends)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
