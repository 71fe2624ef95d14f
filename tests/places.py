"""Where tests find the project, and real data that is not part of it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
"the checkout"
SHARED = Path(os.environ.get("SHARED", ROOT.parent / "shared"))
"real data beside the checkout; tests that need it skip when it is absent"
FLICKR8K = SHARED / "flickr8k"
