"""The public annotation files, each as a few of its own lines."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from captioner.data import load, read, split_names
from captioner.data.left_out import LeftOut


def written(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def ids(spec: str, split: str) -> list[str]:
    return [example.id for example in load(spec, split)]


@pytest.fixture
def karpathy(tmp_path, photographs) -> Path:
    """dataset_coco.json with one picture of each of COCO's four splits."""
    (tmp_path / "val2014").symlink_to(photographs)
    rows = [
        {"filepath": "val2014", "filename": name, "cocoid": 100 + number, "imgid": number, "split": split}
        | {"sentids": [number], "sentences": [{"raw": f"A {split}.", "tokens": ["a", split], "sentid": number}]}
        for number, (name, split) in enumerate(
            [("b.jpg", "test"), ("a.jpg", "restval"), ("v.jpg", "val"), ("t.jpg", "train")]
        )
    ]
    return written(tmp_path / "dataset_coco.json", {"images": rows, "dataset": "coco"})


def test_restval_belongs_to_training_unless_told(karpathy):
    assert ids(str(karpathy), "train") == ["a.jpg", "t.jpg"] and ids(str(karpathy), "restval") == ["a.jpg"]
    assert ids(f"karpathy:file={karpathy},restval=0", "train") == ["t.jpg"]
    assert split_names(str(karpathy)) == ["train", "val", "test"]
    assert split_names(f"karpathy:file={karpathy},restval=0") == ["train", "restval", "val", "test"]


def test_karpathy_gives_raw_captions_and_cocos_numbers_on_request(karpathy, tmp_path):
    (example,) = load(f"karpathy:file={karpathy},ids=numbers", "validation")
    assert (example.id, example.references) == ("102", ("A val.",))
    assert example.image == tmp_path / "val2014" / "v.jpg"


@pytest.mark.parametrize(
    "spec, split, words",
    [
        ("", "ood", "train, val, test"),
        (",ids=cocoid", "val", "names or numbers"),
        (",restval=2", "val", "restval must be 0 or 1"),
        (",images=nowhere", "val", "neither a folder"),
    ],
)
def test_what_karpathys_file_cannot_give_is_told(karpathy, spec, split, words):
    with pytest.raises(ValueError, match=words):
        load(f"karpathy:file={karpathy}{spec}", split)


def coco(path: Path, **names: list[str]) -> Path:
    """Captions by the picture's name."""
    images = [{"id": 10 + n, "file_name": name, "license": 1, "height": 2, "width": 3} for n, name in enumerate(names)]
    images = [image | {"file_name": f"{image['file_name']}.jpg"} for image in images]
    said = [{"image_id": 10 + n, "id": 0, "caption": text} for n, texts in enumerate(names.values()) for text in texts]
    return written(path, {"info": {}, "licenses": [], "images": images, "annotations": said})


@pytest.fixture
def coco_2014(tmp_path, photographs) -> Path:
    """annotations/ beside train2014 and val2014, which are folders or archives."""
    (tmp_path / "train2014").symlink_to(photographs)
    (tmp_path / "val2014").symlink_to(photographs)
    coco(tmp_path / "annotations" / "captions_train2014.json", b=["one", "two"], a=["three"])
    coco(tmp_path / "annotations" / "captions_val2014.json", v=["four"])
    return tmp_path / "annotations"


def test_coco_is_its_files_by_split(coco_2014, tmp_path):
    spec = f"coco:file={coco_2014}/captions_{{split}}2014.json"
    first, second = load(spec, "train")
    assert (first.id, first.references, first.image) == ("b.jpg", ("one", "two"), tmp_path / "train2014" / "b.jpg")
    assert ids(spec, "val") == ["v.jpg"] and split_names(spec) == ["train", "val"]
    assert load(f"{coco_2014}/captions_train2014.json", "train") == [first, second]
    with pytest.raises(ValueError, match="holds the split 'train'"):
        load(f"{coco_2014}/captions_train2014.json", "val")


def annotated(tmp_path, photographs, images: list[dict], annotations: list[dict]) -> str:
    path = written(tmp_path / "captions.json", {"images": images, "annotations": annotations})
    return f"coco:file={path},images={photographs}"


def test_ids_of_coco_are_compared_as_text_and_captions_without_a_picture_named(tmp_path, photographs):
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": "2", "file_name": "b.jpg"}]
    annotations = [{"image_id": "1", "caption": "one"}, {"image_id": 2, "caption": "two"}]
    lost = [{"image_id": 9, "caption": "nowhere"}, {"image_id": 9, "caption": "nowhere either"}]
    items = list(read(annotated(tmp_path, photographs, images, annotations + lost), "train"))
    assert [item.references for item in items[:2]] == [("one",), ("two",)]
    assert items[2:] == [LeftOut("9", "no picture of the file has its image_id", "caption")] * 2


def test_a_caption_of_coco_that_is_null_is_named_and_one_that_is_no_text_refused(tmp_path, photographs):
    images = [{"id": 1, "file_name": "a.jpg"}]
    rows = [{"image_id": 1, "caption": None}, {"image_id": 1, "caption": "one"}]
    left, example = read(annotated(tmp_path, photographs, images, rows), "train")
    assert left == LeftOut("a.jpg", "the caption is null", "caption") and example.references == ("one",)
    with pytest.raises(ValueError, match="image_id 1: expected a caption or a list of captions, got 7"):
        load(annotated(tmp_path, photographs, images, [{"image_id": 1, "caption": 7}]), "train")


def test_a_file_name_of_coco_is_text_or_a_number_and_another_is_refused(tmp_path, photographs):
    (photographs / "a.jpg").rename(photographs / "5.jpg")
    spec = annotated(tmp_path, photographs, [{"id": 1.0, "file_name": 5}], [{"image_id": 1, "caption": "a"}])
    (example,) = load(spec, "train")
    assert (example.id, example.image, example.references) == ("5", photographs / "5.jpg", ("a",))
    annotated(tmp_path, photographs, [{"id": 1, "file_name": None}], [])
    with pytest.raises(ValueError, match="the image 1 has the file_name null, expected text as 1.jpg"):
        load(spec, "train")


def test_lists_of_coco_find_ids_that_are_floats(tmp_path, photographs):
    annotated(tmp_path, photographs, [{"id": 1.0, "file_name": "b.jpg"}], [{"image_id": 1, "caption": "a"}])
    (tmp_path / "list.txt").write_text("1\n")
    file = next(tmp_path.glob("*.json"))
    assert ids(f"coco:file={file},images={photographs},lists={tmp_path}/list.txt", "train") == ["b.jpg"]


def test_coco_is_cut_by_lists_of_names_or_numbers(coco_2014, tmp_path):
    (tmp_path / "karpathy_train_images.txt").write_text("train2014/a.jpg 11\nval2014/v.jpg 10\n")
    spec = f"coco:file={coco_2014}/captions_*2014.json,lists={tmp_path}/karpathy_{{split}}_images.txt"
    assert split_names(spec) == ["train"]
    assert ids(spec, "train") == ["b.jpg", "a.jpg", "v.jpg"]  # b.jpg has the number 10 as well
    (tmp_path / "karpathy_train_images.txt").write_text("train2014/a.jpg\nv.jpg\n")
    assert ids(spec, "train") == ["a.jpg", "v.jpg"]


def test_pictures_may_be_in_the_zip_or_tar_as_downloaded(coco_2014, tmp_path, photographs):
    expected = [example.references for example in load(f"{coco_2014}/captions_train2014.json", "train")]
    (tmp_path / "train2014").unlink()
    (tmp_path / "val2014").unlink()
    with zipfile.ZipFile(tmp_path / "train2014.zip", "w") as file:
        file.write(photographs / "b.jpg", "train2014/b.jpg")
    with tarfile.open(tmp_path / "more.tar", "w") as tar:
        tar.add(photographs / "a.jpg", "deep/er/a.jpg")
    for path in photographs.iterdir():
        path.unlink()
    examples = load(f"{coco_2014}/captions_train2014.json", "train")
    assert [example.references for example in examples] == expected
    assert [str(example.image) for example in examples] == [
        f"{tmp_path}/train2014.zip/train2014/b.jpg",
        f"{tmp_path}/more.tar/deep/er/a.jpg",
    ]


def test_picture_that_two_folders_could_mean_is_not_guessed(tmp_path, photographs):
    for name in "x", "y":
        (tmp_path / "pictures" / name).mkdir(parents=True)
        (tmp_path / "pictures" / name / "b.jpg").touch()
    (tmp_path / "pictures" / "x" / "a.jpg").touch()
    path = coco(tmp_path / "annotations.json", b=["one"], a=["two"])
    found = list(read(f"coco:file={path},images={tmp_path / 'pictures'}", "train"))
    assert [type(each) is LeftOut for each in found] == [True, False]


def test_domains_of_nocaps_are_splits_and_an_option(tmp_path, photographs):
    domains = ["in-domain", "near-domain", "out-domain", "near-domain"]
    images = [
        {"id": n, "file_name": name, "open_images_id": name[0], "domain": domain, "coco_url": f"https://x/val/{name}"}
        for n, (name, domain) in enumerate(zip(("b.jpg", "a.jpg", "v.jpg", "t.jpg"), domains))
    ]
    said = [{"image_id": n, "id": 10 * n + k, "caption": f"{n} {k}"} for n in range(4) for k in range(10)]
    path = written(tmp_path / "nocaps_val_4500_captions.json", {"images": images, "annotations": said})
    spec = f"nocaps:file={path},images={photographs}"
    assert ids(spec, "val") == ["b.jpg", "a.jpg", "v.jpg", "t.jpg"]
    assert ids(spec, "near-domain") == ids(f"{spec},domain=near", "val") == ["a.jpg", "t.jpg"]
    assert ids(f"{spec},ids=numbers,domain=out-domain", "val") == ["2"]
    assert split_names(spec) == ["val", "in-domain", "near-domain", "out-domain"]
    assert all(len(example.references) == 10 for example in load(spec, "val"))
    with pytest.raises(ValueError, match="in-domain, near-domain"):
        load(f"{spec},domain=far", "val")


def test_marked_captions_of_vizwiz_are_left_out_and_counted(tmp_path, photographs, caplog):
    images = [{"id": 7, "file_name": "b.jpg", "text_detected": True}, {"id": 8, "file_name": "a.jpg"}]
    marks = [(7, False, False), (7, True, False), (7, False, True), (8, True, True), (8, True, False)]
    said = [
        {"image_id": image, "id": n, "caption": f"c{n}", "is_rejected": rejected, "is_precanned": precanned}
        for n, (image, rejected, precanned) in enumerate(marks)
    ]
    path = written(tmp_path / "train.json", {"info": {}, "images": images, "annotations": said})
    spec = f"vizwiz:file={path},images={photographs}"
    assert [example.references for example in load(spec, "train")] == [("c0",), ()]
    assert {record.getMessage().partition(f"{photographs}: ")[2] for record in caplog.records} == {
        "2 captions left out: marked is_rejected, the first b.jpg",
        "2 captions left out: marked is_precanned, the first b.jpg",
    }
    assert [e.references for e in load(f"{spec},rejected=1", "train")] == [("c0", "c1"), ("c4",)]
    assert [len(e.references) for e in load(f"{spec},rejected=1,precanned=1", "train")] == [3, 2]


def test_textcaps_is_a_row_a_caption_and_a_folder_a_split(tmp_path, photographs):
    photographs.rename(tmp_path / "train_images")
    captions = ["A sign.", "A red sign."]
    rows = [
        {"image_id": "b", "image_path": "train/b.jpg", "set_name": "train", "image_classes": [], "caption_id": n}
        | {"caption_str": text, "reference_strs": captions, "reference_tokens": []}
        for n, text in enumerate(captions)
    ]
    test = [{"image_id": "t", "image_path": "test/t.jpg", "set_name": "test", "image_classes": []}]
    written(tmp_path / "TextCaps_0.1_train.json", {"dataset_name": "textcaps", "data": rows})
    written(tmp_path / "TextCaps_0.1_test.json", {"dataset_name": "textcaps", "data": test})
    spec = f"textcaps:file={tmp_path}/TextCaps_0.1_{{split}}.json"
    (example,) = load(spec, "train")
    assert (example.id, example.references) == ("b.jpg", ("A sign.", "A red sign."))
    (example,) = load(spec, "test")
    assert (example.id, example.references) == ("t.jpg", ()) and split_names(spec) == ["train", "test"]


def test_absent_pictures_are_left_out_and_named(coco_2014, photographs, caplog):
    (photographs / "a.jpg").unlink()
    assert ids(f"{coco_2014}/captions_train2014.json", "train") == ["b.jpg"]
    assert "1 picture left out: it is not in" in caplog.text and "the first a.jpg" in caplog.text
    (photographs / "b.jpg").unlink()
    with pytest.raises(ValueError, match=r"no picture of the split 'train': .*b.jpg.*images=DIR"):
        load(f"{coco_2014}/captions_train2014.json", "train")


@pytest.mark.parametrize("name", ["karpathy", "coco", "nocaps", "vizwiz", "textcaps"])
@pytest.mark.parametrize("content", ["{", "[]", '{"images": [{"id": 1}]}', '{"data": [1]}', '{"images": []}'])
def test_file_of_another_form_is_refused_in_a_line(tmp_path, name, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match="a.json") as error:
        load(f"{name}:file={tmp_path / 'a.json'}", "train")
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="none.json is not a file"):
        load(f"{name}:file={tmp_path / 'none.json'}", "train")


TWICE = {
    "karpathy": '{"images": [{"filename": "b.jpg", "split": "val", "split": "test", "sentences": []}]}',
    "coco": '{"images": [{"id": 1, "file_name": "b.jpg"}], "annotations": [], "annotations": []}',
    "nocaps": '{"images": [{"id": 1, "file_name": "b.jpg", "id": 2, "domain": "in-domain"}], "annotations": []}',
    "vizwiz": '{"images": [{"id": 1, "file_name": "b.jpg", "file_name": "a.jpg"}], "annotations": []}',
    "textcaps": '{"data": [{"image_id": "b", "caption_str": "a", "caption_str": "b"}]}',
}


@pytest.mark.parametrize("name", TWICE)
def test_a_key_that_stands_twice_is_refused(tmp_path, name):
    (tmp_path / "a.json").write_text(TWICE[name])
    with pytest.raises(ValueError, match=r"a.json: the key '\w+' stands twice in .*; give each key once") as error:
        load(f"{name}:file={tmp_path / 'a.json'}", "val")
    assert "\n" not in str(error.value)
