"""Bodies of rows: JSON, compressed by zstd with a checksum, so that damage is always noticed."""

from typing import Any, TypeVar

import msgspec
import zstandard

T = TypeVar("T")

_LEVEL = 3
_encoder = msgspec.json.Encoder(order="deterministic")


class BodyError(Exception):
    """A body is not what was written."""


def encoded(value: Any) -> bytes:
    """The value as JSON; equal values give equal bytes."""
    return _encoder.encode(value)


def packed(data: bytes) -> bytes:
    """The bytes, compressed and checksummed."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(data)


def unpacked(body: bytes) -> bytes:
    """What `packed` was given; raises BodyError."""
    try:
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError as error:
        raise BodyError(str(error)) from error


def decoded(body: bytes, kind: type[T]) -> T:
    """The value of a packed body; raises BodyError."""
    try:
        return msgspec.json.decode(unpacked(body), type=kind)
    except msgspec.MsgspecError as error:
        raise BodyError(str(error)) from error
