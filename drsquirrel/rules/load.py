"""Finds the rules by their place: a file in checks/ or causes/ is a rule, its name is the code."""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from drsquirrel.rules import causes, checks
from drsquirrel.rules.cause import Cause
from drsquirrel.rules.check import Check
from drsquirrel.rules.threshold import thresholds_of


class ThresholdError(ValueError):
    """The settings name a rule or a threshold that does not exist, or a value that is no number."""


@dataclass(frozen=True)
class Rules:
    """Every rule by its code, with the thresholds in force."""

    checks: Mapping[str, Check]
    causes: Mapping[str, Cause]

    def __getitem__(self, code: str) -> Check | Cause:
        """The rule of a code; ThresholdError names the nearest right one."""
        every: dict[str, Check | Cause] = {**self.checks, **self.causes}
        if code not in every:
            raise ThresholdError(_no("rule", code, every))
        return every[code]


def load(thresholds: Mapping[str, Mapping[str, float]] | None = None) -> Rules:
    """All rules; `thresholds` overrides defaults as {code: {threshold: value}}."""
    rules = Rules(
        {code: rule for code, rule in _found(checks) if isinstance(rule, Check)},
        {code: rule for code, rule in _found(causes) if isinstance(rule, Cause)},
    )
    overrides = thresholds or {}
    for code, values in overrides.items():
        _verify(code, rules[code], values)
    return Rules(
        {c: replace(r, **overrides.get(c, {})) for c, r in rules.checks.items()},
        {c: replace(r, **overrides.get(c, {})) for c, r in rules.causes.items()},
    )


def _found(package: ModuleType) -> Iterator[tuple[str, Check | Cause]]:
    """The one rule of each module of a package; ValueError where there is none or several."""
    for entry in pkgutil.iter_modules(package.__path__):
        module = import_module(f"{package.__name__}.{entry.name}")
        (rule,) = (
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Check | Cause)
            and value.__module__ == module.__name__
        )
        yield entry.name.replace("_", "-"), rule()


def _verify(code: str, rule: Check | Cause, values: Mapping[str, float]) -> None:
    names = {t.name: t for t in thresholds_of(rule)}
    for name, value in values.items():
        if name not in names:
            raise ThresholdError(_no(f"threshold of {code}", name, names))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ThresholdError(f"{code}.{name} must be a number ({names[name].unit}): {value!r}")


def _no(what: str, name: str, names: Mapping[str, object]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.0)
    hint = f"; did you mean {near[0]}?" if near else "; it has none"
    return f"no {what} is called {name!r}{hint}"
