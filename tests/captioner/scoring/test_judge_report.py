"""The commands `captioner metric judge | audit | video`, from files to files."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main
from captioner.scoring.metric_scorers import Metrics
from metric.judgement.benchmarks import BENCHMARKS, load_benchmark
from metric.judgement.corruptions import CORRUPTIONS
from metric.judgement.published import POINTS


@pytest.fixture
def flickr8k(tmp_path) -> Path:
    """Three photographs, each judged with captions of the others."""
    (tmp_path / "Images").mkdir()
    colours = {"a": "red", "b": "green", "c": "blue"}
    for name, colour in colours.items():
        Image.new("RGB", (16, 16), colour).save(tmp_path / "Images" / f"{name}.jpg")
    tokens = [f"{name}.jpg#{n}\tA {colour} square , {n} ." for name, colour in colours.items() for n in range(5)]
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join(tokens))
    rows = [f"{one}.jpg\t{other}.jpg#{n}\t{n}\t{n}\t{n + 1}" for n in range(4) for one in "abc" for other in "abc"]
    (tmp_path / "ExpertAnnotations.txt").write_text("\n".join(rows))
    return tmp_path


def judge(root: Path, *more: str, benchmark: str = "flickr8k-expert") -> int:
    return main(["metric", "judge", "--benchmark", benchmark, "--root", str(root), "--resamples", "10", *more])


def test_help_names_the_benchmarks_without_numpy_or_torch(monkeypatch):
    code = (
        "import sys\n"
        "from captioner.cli import main\n"
        "try: main(['metric', 'judge', '--help'])\n"
        "except SystemExit: pass\n"
        "print('heavy:', sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    monkeypatch.setenv("COLUMNS", "500")  # argparse breaks lines at hyphens
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(name in said for name in BENCHMARKS) and said.rstrip().endswith("heavy: []")


def test_an_option_that_is_not_there_is_refused_before_anything_is_scored(flickr8k, monkeypatch, capsys):
    monkeypatch.setattr("captioner.scoring.metric_scorers.evaluate_each", None)
    assert judge(flickr8k, "--metrics", "cider,clip_s:w=2") == 2
    assert "no option of clip_s is called 'w'; there are clip, long, precision" in capsys.readouterr().err


def test_metrics_of_one_score_are_told_by_what_differs(flickr8k, tiny_clip, capsys):
    metrics = f"pac_s:checkpoint={tiny_clip},w=2,pac_s:checkpoint={tiny_clip},w=2.5"
    assert judge(flickr8k, "--metrics", metrics, "--out", str(flickr8k / "j.json")) == 0
    said = capsys.readouterr().out
    assert "pac_s:w=2.5 - pac_s:w=2 " in said
    assert set(json.loads((flickr8k / "j.json").read_text())["metrics"]) == {
        f"pac_s:checkpoint={tiny_clip},w={w}" for w in ("2", "2.5")
    }


def test_scores_and_rewards_are_judged_together(flickr8k, tiny_clip, capsys):
    out = flickr8k / "judged.json"
    flags = [
        "--metrics",
        f"BLEU-4,cider,clip_s,length,pac_s:checkpoint={tiny_clip}",
        "--reward",
        "cider",
        "--clip",
        tiny_clip,
        "--out",
        str(out),
    ]
    assert judge(flickr8k, *flags) == 0
    record = json.loads(out.read_text())
    assert (record["benchmark"], record["count"], record["captions"]) == ("flickr8k-expert", 72, 24)
    assert list(record["metrics"]) == ["bleu_4", "cider", "clip_s", "length", "pac_s", "reward:cider"]
    assert all({"tau_b", "tau_c"} <= row.keys() for row in record["metrics"].values())
    assert record["metrics"]["bleu_4"]["published"] == {"tau_b": 0.30599, "tau_c": 0.30776}
    assert record["left_out"]["judges an image's own caption"]["count"] == 12
    said = capsys.readouterr().out
    assert "protocol: " in said and "left out, judges an image's own caption: 12" in said and tiny_clip in said


def test_reward_says_what_the_score_says(flickr8k, tiny_clip):
    metrics = Metrics.from_specs("clip_s", ["clips"], tiny_clip, "cpu")
    items = load_benchmark("flickr8k-expert", flickr8k).items
    examples, captions = [item.example for item in items], [item.caption for item in items]
    score, reward = (scorer(examples, captions) for scorer in metrics.scorers(examples))
    assert score["clip_s"] == pytest.approx(reward["reward:clips"])


def test_one_score_with_two_clips_is_two_metrics(flickr8k, tiny_clip):
    twice = Metrics.from_specs(
        f"clip_s,clip_s:clip={tiny_clip},pac_spp:checkpoint={tiny_clip},w=2.5", [], tiny_clip, "cpu"
    )
    items = load_benchmark("flickr8k-expert", flickr8k).items
    examples, captions = [item.example for item in items], [item.caption for item in items]
    found = {name: of for scorer in twice.scorers(examples) for name, of in scorer(examples, captions).items()}
    assert list(found) == ["clip_s", f"clip_s:clip={tiny_clip}", "pac_spp"]
    assert found["clip_s"] == found[f"clip_s:clip={tiny_clip}"] == pytest.approx(found["pac_spp"])


def test_videos_are_judged_the_emscore_way(tmp_path, tiny_clip):
    for name in ("v1", "v2"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        for n in range(2):
            Image.new("RGB", (16, 16), (99 * n, 9, 9)).save(tmp_path / "videos" / name / f"{n}.png")
    content = {"candidates_list": ["a dog", "a cat", "two men", "a car"], "video_ids": ["v1", "v1", "v2", "v3"]}
    content |= {"gts_list": [["one", "two"]] * 4, "human_scores": [1, 2, 3, 4] * 3}
    for name, value in content.items():
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(value))
    out = tmp_path / "out.json"
    metrics = f"cider,clip_s,ref_pac_spp:checkpoint={tiny_clip},part=coarse"
    assert judge(tmp_path, "--metrics", metrics, "--clip", tiny_clip, "--out", str(out), benchmark="vatex-eval") == 0
    record = json.loads(out.read_text())
    assert list(record["metrics"]) == ["cider", "clip_s", "ref_pac_spp"] and record["captions"] == 3
    assert record["left_out"]["picture is not there"]["count"] == 1
    assert record["facts"]["ref_pac_spp"].startswith("EMScore, coarse, 10 frames")
    one = f"clip_s,clip_s:frames=1,ref_pac_spp:checkpoint={tiny_clip},frames=0"
    assert judge(tmp_path, "--metrics", one, "--clip", tiny_clip, "--out", str(out), benchmark="vatex-eval") == 0
    facts = json.loads(out.read_text())["facts"]
    assert [fact.split(", ")[2] for fact in facts.values()] == ["10 frames", "1 frames", "all frames"]
    assert judge(tmp_path, "--metrics", "clip_s:frames=ten", "--clip", tiny_clip, benchmark="vatex-eval") == 2


def test_a_video_score_under_the_wrong_name_of_its_checkpoint_is_refused(tmp_path, tiny_clip, capsys):
    """PAC-S++ and PAC-S++ hard are told apart on videos as on pictures."""
    (tmp_path / "videos" / "v1").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(tmp_path / "videos" / "v1" / "0.png")
    content = {"candidates_list": ["a dog", "a cat"], "video_ids": ["v1", "v1"], "gts_list": [["one"]] * 2}
    for name, value in (content | {"human_scores": [1, 2] * 3}).items():
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(value))
    for wrong in ("pac_spp_hard", "ref_pac_spp_hard"):
        assert judge(tmp_path, "--metrics", f"{wrong}:checkpoint={tiny_clip}", benchmark="vatex-eval") == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert "records no hard text negatives: type pac_spp, not pac_spp_hard" in said


def test_precision_is_chosen_and_named(flickr8k, tiny_clip, capsys):
    flags = ["--metrics", "clip_s,clip_s:precision=fp16", "--clip", tiny_clip, "--precision", "bf16"]
    assert judge(flickr8k, *flags) == 0
    said = capsys.readouterr().out
    assert "), bf16" in said and "), fp16" in said
    with pytest.raises(SystemExit) as refused:
        judge(flickr8k, "--metrics", "clip_s", "--precision", "fp8")
    assert refused.value.code == 2 and "fp8" in capsys.readouterr().err


def test_classic_scores_need_no_picture_and_clip_s_names_the_lost(flickr8k, tiny_clip, tmp_path, caplog):
    (flickr8k / "Images" / "a.jpg").unlink()
    (flickr8k / "Images" / "b.jpg").write_bytes(b"no picture")
    out = tmp_path / "judged.json"
    assert judge(flickr8k, "--metrics", "cider", "--out", str(out)) == 0
    assert json.loads(out.read_text())["captions"] == 24
    assert judge(flickr8k, "--metrics", "cider,clip_s", "--clip", tiny_clip, "--out", str(out)) == 0
    record = json.loads(out.read_text())
    assert record["captions"] == 8
    assert record["left_out"]["picture is not there"] == {"count": 1, "names": [str(flickr8k / "Images" / "a.jpg")]}
    assert "1 picture left out: picture cannot be read, the first" in caplog.text


@pytest.fixture
def varied(flickr8k) -> Path:
    """The three photographs with captions of different lengths, so that scores differ."""
    tokens = flickr8k / "Flickr8k.token.txt"
    shorter = tokens.read_text().replace("green square", "dog")
    tokens.write_text(shorter.replace("A blue square , 2", "A very blue thing"))
    return flickr8k


def test_check_says_what_agrees_what_differs_and_what_cannot_be_compared(varied, monkeypatch, capsys):
    out = varied / "check.json"
    assert judge(varied, "--check", "--metrics", "bleu_1", "--out", str(out)) == 0  # 72 data points are not 16,992
    said = capsys.readouterr()
    assert "not comparable: flickr8k-expert bleu_1: of 16,992 data points, this has 72" in said.out
    assert "done: 0 figures agree, 0 differ, 20 cannot be compared" in said.err
    assert {line["verdict"] for line in json.loads(out.read_text())["check"]} == {"not comparable"}
    monkeypatch.setitem(POINTS, ("flickr8k-expert", ""), 72)
    assert judge(varied, "--check", "--metrics", "bleu_1") == 1
    said = capsys.readouterr()
    assert "differs" in said.out and "done: 0 figures agree, 2 differ, 18 cannot be compared" in said.err


def test_check_without_a_benchmark_names_the_file_that_each_lacks(flickr8k, monkeypatch, capsys):
    monkeypatch.setattr("captioner.scoring.judge_check.shutil.which", lambda name: None)  # METEOR starts Java
    assert main(["metric", "judge", "--check", "--root", str(flickr8k), "--resamples", "0"]) == 0
    said = capsys.readouterr().out
    assert "flickr8k-cf bleu_1" in said and f"{flickr8k} has no CrowdFlowerAnnotations.txt" in said
    assert "not comparable: thumb: no published figure is known here" in said
    assert "flickr8k-expert meteor: not computed; type --metrics meteor" in said


def test_a_broken_benchmark_does_not_end_the_check_of_the_others(varied, capsys):
    (varied / "polaris_test.csv").write_text("mt,refs,score,imgid\na dog,no list,1,1.jpg\n")
    assert main(["metric", "judge", "--check", "--root", str(varied), "--metrics", "bleu_1", "--resamples", "0"]) == 0
    said = capsys.readouterr().out
    assert (
        "polaris_test.csv:2: refs must be a list of captions" in said and "of 16,992 data points, this has 72" in said
    )


@pytest.mark.parametrize(
    ("root", "metrics", "message"),
    [("nowhere", "bleu_1", "is not a folder"), (".", "bleu_11", "no score is called 'bleu_11'")],
)
def test_a_check_of_all_refuses_what_is_wrong_for_all(root, metrics, message, tmp_path, capsys):
    assert main(["metric", "judge", "--check", "--root", str(tmp_path / root), "--metrics", metrics]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_check_looks_for_each_benchmark_in_a_folder_of_its_name(flickr8k, tmp_path_factory, capsys):
    root = tmp_path_factory.mktemp("all")
    flickr8k.rename(root / "flickr8k-expert")
    assert main(["metric", "judge", "--check", "--root", str(root), "--metrics", "length", "--resamples", "0"]) == 0
    assert "flickr8k-expert: 72 data points" in capsys.readouterr().out


def test_two_metrics_are_compared_in_a_table(varied, capsys):
    assert judge(varied, "--metrics", "bleu_1,rouge_l") == 0
    said = capsys.readouterr().out
    assert "second minus first" in said and "rouge_l - bleu_1" in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--ties", "half", "--metrics", "cider"], "has ratings and no pairs"),
        (["--protocol", "12k", "--metrics", "cider"], "flickr8k-expert has one protocol"),
        (["--metrics", "ciderr"], "no score is called 'ciderr'; did you mean cider?"),
        (["--metrics", "vocabulary"], "vocabulary scores a set of captions, expected a score of each caption"),
        (["--metrics", "scene_truth"], "scene_truth cannot be computed"),
        ([], "no metric was given"),
        (["--metrics", "cider", "--reward", "cidr"], "unknown reward cidr"),
    ],
)
def test_what_cannot_be_judged_is_one_line(flickr8k, flags, message, capsys):
    assert judge(flickr8k, *flags) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--benchmark is missing; type its name, or --check"),
        (["--check", "--protocol", "12k"], "--protocol and --ties belong to one benchmark"),
        (["--check", "--ties", "half"], "--protocol and --ties belong to one benchmark"),
    ],
)
def test_what_needs_a_benchmark_is_one_line(flickr8k, flags, message, capsys):
    assert main(["metric", "judge", "--root", str(flickr8k), "--metrics", "cider", *flags]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_misspelt_benchmark_and_missing_files_are_one_line(flickr8k, capsys):
    assert judge(flickr8k, "--metrics", "cider", benchmark="flickr8k-experts") == 2
    assert "did you mean flickr8k-expert" in capsys.readouterr().err
    assert judge(flickr8k, "--metrics", "cider", benchmark="thumb") == 2
    assert "mscoco_THumB-1.0.jsonl" in capsys.readouterr().err


def test_audit_writes_table_and_plot(tmp_path, tiny_clip, capsys):
    out = tmp_path / "audit"
    flags = ["--metrics", "clip_s,bleu_4", "--clip", tiny_clip, "--count", "6", "--out", str(out)]
    assert main(["metric", "audit", *flags]) == 0
    record = json.loads((out / "audit.json").read_text())
    rows = list(csv.DictReader((out / "audit.csv").read_text().splitlines()))
    assert len(rows) == len(record["rows"]) == 2 * len(CORRUPTIONS)
    assert record["samples"]["shuffled order"]["original"] != record["samples"]["shuffled order"]["corrupted"]
    assert (out / "audit.md").read_text().startswith("| corruption | captions | ")
    with Image.open(out / "audit.png") as picture:
        assert picture.width > 600
    assert "CLIP" in capsys.readouterr().out


def test_audit_of_keywords_alone_says_what_it_needs(tmp_path, capsys):
    flags = ["--data", "scenes:text=keywords", "--metrics", "bleu_4", "--count", "3", "--out", str(tmp_path / "x")]
    assert main(["metric", "audit", *flags]) == 2
    assert "bleu_4 cannot be computed: 3 of 3 captioned images have no references" in capsys.readouterr().err


def test_videos_are_scored_with_and_without_references(tmp_path, tiny_clip, capsys, caplog):
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
        for n in range(3):
            Image.new("RGB", (16, 16), (80 * n, 9, 9)).save(tmp_path / name / f"{n}.png")
    (tmp_path / "captions.json").write_text(json.dumps({"v1": "a dog", "v2": "a cat runs"}))
    (tmp_path / "references.json").write_text(json.dumps({"v1": ["a dog here"], "v2": ["a cat"]}))
    flags = ["metric", "video", "--captions", str(tmp_path / "captions.json"), "--videos", str(tmp_path)]
    flags += ["--clip", tiny_clip, "--out", str(tmp_path / "out.json")]
    assert main([*flags, "--references", str(tmp_path / "references.json")]) == 0
    record = json.loads((tmp_path / "out.json").read_text())
    assert set(record["corpus"]) == {"em_score", "ref_em_score"} and record["count"] == 2
    assert set(record["per_caption"]["em_score"]["v1"]) == {"full", "coarse", "fine"}
    (tmp_path / "v2" / "0.png").write_bytes(b"")
    for n in (1, 2):
        (tmp_path / "v2" / f"{n}.png").unlink()
    assert main(flags) == 0 and "v2/0.png" in caplog.text
    (tmp_path / "v1" / "0.png").write_bytes(b"")
    assert main(flags) == 2 and "v1/0.png" in capsys.readouterr().err


def test_pictures_that_are_gone_are_in_the_ledger_and_fail_under_strict(flickr8k, tiny_clip, tmp_path, caplog):
    """The rows that the protocol leaves out are none."""
    (flickr8k / "Images" / "a.jpg").unlink()
    out, flags = tmp_path / "j.json", ["--metrics", f"clip_s:clip={tiny_clip}"]
    assert judge(flickr8k, *flags, "--out", str(out), "--strict") == 1
    gone = str(flickr8k / "Images" / "a.jpg")
    assert f"{flickr8k}: 1 picture left out: picture is not there, the first {gone}" in caplog.text
    (row,) = map(json.loads, (tmp_path / "j.json.left-out.jsonl").read_text().splitlines())
    assert (row["kind"], row["id"], row["reason"]) == ("picture", gone, "picture is not there")
    assert judge(flickr8k, "--metrics", "bleu_1", "--strict") == 0
