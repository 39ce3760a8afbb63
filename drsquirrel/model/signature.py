"""The fingerprint of an exception or log line: the same for the same fault, whatever its numbers.

A signature is `v1:` and a hash, a space, and a form to read. The hash is over the class of the
deepest cause and where it was thrown in the job's own code; over the message, without what varies,
where no code of the job is in the trace. Change what goes in, and the version must change.
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
    places = () if cause.type in ANYWHERE else in_app(cause)
    if places:
        told = f"{_short(cause.type)} at {_short(places[0], 2)}"
        return _signature((cause.type, *places), told)
    masked = mask(cause.message)
    return _signature((cause.type, masked), f"{_short(cause.type)}: {masked}")


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
    """`package.Class.method` without what a compiler or the JVM numbers; "" for generated code."""
    name, _, method = frame.partition("(")[0].rpartition(".")
    if "$$Lambda" in name or "." not in name:
        return ""
    parts = f"{name.partition('$$')[0]}.{method}".split("$")
    return "$".join([parts[0], *(part.lstrip("0123456789") for part in parts[1:])])


def mask(message: str) -> str:
    """The first line of a message without numbers, ids, addresses, paths and times."""
    line = message.strip().partition("\n")[0]
    return _WORD.sub(_masked_word, line[:MASKED_CHARS])


def _masked_word(found: re.Match[str]) -> str:
    word = found.group()
    bare = word.rstrip(".:!?")
    varies = any(map(str.isdigit, bare)) or "/" in bare or "\\" in bare
    is_hex = len(bare) >= 8 and not bare.strip("abcdefABCDEF-")
    return "#" + word[len(bare) :] if varies or is_hex else word
