"""What all tests share."""

import pytest


@pytest.fixture(autouse=True)
def meteor_is_not_asked_for(monkeypatch):
    """METEOR's Java program takes many seconds to start: the tests of METEOR itself do so, not every `all`."""
    monkeypatch.setattr("metric.outside.meteor_absent", lambda: "no METEOR in this test")
