"""Whether decoding has ended: a question to the device, for which the host waits."""

from __future__ import annotations

from torch import Tensor

BETWEEN = 8  # tokens; a question costs a GPU less than some steps that pad finished captions, and stops its queue


def all_ended(done: Tensor, number: int) -> bool:
    """Whether all captions `b k` have ended with their token `number`, counted from 0.

    The CPU has its answer at once. A GPU is asked every BETWEEN tokens, and "no" is the answer between.
    """
    asked = done.device.type == "cpu" or (number + 1) % BETWEEN == 0
    return asked and bool(done.all())
