"""Steps of one shape say what growing steps say, have one shape indeed, and can be compiled."""

from __future__ import annotations

import pytest
import torch

from captioner.decoding.fixed_shapes import FixedShapes
from captioner.decoding.generate import METHODS, generate
from captioner.model.encoder_decoder import Captioner

FEATURES = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))  # b p f
LONGEST = 8
SETTINGS = [{"method": method} for method in METHODS] + [{"guidance": 2.0}, {"no_repeat_ngram": 2}, {"max_length": 3}]


@pytest.fixture
def captioner(two_words) -> Captioner:
    return two_words(max_length=12, decoder_layers=2, drop_features=0.1)


def both(captioner: Captioner, decoder: FixedShapes, **settings):
    lots = torch.rand(3, 4, LONGEST, generator=torch.Generator().manual_seed(2))
    given = {"k": 4, "max_length": decoder.max_length, "lots": lots, **settings}
    return generate(captioner, FEATURES, **given), generate(captioner, FEATURES, decoder=decoder, **given)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_captions_are_those_of_growing_steps(captioner, settings):
    decoder = FixedShapes(captioner, settings.get("max_length", LONGEST))
    growing, fixed = both(captioner, decoder, **settings)
    assert torch.equal(fixed.tokens, growing.tokens)
    torch.testing.assert_close(fixed.log_probabilities, growing.log_probabilities)


def test_the_kernel_of_a_gpu_reads_the_mask_too(captioner, monkeypatch):
    monkeypatch.setattr("captioner.model.attention.has_kernel", lambda x: True)
    growing, fixed = both(captioner, FixedShapes(captioner, LONGEST))
    assert torch.equal(fixed.tokens, growing.tokens)


def test_all_steps_but_the_first_have_the_same_shapes(captioner):
    seen = []

    class Noted(FixedShapes):
        def step(self, tokens, cache):
            seen.append((tuple(tokens.shape), [None if own is None else tuple(own.shape) for own in cache.own]))
            return super().step(tokens, cache)

    both(captioner, Noted(captioner, LONGEST), method="sample")
    assert len(seen) > 2 and all(shapes == seen[1] for shapes in seen[2:])


@pytest.mark.parametrize("method", ["beam", "greedy"])
def test_a_step_is_one_graph_that_is_compiled_once_a_shape(captioner, method):
    graphs = []

    def note(module, inputs):
        graphs.append(module)
        return module

    torch._dynamo.reset()
    decoder = FixedShapes(captioner, LONGEST)
    decoder.read = torch.compile(captioner.step, dynamic=False, fullgraph=True, backend=note)
    for _ in range(2):
        growing, fixed = both(captioner, decoder, method=method)
        assert torch.equal(fixed.tokens, growing.tokens)
    assert len(graphs) == (3 if method == "beam" else 2)  # the first token, the first choice of beams, all others


def test_a_machine_without_a_compiler_says_so(captioner, monkeypatch):
    from torch._inductor import config

    torch._dynamo.reset()
    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    said = "nothing can be compiled on this machine: .*ompiler.*; leave --compile out"
    with config.patch(fx_graph_cache=False), pytest.raises(ValueError, match=said):
        FixedShapes(captioner, LONGEST, compile=True)


def test_shapes_of_shorter_captions_are_refused(captioner):
    with pytest.raises(ValueError, match="shapes of shorter captions, got max_length 8"):
        generate(captioner, FEATURES, max_length=LONGEST, decoder=FixedShapes(captioner, 3))
