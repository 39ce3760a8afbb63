"""The addresses of a cluster that we may ask for: the base as configured, and a list of paths."""

import re
from urllib.parse import quote, urlsplit

from drsquirrel.collect.flink_rest.error import AddressError, RequestRefusedError, shown

REQUEST_LINE_CHARACTERS = 4_000
"""Flink refuses a request line over 4,096 bytes with a 404 about /bad-request."""

_PARTS = {
    "job": r"[0-9a-f]{32}",
    "vertex": r"[0-9a-f]{32}",
    "number": r"[0-9]{1,19}",
    # host:port-random, container_…, a pod's name, an IPv6 host in brackets
    "taskmanager": r"[A-Za-z0-9\[][A-Za-z0-9._:\[\]-]{0,255}",
}
_PATHS = (
    "/config",
    "/overview",
    "/jobs/overview",
    "/jobs/{job}",
    "/jobs/{job}/config",
    "/jobs/{job}/exceptions",
    "/jobs/{job}/checkpoints",
    "/jobs/{job}/checkpoints/config",
    "/jobs/{job}/checkpoints/details/{number}",
    "/jobs/{job}/checkpoints/details/{number}/subtasks/{vertex}",
    "/jobs/{job}/vertices/{vertex}",
    "/jobmanager/config",
    "/taskmanagers",
    "/taskmanagers/{taskmanager}",
    "/taskmanagers/{taskmanager}/thread-dump",
)
_METRIC_PATHS = (
    "/jobmanager/metrics",
    "/jobs/{job}/metrics",
    "/jobs/{job}/vertices/{vertex}/metrics",
    "/jobs/{job}/vertices/{vertex}/subtasks/metrics",
    "/taskmanagers/{taskmanager}/metrics",
)
_QUERY = r"(?:\?get=[A-Za-z0-9_.~,%-]+(?:&agg=[a-z]+(?:,[a-z]+)*)?)?"


def _pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: _PARTS[m.group(1)], path)


_ALLOWED = re.compile(
    "|".join([*map(_pattern, _PATHS), *(_pattern(p) + _QUERY for p in _METRIC_PATHS)])
)


def checked_path(path: str) -> str:
    """The path, if it is one that we read; anything else raises RequestRefusedError."""
    if len(path) > REQUEST_LINE_CHARACTERS or _ALLOWED.fullmatch(path) is None:
        raise RequestRefusedError(f"This request is not one that is sent to Flink: {shown(path)}.")
    return path


def metric_queries(path: str, names: list[str], aggregations: str = "") -> list[str]:
    """Paths that ask for these metrics, each short enough for Flink's request line."""
    suffix = f"&agg={aggregations}" if aggregations else ""
    room = REQUEST_LINE_CHARACTERS - len(path) - len("?get=") - len(suffix)
    chunks: list[str] = []
    for name in (quote(name, safe="") for name in names):
        if chunks and len(chunks[-1]) + 1 + len(name) <= room:
            chunks[-1] += f",{name}"
        elif len(name) <= room:
            chunks.append(name)
    return [f"{path}?get={chunk}{suffix}" for chunk in chunks]


def told(address: str) -> str:
    """An address as it may be repeated: nothing of what stands before an @, which may be secret."""
    return shown(re.sub(r"(?is)^(https?:/*)?.*@", r"\1…@", address.strip()))


def base_url(address: str, api: str = "a Flink REST API") -> str:
    """The address without a slash at its end; raises AddressError for what can not be used."""
    no_flink = AddressError(
        f"{told(address)} is no address of {api}: write http://HOST:PORT or "
        "https://HOST:PORT, with the path a proxy needs behind it."
    )
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:  # whose words may repeat a password
        raise no_flink from None
    if "@" in parts.netloc:
        raise AddressError(
            "The address holds a user or password before an @: give them by the settings for "
            "credentials, so that they appear in no log and no page."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise no_flink
    if parts.query or parts.fragment or re.search(r"[\s\\]|/\.{1,2}(/|$)", address.strip()):
        raise AddressError(
            f"{told(address)} is no address of {api}: leave out everything that "
            "follows the path, such as ? or #."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
