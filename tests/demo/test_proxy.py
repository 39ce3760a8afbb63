"""The proxy's faults, seen by a client of an echoing server."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from demo.proxy import Mode, Proxy

SOON_S = 0.3
ENOUGH_S = 10.0


class Echo(socketserver.BaseRequestHandler):
    heard: list[bytes] = []

    def handle(self) -> None:
        try:
            while data := self.request.recv(4096):
                self.heard.append(data)
                self.request.sendall(data)
        except OSError:
            return


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture
def server() -> Iterator[Server]:
    Echo.heard.clear()
    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(f"127.0.0.1:{server.server_address[1]}") as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), ENOUGH_S)
    client.settimeout(ENOUGH_S)
    return client


def receive(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        assert more, "the connection ended"
        data += more
    return data


def test_what_is_sent_comes_back_whole(proxy: Proxy) -> None:
    sent = bytes(range(256)) * 4000
    with connect(proxy) as client:
        threading.Thread(target=client.sendall, args=(sent,)).start()
        assert receive(client, len(sent)) == sent


def test_the_end_of_one_side_is_the_end_of_the_other(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"a")
        assert receive(client, 1) == b"a"
        assert proxy.connections == 1
    deadline = time.monotonic() + ENOUGH_S
    while proxy.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert proxy.connections == 0


def test_refusing_ends_what_is_there_and_lets_nothing_in(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"a")
        assert receive(client, 1) == b"a"
        proxy.set(Mode.REFUSE)
        with pytest.raises(ConnectionResetError):
            receive(client, 1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.set(Mode.PASS)
    with connect(proxy) as client:
        client.sendall(b"b")
        assert receive(client, 1) == b"b"


def test_a_black_hole_accepts_and_answers_nothing_until_it_is_over(proxy: Proxy) -> None:
    with connect(proxy) as old:
        old.sendall(b"a")
        assert receive(old, 1) == b"a"
        proxy.set(Mode.BLACK_HOLE)
        with connect(proxy) as new:
            for client in (old, new):
                client.sendall(b"b")
                client.settimeout(SOON_S)
                with pytest.raises(TimeoutError):
                    client.recv(1)
            assert b"b" not in Echo.heard
            proxy.set(Mode.PASS)
            for client in (old, new):
                client.settimeout(ENOUGH_S)
                assert receive(client, 1) == b"b"


def test_a_deaf_one_lets_questions_through_and_keeps_the_answers(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"a")
        assert receive(client, 1) == b"a"
        proxy.set(Mode.DEAF)
        client.sendall(b"b")
        client.settimeout(SOON_S)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert Echo.heard == [b"a", b"b"]
        proxy.set(Mode.PASS)
        assert receive(client, 1) == b"b"


def test_a_slow_one_takes_its_time(proxy: Proxy) -> None:
    proxy.bytes_per_s = 1000
    proxy.set(Mode.SLOW)
    with connect(proxy) as client:
        began = time.monotonic()
        client.sendall(bytes(500))
        receive(client, 500)
        assert time.monotonic() - began > 0.45
        client.sendall(bytes(100_000))
        proxy.set(Mode.PASS)
        receive(client, 100_000)


def test_a_cut_ends_what_is_there_and_nothing_else(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"a")
        assert receive(client, 1) == b"a"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            receive(client, 1)
    with connect(proxy) as client:
        client.sendall(b"b")
        assert receive(client, 1) == b"b"


def test_without_a_target_a_connection_ends_at_once(proxy: Proxy, server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionResetError), connect(proxy) as client:
        receive(client, 1)
