"""Formats round trip, shares add up, rewards choose: what `captioner caption` writes beyond one JSONL file."""

from __future__ import annotations

from tests.captioner.test_caption import caption, captioned, model, pictures  # noqa: F401
