"""The few calls to a Flink cluster's REST address that running demo jobs needs."""

import json
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

TIMEOUT_S = 60.0
# The cluster is on this machine: never through the proxy the environment may name.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class FlinkError(RuntimeError):
    """Flink refused a request; the message holds what it answered."""


class Rest:
    """Flink's REST API at one address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, timeout_s: float = TIMEOUT_S) -> Any:
        return self._call("GET", path, None, "application/json", timeout_s)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("POST", path, json.dumps(body).encode(), "application/json", TIMEOUT_S)

    def patch(self, path: str) -> Any:
        return self._call("PATCH", path, None, "application/json", TIMEOUT_S)

    def upload(self, jar: Path) -> str:
        """Upload a jar; returns the id under which it can be run."""
        boundary = uuid.uuid4().hex
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="jarfile"; filename="{jar.name}"\r\n'
            "Content-Type: application/x-java-archive\r\n\r\n"
        )
        body = head.encode() + jar.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        media = f"multipart/form-data; boundary={boundary}"
        answer = self._call("POST", "/jars/upload", body, media, TIMEOUT_S)
        return Path(answer["filename"]).name

    def _call(
        self, method: str, path: str, body: bytes | None, media: str, timeout_s: float
    ) -> Any:
        request = urllib.request.Request(
            self.url + path, data=body, method=method, headers={"Content-Type": media}
        )
        try:
            with DIRECT.open(request, timeout=timeout_s) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")
            raise FlinkError(f"{method} {path}: HTTP {error.code}: {answer}") from error
