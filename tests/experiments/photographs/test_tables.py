"""The tables show each metric and seed, and every two metrics of a seed against each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.photographs import captions, table, trust
from experiments.photographs.metrics import METRICS, score

NAMES, SEEDS = ["pacspp", "hard-16"], ["0"]


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """The files that the judge, the audit and the retrieval write, with invented numbers."""
    rows = {"clip_s": 0.3, "pac_spp": 0.4, "pac_spp_hard": 0.5}
    metrics = {
        name: {
            "tau_b": tau,
            "tau_c": tau,
            "interval": {"tau_b": [tau, tau], "tau_c": [tau - 0.1, tau + 0.1], "pearson": [0, 1]},
        }
        for name, tau in rows.items()
    }
    pairs = [
        {
            "first": one,
            "second": other,
            "result": "tau_c",
            "difference": rows[other] - rows[one],
            "low": 0,
            "high": 1,
            "p": 0.01,
        }
        for one, other in [("clip_s", "pac_spp"), ("clip_s", "pac_spp_hard"), ("pac_spp", "pac_spp_hard")]
    ]
    audit = [{"corruption": "cut", "metric": name, "higher": tau, "count": 9} for name, tau in rows.items()]
    out = tmp_path / "trust"
    (out / "audit").mkdir(parents=True)
    (out / "judgement.json").write_text(json.dumps({"metrics": metrics, "differences": pairs}))
    (out / "audit" / "audit.json").write_text(json.dumps({"rows": audit}))
    for label in ("clip", "pacspp-0", "hard-16-0"):
        (out / f"{label}.json").write_text(json.dumps({"i2t_r1": 0.11, "t2i_r1": 0.22}))
    return out


def test_the_tables_have_agreement_pairs_and_audit(judged, tmp_path):
    lines = list(trust.report(tmp_path / "metrics", judged, NAMES, SEEDS))
    assert "| pacspp | 0 | 0.110 | 0.220 | 0.400 [0.400, 0.400] | 0.400 [0.300, 0.500] |" in lines
    assert "| hard-16 | pacspp | 0 | +0.100 [+0.000, +1.000] | 0.010 |" in lines
    assert "| cut | 30.0 | 40.0 | 50.0 |" in lines


def test_a_score_of_two_seeds_is_found_by_its_spec(tmp_path):
    spec = score(tmp_path, "pacspp", "1")
    assert trust.column({spec: 0.1}, tmp_path, "pacspp", "1") == spec
    assert trust.column({"pac_spp": 0.1}, tmp_path, "pacspp", "1") == "pac_spp"


@pytest.mark.parametrize("size", ["", "-16", "-text"])
def test_a_hardened_metric_differs_from_the_papers_by_its_preset_alone(size):
    hard, paper = METRICS[f"hard{size}"], METRICS[f"pacspp{size}"]
    assert (hard.flags[1], paper.flags[1]) == ("pacspp_hard", "pacspp")
    assert hard.flags[2:] == paper.flags[2:]


def test_captions_are_shown_run_by_run(tmp_path, capsys):
    run = tmp_path / "captions" / "xe-0"
    run.mkdir(parents=True)
    (run / "scores-test.json").write_text(json.dumps({"corpus": dict.fromkeys(table.FORM, 1)}))
    said = ["a dog", "a cat", "a dog"]
    (run / "captions-test.jsonl").write_text("".join(json.dumps({"caption": text}) + "\n" for text in said))
    setting = captions.Setting("", "", tmp_path, tmp_path, tmp_path, tmp_path / "captions", "fp32")
    table.write(tmp_path / "t.md", tmp_path, tmp_path / "none", NAMES, SEEDS, setting)
    assert "| xe-0 | " + " | ".join(["1.000"] * 9) + " | 2 |" in (tmp_path / "t.md").read_text()


def test_the_reward_stage_sees_only_photographs_that_the_clip_has_not_seen(tmp_path, monkeypatch):
    typed: list[tuple[object, ...]] = []
    monkeypatch.setattr(captions, "train", lambda out, *flags: typed.append(flags))
    monkeypatch.setattr(captions, "run_captioner", lambda *words: None)
    setting = captions.Setting("whole", "half", tmp_path, tmp_path, tmp_path, tmp_path, "fp32")
    captions.train_captioners(setting, ["0"], [*captions.REWARDS], ["beams"])
    assert [flags[flags.index("--data") + 1] for flags in typed] == ["whole", *["half"] * len(captions.REWARDS)]
    mixed = typed[1 + list(captions.REWARDS).index("hard+cider")]
    assert mixed.count("--reward") == 2 and f"pacspp_hard:checkpoint={tmp_path}" in mixed
