from __future__ import annotations

import csv
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from metric.example import open_image
from metric.judgement.benchmarks import BENCHMARKS
from metric.judgement.benchmarks import load_benchmark as load
from metric.judgement.benchmarks.pascal50s import VOTES
from metric.judgement.safe_pickle import unpickle


def coco(root: Path, dump, *captions: tuple[int, str]) -> None:
    rows = [{"id": n, "image_id": image, "caption": text} for n, (image, text) in enumerate(captions)]
    dump(root / "captions_val2014.json", {"annotations": rows})


def test_flickr8k_expert_leaves_own_captions_out_and_counts_three_experts(flickr8k):
    got = load("flickr8k-expert", flickr8k)
    assert [(item.caption, item.example.image.name) for item in got.items] == [
        ("Caption 2 of b .", "a.jpg"),
        ("Caption 1 of a .", "b.jpg"),
    ]
    assert got.items[0].example.references == tuple(f"Caption {n} of a ." for n in range(5))
    assert (got.verdict.items, got.verdict.scores) == ((0, 0, 0, 1, 1, 1), (1.0, 1.0, 2.0, 2.0, 3.0, 1.0))
    assert got.left_out == {"judges an image's own caption": ("a.jpg a.jpg#0",)}


def test_flickr8k_expert_knows_an_own_caption_by_its_text(flickr8k):
    tokens = (flickr8k / "Flickr8k.token.txt").read_text().replace("Caption 2  of b .", "Caption 4 of a .")
    (flickr8k / "Flickr8k.token.txt").write_text(tokens)  # b.jpg#2, judged on a.jpg, now says what a.jpg#4 says
    got = load("flickr8k-expert", flickr8k)
    assert [item.caption for item in got.items] == ["Caption 1 of a ."]
    assert got.left_out == {"judges an image's own caption": ("a.jpg a.jpg#0", "a.jpg b.jpg#2")}


@pytest.mark.parametrize(
    ("name", "file"), [("flickr8k-expert", "flickr8k.json"), ("flickr8k-cf", "crowdflower_flickr8k.json")]
)
def test_flickr8k_is_read_as_clipscores_code_writes_it(name, file, tmp_path, dump, picture):
    picture(tmp_path / "Images" / "a.jpg")
    judged = [{"caption": "a  dog .", "rating": 1.0}, {"caption": "a dog .", "rating": 2}]
    judged += [{"caption": "a cat .", "rating": float("nan")}, {"caption": "a cat .", "rating": 3.0}]
    row = {"image_path": "Flickr8k_Dataset/a.jpg", "ground_truth": ["r 1", "r  2"], "human_judgement": judged}
    dump(tmp_path / file, {"a": row})
    got = load(name, tmp_path)
    assert [item.caption for item in got.items] == ["a dog .", "a cat ."] and got.name == name
    assert (got.verdict.items, got.verdict.scores) == ((0, 0, 1), (1.0, 2.0, 3.0)) and got.verdict.units == [[0, 1, 2]]
    assert got.items[1].example.references == ("r 1", "r 2")
    assert got.items[0].example.image == tmp_path / "Images" / "a.jpg"
    assert got.left_out == {"without a rating": ("a: a cat .",)}
    dump(tmp_path / file, {"a": {**row, "human_judgement": [{"caption": "a", "rating": "good"}]}})
    with pytest.raises(ValueError, match=f"{file} a: a rating must be a number, got 'good'"):
        load(name, tmp_path)
    dump(tmp_path / file, {"a": {**row, "human_judgement": []}})
    with pytest.raises(ValueError, match="has no rating"):
        load(name, tmp_path)


def test_flickr8k_cf_keeps_all_rows_and_no_caption_among_its_own_references(flickr8k):
    got = load("flickr8k-cf", flickr8k)
    assert got.verdict.scores == (1.0, 0.0, 0.333) and len(got.items) == 3
    left = tuple(f"Caption {n} of a ." for n in (1, 2, 3, 4))  # a.jpg#0 is judged on a.jpg
    assert [item.example.references for item in got.items[:2]] == [left, left]  # for all rows of that image
    assert got.items[2].example.references == tuple(f"Caption {n} of b ." for n in range(5))
    assert got.left_out == {"references that are judged on their own image": ("a.jpg a.jpg#0",)}


def test_flickr8k_cf_takes_out_one_reference_for_each_row_that_judges_its_text(flickr8k):
    tokens = (flickr8k / "Flickr8k.token.txt").read_text().replace("Caption 3  of a .", "Caption 0 of a .")
    (flickr8k / "Flickr8k.token.txt").write_text(tokens)  # a.jpg#0 and a.jpg#3 say the same; one row judges it
    assert load("flickr8k-cf", flickr8k).items[0].example.references == tuple(
        f"Caption {n} of a ." for n in (1, 2, 0, 4)
    )


def test_rows_of_unknown_captions_are_named(flickr8k):
    with (flickr8k / "CrowdFlowerAnnotations.txt").open("a") as file:
        file.write("c.jpg\ta.jpg#1\t0\t0\t3\nb.jpg\tb.jpg#9\t0\t0\t3\n")
    got = load("flickr8k-cf", flickr8k)
    assert len(got.items) == 3
    assert got.left_out["not in Flickr8k.token.txt"] == ("c.jpg a.jpg#1", "b.jpg b.jpg#9")


@pytest.mark.parametrize("broken", ["a.jpg\tb.jpg#2\t1\t1", "a.jpg\tb.jpg#2\t1\tx\t2"])
def test_broken_row_is_named_with_its_line(flickr8k, broken):
    (flickr8k / "ExpertAnnotations.txt").write_text("a.jpg\tb.jpg#2\t1\t1\t2\n" + broken)
    with pytest.raises(ValueError, match=r"ExpertAnnotations.txt:2.*(columns|number)"):
        load("flickr8k-expert", flickr8k)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_empty_folder_says_which_file_is_missing(name, tmp_path):
    with pytest.raises(ValueError, match="has no "):
        load(name, tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        load(name, tmp_path / "nowhere")


@pytest.fixture
def composite(tmp_path, dump) -> Path:
    """AMT's tables of one picture of each data set: three captions of Flickr8k, four of the others."""
    header = "HITId;Input.image_url;" + ";".join(f"Input.text{n}" for n in range(1, 5))
    header += ";" + ";".join(f"Answer.Q{n}Answer" for n in range(1, 5))
    rows = {
        "8k": '"h";http://x/1_a.jpg;a dog;A cat  here;a bird;;{};1;2;',
        "30k": "h;http://x/22.jpg;a;b;c;d;{};2;3;4",
        "coco": "h;http://x/COCO_val2014_000000000007.jpg;e;f;g;h;{};1;1;2",
    }
    for source, row in rows.items():
        for kind, first in (("correctness", 5), ("throughness", 3)):
            table = "\n".join([header, row.format(first), *([";;;;;;;;;"] if source != "coco" else [])])
            (tmp_path / f"{source}_{kind}.csv").write_text(table)
    (tmp_path / "Flickr8k.token.txt").write_text("1_a.jpg#0\ta dog\n1_a.jpg#1\tthe dog\n")
    (tmp_path / "results_20130124.token").write_text("22.jpg#0\tsomething\n")
    coco(tmp_path, dump, (7, "a room"), (8, "else"))
    return tmp_path


def test_composite_reads_amts_tables(composite):
    got = load("composite", composite, protocol="correctness")
    assert [item.caption for item in got.items] == ["a dog", "A cat here", "a bird", *"abcd", *"efgh"]
    assert got.verdict.scores == (5, 1, 2, 5, 2, 3, 4, 5, 1, 1, 2)
    assert got.items[0].example.references == ("the dog",)  # its own reference is none
    assert got.items[1].example.references == ("a dog", "the dog")
    assert got.items[-1].example.references == ("a room",)
    assert [len(rows) for rows in got.left_out.values()] == [2]  # the empty last rows of two tables


def test_composite_has_the_versions_of_the_field(composite):
    usual = load("composite", composite)
    assert (usual.version, [item.caption for item in usual.items]) == (
        "12k",
        ["a dog", "A cat here", "a bird", *"abc", *"efg"],
    )
    both = load("composite", composite, protocol="ratings")
    assert len(both.verdict) == 22 and both.verdict.scores[11] == 3  # thoroughness follows correctness
    assert "11,985" not in both.rule and both.rule.startswith("ratings: correctness and thoroughness")
    (composite / "8k_throughness.csv").unlink()
    with pytest.raises(ValueError, match="no 8k_throughness.csv and no 8k_thoroughness.csv"):
        load("composite", composite, protocol="ratings")
    with pytest.raises(ValueError, match="no en_test_composite_da.csv"):
        load("composite", composite, protocol="polos")


def write_table(path: Path, rows: list[tuple[str, str, str, str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("mt", "refs", "score", "imgid"), *rows])


@pytest.mark.parametrize("name", ["polaris", "nebula", "composite"])
def test_tables_of_polos_have_python_lists(name, tmp_path, picture):
    picture(tmp_path / "images" / "1.jpg")
    file = "en_test_composite_da.csv" if name == "composite" else f"{name}_test.csv"
    write_table(tmp_path / file, [("a cat, sitting", """['one', "a dog's"]""", "0.75", "1.jpg")])
    (item,) = load(name, tmp_path).items
    assert (item.caption, item.example.references) == ("a cat, sitting", ("one", "a dog's"))
    assert item.example.image == tmp_path / "images" / "1.jpg"


def test_polos_table_of_composite_is_named(tmp_path):
    write_table(tmp_path / "en_test_composite_da.csv", [("a cat", "['one']", "0.75", "1.jpg")])
    assert load("composite", tmp_path).version == "polos"


def test_nebula_is_judged_by_its_own_scores_or_by_spicas(tmp_path):
    rows = [("a  cat", "['one']", "0.75", "1.jpg"), ("a dog", "['two']", "0.25", "2.jpg")]
    write_table(tmp_path / "nebula_test.csv", rows)
    own = load("nebula", tmp_path)
    assert (own.version, own.verdict.scores) == ("own", (0.75, 0.25)) and own.rule.startswith(
        "own: the scores of Nebula"
    )
    with pytest.raises(ValueError, match="no spica_train.csv"):
        load("nebula", tmp_path, protocol="spica")
    for split, row in (("train", "1.png,a cat,0.5"), ("val", "1,a cat,1"), ("test", "9.jpg,a dog,1")):
        (tmp_path / f"spica_{split}.csv").write_text(f"imgid,mt,score\n{row}\n")
    spica = load("nebula", tmp_path, protocol="spica")
    assert (spica.version, spica.verdict.scores) == ("spica", (0.75, 0.25))  # the mean of .5 and 1; its own
    assert spica.left_out == {"not in Spica, judged by its own score": ("2: a dog",)}


def test_list_of_references_is_read_not_run(tmp_path):
    write_table(tmp_path / "polaris_test.csv", [("a", f"__import__('os').mkdir('{tmp_path}/run')", "1", "1.jpg")])
    with pytest.raises(ValueError, match=r"polaris_test.csv:2.*list of captions"):
        load("polaris", tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("name", "caption", "image"), [("polaris", "cand", "img"), ("nebula", "mt", "image")])
def test_parquet_holds_the_pictures(name, caption, image, tmp_path, picture):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    content = picture(tmp_path / "x.png", "blue").read_bytes()
    (tmp_path / "data").mkdir()
    rows = [
        {caption: "a blue square", "refs": ["r 1", "r 2"], image: {"bytes": content, "path": None}, "human_score": 0.5},
        {caption: "a dog", "refs": ["r 1"], image: None, "human_score": 0.0},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / "test-00000-of-00001.parquet")
    got = load(name, tmp_path)
    assert open_image(got.items[0].example.image).getpixel((0, 0)) == (0, 0, 255)
    assert got.items[0].example.references == ("r 1", "r 2") and got.verdict.scores == (0.5, 0.0)
    assert not Path(str(got.items[1].example.image)).exists()


def test_thumb_joins_references_by_segment(tmp_path):
    row = {"seg_id": 7, "set_id": 0, "image": "COCO_val2014_7.jpg", "hyp": "A dog.", "P": 5, "R": 4, "human_score": 4.5}
    rows = [row, {**row, "seg_id": 8, "human_score": 1}]
    (tmp_path / "mscoco").mkdir()
    (tmp_path / "mscoco" / "mscoco_THumB-1.0.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "mscoco" / "mscoco_references.json").write_text(json.dumps({"seg_id": "7", "refs": ["a", "b"]}))
    got = load("thumb", tmp_path)
    assert [(item.caption, item.example.references) for item in got.items] == [("A dog.", ("a", "b"))]
    assert got.left_out == {"without references": ("COCO_val2014_7.jpg 8",)}


def test_thumb_is_judged_with_and_without_the_captions_of_people(tmp_path):
    row = {"seg_id": 7, "image": "7.jpg", "hyp": "A dog.", "human_score": 4.5}
    rows = [{**row, "SYS": "Up-Down"}, {**row, "SYS": "Human", "hyp": "Two dogs."}]
    (tmp_path / "mscoco_THumB-1.0.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "mscoco_references.json").write_text(json.dumps({"seg_id": 7, "refs": ["a"]}))
    assert [item.caption for item in load("thumb", tmp_path).items] == ["A dog.", "Two dogs."]
    machines = load("thumb", tmp_path, protocol="machines")
    assert [item.caption for item in machines.items] == ["A dog."] and machines.quoted == "pearson"
    assert machines.left_out == {"by people": ("7.jpg 7",)}


def test_foil_pairs_each_foil_with_its_right_caption(tmp_path, dump):
    rows = [
        {"id": 1, "image_id": 7, "caption": "A dog runs.", "foil": False},
        {"id": 1, "image_id": 7, "caption": "A cat runs.", "foil": True, "foil_word": "cat"},
        {"id": 1, "image_id": 7, "caption": "A cow runs.", "foil": True},
        {"id": 2, "image_id": 9, "caption": "Nothing known.", "foil": True},
    ]
    dump(tmp_path / "foilv1.0_test_2017.json", {"images": [{"id": 7, "file_name": "7.jpg"}], "annotations": rows})
    coco(tmp_path, dump, (7, "A dog runs."), (7, "dog"))
    got = load("foil", tmp_path)
    assert [item.caption for item in got.items] == ["A dog runs.", "A cat runs.", "A dog runs.", "A cow runs."]
    assert all(item.example.references == ("dog",) for item in got.items)
    scores = np.array([1.0, 0.0, 1.0, 2.0])
    assert got.verdict.agreement(scores, np.arange(2)) == {"accuracy": 0.5, "ties": 0.0}
    assert list(got.left_out.values()) == [("annotation 2 of image 9",)]
    tied = np.array([1.0, 1.0, 1.0, 0.0])
    assert got.verdict.agreement(tied, np.arange(2)) == {"accuracy": 0.75, "ties": 0.5}  # a tie is half a point
    strict = got.with_ties("error")
    assert strict.verdict.agreement(tied, np.arange(2))["accuracy"] == 0.5 and "a tie is an error" in strict.rule
    by_lot = got.with_ties("lot").verdict
    assert by_lot.agreement(tied, np.arange(2)) == by_lot.agreement(tied, np.arange(2))
    assert got.with_references(1).references == 1
    assert got.verdict.units == [[0, 1]]  # one picture: the bootstrap draws both pairs or none


def cells(rows: list[list]) -> np.ndarray:
    """A row of MATLAB structs, `1 n`: what loadmat gives for the published files."""
    names = [f"field{n}" for n in range(len(rows[0]))]
    table = np.empty((1, len(rows)), dtype=[(name, object) for name in names])
    for n, row in enumerate(rows):
        table[0, n] = tuple(row)
    return table


@pytest.fixture
def pascal(tmp_path) -> Path:
    """Two pairs: the first caption has 40 of 48 votes, the second caption of the other pair 30."""
    pairs = [["1.jpg", "a dog ", "a cat"], ["2.jpg", "one", "two"]]
    triplets = [
        [
            np.array([f"ref {pair} {n}"], dtype=object),
            np.array([row[1]], dtype=object),
            np.array([row[2]], dtype=object),
        ]
        + [1 if n < first else -1]
        for pair, (row, first) in enumerate(zip(pairs, (40, 18)))
        for n in range(VOTES)
    ]
    savemat(tmp_path / "pair_pascal.mat", {"new_input": cells(pairs), "category": np.array([[1, 4]])})
    savemat(tmp_path / "consensus_pascal.mat", {"triplets": cells(triplets)})
    return tmp_path


def test_pascal_has_five_draws_of_five_references_and_majority_labels(pascal):
    got = load("pascal-50s", pascal)
    assert [item.caption for item in got.items] == ["a dog", "a cat", "one", "two"]
    assert [(pair.better, pair.worse, pair.kind) for pair in got.verdict.pairs] == [
        ((0,), (1,), "hc"),
        ((3,), (2,), "mm"),
    ]
    assert len(got.rounds) == 5 and len({items[0].example.references for items in got.rounds}) == 5
    for items in got.rounds:
        assert items[0].example.references == items[1].example.references
        assert len(set(items[0].example.references)) == 5
        assert all(reference.startswith("ref 0 ") for reference in items[0].example.references)
    assert got.items[0].example.image == pascal / "images" / "1.jpg"
    assert [pair.picture for pair in got.verdict.pairs] == ["1.jpg", "2.jpg"]


def test_something_else_called_mat_is_refused(pascal):
    (pascal / "pair_pascal.mat").write_bytes(b"no matlab" * 40)
    with pytest.raises(ValueError, match="pair_pascal.mat cannot be read"):
        load("pascal-50s", pascal)


@pytest.fixture
def vatex(tmp_path) -> Path:
    """Two videos with two captions each, three raters one after the other."""
    content = {
        "candidates_list.pkl": np.array(["a dog", "a  cat", "a man", "a car"]),
        "gts_list.pkl": np.array([["r 1", "r 2"]] * 4),
        "human_scores.pkl": np.array([1, 2, 3, 4, 1, 2, 3, 5, 5, 4, 3, 2]),
        "video_ids.pkl": np.array(["v1", "v1", "v2", "v2"]),
    }
    for name, value in content.items():
        (tmp_path / name).write_bytes(pickle.dumps(value))
    return tmp_path


def test_vatex_averages_over_raters(vatex):
    got = load("vatex-eval", vatex)
    assert [item.caption for item in got.items] == ["a dog", "a cat", "a man", "a car"]
    # scores in the order of two raters, and against the third: (1 + 1 - 1) / 3
    assert got.verdict.agreement(np.arange(4.0), np.arange(4))["tau_b"] == pytest.approx(1 / 3)
    assert got.items[2].example.image.path == vatex / "videos" / "v2.mp4"


def test_vatex_ranks_scores_of_four_decimals(vatex):
    got = load("vatex-eval", vatex)
    near = got.verdict.agreement(np.array([0.10001, 0.10002, 0.10003, 0.2]), np.arange(4))
    rounded = got.verdict.agreement(np.array([0.1, 0.1, 0.1, 0.2]), np.arange(4))
    assert near == rounded and near["spearman"] < got.verdict.agreement(np.arange(4.0), np.arange(4))["spearman"]
    assert got.verdict.keep([0, 1, 2]).decimals == 4


def test_vatex_of_uneven_files_is_refused(vatex):
    (vatex / "video_ids.pkl").write_bytes(pickle.dumps(["v1"]))
    with pytest.raises(ValueError, match="4 captions, 4 lists of references, 1 videos"):
        load("vatex-eval", vatex)


class Harmful:
    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pickle_of_a_stranger_runs_nothing(tmp_path):
    harmful = Harmful()
    harmful.path = str(tmp_path / "run")
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(harmful))
    with pytest.raises(ValueError, match="no pickle of plain lists"):
        unpickle(tmp_path / "bad.pkl")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_pickles_of_every_protocol_are_read(tmp_path, protocol):
    value = {"a": [1, 2.5, ("x",)], "b": np.arange(3), "c": np.array([["r", None]], dtype=object), "d": np.float32(2)}
    (tmp_path / "good.pkl").write_bytes(pickle.dumps(value, protocol))
    got = unpickle(tmp_path / "good.pkl")
    assert got["a"] == value["a"] and got["b"].tolist() == [0, 1, 2] and got["c"].tolist() == [["r", None]]
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps(value, protocol)[:-20])
    with pytest.raises(ValueError, match="no pickle"):
        unpickle(tmp_path / "cut.pkl")


def test_activitynet_compares_paragraphs_and_takes_references_of_the_time(tmp_path, dump):
    right = {"v1": [{"sentence": "A dog runs."}, {"sentence": "It stops."}], "v2": [{"sentence": "alone"}]}
    foil = {"v1": [{"sentence": "A cat runs."}, {"sentence": "It stops."}]}
    dump(tmp_path / "final_right_video_sentences.json", {"results": right})
    dump(tmp_path / "final_foil_video_sentences.json", {"results": foil})
    times = {"v1": {"duration": 20.0, "timestamps": [[0, 10], [10, 20]], "sentences": ["x", "y"]}}
    told = {"v1": {"duration": 40.0, "timestamps": [[0, 4], [11, 19]], "sentences": ["early", "late"]}}
    dump(tmp_path / "anet_entities_test_1.json", times)
    dump(tmp_path / "anet_entities_test_2.json", told)
    got = load("activitynet-foil", tmp_path)
    assert got.frames == 0  # all frames of a segment, as its authors look at
    assert [item.example.references for item in got.items] == [("early",), ("late",)] * 2
    second = got.items[1].example.image
    assert (second.path.name, second.start, second.end, second.length) == ("v1.mp4", 10, 20, 40.0)
    # means of paragraphs: (1 + 0) / 2 against (0 + 2) / 2
    assert got.verdict.agreement(np.array([1.0, 0.0, 0.0, 2.0]), np.arange(1))["accuracy"] == 0.0
    assert list(got.left_out.values()) == [("v2",)]


def test_embedded_picture_that_is_broken_says_so(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"mt": "a", "refs": ["r"], "image": {"bytes": b"no picture", "path": None}, "human_score": 1.0}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "test-0.parquet")
    (item,) = load("nebula", tmp_path).items
    with pytest.raises(ValueError, match=r"test-0.parquet:0"):
        item.example.image.draw()
    assert not isinstance(item.example.image, Image.Image)


def test_a_separator_of_unicode_is_a_part_of_its_caption(flickr8k):
    tokens = (flickr8k / "Flickr8k.token.txt").read_text().replace("Caption 2  of b .", "Caption 2\u2028of b .")
    (flickr8k / "Flickr8k.token.txt").write_text(tokens)
    assert load("flickr8k-expert", flickr8k).items[0].caption == "Caption 2 of b ."


def test_intervals_of_composite_draw_pictures(composite):
    assert [len(unit) for unit in load("composite", composite).verdict.units] == [3, 3, 3]


def test_tokens_of_another_data_set_are_refused(flickr8k):
    (flickr8k / "Flickr8k.token.txt").write_text("x.jpg#0\ta dog\n")
    with pytest.raises(ValueError, match="no row of flickr8k-expert judges a caption of Flickr8k.token.txt"):
        load("flickr8k-expert", flickr8k)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("flickr8k-expert", {"protocol": "12k"}, "flickr8k-expert has one protocol"),
        ("composite", {"protocol": "11985"}, "no protocol of composite is called '11985'; there are 12k"),
        ("thumb", {"protocol": "machine"}, "did you mean machines"),
        ("flickr8k-expert", {"ties": "half"}, "has ratings and no pairs, so --ties half changes nothing"),
        ("foil", {"ties": "halves"}, "no worth of a tie is called 'halves'; did you mean half"),
    ],
)
def test_a_version_that_a_benchmark_does_not_have_is_refused(name, given, message, flickr8k, dump):
    rows = [{"id": 1, "image_id": 7, "caption": text, "foil": foil} for text, foil in (("a", False), ("b", True))]
    dump(flickr8k / "foilv1.0_test_2017.json", {"images": [{"id": 7, "file_name": "7.jpg"}], "annotations": rows})
    coco(flickr8k, dump, (7, "c"))
    with pytest.raises(ValueError, match=message):
        load(name, flickr8k, **given)


def test_intervals_draw_pictures(flickr8k, pascal, vatex):
    for name in ("flickr8k-expert", "flickr8k-cf"):
        verdict = load(name, flickr8k).verdict
        assert [{verdict.pictures[point] for point in unit} for unit in verdict.units] == [{"a.jpg"}, {"b.jpg"}]
    assert load("pascal-50s", pascal).verdict.units == [[0], [1]]
    assert load("vatex-eval", vatex).verdict.units == [[0, 1], [2, 3]]
