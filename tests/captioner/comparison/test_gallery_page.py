"""The gallery of the page: its numbers, and its controls in a headless browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from captioner.comparison.exhibits import disagreement, gallery_of
from captioner.comparison.report import write
from captioner.comparison.table import compare

SAID = {  # picture -> caption, CIDEr of each row
    "one": [("a red cat", 2.0), ("a red cat", 1.5)],
    "two": [("a dog in the snow", 1.0), ("a dog dog in snow", 0.0)],
    "three/a b": [("two birds", 3.0), ("a plane", 2.5)],
}
PICTURES = [(name, Image.new("RGB", (60, 40), "blue"), ("what people say",)) for name in SAID]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def write_run(folder: Path, row: int, rewards: list[str]) -> Path:
    said = {name: captions[row] for name, captions in SAID.items()}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"seed": 0, "data": "scenes", "rewards": rewards}))
    (folder / "metrics.jsonl").write_text("")
    mean = sum(cider for _, cider in said.values()) / len(said)
    (folder / "scores-test.json").write_text(json.dumps({"corpus": {"cider": mean}, "count": 3, "skipped": {}}))
    (folder / "scores-test.csv").write_text("id,cider\n" + "".join(f"{n},{c}\n" for n, (_, c) in said.items()))
    lines = [json.dumps({"id": name, "caption": caption}) + "\n" for name, (caption, _) in said.items()]
    (folder / "captions-test.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture
def comparison(tmp_path):
    return compare([write_run(tmp_path / "xe", 0, []), write_run(tmp_path / "cider", 1, ["cider"])])


def test_disagreement_is_the_mean_jaccard_distance_of_every_two_captions():
    assert disagreement(["a cat", "A cat"]) == 0 and disagreement(["a cat", "the dog"]) == 1
    assert disagreement(["a cat", "a dog", "a cat"]) == pytest.approx((2 / 3 + 0 + 2 / 3) / 3, abs=1e-4)
    assert disagreement(["a cat"]) == disagreement(["", ""]) == 0


def test_an_exhibit_has_the_scores_of_every_row(comparison):
    gallery = gallery_of(comparison, PICTURES)
    assert [column.name for column in gallery.columns] == ["cider"]
    assert {shown.id: shown.scores for shown in gallery.exhibits}["two"] == [[1.0, 0.0]]


def after(page: Path, script: str) -> dict[str, str]:
    """Runs the page and then `script`, which fills `out`, in the browser. Returns `out`."""
    report = f"<script>const out = {{}}; {script}; document.title = 'out' + JSON.stringify(out);</script>"
    driven = page.with_name("driven.html")
    driven.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{report}</body>"), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page.parent / 'profile'}"]
    ran = subprocess.run([*command, "--dump-dom", driven.as_uri()], capture_output=True, text=True, timeout=120)
    found = re.search(r"<title>out(\{.*?\})</title>", ran.stdout)
    assert found, ran.stdout[-500:] + ran.stderr[-500:]
    return json.loads(found[1])


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH")
def test_the_gallery_is_sorted_filtered_and_driven_by_keys(comparison, tmp_path):
    write(comparison, PICTURES, tmp_path / "out")
    found = after(
        tmp_path / "out" / "index.html",
        """
        const ids = () => visible().map((card) => card.dataset.id).join(" ");
        const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
        out.split = ids();
        press("s"); out.disagreement = ids();
        press("s"); out.fall = ids();
        out.values = [...visible()[0].querySelectorAll(".value")].map((v) => v.textContent).join(" ");
        press("d"); out.different = ids();
        press("r"); out.repeated = ids();
        press("d"); press("r");
        words.value = "plane BIRDS"; show(); out.words = ids(); out.count = count.textContent;
        words.value = ""; show();
        press("j"); press("j"); out.chosen = document.querySelector(".chosen").dataset.id;
        press("k"); out.before = document.querySelector(".chosen").dataset.id;
        press("t"); press("t"); out.theme = document.documentElement.dataset.theme;
        out.paper = getComputedStyle(document.body).backgroundColor;
        const box = form.querySelector('[data-row="1"]'); box.click();
        out.rows = visible()[0].querySelectorAll("dd:not([hidden])").length;
        const link = cards[2].querySelector(".id a"); link.click();
        out.target = String(document.querySelector(":target")?.dataset.id);
        """,
    )
    assert found["split"] == "one two three/a b"
    assert found["disagreement"] == "three/a b two one" and found["fall"] == "two one three/a b"
    assert found["values"] == "1 0"
    assert found["different"] == "two three/a b" and found["repeated"] == "two"
    assert found["words"] == "three/a b" and found["count"] == "1 of 3 pictures"
    assert found["chosen"] == "one" and found["before"] == "two"
    assert found["theme"] == "dark" and found["paper"] == "rgb(21, 23, 26)"
    assert found["rows"] == 2  # the first row and the people
    assert found["target"] == "three/a b"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_a_phone_or_a_screen(comparison, tmp_path, width):
    write(comparison, PICTURES, tmp_path / "out")
    frame = f"""
        const page = document.documentElement.outerHTML; document.body.innerHTML = "";
        const frame = document.createElement("iframe"); frame.style.width = "{width}px"; frame.style.border = "0";
        document.body.append(frame); frame.contentDocument.open();
        frame.contentDocument.write(page.replace(/<script[^]*?<\\/script>/g, "")); frame.contentDocument.close();
        out.wide = frame.contentDocument.documentElement.scrollWidth;
    """
    assert after(tmp_path / "out" / "index.html", frame)["wide"] <= width
