"""Pickles of other people, read without running their code: plain containers, numbers and numpy arrays."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

# What rebuilding a numpy array calls, under the module names of numpy 1 and 2; nothing here runs code of the file.
ALLOWED = {
    (module, name)
    for names, modules in (
        (("_reconstruct", "scalar"), ("numpy.core.multiarray", "numpy._core.multiarray")),
        (("_frombuffer",), ("numpy.core.numeric", "numpy._core.numeric")),
        (("ndarray", "dtype"), ("numpy",)),
    )
    for module in modules
    for name in names
} | {("_codecs", "encode")}


class Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}")


def unpickle(path: Path) -> Any:
    """The content of a pickle. Raises ValueError for anything but containers, text, numbers and arrays of them."""
    try:
        return Restricted(io.BytesIO(path.read_bytes())).load()
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is no pickle of plain lists, numbers and arrays: {error}") from None
