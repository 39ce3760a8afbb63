"""Metrics in Prometheus' text format."""

from collections.abc import Iterable, Mapping

Sample = tuple[Mapping[str, str], int]
"""Labels and value."""


def counter(name: str, help_: str, samples: Iterable[Sample]) -> str:
    """The lines of a counter."""
    return _family(name, "counter", help_, samples)


def gauge(name: str, help_: str, samples: Iterable[Sample]) -> str:
    """The lines of a gauge."""
    return _family(name, "gauge", help_, samples)


def _family(name: str, kind: str, help_: str, samples: Iterable[Sample]) -> str:
    head = f"# HELP {name} {help_}\n# TYPE {name} {kind}\n"
    return head + "".join(f"{name}{_labels(labels)} {value}\n" for labels, value in samples)


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
