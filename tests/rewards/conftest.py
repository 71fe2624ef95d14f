import pytest

from rewards.registry import ENTRIES, MODULES


@pytest.fixture(autouse=True)
def registry():
    """What a test registers ends with it; built-in rewards stay, as their modules are imported only once."""
    before = dict(ENTRIES)
    yield ENTRIES
    for name in set(ENTRIES) - set(before) - set(MODULES):
        del ENTRIES[name]
    ENTRIES.update(before)
