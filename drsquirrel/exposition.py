"""Metrics in Prometheus' text format."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

Sample = tuple[Mapping[str, str], int]
"""Labels and value."""


class Family(NamedTuple):
    """The samples of one metric."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def counter(name: str, help_: str, samples: Iterable[Sample]) -> Family:
    """A counter."""
    return Family(name, "counter", help_, tuple(samples))


def gauge(name: str, help_: str, samples: Iterable[Sample]) -> Family:
    """A gauge."""
    return Family(name, "gauge", help_, tuple(samples))


def rendered(families: Iterable[Family]) -> str:
    """The text of them, those of one name as one; samples with the same labels are added up."""
    heads: dict[str, str] = {}
    values: dict[str, Counter[str]] = {}
    for name, kind, help_, samples in families:
        heads[name] = f"# HELP {name} {help_}\n# TYPE {name} {kind}\n"
        of_name = values.setdefault(name, Counter())
        for labels, value in samples:
            of_name[_labels(labels)] += value
    return "".join(
        head + "".join(f"{name}{labels} {value}\n" for labels, value in values[name].items())
        for name, head in heads.items()
    )


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
