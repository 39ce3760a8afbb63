"""The contract with the plugin: committed as it is in the code, and old and new understand it."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from drsquirrel.collect.kafka.schema import documents
from drsquirrel.diagnose.known import LOST_WORDS
from drsquirrel.model.event import MetricReport, Origin, Table, message_decoder
from drsquirrel.model.metric import DROPPED_BY_REASON
from drsquirrel.watch.fold import fold_bytes

SCHEMA = Path(__file__).parents[3] / "schema"
EXAMPLES = sorted((SCHEMA / "examples").glob("*.json"))
REASONS = "plugin/src/main/java/io/drsquirrel/flink/send/Reason.java"
KINDS = {"metrics", "log", "failure", "checkpoint", "change", "container", "config"}


@pytest.mark.parametrize("name", sorted(documents()))
def test_the_committed_schema_is_that_of_the_structs(name: str) -> None:
    told = "run python -m drsquirrel.collect.kafka.schema"
    assert (SCHEMA / name).read_bytes() == documents()[name], told


def test_there_is_an_example_of_every_kind() -> None:
    assert {json.loads(file.read_text())["type"] for file in EXAMPLES} == KINDS


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_means_what_it_says(file: Path) -> None:
    written = json.loads(file.read_text())
    read = json.loads(msgspec.json.encode(message_decoder.decode(file.read_bytes())))
    assert {key: read[key] for key in written} == written


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_newer_plugin_may_say_more_and_an_older_one_less(file: Path) -> None:
    written = json.loads(file.read_text())
    plain = message_decoder.decode(file.read_bytes())
    more = written | {"new": [1]} | {"origin": written["origin"] | {"new": {"x": 1}}}
    assert message_decoder.decode(json.dumps(more)) == plain
    required = {f.encode_name for f in msgspec.structs.fields(plain) if f.required}
    less = {key: value for key, value in written.items() if key in required | {"type"}}
    assert isinstance(message_decoder.decode(json.dumps(less)), type(plain))


class OldReport(msgspec.Struct, tag="metrics"):
    """A report of metrics as the first service knew it."""

    origin: Origin
    time_ms: int
    tables: tuple[Table, ...] = ()
    job: str = ""
    start_ms: int = 0


def test_the_name_of_a_job_is_new_and_neither_side_needs_it() -> None:
    raw = (SCHEMA / "examples" / "metrics.json").read_bytes()
    new = msgspec.json.decode(raw, type=MetricReport)
    old = msgspec.json.decode(raw, type=OldReport)
    assert new.job_name == "orders-enrichment"
    assert (old.origin, old.job, old.tables) == (new.origin, new.job, new.tables)
    of_old_plugin = msgspec.json.decode(msgspec.json.encode(old), type=MetricReport)
    assert of_old_plugin == msgspec.structs.replace(new, job_name="")


def test_what_the_examples_count_is_what_is_folded() -> None:
    examples = [SCHEMA / "examples" / f"{name}.json" for name in ("metrics", "container-metrics")]
    folded = fold_bytes([(1_795_550_400_200, file.read_bytes()) for file in examples])
    assert not folded.dropped
    of_container, of_run = folded.rollups
    told = {(t.key.subtask, t.key.operator): t.last[0].values for t in of_run.tracks}
    assert told[1, ""]["out_pool_micro"] == 900_000
    assert told[0, "Source__orders"] == {"source_records_in": 1204}
    assert {t.key.group for t in of_container.tracks} >= {"G1_Old_Generation"}


def test_the_reasons_for_which_the_plugin_loses_messages_are_known_and_have_words() -> None:
    words = (SCHEMA.parent / REASONS).read_text()
    assert re.findall(r'^    [A-Z_]+\("(\w+)"\)', words, re.MULTILINE) == [*DROPPED_BY_REASON]
    assert LOST_WORDS.keys() == DROPPED_BY_REASON.keys()
