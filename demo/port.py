"""A port for a server of ours."""

import random
import socket


def free_port() -> int:
    """A port nobody listens on, outside the range the system gives to outgoing connections.

    From that range another process could be given it while the server restarts.
    """
    while True:
        port = random.randint(20_000, 29_999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
