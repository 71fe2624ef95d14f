"""The audit as a picture."""

from __future__ import annotations

from matplotlib.axes import Axes
from PIL import Image

from captioner.scoring.audit_plot import draw_audit, harm, shortened
from metric.judgement.audit import Audit, Row


def row(corruption: str, metric: str, share: float) -> Row:
    return Row(corruption, metric, 10, 0, share, max(0, share - 0.1), min(1, share + 0.1), 0.0, 0.0, 0.0)


AUDIT = Audit(
    [row("mild", "a", 0.1), row("mild", "b", 0.0), row("harsh", "a", 0.4), row("harsh", "b", 1.0)],
    {"mild": ("a cat", "a cat and"), "harsh": ("a cat", "cat")},
)


def test_rows_markers_and_titles_are_those_of_the_audit(tmp_path, monkeypatch):
    texts, drawn = [], []
    text, errorbar = Axes.text, Axes.errorbar

    def written(axes, x, y, s, **how):
        texts.append(s)
        return text(axes, x, y, s, **how)

    def marked(axes, x, y, **how):
        drawn.append((how["label"], x.tolist()))
        return errorbar(axes, x, y, **how)

    monkeypatch.setattr(Axes, "text", written)
    monkeypatch.setattr(Axes, "errorbar", marked)
    draw_audit(AUDIT, tmp_path / "audit.png", {"a": "CLIP-S"})
    assert texts == ["harsh", "cat", "mild", "a cat and"]  # the most harmful first, an example below each
    assert drawn == [("CLIP-S", [40, 10]), ("b", [100, 0])]
    with Image.open(tmp_path / "audit.png") as picture:
        assert picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)


def test_a_corruption_that_no_caption_allows_stands_last(tmp_path):
    nan = float("nan")
    never = Row("never", "a", 0, 10, nan, nan, nan, nan, nan, nan)
    audit = Audit([never, *AUDIT.rows], AUDIT.samples)
    assert sorted(audit.corruptions, key=lambda name: -harm(audit, name)) == ["harsh", "mild", "never"]
    draw_audit(Audit([never, row("mild", "a", 0.1)], {}), tmp_path / "audit.png")


def test_long_examples_keep_their_end():
    text = "a photo of a yellow cat " * 5 + "and a"
    assert len(shortened(text)) < 70 and shortened(text).startswith("... ") and shortened(text).endswith("and a")
    assert shortened("a cat") == "a cat"
