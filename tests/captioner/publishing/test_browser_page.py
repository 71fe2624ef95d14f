"""A picture before several captioners: what the page shows, without a browser, and in one where one is installed."""

from __future__ import annotations

import gc
import json
import shutil

import pytest

from captioner.cli import main
from captioner.data import load
from captioner.publishing.browser_page import answer, page, scene, serve
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
    said, _ = both(picture)
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
    said, notes = both(picture)
    for one in said:
        caption = " ".join(word for word, _ in one.words)
        found = evaluate({"a": caption}, [Example("a", picture)], ["clip_s", "pac_spp"], both.clip, both.pac)
        assert one.scores["CLIP-S"][0] == f"{found.corpus['clip_s']:.3f}"
        assert one.scores["PAC-S++"][0] == f"{found.corpus['pac_spp']:.3f}"
    assert any("Incorrect % is not shown" in note for note in notes) and all(one.grammar == "" for one in said)


def test_best_is_marked_only_where_they_differ(both, pictures):
    said, _ = both(next(pictures.glob("*.png")))
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
    said, notes = Trial(both.voices, both.clip, None, "harper")(next(pictures.glob("*.png")))
    assert [one.grammar for one in said] == ["faulty", "faulty"] and "Incorrect %: strict" in notes
    assert "PAC-S++" not in said[0].scores and any(note.startswith("PAC-S++ is not shown") for note in notes)


def test_page_escapes_what_is_said_and_has_no_address(both, pictures):
    odd = Trial({"<b>": next(iter(both.voices.values()))}, both.clip, both.pac, "none")
    html = answer(odd, str(next(pictures.glob("*.png"))))
    assert "&lt;b&gt;" in html and "<b>:" not in html and "http" not in html
    assert "Drop a picture" in answer(odd, None)


def test_a_file_of_captions_is_a_column_and_a_picture_it_lacks_is_told(two, tiny_clip, pictures, tmp_path):
    file = tmp_path / "made.json"
    first, other, *_ = sorted(pictures.glob("*.png"))
    file.write_text(json.dumps([{"image_id": first.stem, "caption": "a red dog and a red dog"}]))
    shown = trial([two[0], str(file)], checker="none", clip=tiny_clip)
    said, _ = shown(first)
    assert [one.who for one in said] == ["captioner", "made.json"]
    assert " ".join(word for word, _ in said[1].words) == "a red dog and a red dog"
    found = evaluate({"a": "a red dog and a red dog"}, [Example("a", first)], ["clip_s"], shown.clip)
    assert said[1].scores["CLIP-S"][0] == f"{found.corpus['clip_s']:.3f}" and not said[1].lacking
    said, _ = shown(other)
    assert said[1].lacking == f"no caption of {other.name} in this file" and said[0].words and not said[1].scores
    assert f"no caption of {other.name} in this file" in answer(shown, str(other))
    alone, notes = trial([str(file)], checker="none", clip=tiny_clip)(other)
    assert alone[0].lacking and notes == []


def test_files_need_a_clip_and_captions(two, tmp_path, refused):
    pytest.importorskip("gradio", reason="no captioner[app]")
    (tmp_path / "made.json").write_text('{"a": "a dog"}')
    (tmp_path / "twice.jsonl").write_text('{"id": "a", "caption": "a dog"}\n{"id": "a", "caption": "a cat"}\n')
    assert "type --clip ARCH:TAG" in refused("app", "--model", tmp_path / "made.json")
    assert "give one caption an id" in refused("app", "--model", two[0], tmp_path / "twice.jsonl")


def test_a_drawn_scene_has_the_name_of_its_caption_in_a_file_of_scenes(tmp_path):
    assert scene(7, tmp_path) == str(tmp_path / f"{load('scenes', 'test')[7].id}.png")


def test_a_file_that_is_no_picture_is_a_hint(both, tmp_path):
    (tmp_path / "notes.svg").write_text("no picture")
    assert "This file is no picture that can be read: " in answer(both, str(tmp_path / "notes.svg"))


def test_absent_gradio_says_what_to_install(monkeypatch, capfd, two):
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    assert main(["app", "--model", *two]) == 2
    assert "pip install 'captioner[app]'" in capfd.readouterr().err


@pytest.mark.skipif(not BROWSER, reason="no Chromium is installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_browser_shows_a_caption_of_each_and_asks_nobody_else(both, pictures, tmp_path):
    pytest.importorskip("gradio", reason="no captioner[app]")
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright")
    blocks = page(both, tmp_path)
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
        del blocks
        gc.collect()  # Gradio leaves an event loop open: it is collected here, where its warning is ignored
    assert shown == list(both.voices) and "CLIP-S" in first and "Rep-4" in first
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
