"""A picture before several captioners: what the page shows, without a browser, and in one where one is installed."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from captioner.cli import main
from captioner.publishing.browser_page import answer, page, serve
from captioner.publishing.side_by_side import Trial, trial
from metric.evaluation import evaluate
from metric.example import Example

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def two(model, tiny_clip, tmp_path) -> list[str]:
    """The same captioner twice, once as a run that a reward made."""
    other = shutil.copytree(model, tmp_path / "rewarded")
    run = {"rewards": ["clips"], "decode": {"beams": 3, "max_length": 6}, "pac": tiny_clip}
    (other / "run.json").write_text(json.dumps(run))
    return [str(model), str(other)]


@pytest.fixture
def both(two) -> Trial:
    return trial(two, checker="none")


def test_each_captioner_says_what_captioner_caption_says(both, two, pictures, tmp_path):
    picture = next(pictures.glob("*.png"))
    said, _ = both(Image.open(picture))
    for model, one in zip(two, said):
        out = tmp_path / "out.jsonl"
        words = ["caption", "--model", model, "--images", str(picture.parent), "--checker", "none"]
        assert main([*words, "--out", str(out), "--batch-size", "1"]) == 0
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        (caption,) = (row["caption"] for row in rows if row["id"].endswith(picture.name))
        assert " ".join(word for word, _ in one.words) == caption
        shutil.rmtree(tmp_path / "out.jsonl.work"), out.unlink()


def test_scores_are_those_of_evaluate(both, pictures):
    picture = next(pictures.glob("*.png"))
    said, notes = both(Image.open(picture))
    for one in said:
        caption = " ".join(word for word, _ in one.words)
        found = evaluate({"a": caption}, [Example("a", picture)], ["clip_s", "pac_spp"], both.clip, both.pac)
        assert one.scores["CLIP-S"][0] == f"{found.corpus['clip_s']:.3f}"
        assert one.scores["PAC-S++"][0] == f"{found.corpus['pac_spp']:.3f}"
    assert any("Incorrect % is not shown" in note for note in notes) and all(one.grammar == "" for one in said)


def test_best_is_marked_only_where_they_differ(both, pictures):
    said, _ = both(Image.open(next(pictures.glob("*.png"))))
    values = [one.scores["CLIP-S"] for one in said]
    marked = [best for _, best in values]
    assert marked == [False, False] if values[0][0] == values[1][0] else sum(marked) == 1
    assert not any(best for one in said for name, (_, best) in one.scores.items() if name == "Length")


def test_names_tell_captioners_apart_and_rewards_are_named(both, two, tmp_path):
    assert list(both.voices) == ["captioner", "rewarded · +CLIP-S"]
    twin = shutil.copytree(two[0], tmp_path / "elsewhere" / "captioner")
    assert list(trial([two[0], str(twin)], checker="none").voices) == [two[0], str(twin)]
    with pytest.raises(ValueError, match="given twice"):
        trial([two[0], two[0]])


def test_grammar_is_said(both, pictures, monkeypatch):
    class Strict:
        name = "strict"

        def incorrect(self, captions):
            return [True for _ in captions]

    monkeypatch.setattr("metric.evaluation.grammar_checker", lambda name, cache, language: Strict())
    said, notes = Trial(both.voices, both.clip, None, "harper")(Image.open(next(pictures.glob("*.png"))))
    assert [one.grammar for one in said] == ["faulty", "faulty"] and "Incorrect %: strict" in notes
    assert "PAC-S++" not in said[0].scores and any(note.startswith("PAC-S++ is not shown") for note in notes)


def test_page_escapes_what_is_said_and_has_no_address(both, pictures):
    odd = Trial({"<b>": next(iter(both.voices.values()))}, both.clip, both.pac, "none")
    html = answer(odd, Image.open(next(pictures.glob("*.png"))))
    assert "&lt;b&gt;" in html and "<b>:" not in html and "http" not in html
    assert "Drop a picture" in answer(odd, None)


def test_absent_gradio_says_what_to_install(monkeypatch, capfd, two):
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    assert main(["app", "--model", *two]) == 2
    assert "pip install 'captioner[app]'" in capfd.readouterr().err


@pytest.mark.skipif(not BROWSER, reason="no Chromium is installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_browser_shows_a_caption_of_each_and_asks_nobody_else(both, pictures):
    pytest.importorskip("gradio", reason="no captioner[app]")
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright")
    blocks = page(both, scenes=True)
    address = serve(blocks, "127.0.0.1", None, wait=False)
    try:
        with driver.sync_playwright() as chromium:
            browser = chromium.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            tab = browser.new_page()
            tab.set_default_timeout(120_000)
            asked: list[str] = []
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(address)
            tab.set_input_files("#picture input[type=file]", str(next(pictures.glob("*.png"))))
            tab.wait_for_selector("#answers .one >> nth=1")
            shown = tab.locator("#answers .who").all_inner_texts()
            first = tab.locator("#answers .scores").first.inner_text()
            before = tab.locator("#answers .said").inner_html()
            tab.click("#scene")
            tab.wait_for_function(
                "before => document.querySelector('#answers .said')?.innerHTML !== before", arg=before
            )
            browser.close()
    finally:
        blocks.close()
    assert shown == list(both.voices) and "CLIP-S" in first and "Rep-4" in first
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
