"""The folders of the project, and of real data outside the project."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
"folder of the checkout"
SHARED = Path(os.environ.get("SHARED", ROOT.parent / "shared"))
"real data beside the checkout; without the data, its tests are skipped"
FLICKR8K = SHARED / "flickr8k"
