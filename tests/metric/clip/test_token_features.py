from __future__ import annotations

import torch

from metric.clip.token_features import cut, lengths, padding, token_features

TEXTS = ["a ball", "two dogs run", " ".join(["dogs"] * 30), "a red ball on the beach", "snow"]


def test_token_that_speaks_for_the_text_has_the_texts_vector(any_clip):
    tokens = any_clip.tokenizer(TEXTS)
    last = "last" in str(any_clip.config)
    place = torch.full((len(TEXTS),), tokens.shape[1] - 1) if last else lengths(any_clip, tokens) - 1
    features = token_features(any_clip, tokens)
    torch.testing.assert_close(features[torch.arange(len(TEXTS)), place], any_clip.encode_text(TEXTS))
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(features.shape[:2]))


def test_lengths_count_start_and_end_and_no_padding(any_clip):
    tokens = any_clip.tokenizer(TEXTS)
    expected = [len(any_clip.tokenizer.tokenizer(text).input_ids) for text in TEXTS]
    assert lengths(any_clip, tokens).tolist() == [min(12, length) for length in expected]


def test_cut_texts_are_those_longer_than_the_context_and_keep_their_end(any_clip):
    texts = [" ".join(["dogs"] * n) for n in range(1, 25)]
    whole = [len(any_clip.tokenizer.tokenizer(text).input_ids) for text in texts]
    assert 12 in whole and 13 in whole  # the boundary is among them
    tokens = any_clip.tokenizer(texts)
    assert cut(any_clip, texts, tokens).tolist() == [length > 12 for length in whole]
    end = any_clip.tokenizer.tokenizer.eos_token_id
    assert all(row[length - 1] == end for row, length in zip(tokens, lengths(any_clip, tokens)))


def test_end_that_is_also_the_padding_hides_no_cut(any_clip):
    # as SigLIP's tokenizer has it
    inner = any_clip.tokenizer.tokenizer
    inner.pad_token = inner.eos_token
    assert padding(any_clip) == inner.eos_token_id
    texts = [" ".join(["dogs"] * n) for n in range(1, 25)]
    whole = [len(inner(text).input_ids) for text in texts]
    assert cut(any_clip, texts, any_clip.tokenizer(texts)).tolist() == [length > 12 for length in whole]
