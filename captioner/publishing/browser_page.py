"""The page of `captioner app`: a picture on the left, the caption of each captioner on the right. Needs Gradio."""

from __future__ import annotations

import random
from itertools import count
from pathlib import Path
from typing import Any

from captioner.pages import render
from captioner.publishing.side_by_side import Trial
from metric.example import UnreadableImage
from metric.scenes.draw import draw
from metric.scenes.world import sample

SIZE = 384  # pixels of a scene that is drawn for the page
FONT = ("ui-sans-serif", "system-ui", "sans-serif")  # fonts of the browser, so that nothing is downloaded
CSS = """footer {display: none !important}
.gradio-container {max-width: 1180px !important; margin: 0 auto !important; width: 100%}"""


def library() -> Any:
    """The module gradio. Raises ValueError when the package is not installed."""
    try:
        import gradio
    except ImportError:
        raise ValueError("the page needs the package gradio; type pip install 'captioner[app]'") from None
    return gradio


def answer(trial: Trial, picture: str | None) -> str:
    """The right-hand side of the page as HTML for a picture file. Without a picture that can be read, a hint."""
    hint = "Drop a picture on the left, paste one, or take one with the camera."
    if picture is None:
        return render("app.html.j2", captions=[], notes=[], hint=hint)
    try:
        captions, notes = trial(Path(picture))
    except UnreadableImage as error:
        hint = f"This file is no picture that can be read{str(error).removeprefix(picture)}"
        return render("app.html.j2", captions=[], notes=[], hint=hint)
    return render("app.html.j2", captions=captions, notes=notes, hint="")


def scene(number: int, folder: Path) -> str:
    """The picture file of a scene of the split test. Its name is the id of the scene in files of captions."""
    file = folder / f"test-{number:06d}.png"
    draw(sample("test", number), SIZE).save(file)
    return str(file)


def page(trial: Trial, scenes: Path | None) -> Any:
    """The page as Gradio blocks. A folder `scenes` adds a button that draws a scene there, for captioners of scenes."""
    gradio = library()
    with gradio.Blocks(title="captioner", analytics_enabled=False, fill_width=True) as blocks:
        gradio.HTML("<h1 style='margin: 12px 0 0; font-size: 24px'>What is in the picture?</h1>")
        with gradio.Row():
            with gradio.Column(scale=5):
                picture = gradio.Image(
                    type="filepath", image_mode=None, label="Drop a picture", height=SIZE, elem_id="picture"
                )
                if scenes:
                    numbers = count(random.randrange(1000))
                    button = gradio.Button("Draw a scene", variant="primary", elem_id="scene")
                    button.click(lambda: scene(next(numbers) % 1000, scenes), outputs=picture)
            with gradio.Column(scale=7):
                answers = gradio.HTML(answer(trial, None), elem_id="answers", apply_default_css=False)
        picture.change(lambda shown: answer(trial, shown), inputs=picture, outputs=answers)
    return blocks


def serve(blocks: Any, host: str, port: int | None, wait: bool = True) -> str:
    """Serves the page and returns its address.

    Port None takes a free port. With `wait`, the function returns when the page was stopped.
    """
    theme = library().themes.Soft(primary_hue="amber", neutral_hue="stone", font=FONT, font_mono=("ui-monospace",))
    _, address, _ = blocks.queue().launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=not wait,
        share=False,
        ssr_mode=False,
        footer_links=[],
        theme=theme,
        css=CSS,
    )
    return address
