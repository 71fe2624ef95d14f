"""What a step asks of a GPU has an upper bound. docs/processes.md has the table, by `python -m tests.pretend`."""

import pytest

from tests.pretend.measured import (
    DECODING,
    LONG,
    METRIC,
    THEIRS,
    TRAINING,
    of_decoding,
    of_metric,
    of_training,
    of_transformers,
)

FETCHED, ASKED = 1, LONG // 8  # the tokens are fetched once, and the device is asked every eighth token
WAITS = {"cross-entropy": 1, "SCST on CIDEr": 3}  # the numbers of a step; and the tokens and questions of 12 tokens
LAUNCHES = {"greedy": 66, "beams": 91, "beams without repeats": 97, "diverse beams": 106, "samples": 78}


@pytest.mark.parametrize("name", DECODING)
def test_decoding_asks_the_device_every_eighth_token_alone(name):
    whole, step = of_decoding(DECODING[name])
    assert whole.waits == FETCHED + ASKED
    assert step.copies == 0, "numbers are sent before the first token"
    assert step.launches <= LAUNCHES[name]


@pytest.mark.parametrize("name", DECODING)
def test_steps_of_one_shape_ask_no_more(name):
    """A graph of a step may hold no question to the device, and no copy from the host."""
    growing, (whole, step) = of_decoding(DECODING[name])[0], of_decoding(DECODING[name], fixed=True)
    assert whole.waits == growing.waits and step.copies == 0


@pytest.mark.parametrize("name", THEIRS)
def test_a_token_asks_less_of_the_device_than_with_transformers(name):
    """Waits, launches and bytes of the same sizes, by `generate` of transformers."""
    (_, ours), (_, theirs) = of_decoding(DECODING[name]), of_transformers(THEIRS[name])
    assert ours.waits < theirs.waits and ours.launches < 0.8 * theirs.launches and ours.bytes < theirs.bytes


@pytest.mark.parametrize("name", TRAINING)
def test_a_step_of_training_waits_for_captions_embeddings_and_its_numbers(name, tiny_clip, squares_data, tmp_path):
    """Cross-entropy waits once. A reward by a CLIP embeds texts, and pictures that are new."""
    count = of_training(name, tiny_clip, squares_data, tmp_path / "run")
    updates = 2 if name.startswith("GRPO") else 1
    assert count.waits <= WAITS.get(name, 4 + updates)
    assert count.held_up == 0


@pytest.mark.parametrize("name", METRIC)
def test_a_step_of_a_metric_waits_for_its_numbers(name, tiny_clip, squares_data, tmp_path):
    count = of_metric(name, tiny_clip, squares_data, tmp_path / "run")
    assert count.waits == 1 and count.held_up == 0
