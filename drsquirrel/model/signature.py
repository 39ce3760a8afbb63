"""The fingerprint of an exception or log line: the same for the same fault, whatever its numbers.

A signature is `v1:` and a hash, a space, and a form to read. The hash is over the class of the
deepest cause and where it was thrown in the job's own code; over the message, without what varies,
where no code of the job is in the trace; over the topmost frame where there is no message either.
Change what goes in, and the version must change.
"""

import re
from functools import lru_cache
from hashlib import blake2b

from drsquirrel.model.throwable import Thrown, parse

VERSION = "v1"
PLACES = 5
"""Frames of the job's own code that tell one fault from another."""
READABLE_CHARS = 120
MASKED_CHARS = 300
"""Of a message: what is compared, after masking."""
CACHED_CHARS = 16_384

NOT_IN_APP = (
    "_COROUTINE.",
    "akka.",
    "com.esotericsoftware.",
    "com.fasterxml.",
    "com.google.",
    "com.sun.",
    "com.zaxxer.hikari.",
    "io.grpc.",
    "io.netty.",
    "java.",
    "javax.",
    "jdk.",
    "kotlin.",
    "kotlinx.",
    "okhttp3.",
    "org.apache.avro.",
    "org.apache.calcite.",
    "org.apache.commons.",
    "org.apache.flink.",
    "org.apache.hadoop.",
    "org.apache.http.",
    "org.apache.kafka.",
    "org.apache.parquet.",
    "org.apache.pekko.",
    "org.codehaus.janino.",
    "org.codehaus.groovy.",
    "org.postgresql.",
    "org.rocksdb.",
    "org.springframework.",
    "reactor.",
    "redis.clients.",
    "scala.",
    "software.amazon.",
    "sun.",
)
"""Packages of the JDK, of Flink and of libraries: their frames do not tell jobs apart."""

ANYWHERE = frozenset({"java.lang.OutOfMemoryError"})
"""Thrown by whoever asks last, often without a trace: the place says nothing."""
RECURSION = "java.lang.StackOverflowError"

_WORD = re.compile(r"""[^\s()\[\]{}<>,;='"`|]+""")
_PART = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
_ONE_NUMBER = re.compile(r"[-+]*#(?:[-+.,:_/@]*#)*")
"""Of `-1`, `1.5`, `1,024`, a time of day, an address."""


def sign(throwable: str) -> str:
    """The signature of the text of a stack trace."""
    if len(throwable) > CACHED_CHARS:
        return _sign(throwable)
    return _sign_cached(throwable)


def sign_line(logger: str, message: str) -> str:
    """The signature of a log line without a throwable."""
    masked = mask(message)
    return _signature((logger, masked), f"{_short(logger)}: {masked}")


def _sign(throwable: str) -> str:
    cause = parse(throwable).cause
    masked = mask(cause.message)
    places = () if cause.type in ANYWHERE else in_app(cause)
    if not places and not masked:
        places = tuple(map(_method, cause.frames[:1]))
    if places:
        told = f"{_short(cause.type)} at {_short(places[0], 2)}".lstrip()
        return _signature((cause.type, *places), told)
    told = f"{_short(cause.type)}: {masked}" if cause.type else masked
    return _signature((cause.type, masked), told)


_sign_cached = lru_cache(maxsize=1024)(_sign)


def _signature(parts: tuple[str, ...], told: str) -> str:
    digest = blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=6).hexdigest()
    return f"{VERSION}:{digest} {told[:READABLE_CHARS]}"


def _short(name: str, words: int = 1) -> str:
    """The last words of a dotted name: a class without its package, a method with its class."""
    return ".".join(name.split(".")[-words:])


def in_app(thrown: Thrown) -> tuple[str, ...]:
    """The distinct methods of the job's own code, the one nearest to the throw first."""
    places: dict[str, None] = {}
    for frame in thrown.frames:
        if frame.startswith(NOT_IN_APP):
            continue
        place = _place(frame)
        if place:
            places[place] = None
        if len(places) == PLACES:
            break
    # A recursion overflows at any point of its cycle.
    return tuple(sorted(places) if thrown.type == RECURSION else places)


def _place(frame: str) -> str:
    """The method of a frame; "" for a lambda's proxy and for code that Flink SQL generates."""
    name = frame.partition("(")[0].rpartition(".")[0]
    generated = "." not in name and name.partition("$")[2][:1].isdigit()
    return "" if generated or "$$Lambda" in name else _method(frame)


def _method(frame: str) -> str:
    """`package.Class.method` without what a compiler or the JVM numbers."""
    name, _, method = frame.partition("(")[0].rpartition(".")
    parts = f"{name.partition('$$')[0]}.{method}".split("$")
    return "$".join([parts[0], *(part.lstrip("0123456789") for part in parts[1:])])


def mask(message: str) -> str:
    """The first line of a message without numbers, ids, addresses, paths and times."""
    line = message.strip().partition("\n")[0]
    return _ONE_NUMBER.sub("#", _WORD.sub(_masked_word, line[:MASKED_CHARS]))


def _masked_word(found: re.Match[str]) -> str:
    word = found.group()
    if word.startswith("/") or ":/" in word or "\\" in word:
        return "#"
    return _PART.sub(_masked_part, word)


def _masked_part(found: re.Match[str]) -> str:
    """`guava18` as `guava#`, and what looks like an id as `#`."""
    part = found.group()
    digits = _DIGITS.findall(part)
    if not digits:
        return part
    is_hex = len(part) >= 6 and not part.strip("0123456789abcdefABCDEF")
    is_id = is_hex or part[0].isdigit() or len(digits) > 1
    return "#" if is_id else part.replace(digits[0], "#")
