"""The ledger: one form of line, one form of file, and what is read twice counts once."""

from __future__ import annotations

import json

import pytest

from metric.storage.ledger import Ledger, beside, kept, record, report, report_all


def found(*names: str, reason: str = "no such file") -> Ledger:
    ledger = Ledger()
    for name in names:
        ledger.add("photos.csv", "picture", name, reason)
    return ledger


def rows(place) -> list[dict]:
    return [json.loads(line) for line in place.read_text().splitlines()]


def test_line_has_source_count_kind_reason_and_first():
    assert found("a.jpg", "b.jpg").lines() == ["photos.csv: 2 pictures left out: no such file, the first a.jpg"]
    assert found("a.jpg").lines() == ["photos.csv: 1 picture left out: no such file, the first a.jpg"]


def test_reasons_that_differ_in_numbers_share_a_line():
    ledger = found("a.jpg", reason="cut after 12 bytes")
    ledger.take(found("b.jpg", reason="cut after 7 bytes"))
    assert ledger.lines() == ["photos.csv: 2 pictures left out: cut after N bytes, the first a.jpg"]


def test_ledger_is_written_at_the_end_and_goes_when_nothing_is_left_out(tmp_path):
    place = tmp_path / "left-out.jsonl"
    with kept(place):
        report(found("a.jpg", "a.jpg", "b.jpg"))
    one = {"source": "photos.csv", "kind": "picture", "id": "a.jpg", "reason": "no such file"}
    assert rows(place) == [one | {"count": 2}, one | {"id": "b.jpg"}]
    with kept(place):
        pass
    assert not place.exists()


def test_second_reading_is_neither_told_nor_counted_again(tmp_path, caplog):
    with kept(None) as ledger:
        report(found("a.jpg"))
        report(found("a.jpg", "b.jpg"))
        record(found("c.jpg"))
    assert len(ledger) == 3
    assert [line.partition("first ")[2] for line in caplog.messages] == ["a.jpg", "b.jpg"]


def test_ledger_is_written_at_an_interrupt_and_stays_at_an_error(tmp_path):
    place = tmp_path / "left-out.jsonl"
    with pytest.raises(KeyboardInterrupt), kept(place):
        report_all("photos", {"a.jpg": "damaged"})
        raise KeyboardInterrupt
    before = place.read_bytes()
    with pytest.raises(ValueError), kept(place):
        report_all("photos", {"z.jpg": "damaged"})
        raise ValueError
    assert place.read_bytes() == before and rows(place)[0]["id"] == "a.jpg"


def test_outer_ledger_has_the_entries_of_the_inner_ones(tmp_path):
    with kept(tmp_path / "all.jsonl") as outer:
        for name in "ab":
            with kept(tmp_path / f"{name}.jsonl"):
                report(found(name))
    assert len(outer) == 2 and rows(tmp_path / "b.jsonl") == [rows(tmp_path / "all.jsonl")[1]]


def test_ledger_of_a_file_stands_beside_it(tmp_path):
    assert beside(tmp_path / "scores.json") == tmp_path / "scores.json.left-out.jsonl"
