"""Writes schema/messages.json and schema/metrics.txt: what the plugin may send, for both languages.

Run as `python -m drsquirrel.collect.kafka.schema [FOLDER]`; a test compares the committed files
with it. schema/examples holds one message of each kind, which both languages' tests read.
"""

import inspect
import json
import sys
from pathlib import Path

import msgspec

from drsquirrel.model.event import Message
from drsquirrel.model.metric import BY_FLINK_NAME

FOLDER = Path("schema")


def documents() -> dict[str, bytes]:
    """Every file by its name, the same bytes for the same structs and metrics."""
    return {"messages.json": _messages(), "metrics.txt": _metrics()}


def _messages() -> bytes:
    schema = msgspec.json.schema(Message)
    for struct in schema["$defs"].values():
        struct["description"] = inspect.cleandoc(struct["description"])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages of the plugin for Apache Flink",
        "description": "One message is one Kafka record's value. Fields that are not listed are "
        "ignored; fields with a default may be absent. Times are milliseconds since the epoch.",
    }
    made = json.dumps(head | schema, indent=1, sort_keys=True, ensure_ascii=False)
    return f"{made}\n".encode()


def _metrics() -> bytes:
    """Scope and Flink's name of each metric that is read, one a line."""
    lines = sorted(f"{scope}\t{name}\n" for scope, name in BY_FLINK_NAME)
    return "".join(lines).encode()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name, content in documents().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
