"""The reward `lm` on an untrained GPT-2 of a few thousand weights, against probabilities taken word by word."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from metric.example import Cut, Example
from rewards import Context, build, parse

EXAMPLES = [Example("a", None), Example("b", None)]
CAPTIONS = [["a red cat", "two dogs play in the snow on the beach"], ["", "a"]]


@pytest.fixture
def lm(gpt2):
    return build([parse(f"lm:model={gpt2}")], Context()).terms[0].reward


def word_by_word(folder: str, caption: str, end: bool = True) -> float:
    """One caption, no padding, no batch: each token after those before it."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = tokenizer.encode(caption, add_special_tokens=False) + [tokenizer.eos_token_id] * end
    said, total = [tokenizer.bos_token_id], 0.0
    for token in tokens:
        total += model(torch.tensor([said])).logits[0, -1].log_softmax(-1)[token].item()
        said.append(token)
    return total / len(tokens)


def test_it_is_the_mean_log_probability_of_the_tokens_and_the_end(lm, gpt2):
    expected = torch.tensor([[word_by_word(gpt2, caption) for caption in texts] for texts in CAPTIONS])
    torch.testing.assert_close(lm(EXAMPLES, CAPTIONS), expected)
    assert (expected < 0).all() and expected.std() > 0.1


def test_it_is_the_loss_that_transformers_itself_computes(lm, gpt2):
    tokens = AutoTokenizer.from_pretrained(gpt2)("a red cat", return_tensors="pt").input_ids  # with start and end
    loss = AutoModelForCausalLM.from_pretrained(gpt2).eval()(tokens, labels=tokens).loss
    assert lm(EXAMPLES[:1], [["a red cat"]]).item() == pytest.approx(-loss.item(), abs=1e-5)


def test_a_cut_caption_has_no_end(lm, gpt2):
    whole, cut = lm(EXAMPLES[:1], [["a red cat", Cut("a red cat")]])[0].tolist()
    assert cut == pytest.approx(word_by_word(gpt2, "a red cat", end=False), abs=1e-5) and cut != whole


def test_each_caption_goes_through_the_model_once(lm, monkeypatch):
    lm(EXAMPLES, CAPTIONS)
    monkeypatch.setattr(lm, "model", None)  # whatever asks it fails
    assert lm(EXAMPLES, CAPTIONS).shape == (2, 2)
    with pytest.raises(AttributeError):
        lm(EXAMPLES[:1], [["another"]])


def test_a_caption_longer_than_the_model_reads_is_read_as_far_as_it_goes(lm):
    assert lm(EXAMPLES[:1], [["dog " * 500]]).isfinite().all()


def test_equal_weights_have_equal_signatures(lm, gpt2, tmp_path):
    again = build([parse(f"lm:model={gpt2}")], Context()).terms[0].reward
    assert again.signature == lm.signature
    model = AutoModelForCausalLM.from_pretrained(gpt2)
    model.lm_head.weight.data[0, 0] += 1
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(gpt2).save_pretrained(tmp_path)
    assert build([parse(f"lm:model={tmp_path}")], Context()).terms[0].signature != lm.signature


@pytest.mark.parametrize("spec, complaint", [("lm", "type --reward lm:model=FOLDER"), ("lm:model={}", "no causal")])
def test_a_language_model_has_to_be_named_and_there(spec, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        build([parse(spec.format(tmp_path))], Context())


def test_a_caption_is_worth_the_same_to_the_bit_in_whatever_company(lm, gpt2):
    texts = ["a red cat", "dog", "a small red dog on the beach", "the sea", "a cat and a dog"]
    together = lm(EXAMPLES[:1], [texts])[0]
    fresh = build([parse(f"lm:model={gpt2}")], Context()).terms[0].reward
    assert [fresh(EXAMPLES[:1], [[text]]).item() for text in reversed(texts)] == together.tolist()[::-1]
