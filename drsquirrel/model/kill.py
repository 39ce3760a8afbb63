"""How a process was ended, read from what those who run processes say of it: code and words."""

import re
from typing import Literal

from msgspec import Struct

Why = Literal[
    "physical-memory", "virtual-memory", "signal", "preempted", "node-lost", "released", "exit"
]
TEXT_CHARACTERS = 100_000
"""A longer text is not read to its end: what counts stands at its beginning."""
SIGKILL, SIGTERM = 137, 143
PHYSICAL_CODE, VIRTUAL_CODE = -104, -103

CODES: dict[int, Why] = {
    PHYSICAL_CODE: "physical-memory",
    VIRTUAL_CODE: "virtual-memory",
    -102: "preempted",
    -101: "node-lost",
    -100: "node-lost",
    -105: "released",
    -106: "released",
    -107: "released",
    SIGKILL: "signal",
    SIGTERM: "signal",
}
"""By org.apache.hadoop.yarn.api.records.ContainerExitStatus; above 128 by the signal."""
_CODE = re.compile(
    r"(?i)exit ?(?:code|status)(?: from container \S+)?(?: is)?[\s:=]{0,3}(-?\d{1,4})"
)
_PHYSICAL = ("beyond the 'PHYSICAL' memory", "beyond physical memory", "OOMKilled")
_VIRTUAL = ("beyond the 'VIRTUAL' memory", "beyond virtual memory")
_FOR_MEMORY: tuple[tuple[Why, tuple[str, ...], int], ...] = (
    ("physical-memory", _PHYSICAL, PHYSICAL_CODE),
    ("virtual-memory", _VIRTUAL, VIRTUAL_CODE),
)
_USAGE = re.compile(
    r"([\d.]{1,12}) ([KMGT]?)B of ([\d.]{1,12}) ([KMGT]?)B (physical|virtual) memory used"
)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Kill(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a process was ended. Bytes are of the memory it was ended for, where that is told."""

    why: Why
    exit_code: int | None = None
    used_bytes: int | None = None
    limit_bytes: int | None = None
    by: str = ""
    """Who did it, where the words tell: "the NodeManager", "Kubernetes"."""

    @property
    def is_for_memory(self) -> bool:
        return self.why in ("physical-memory", "virtual-memory")


def kill_of(text: str, exit_code: int | None = None) -> Kill | None:
    """What a text and an exit code say of an end; None where they say nothing, or that it was in
    order. The words count before the codes: YARN ends a process for its memory by a signal."""
    read = text[:TEXT_CHARACTERS]
    told = [exit_code] if exit_code is not None else []
    codes = [code for code in (*told, *map(int, _CODE.findall(read))) if code]
    # YARN's own reasons are below zero.
    code = min(codes, default=None) if codes and min(codes) < 0 else next(iter(codes), None)
    for why, words, of in _FOR_MEMORY:
        if code == of or any(said in read for said in words):
            by = "Kubernetes" if "OOMKilled" in read else "the NodeManager"
            used, limit = _usage(read, why.partition("-")[0])
            return Kill(why=why, exit_code=code, used_bytes=used, limit_bytes=limit, by=by)
    if code is None:
        return None
    return Kill(why=CODES.get(code, "exit"), exit_code=code)


def _usage(text: str, kind: str) -> tuple[int | None, int | None]:
    """(bytes used, bytes allowed) of a kind of memory, as the NodeManager writes them."""
    for used, used_unit, limit, limit_unit, of in _USAGE.findall(text):
        if of == kind:
            return _bytes(used, used_unit), _bytes(limit, limit_unit)
    return None, None


def _bytes(number: str, unit: str) -> int | None:
    try:
        return int(float(number) * _UNITS[unit])
    except ValueError:
        return None
