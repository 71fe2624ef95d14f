"""Image captioners: trained with any reward, evaluated, compared and used.

    from captioner import Captioner, Describer, Run, train, resume, evaluate, compare, caption

A name is imported when it is first used, so `import captioner` is fast and loads no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metric.runtime.lazy import front_door

if TYPE_CHECKING:
    from captioner.api import caption, compare, evaluate, load_data, resume, train
    from captioner.config import Run
    from captioner.decoding.describer import Describer
    from captioner.model.encoder_decoder import Captioner
else:
    __getattr__, __dir__ = front_door(
        __name__,
        {
            "Captioner": "captioner.model.encoder_decoder",
            "Describer": "captioner.decoding.describer",
            "Run": "captioner.config",
            **dict.fromkeys(("caption", "compare", "evaluate", "load_data", "resume", "train"), "captioner.api"),
        },
    )

__all__ = ["Captioner", "Describer", "Run", "caption", "compare", "evaluate", "load_data", "resume", "train"]
__version__ = "0.1.0"
