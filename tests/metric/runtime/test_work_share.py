from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metric.runtime.work_share import Share, own_gpu, share_of


@pytest.mark.parametrize(
    "typed, environment, expected",
    [
        ("", {}, Share(1, 1)),
        ("1/4", {"RANK": "2", "WORLD_SIZE": "3"}, Share(1, 4)),
        ("", {"RANK": "2", "WORLD_SIZE": "3"}, Share(3, 3)),  # launchers count from 0
    ],
)
def test_a_process_knows_its_share(typed, environment, expected):
    assert share_of(typed, environment) == expected


@pytest.mark.parametrize("typed", ["0/4", "5/4", "1", "x/2", "-1/2", "0/0", "1/"])
def test_a_share_that_cannot_be_is_refused(typed):
    with pytest.raises(ValueError, match="--shard is I/N with I from 1 to N"):
        share_of(typed, {})


@given(st.lists(st.integers()), st.integers(1, 7))
def test_shares_deal_every_item_once_and_evenly(items, count):
    dealt = [list(Share(index, count).of(items)) for index in range(1, count + 1)]
    assert [items[place] for place in range(len(items))] == [
        dealt[place % count][place // count] for place in range(len(items))
    ]
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_a_launcher_gives_each_process_its_gpu_where_there_are_any(monkeypatch):
    taken: list[int] = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.set_device", taken.append)
    assert own_gpu("auto", {"LOCAL_RANK": "1"}) == own_gpu("cuda", {"LOCAL_RANK": "0"}) == "cuda"
    assert taken == [1, 0]
    assert own_gpu("auto", {}) == "auto" and own_gpu("cpu", {"LOCAL_RANK": "1"}) == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert own_gpu("auto", {"LOCAL_RANK": "1"}) == "auto" and len(taken) == 2


def test_of_processes_that_share_a_screen_the_first_speaks():
    launched = [share_of("", {"RANK": str(rank), "WORLD_SIZE": "3"}).speaks for rank in range(3)]
    typed = [share_of(f"{index}/3", {}).speaks for index in (1, 2, 3)]  # on machines of their own
    assert launched == [True, False, False] and typed == [True, True, True]
