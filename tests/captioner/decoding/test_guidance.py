"""Guided captions are those of a plain loop without a cache, which mixes both distributions of each token."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from captioner.decoding.generate import METHODS, generate
from captioner.model.encoder_decoder import Captioner

FEATURES = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))  # b p f
LONGEST = 6


@pytest.fixture
def captioner(two_words) -> Captioner:
    """A captioner that may be guided."""
    return two_words(max_length=LONGEST, decoder_layers=2, drop_features=0.1)


@torch.no_grad()
def guided(captioner: Captioner, features: Tensor, ids: list[int], guidance: float) -> Tensor:
    """log p of the next token, `v`: two whole passes, one of them over patches of zeros, in double precision."""
    tokens = torch.tensor([ids])
    seen = captioner(features[None], tokens)[0, -1].double().log_softmax(-1)
    alone = captioner(torch.zeros_like(features)[None], tokens)[0, -1].double().log_softmax(-1)
    return (alone + guidance * (seen - alone)).log_softmax(-1)


def said(row: Tensor) -> list[int]:
    """The ids after BOS, without the padding behind EOS."""
    ids = row.tolist()[1:]
    return ids[: ids.index(1) + 1] if 1 in ids else ids


@pytest.mark.parametrize("guidance", [0, 0.5, 2, 5])
def test_greedy_captions_are_those_of_a_plain_loop(captioner, guidance):
    found = generate(captioner, FEATURES, method="greedy", max_length=LONGEST, guidance=guidance)
    for b in range(3):
        ids, total = [0], 0.0
        while len(ids) <= LONGEST and 1 not in ids:
            log_p = guided(captioner, FEATURES[b], ids, guidance)
            ids.append(int(log_p.argmax()))
            total += float(log_p[ids[-1]])
        assert said(found.tokens[b, 0]) == ids[1:]
        assert found.log_probabilities[b, 0] == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("guidance", [0.5, 3])
def test_beams_are_those_of_a_plain_loop(captioner, guidance):
    found = generate(captioner, FEATURES, k=3, max_length=LONGEST, guidance=guidance)
    for b in range(3):
        beams = [(0.0, [0])]
        for _ in range(LONGEST):
            going = [(total, ids) for total, ids in beams if 1 not in ids]
            following = [beam for beam in beams if beam not in going]
            for total, ids in going:
                log_p = guided(captioner, FEATURES[b], ids, guidance).tolist()
                following += [(total + gain, [*ids, token]) for token, gain in enumerate(log_p)]
            beams = sorted(following, reverse=True)[:3]
        assert [said(row) for row in found.tokens[b]] == [ids[1:] for _, ids in beams]
        assert found.log_probabilities[b].tolist() == pytest.approx([total for total, _ in beams], abs=1e-4)


def test_samples_are_those_of_a_plain_loop_with_the_same_lots(captioner):
    lots = torch.rand(3, 4, LONGEST, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = generate(
        captioner, FEATURES, method="sample", k=4, max_length=LONGEST, guidance=2.0, lots=lots, temperature=1.5
    )
    for b in range(3):
        for k in range(4):
            ids = [0]
            while len(ids) <= LONGEST and 1 not in ids:
                chances = (guided(captioner, FEATURES[b], ids, 2.0) / 1.5).softmax(-1).tolist()
                lot, token = float(lots[b, k, len(ids) - 1]), 0
                while lot >= sum(chances[: token + 1]):
                    token += 1
                ids.append(token)
            assert said(found.tokens[b, k]) == ids[1:]


@pytest.mark.parametrize("method", METHODS)
def test_guidance_1_is_plain_decoding_to_the_bit(captioner, two_words, method):
    never = two_words(max_length=LONGEST, decoder_layers=2)  # the same weights, but it saw all pictures
    lots = torch.rand(3, 2, LONGEST, dtype=torch.float64)
    one = generate(captioner, FEATURES, method=method, k=2, max_length=LONGEST, guidance=1.0, lots=lots)
    other = generate(never, FEATURES, method=method, k=2, max_length=LONGEST, lots=lots)
    assert torch.equal(one.tokens, other.tokens) and torch.equal(one.log_probabilities, other.log_probabilities)


def test_guidance_0_says_the_same_of_every_picture(captioner):
    captions = generate(captioner, FEATURES, k=2, max_length=LONGEST, guidance=0.0).captions
    assert captions[0] == captions[1] == captions[2]


def test_no_picture_is_one_patch_or_any_number_of_patches_of_zeros(captioner):
    whole = captioner.encode(torch.zeros(1, 7, 4))
    torch.testing.assert_close(whole, captioner.encode_nothing().expand(1, 7, -1))


def test_guided_captions_do_not_depend_on_the_other_pictures_of_a_batch(captioner):
    together = generate(captioner, FEATURES, k=2, max_length=LONGEST, guidance=2.0).captions
    alone = [
        generate(captioner, FEATURES[b : b + 1], k=2, max_length=LONGEST, guidance=2.0).captions[0] for b in (2, 0)
    ]
    assert alone == [together[2], together[0]]


def test_a_captioner_that_saw_all_pictures_is_not_guided(two_words):
    with pytest.raises(ValueError, match="--guidance 2 needs .* saw all pictures; type --guidance 1, or train"):
        generate(two_words(), FEATURES, guidance=2.0, max_length=3)


@pytest.mark.parametrize("guidance", [-1.0, float("nan"), float("inf")])
def test_guidance_out_of_range_is_refused(captioner, guidance):
    with pytest.raises(ValueError, match=f"--guidance is 0 or more, where 1 .* got {guidance:g}"):
        generate(captioner, FEATURES, guidance=guidance, max_length=3)


def test_only_a_captioner_that_may_be_guided_says_so_in_its_config(two_words, tmp_path):
    two_words().save_pretrained(tmp_path / "saw-all")
    two_words(drop_features=0.25).save_pretrained(tmp_path / "hidden")
    assert "drop_features" not in (tmp_path / "saw-all" / "config.json").read_text()
    assert Captioner.from_pretrained(tmp_path / "saw-all").config == two_words().config
    assert Captioner.from_pretrained(tmp_path / "hidden").config == replace(two_words().config, drop_features=0.25)
