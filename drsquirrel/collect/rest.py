"""The GET requests of our clients: bounded, nothing followed, every failure a sentence.

What an answer holds passes the redaction before it leaves the client. Credentials never appear in a
sentence, a log line or a repr.
"""

import asyncio
import os
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import aiohttp
import msgspec
import yarl

from drsquirrel.collect.flink_rest.address import base_url
from drsquirrel.collect.flink_rest.error import (
    AddressError,
    BadAnswerError,
    CredentialsError,
    FlinkError,
    GoneError,
    NotFlinkError,
    RedirectRefusedError,
    StatusError,
    TimedOutError,
    TlsError,
    UnreachableError,
    shown,
)
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.redaction import Redaction

HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
KEEP_ALIVE_S = 60.0
CHUNK_BYTES = 1 << 16
ERROR_BYTES = 2_000
LARGE_BYTES = 1 << 16
"""A longer answer is decoded in a thread, beside the event loop that serves everybody."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Words:
    """How sentences call the other side, and what they ask about it."""

    api: str
    """What is asked: "a Flink REST API"."""
    api_does: str
    """Likewise, in "as … does"."""
    hangs: str
    """Who may hang: "the JobManager"."""
    port: str
    """What the port may be: "Flink's rest.port"."""
    reach: str
    """What to look at where nothing answers."""
    redirect: str = "give the address it leads to"
    """What to do where it leads elsewhere."""


class RestClient:
    """One keep-alive session to one address; an async context manager.

    `user` and `password` (basic) or `token` (bearer) go to this origin alone. `ca_file` holds the
    certificates to trust instead of the system's. What leaves has passed `redaction`.
    """

    words: Words

    def __init__(
        self,
        url: str,
        *,
        user: str = "",
        password: str = "",
        token: str = "",
        ca_file: Path | None = None,
        settings: PollSettings | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        self.url = base_url(url, self.words.api)
        self.requests = 0
        self.received_bytes = 0
        self._settings = settings or PollSettings()
        self.redaction = redaction or Redaction()
        self._headers = HEADERS | _authorization(user, password, token)
        self._tls = _tls(ca_file)
        self._in_flight = asyncio.Semaphore(self._settings.concurrent_requests)
        self._session: aiohttp.ClientSession | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str) -> Any:
        """The decoded, redacted JSON under a path; raises FlinkError."""
        async with self._in_flight:
            body = await self._body(path)
            if len(body) > LARGE_BYTES:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, self._decoded, path, body)
        return self._decoded(path, body)

    def _decoded(self, path: str, body: bytes) -> Any:
        try:
            answer = msgspec.json.decode(body)
        except RecursionError:
            raise BadAnswerError(f"{self.url} answered with JSON nested too deep.") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._no_json(body) from None
        redacted = self.redaction.redact(path, answer)
        if isinstance(redacted, str):  # which no answer is
            raise BadAnswerError(
                f"{self.url} sent so much that secrets in it cannot be looked for; it is not used."
            )
        return redacted

    async def _body(self, path: str, headers: Mapping[str, str] = NOTHING) -> bytes:
        return await self._asked("GET", yarl.URL(self.url + path, encoded=True), headers)

    async def _asked(
        self, method: str, url: yarl.URL, headers: Mapping[str, str] = NOTHING
    ) -> bytes:
        self.requests += 1
        try:
            async with self._opened().request(
                method, url, headers=headers, allow_redirects=False
            ) as response:
                return await self._read(response)
        except TimeoutError:
            raise TimedOutError(
                f"{self.url} did not answer within {self._settings.request_timeout_s:g} s: "
                f"{self.words.hangs} is overloaded or hangs, or the "
                "network drops the packets."
            ) from None
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
            raise TlsError(
                f"{self.url} shows a certificate that is not trusted "
                f"({shown(_reason(error))}): give the file of the authority that signed it (CA "
                "file), and the host name that stands in the certificate."
            ) from None
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise self._no_tls(error) from None
        except (aiohttp.ClientPayloadError, aiohttp.http_exceptions.TransferEncodingError):
            raise BadAnswerError(f"{self.url} cut its answer off before the end.") from None
        except (aiohttp.ClientResponseError, aiohttp.http_exceptions.HttpProcessingError):
            raise NotFlinkError(
                f"{self.url} does not speak HTTP: is it another service's port, or one that "
                "wants https://?"
            ) from None
        except aiohttp.ServerDisconnectedError:
            raise UnreachableError(
                f"{self.url} closed the connection without an answer: is it {self.words.port}, "
                "and does it want https://?"
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(
                f"Cannot reach {self.url} ({shown(_reason(error))}): {self.words.reach}"
            ) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._settings.concurrent_requests,
                    ssl=self._tls,
                    keepalive_timeout=KEEP_ALIVE_S,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._settings.request_timeout_s),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        status = response.status
        if 300 <= status < 400:
            leads_to = self.redaction.redact_text(response.headers.get("Location", "not told"))
            raise RedirectRefusedError(
                f"{self.url} redirects elsewhere, which is not followed: {self.words.redirect} "
                f"({shown(leads_to)}).",
                leads_to,
            )
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswerError(f"{self.url} compresses its answers though it is asked not to.")
        limit = self._settings.response_max_bytes if status < 400 else ERROR_BYTES
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            self.received_bytes += len(chunk)
            body += chunk
            if len(body) > limit:
                response.close()
                break
        if status >= 400:
            raise self._status(status, bytes(body[:limit]))
        if len(body) > limit:
            raise BadAnswerError(
                f"{self.url} sent more than {limit >> 20} MiB in one answer; it was not read on."
            )
        return bytes(body)

    def _status(self, status: int, body: bytes) -> StatusError:
        if status in (401, 403):
            return CredentialsError(
                f"{self.url} wants other credentials (HTTP {status}): check user and password, "
                "or the token, in the settings of this cluster.",
                status,
            )
        said = self.first_error(body)
        said = f": {shown(self.redaction.redact_text(said))}" if said else ""
        if status == 404:
            return GoneError(
                f"{self.url} does not know what was asked for (HTTP 404{said}).", status
            )
        return StatusError(
            f"{self.url} failed to answer (HTTP {status}{said}): look into the log of "
            f"{self.words.hangs}, or of the proxy before it.",
            status,
        )

    def _no_json(self, body: bytes) -> FlinkError:
        if body.lstrip()[:1] in (b"{", b"["):
            return BadAnswerError(f"{self.url} sent JSON that is broken or cut off.")
        return NotFlinkError(
            f"{self.url} answers, but not with JSON as {self.words.api_does} does: is it another "
            "service, or a proxy's log-in page?"
        )

    def _no_tls(self, error: Exception) -> FlinkError:
        if "WRONG_VERSION" in str(error) or "RECORD_LAYER" in str(error):
            return TlsError(f"{self.url} does not speak TLS: write http:// instead of https://.")
        return TlsError(
            f"No TLS connection to {self.url} ({shown(_reason(error))}): the server may want a "
            "client certificate or another TLS version."
        )

    def first_error(self, body: bytes) -> str:
        """The first line of what its server says in an error; "" if another one speaks."""
        raise NotImplementedError


def _authorization(user: str, password: str, token: str) -> dict[str, str]:
    if token and user:
        raise AddressError("Give either user and password or a token for a cluster, not both.")
    if password and not user:
        raise AddressError("A password was given for a cluster, but no user.")
    if token:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise AddressError("The token for a cluster holds characters that no header can carry.")
        return {"Authorization": f"Bearer {token}"}
    if user:
        if ":" in user:
            raise AddressError("A user name with a colon can not be sent by basic authentication.")
        pair = b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}


def _tls(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise AddressError(
            f"The CA file {ca_file} can not be used ({_reason(error)}): it has to hold "
            "certificates in PEM format."
        ) from None


def _reason(error: BaseException) -> str:
    """Why, in the system's own words: asyncio's are about its calls."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
    if isinstance(inner, BaseException):
        error = inner
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return error.strerror or str(error)
    number = re.search(r"\[Errno (\d+)\]", str(error))
    if number is not None:
        return os.strerror(int(number[1])).lower()
    return str(error) or type(error).__name__
