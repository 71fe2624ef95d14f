from itertools import product
from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn

from captioner.config import Decode
from captioner.decoding.generate import (
    DIVERSITY,
    METHODS,
    Generated,
    captions_of,
    draw,
    generate,
    nucleus,
    uniform_from,
)
from captioner.decoding.log_probabilities import sequence_log_probabilities, token_divergence, true_tokens
from captioner.model.encoder_decoder import Captioner, CaptionerConfig
from captioner.model.vocabulary import BOS, EOS, PAD, Vocabulary
from metric.example import Cut, Example
from metric.runtime.prefixes import Prefixes


def words(count: int) -> Vocabulary:
    """BOS 0, EOS 1, PAD 2, then w0 w1 ..."""
    names = [BOS, EOS, PAD, *(f"w{i}" for i in range(count))]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([BOS, EOS, PAD])
    return Vocabulary(tokenizer)


def tiny(count: int = 2, spread: float = 0.5, **changes) -> Captioner:
    """Untrained, with weights large enough for its choices to differ."""
    vocabulary = words(count)
    shape = {
        "d": 8,
        "heads": 2,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "feedforward": 16,
        "max_length": 12,
    }
    config = CaptionerConfig(4, vocabulary.size, clip="tiny", clip_fingerprint="f00", **(shape | changes))
    captioner = Captioner(config, vocabulary)
    generator = torch.Generator().manual_seed(5)
    for parameter in captioner.parameters():
        nn.init.normal_(parameter, std=spread, generator=generator)
    return captioner.eval()


FEATURES = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))  # b p f


def every_sequence(v: int, max_length: int) -> list[tuple[int, ...]]:
    """All captions after BOS, that end with EOS (1) or at the limit."""
    ended = [(*said, 1) for t in range(max_length) for said in product([i for i in range(v) if i != 1], repeat=t)]
    return ended + list(product([i for i in range(v) if i != 1], repeat=max_length))


def log_probability(captioner: Captioner, features: Tensor, said: tuple[int, ...]) -> float:
    """Token by token, each from the model's whole forward pass."""
    total, tokens = 0.0, [0]
    for token in said:
        logits = captioner(features[None], torch.tensor([tokens]))[0, -1]
        total += logits.double().log_softmax(-1)[token].item()
        tokens.append(token)
    return total


def enumerated(captioner: Captioner, features: Tensor, max_length: int) -> list[tuple[float, tuple[int, ...]]]:
    every = every_sequence(captioner.vocabulary.size, max_length)
    return sorted(((log_probability(captioner, features, said), said) for said in every), reverse=True)


def said(row: Tensor) -> tuple[int, ...]:
    """Without BOS and the padding behind EOS."""
    ids = row.tolist()[1:]
    return tuple(ids[: ids.index(1) + 1] if 1 in ids else ids)


@torch.no_grad()
def test_beam_as_wide_as_the_space_is_enumeration() -> None:
    captioner = tiny(count=1)  # 4 tokens, at most 3: 1 + 3 + 9 end, 27 are cut
    found = generate(captioner, FEATURES, method="beam", k=40, max_length=3)
    for b in range(3):
        expected = enumerated(captioner, FEATURES[b], 3)
        assert len(expected) == 40
        assert [said(row) for row in found.tokens[b]] == [sequence for _, sequence in expected]
        values = torch.tensor([value for value, _ in expected])
        torch.testing.assert_close(found.log_probabilities[b], values, atol=1e-4, rtol=1e-4)
        assert values.exp().sum().item() == pytest.approx(1)


def plain_beam(captioner: Captioner, features: Tensor, k: int, max_length: int) -> list[tuple[float, tuple[int, ...]]]:
    """Beam search with lists, for one picture, without a cache."""
    beams: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for _ in range(max_length):
        following = []
        for total, ids in beams:
            if 1 in ids:
                following.append((total, ids))
                continue
            gain = captioner(features[None], torch.tensor([[0, *ids]]))[0, -1].log_softmax(-1)
            following += [(total + gain[i].item(), (*ids, i)) for i in range(len(gain))]
        beams = sorted(following, reverse=True)[:k]
    return beams


@torch.no_grad()
@pytest.mark.parametrize("k", [1, 2, 5])
def test_narrow_beams_are_those_of_a_search_with_lists(k: int) -> None:
    captioner = tiny(count=5)
    found = generate(captioner, FEATURES, method="beam", k=k, max_length=8)
    for b in range(3):
        expected = plain_beam(captioner, FEATURES[b], k, 8)
        assert [said(row) for row in found.tokens[b]] == [ids for _, ids in expected]


def test_greedy_is_a_beam_of_one() -> None:
    captioner = tiny(count=5)
    greedy = generate(captioner, FEATURES, method="greedy", max_length=8)
    beam = generate(captioner, FEATURES, method="beam", k=1, max_length=8)
    assert greedy.tokens.shape[1] == 1 and torch.equal(greedy.tokens, beam.tokens)
    assert greedy.captions == beam.captions
    torch.testing.assert_close(greedy.log_probabilities, beam.log_probabilities)


def plain_diverse(captioner: Captioner, features: Tensor, k: int, max_length: int) -> list[tuple[int, ...]]:
    """Diverse beam search of k groups of one beam with lists, for one picture, without a cache."""
    groups: list[tuple[int, ...]] = [()] * k
    for _ in range(max_length):
        said_here: list[int] = []
        for group, ids in enumerate(groups):
            if 1 in ids:
                continue
            scores = captioner(features[None], torch.tensor([[0, *ids]]))[0, -1].log_softmax(-1).tolist()
            scores = [score - DIVERSITY * said_here.count(i) for i, score in enumerate(scores)]
            said_here.append(scores.index(max(scores)))
            groups[group] = (*ids, said_here[-1])
    return groups


@torch.no_grad()
def test_diverse_beams_are_those_of_a_search_with_lists() -> None:
    captioner = tiny(count=5)
    found = generate(captioner, FEATURES, method="diverse_beam", k=4, max_length=8)
    expected = [plain_diverse(captioner, FEATURES[b], 4, 8) for b in range(3)]
    assert [[said(row) for row in rows] for rows in found.tokens] == expected
    assert all(len(set(groups)) > 1 for groups in expected)
    greedy = generate(captioner, FEATURES, method="greedy", max_length=8)
    assert [rows[0] for rows in found.captions] == [row for (row,) in greedy.captions]


@torch.no_grad()
def test_length_penalty_ranks_by_the_mean() -> None:
    captioner = tiny(count=1)
    found = generate(captioner, FEATURES, method="beam", k=40, max_length=3, length_penalty=1.0)
    for b in range(3):
        rank = [value / len(ids) for value, ids in enumerated(captioner, FEATURES[b], 3)]
        mine = [value.item() / len(said(row)) for value, row in zip(found.log_probabilities[b], found.tokens[b])]
        assert mine == pytest.approx(sorted(rank, reverse=True), abs=1e-4)


def frequencies(captioner: Captioner, n: int, **options: float) -> dict[tuple[int, ...], float]:
    generator = torch.Generator().manual_seed(3)
    found = generate(captioner, FEATURES[:1], method="sample", k=n, max_length=2, generator=generator, **options)
    counts: dict[tuple[int, ...], float] = {}
    for row in found.tokens[0]:
        counts[said(row)] = counts.get(said(row), 0) + 1 / n
    return counts


@torch.no_grad()
def test_sampling_frequencies_are_the_models_probabilities() -> None:
    captioner, n = tiny(count=1), 20_000
    found = frequencies(captioner, n)
    expected = {ids: torch.tensor(value).exp().item() for value, ids in enumerated(captioner, FEATURES[0], 2)}
    chi_square = sum(n * (found.get(ids, 0) - p) ** 2 / p for ids, p in expected.items())
    assert len(expected) == 13 and chi_square < 32.9  # 12 degrees of freedom: above it once in 1,000


@torch.no_grad()
def test_temperature_sharpens_and_top_p_cuts() -> None:
    captioner, n = tiny(count=1), 20_000
    logits = captioner(FEATURES[:1], torch.tensor([[0]]))[0, -1]

    def first(**options: float) -> Tensor:
        chances = torch.zeros(4)
        for ids, share in frequencies(captioner, n, **options).items():
            chances[ids[0]] += share
        return chances

    torch.testing.assert_close(first(temperature=0.5), (logits / 0.5).softmax(-1), atol=0.015, rtol=0)
    torch.testing.assert_close(first(temperature=3.0), (logits / 3).softmax(-1), atol=0.015, rtol=0)
    ordered, ids = logits.softmax(-1).sort(descending=True)
    two = first(top_p=ordered[0].item() + 1e-3)  # the likeliest alone falls short
    assert set(two.nonzero().flatten().tolist()) == set(ids[:2].tolist())
    torch.testing.assert_close(two[ids[:2]], ordered[:2] / ordered[:2].sum(), atol=0.015, rtol=0)


def test_draws_are_never_of_probability_0_and_follow_the_others() -> None:
    probability = torch.tensor([[0, 0.2, 0, 0.8, 0]]).expand(20_000, 5)
    ids = draw(probability, uniform_from(torch.Generator().manual_seed(0)))
    assert set(ids.tolist()) == {1, 3} and (ids == 3).float().mean().item() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_number_that_rounds_to_1_draws_a_token_of_some_probability(dtype, monkeypatch) -> None:
    monkeypatch.setattr("captioner.decoding.generate.widest", lambda device: dtype)
    probability = torch.tensor([[0.3, 0.7 + 2**-22, 0.0], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert draw(probability, torch.ones_like).tolist() == [1, 0, 2]


@pytest.mark.parametrize("method", METHODS)
def test_captions_are_the_same_when_a_device_is_asked_every_eighth_token(method, monkeypatch) -> None:
    asked: list[int] = []

    def seldom(done: Tensor, number: int) -> bool:
        asked.append(number)
        return (number + 1) % 8 == 0 and bool(done.all())

    def found(captioner: Captioner) -> Generated:
        drawn = torch.Generator().manual_seed(3)
        return generate(captioner, FEATURES, method=method, k=2, max_length=12, generator=drawn)

    captioners = tiny(count=5), tiny(count=5)
    captioners[1].token.weight.data[1] += captioners[1].decoder_norm.bias.data * 2  # EOS is likely
    often = [found(captioner) for captioner in captioners]
    for module in ("generate", "beam_search"):
        monkeypatch.setattr(f"captioner.decoding.{module}.all_ended", seldom)
    for captioner, before in zip(captioners, often):
        after = found(captioner)
        assert torch.equal(before.tokens, after.tokens) and before.captions == after.captions
        torch.testing.assert_close(before.log_probabilities, after.log_probabilities)
    assert sum(before.tokens.shape[-1] - 1 for before in often) < len(asked)  # steps beyond the end were made


def test_nucleus_is_the_fewest_tokens_that_reach_top_p() -> None:
    probability = torch.tensor([[0.1, 0.5, 0.15, 0.25]])
    assert nucleus(probability, 0.5).tolist() == [[0, 0.5, 0, 0]]
    torch.testing.assert_close(nucleus(probability, 0.6), torch.tensor([[0, 0.5, 0, 0.25]]))
    torch.testing.assert_close(nucleus(probability, 0.99), probability)


@pytest.mark.parametrize("method", METHODS)
def test_log_probabilities_are_the_teacher_forced_ones(method: str) -> None:
    captioner = tiny(count=5)
    generator = torch.Generator().manual_seed(0)
    found = generate(captioner, FEATURES, method=method, k=4, max_length=8, temperature=2.0, generator=generator)
    again = sequence_log_probabilities(captioner, FEATURES, found.tokens)
    torch.testing.assert_close(found.log_probabilities, again.sum(-1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_finished_rows_emit_padding_only(method: str) -> None:
    generator = torch.Generator().manual_seed(0)
    found = generate(tiny(count=3), FEATURES, method=method, k=4, max_length=10, generator=generator)
    for row, caption in zip(found.tokens.flatten(0, 1).tolist(), sum(found.captions, [])):
        end = row.index(1) if 1 in row else len(row)
        assert row[0] == 0 and set(row[end + 1 :]) <= {2}
        assert isinstance(caption, Cut) == (1 not in row)


@pytest.mark.parametrize("method", METHODS)
def test_generation_stops_when_all_have_ended_and_at_the_limit(method: str) -> None:
    captioner = tiny()
    ending, endless = tiny(spread=0.0), tiny(spread=0.0)
    for model, favourite in ((ending, 1), (endless, 3)):
        nn.init.ones_(model.decoder_norm.bias)
        nn.init.zeros_(model.decoder_norm.weight)
        model.token.weight.data[favourite] = 20  # logits 160 for it, 0 for the others
    assert generate(ending, FEATURES, method=method, k=1, max_length=12).tokens.shape == (3, 1, 2)
    assert generate(endless, FEATURES, method=method, k=1, max_length=7).tokens.shape == (3, 1, 8)
    assert generate(endless, FEATURES, method=method, k=1, max_length=2).captions[0] == ["w0 w0"]
    with pytest.raises(ValueError, match="reads 12 tokens at most, got max_length 13"):
        generate(captioner, FEATURES, method=method, max_length=13)


def sampled(captioner: Captioner, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return generate(captioner, FEATURES, method="sample", k=6, max_length=9, generator=generator).tokens


def test_samples_are_repeatable_and_differ() -> None:
    captioner = tiny(count=5)
    one, two, other = (sampled(captioner, seed) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert len({tuple(row) for row in one[0].tolist()}) > 1


def test_a_pictures_own_lots_draw_the_same_whoever_is_beside_it() -> None:
    captioner = tiny(count=5)
    lots = torch.rand(3, 6, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    together = generate(captioner, FEATURES, method="sample", k=6, max_length=9, lots=lots)
    for i in (2, 0, 1):
        one = slice(i, i + 1)
        alone = generate(captioner, FEATURES[one], method="sample", k=6, max_length=9, lots=lots[one])
        assert alone.captions[0] == together.captions[i]
    assert len({*together.captions[0]}) > 1


def test_lots_choose_the_token_whose_heap_they_fall_in() -> None:
    captioner = tiny(count=1)
    chances = captioner(FEATURES[:1], torch.tensor([[0]]))[0, -1].softmax(-1)
    lots = torch.linspace(0, 0.999, 50, dtype=torch.float64)
    first = generate(captioner, FEATURES[:1], method="sample", k=50, max_length=1, lots=lots[None, :, None]).tokens
    heaped = chances.double().cumsum(0)
    assert first[0, :, 1].tolist() == [int((heaped <= lot * heaped[-1]).sum()) for lot in lots]


def test_generation_has_no_dropout_and_no_gradient_and_training_goes_on() -> None:
    captioner = tiny(count=5, dropout=0.5)
    calm = generate(captioner, FEATURES, k=3, max_length=8)
    captioner.train()
    found = generate(captioner, FEATURES, k=3, max_length=8)
    assert torch.equal(calm.tokens, found.tokens) and not found.log_probabilities.requires_grad
    assert captioner.training and captioner.decoder[0].training
    with pytest.raises(RuntimeError):
        generate(captioner, FEATURES[..., :3], max_length=8)
    assert captioner.training


def test_true_tokens_end_with_the_first_end() -> None:
    tokens = torch.tensor([[0, 5, 1, 2, 2], [0, 5, 6, 7, 8], [0, 1, 1, 5, 1]])
    assert true_tokens(tokens, 1).int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]


def test_sequence_log_probabilities_are_those_of_forward_and_have_its_gradient() -> None:
    captioner = tiny(count=5)
    tokens = torch.tensor([[[0, 5, 4, 1, 2], [0, 3, 3, 3, 3]]]).expand(3, 2, 5)
    expected = captioner(FEATURES, tokens[..., :-1]).log_softmax(-1)
    expected = expected.gather(-1, tokens[..., 1:, None]).squeeze(-1) * true_tokens(tokens, 1)
    found = sequence_log_probabilities(captioner, FEATURES, tokens)
    torch.testing.assert_close(found, expected)
    assert found[0, 0, 3] == 0
    torch.testing.assert_close(
        *(torch.autograd.grad(x.square().sum(), captioner.token.weight)[0] for x in (found, expected))
    )


def test_divergence_of_tokens_is_that_of_whole_captions_and_0_from_itself() -> None:
    """KL(p || q) = sum over captions of p log(p / q) = the mean over captions of the sum of their tokens'."""
    one, other = tiny(count=1), tiny(count=1, spread=0.7)
    every = every_sequence(4, 3)
    tokens = torch.tensor([[0, *ids, *[2] * (3 - len(ids))] for ids in every])[None]  # 1 n t
    log_p, kl = token_divergence(one, other, FEATURES[:1], tokens)
    torch.testing.assert_close(log_p, sequence_log_probabilities(one, FEATURES[:1], tokens))
    p, q = (sequence_log_probabilities(model, FEATURES[:1], tokens).sum(-1) for model in (one, other))
    expected = (p.exp() * (p - q)).sum()
    torch.testing.assert_close((p.exp() * kl.sum(-1)).sum(), expected)
    assert expected > 0.1
    assert token_divergence(one, one, FEATURES[:1], tokens)[1].abs().max() < 1e-6
    kl.sum().backward()
    assert one.token.weight.grad is not None and other.token.weight.grad is None


def test_bf16_generation_is_scored_in_fp32() -> None:
    captioner = tiny(count=5)
    with torch.autocast("cpu", torch.bfloat16):
        found = generate(captioner, FEATURES, k=3, max_length=8)
        again = sequence_log_probabilities(captioner, FEATURES, found.tokens)
    assert found.log_probabilities.dtype == again.dtype == torch.float32
    torch.testing.assert_close(found.log_probabilities, again.sum(-1), atol=0.3, rtol=0.05)


def test_captions_of_examples_are_their_best_beams() -> None:
    captioner = tiny(count=5)
    examples = [Example(name, SimpleNamespace()) for name in "abc"]

    class Store:
        def __getitem__(self, ids: list[str]) -> Tensor:
            return FEATURES[["abc".index(name) for name in ids]]

    found = captions_of(captioner, examples, Store(), Decode(beams=3, max_length=8))
    best = generate(captioner, FEATURES, k=3, max_length=8).captions
    assert found == {name: beams[0] for name, beams in zip("abc", best)}


def test_impossible_settings_are_refused() -> None:
    captioner = tiny()
    with pytest.raises(ValueError, match="greedy, beam, diverse_beam, sample, got 'beem'"):
        generate(captioner, FEATURES, method="beem", max_length=5)
    with pytest.raises(ValueError, match="got 0 and 1"):
        generate(captioner, FEATURES, method="sample", temperature=0, max_length=5)
    with pytest.raises(ValueError, match="got 1.0 and 0"):
        generate(captioner, FEATURES, method="sample", top_p=0, max_length=5)


def test_shared_beginnings_have_the_gradient_of_captions_one_by_one(two_words):
    captioner, features = two_words(max_length=8, decoder_layers=2), torch.randn(3, 5, 4)
    tokens = torch.randint(0, 3, (3, 4, 8), generator=torch.Generator().manual_seed(5))
    tokens[..., 0] = 0
    weights = torch.randn(3, 4, 7)
    found = {}
    for name, parts in (("at once", [tokens]), ("one by one", tokens.split(1, dim=1))):
        captioner.zero_grad()
        log_p = torch.cat([sequence_log_probabilities(captioner, features, part) for part in parts], dim=1)
        (weights * log_p).sum().backward()
        found[name] = [log_p.detach(), *(parameter.grad.clone() for parameter in captioner.parameters())]
    assert len(Prefixes.of(tokens[..., :-1], true_tokens(tokens, 1)).first) < true_tokens(tokens, 1).sum() * 0.9
    for one, other in zip(found["at once"], found["one by one"]):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["greedy", "beam", "diverse_beam", "sample"])
def test_autocast_forgets_weights_that_were_cast_without_a_gradient(two_words, monkeypatch, method):
    """PyTorch up to 2.8 would use them again in a gradient pass of the same autocast region, in silence."""
    captioner, cleared = two_words(), []
    monkeypatch.setattr(torch, "clear_autocast_cache", lambda: cleared.append(method))
    with torch.autocast("cpu", torch.bfloat16):
        generate(captioner, torch.zeros(1, 3, 4), method=method, k=2, max_length=3)
        assert cleared == [method]  # before the region itself ends, which clears too
