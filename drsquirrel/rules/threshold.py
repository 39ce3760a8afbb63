"""Thresholds: fields of a rule with a default, a unit and a help text."""

from dataclasses import field, fields
from typing import Any, NamedTuple, cast


class Threshold(NamedTuple):
    """One threshold as documentation and settings show it."""

    name: str
    default: float
    value: float
    unit: str
    help: str


def threshold(default: float, *, unit: str, help: str) -> float:
    """A dataclass field that the settings may override."""
    return field(default=default, metadata={"unit": unit, "help": help})


def thresholds_of(rule: Any) -> tuple[Threshold, ...]:
    """The thresholds of a rule, in their order."""
    return tuple(
        Threshold(
            f.name,
            cast(float, f.default),
            getattr(rule, f.name),
            f.metadata["unit"],
            f.metadata["help"],
        )
        for f in fields(rule)
        if "unit" in f.metadata
    )
