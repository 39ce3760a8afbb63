"""Writes docs/reference/ from rules, settings and commands; run by `python -m docs.generate`."""

import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Meta, Struct

from drsquirrel.cli import cli
from drsquirrel.rules.cause import Cause
from drsquirrel.rules.check import Check
from drsquirrel.rules.load import load
from drsquirrel.rules.page import page_of
from drsquirrel.rules.threshold import thresholds_of
from drsquirrel.settings import PREFIX, Cluster, Kafka, Settings, Yarn

REFERENCE = Path(__file__).parent / "reference"
TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")


def pages() -> dict[str, str]:
    """Every page of the reference by its file name."""
    rules = load()
    return {
        "checks.md": _joined(_checks(rules.checks)),
        "causes.md": _joined(_causes(rules.causes)),
        "settings.md": _joined(_settings()),
        "commands.md": _joined(_commands()),
    }


def _joined(blocks: Iterator[str]) -> str:
    return "\n\n".join(blocks) + "\n"


def _table(*rows: tuple[str, ...]) -> str:
    """A table; its first row is the head."""
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def _checks(checks: Mapping[str, Check]) -> Iterator[str]:
    yield "# Health checks"
    yield (
        "Each answers one question about the last hour. A check whose data is missing is *not "
        "assessed*: it never passes."
    )
    for code, check in sorted(checks.items()):
        yield f"## {code}"
        yield f"**{check.title[1]}.** {page_of(check).summary}"
        yield from _body(check)
        reads = ", ".join(f"`{series}`" for series in (*check.needs, *check.also))
        yield f"Reads {reads}, over at least {check.min_minutes} min."


def _causes(causes: Mapping[str, Cause]) -> Iterator[str]:
    yield "# Root causes"
    yield (
        "Each is an answer to one question; answers to one question compete. How, is told in "
        "[How a diagnosis is reached](../how-a-diagnosis-is-reached.md)."
    )
    for code, cause in sorted(causes.items()):
        yield f"## {code}"
        yield f"**{cause.answers.value}** {page_of(cause).summary}"
        yield from _body(cause)
        if cause.explains:
            links = (f"[{check}](checks.md#{check})" for check in cause.explains)
            yield f"Explains {', '.join(links)}."


def _body(rule: Check | Cause) -> Iterator[str]:
    """The sections of a rule's page and its thresholds."""
    for section in page_of(rule).sections:
        yield f"**{section.heading}:** {section.text}"
    if thresholds := thresholds_of(rule):
        yield _table(
            ("Threshold", "Default", "Unit", "Meaning"),
            *((f"`{t.name}`", f"{t.default:g}", t.unit, t.help) for t in thresholds),
        )


def _settings() -> Iterator[str]:
    yield "# Settings"
    yield (
        "`drsquirrel up`, `serve`, `watcher` and `topics` read them from the TOML file of "
        f"`--config`. A variable named `{PREFIX}` and the setting in capitals goes before the "
        "file, a flag before both. "
        "What is not listed here is refused."
    )
    yield _fields(Settings)
    yield "## cluster"
    yield "One `[[cluster]]` table for each cluster to watch."
    yield _fields(Cluster)
    yield "## yarn"
    yield (
        "One `[[yarn]]` table for each YARN whose Flink applications are to be found and watched. "
        "Its credentials go to the ResourceManager alone, as it is given here."
    )
    yield _fields(Yarn)
    yield "## kafka"
    yield "One `[kafka]` table, for the plugin inside Flink."
    yield _fields(Kafka)
    yield "## thresholds"
    yield (
        "One `[thresholds.CODE]` table for each rule whose thresholds are to differ; "
        "[checks](checks.md) and [causes](causes.md) list them."
    )
    yield "```toml\n[thresholds.checkpoint-slow]\nwarn_share = 0.6\n```"


def _fields(struct: type[Struct]) -> str:
    hints = typing.get_type_hints(struct, include_extras=True)
    rows = [("Setting", "Type", "Default", "Meaning")]
    for field in msgspec.structs.fields(struct):
        kind, metas = _unwrapped(hints[field.name])
        limits = _limits(metas)
        meaning = next(m.description for m in metas if m.description)
        unit = next((m.extra["unit"] for m in metas if m.extra), "")
        default = "" if field.default in (msgspec.NODEFAULT, "", (), None) else _toml(field.default)
        rows.append(
            (f"`{field.name}`", kind, f"{default} {unit}".strip(), f"{meaning} {limits}".strip())
        )
    return _table(*rows)


def _unwrapped(hint: Any) -> tuple[str, list[Meta]]:
    """The name of a setting's type, and what is noted about it, the innermost last."""
    metas: list[Meta] = []
    while typing.get_origin(hint) is Annotated:
        hint, *noted = typing.get_args(hint)
        metas += noted
    if hint in TYPES:
        return TYPES[hint], metas
    return "table" if typing.get_origin(hint) is not tuple else "list", metas


def _limits(metas: list[Meta]) -> str:
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [
        f"{word} {getattr(meta, name):.15g}"
        for meta in reversed(metas)
        for name, word in words.items()
        if getattr(meta, name) is not None
    ]
    return f"({', '.join(found)})" if found else ""


def _toml(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _commands() -> Iterator[str]:
    yield "# Commands"
    yield "`make run` and `make setup` install `drsquirrel` as `.venv/bin/drsquirrel`."
    group = typer.main.get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    yield from _commands_of(group, "drsquirrel")


def _commands_of(group: typer.core.TyperGroup, path: str) -> Iterator[str]:
    context = typer.Context(group, info_name=path)
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from _commands_of(command, f"{path} {name}")
            continue
        yield f"## {path} {name}"
        yield (command.help or "").strip()
        records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
        yield _table(("Argument", "Meaning"), *((f"`{r[0]}`", r[1]) for r in records if r))


if __name__ == "__main__":
    main()
