"""What was not measured: a value that stays unknown through every comparison and sum.

`Unknown("no heap samples") > 0.8` is again unknown, and `bool()` of it raises: a rule cannot take
missing data for a no by accident. Three-valued logic is `both` and `either`.
"""

from typing import NoReturn, TypeAlias, TypeVar


class Unknown:
    """A missing value and the reason why it is missing."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"Unknown({self.reason!r})"

    def __bool__(self) -> NoReturn:
        raise TypeError(f"unknown is neither true nor false: {self.reason}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and other.reason == self.reason

    def __hash__(self) -> int:
        return hash(self.reason)

    def _stays(self, _other: object) -> "Unknown":
        return self

    __lt__ = __le__ = __gt__ = __ge__ = _stays
    __add__ = __radd__ = __sub__ = __rsub__ = _stays
    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _stays


Number: TypeAlias = float | Unknown
Truth: TypeAlias = bool | Unknown
T = TypeVar("T")


def known(value: T | Unknown, otherwise: T) -> T:
    """The value, or `otherwise` where it is unknown."""
    return otherwise if isinstance(value, Unknown) else value


def both(*truths: Truth) -> Truth:
    """False if one is false, else unknown if one is unknown, else true."""
    if any(t is False for t in truths):
        return False
    return next((t for t in truths if isinstance(t, Unknown)), True)


def either(*truths: Truth) -> Truth:
    """True if one is true, else unknown if one is unknown, else false."""
    if any(t is True for t in truths):
        return True
    return next((t for t in truths if isinstance(t, Unknown)), False)


def negated(truth: Truth) -> Truth:
    """Not, with unknown staying unknown."""
    return truth if isinstance(truth, Unknown) else not truth
