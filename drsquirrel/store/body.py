"""Bodies of rows: JSON, compressed by zstd with a checksum, so that damage is always noticed."""

from threading import local
from typing import Any, TypeVar

import msgspec
import zstandard

T = TypeVar("T")

_LEVEL = 3
_encoder = msgspec.json.Encoder(order="deterministic")


class Zstd(local):
    """Of each thread one, because they serve one at a time; a new one takes as long as a kilobyte
    or two."""

    def __init__(self, level: int, *, checksum: bool) -> None:
        self.pack = zstandard.ZstdCompressor(level=level, write_checksum=checksum).compress
        self.unpack = zstandard.ZstdDecompressor().decompress


_zstd = Zstd(_LEVEL, checksum=True)


class BodyError(Exception):
    """A body is not what was written."""


def encoded(value: Any) -> bytes:
    """The value as JSON; equal values give equal bytes."""
    return _encoder.encode(value)


def packed(data: bytes) -> bytes:
    """The bytes, compressed and checksummed."""
    return _zstd.pack(data)


def unpacked(body: bytes) -> bytes:
    """What `packed` was given; raises BodyError."""
    try:
        return _zstd.unpack(body)
    except zstandard.ZstdError as error:
        raise BodyError(str(error)) from error


def decoded(body: bytes, kind: type[T]) -> T:
    """The value of a packed body; raises BodyError."""
    try:
        return msgspec.json.decode(unpacked(body), type=kind)
    except msgspec.MsgspecError as error:
        raise BodyError(str(error)) from error
