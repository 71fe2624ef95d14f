"""The pytest plugin of the tests on an accelerator: the device, and the fixtures that captioner's tests have.

The device is the pretend one, or what the environment variable TESTS_DEVICE says: `cuda` on a machine with a GPU.
"""

import os

import pytest

from tests.captioner.conftest import few_scenes, hub_models, model, pictures, refused, scenes, tiny_clip, tiny_flags
from tests.pretend import accelerator
from tests.pretend.measured import squares

__all__ = ["few_scenes", "hub_models", "model", "pictures", "refused", "scenes", "tiny_clip", "tiny_flags"]

PRETEND = "pretend"
HERE = os.environ.get("TESTS_DEVICE", PRETEND)
"Kind of the device under test."


@pytest.fixture(scope="session")
def squares_data(tmp_path_factory) -> str:
    """A data set of eight pictures."""
    return squares(tmp_path_factory.mktemp("data") / "squares")


def pytest_configure(config) -> None:
    """Before any test is collected."""
    if HERE == PRETEND:
        config.pretend_accelerator = accelerator.install()  # alive as long as the session
