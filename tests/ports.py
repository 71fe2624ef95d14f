"""Ports for groups of test processes."""

from __future__ import annotations

import random
import socket

PORTS = range(20_000, 32_000)  # below the ports that a system gives to connections, of which one could take the port


def free_ports(count: int) -> list[int]:
    """Different ports that are free now, and are still free when a group begins."""
    ports: set[int] = set()
    while len(ports) < count:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):  # nobody answers
                ports.add(port)
    return [*ports]
