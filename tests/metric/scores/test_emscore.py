from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from metric.clip.embedder import Embedder
from metric.scores.emscore import EmScore, Rarity, both, fine
from metric.video import Video

CORPUS = ["a red ball", "a red dog on the beach", "two dogs run", "snow"]
CAPTION, REFERENCES = "a red dog", ("two dogs run on the beach", "a ball")


@pytest.fixture
def video(tmp_path) -> Video:
    for n, colour in enumerate(("red", "green", "#123456")):
        (tmp_path / "v").mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), colour).save(tmp_path / "v" / f"{n}.png")
    return Video(tmp_path / "v")


def second_source(clip, video: Path, caption: str, references, corpus) -> dict[str, tuple[float, float]]:
    """EMScore by loops over words and frames, as the paper's equations have it."""

    def unit(x):
        return x / x.norm()

    def tokens(text: str) -> list[int]:
        row = clip.tokenizer([text])[0].tolist()
        return row[: row.index(max(row)) + 1]

    counts = Counter(token for text in corpus for token in set(clip.tokenizer([text])[0].tolist()))
    idf = {token: math.log((len(corpus) + 1) / (count + 1)) for token, count in counts.items()}
    idf[max(idf)] = sum(idf.values()) / len(idf)

    def words(text: str):
        ids, model = tokens(text), clip.model
        x = model.token_embedding(clip.tokenizer([text])) + model.positional_embedding
        x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask))[0] @ model.text_projection
        weights = [idf.get(token, math.log(len(corpus) + 1)) for token in ids]
        return [unit(each) for each in x[: len(ids)]], weights

    def match(ours, our_weights, theirs, their_weights) -> float:
        precision = sum(w * max(float(a @ b) for b in theirs) for a, w in zip(ours, our_weights)) / sum(our_weights)
        recall = sum(w * max(float(a @ b) for a in ours) for b, w in zip(theirs, their_weights)) / sum(their_weights)
        return 2 * precision * recall / (precision + recall)

    pictures = [clip.preprocess(Image.open(path).convert("RGB")) for path in sorted(video.iterdir())]
    frames = [unit(each) for each in clip.model.encode_image(torch.stack(pictures))]
    ours, weights = words(caption)
    seen = float(unit(sum(frames) / len(frames)) @ ours[-1]), match(ours, weights, frames, [1.0] * len(frames))
    told = [(float(words(text)[0][-1] @ ours[-1]), match(ours, weights, *words(text))) for text in references]
    return {"video": seen, "references": (max(c for c, _ in told), max(f for _, f in told))}


@torch.no_grad()
def test_score_is_that_of_the_papers_equations(tiny_clip, video):
    metric = EmScore(Embedder(tiny_clip), CORPUS, frames=0)
    seen, told = metric.with_video([video], [CAPTION]), metric.with_references([CAPTION], [REFERENCES])
    expected = second_source(tiny_clip, video.path, CAPTION, REFERENCES, CORPUS)
    for got, (coarse, fine_) in ((seen[0], expected["video"]), (told[0], expected["references"])):
        assert (got["coarse"], got["fine"]) == pytest.approx((coarse, fine_), abs=1e-5)
        assert got["full"] == pytest.approx((coarse + fine_) / 2, abs=1e-5)
    assert both(seen, told)[0]["full"] == pytest.approx((seen[0]["full"] + told[0]["full"]) / 2)


def test_every_text_tower_scores_videos(any_clip, video):
    metric = EmScore(Embedder(any_clip), CORPUS)
    (seen,) = metric.with_video([video], [CAPTION])
    assert all(-1 <= value <= 1 for value in seen.values())
    (same,) = metric.with_references([CAPTION], [(CAPTION, "snow")])
    assert same == pytest.approx({"full": 1.0, "coarse": 1.0, "fine": 1.0}, abs=1e-5)


def test_greedy_matching_by_hand():
    # words .9 and .2 at best, of weights 1 and 3; frames .9 and .4 at best, of equal weight
    similarity = torch.tensor([[0.9, 0.4], [0.2, 0.1]])
    precision, recall, f1 = fine(similarity, torch.tensor([1.0, 3.0]), torch.ones(2))
    assert (precision, recall) == pytest.approx(((0.9 + 3 * 0.2) / 4, (0.9 + 0.4) / 2))
    assert f1 == pytest.approx(2 * 0.375 * 0.65 / (0.375 + 0.65))


def test_rare_words_weigh_more_and_one_text_says_nothing(tiny_clip):
    rarity = Rarity.from_texts(tiny_clip, CORPUS)
    inner = tiny_clip.tokenizer.tokenizer
    common, rare = (inner(text).input_ids[1] for text in ("a", "snow"))
    weights = rarity.weights([common, rare])
    assert weights[1] > weights[0]
    alone = Rarity.from_texts(tiny_clip, ["a red ball"])
    assert alone.weights(inner("a red ball").input_ids).unique().tolist() == [1.0]


def test_each_video_is_decoded_once(tiny_clip, video, monkeypatch):
    metric = EmScore(Embedder(tiny_clip), CORPUS)
    first = metric.with_video([video, video], [CAPTION, "snow"])
    monkeypatch.setattr("metric.scores.emscore.as_pictures", None)
    assert metric.with_video([video], [CAPTION]) == first[:1]
