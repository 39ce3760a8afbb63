"""Every setting: its default, unit, limits and help; read from a TOML file, then DRS_* variables.

What is given on the command line comes on top (cli.py). A wrong setting refuses to start.
"""

import os
import reprlib
import tomllib
import typing
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct, field

PREFIX = "DRS_"
TABLES = ("cluster", "yarn", "kafka", "thresholds")
"""Settings that only a file can hold."""
LISTED = "see docs/reference/settings.md"
Seconds = Annotated[float, Meta(extra={"unit": "s"})]
Hours = Annotated[float, Meta(extra={"unit": "h"})]
Days = Annotated[float, Meta(extra={"unit": "d"})]
MiB = Annotated[int, Meta(extra={"unit": "MiB"})]


class SettingsError(ValueError):
    """One sentence that says which setting is wrong and what it may be."""


class Cluster(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Flink cluster to watch. Secrets are read from files, never from flags."""

    url: Annotated[
        str,
        Meta(
            description="Address of Flink's REST API, a path included. Without one the cluster is "
            "known only by what its processes send through Kafka."
        ),
    ] = ""
    name: Annotated[str, Meta(description="Its id; host:port if not given.")] = ""
    ca_file: Annotated[str, Meta(description="PEM file of the authority to trust.")] = ""
    user: Annotated[str, Meta(description="User for basic authentication.")] = ""
    password_file: Annotated[str, Meta(description="File with the password.")] = ""
    token_file: Annotated[str, Meta(description="File with the bearer token.")] = ""
    topic_prefix: Annotated[
        str, Meta(description="What its topics' names begin with, instead of [kafka]'s.")
    ] = ""


class Yarn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One YARN, whose Flink applications are found and watched. Secrets are read from files."""

    url: Annotated[
        str, Meta(description="Address of the ResourceManager's page: http://HOST:8088.")
    ]
    ca_file: Annotated[str, Meta(description="PEM file of the authority to trust.")] = ""
    user: Annotated[str, Meta(description="User for basic authentication.")] = ""
    password_file: Annotated[str, Meta(description="File with the password.")] = ""
    token_file: Annotated[str, Meta(description="File with the bearer token.")] = ""


class Kafka(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Kafka that the plugin sends to. Secrets are read from files, never from flags."""

    brokers: Annotated[str, Meta(description="Addresses to begin with: host:port,host:port.")]
    topic_prefix: Annotated[str, Meta(description="What the name of every topic begins with.")] = ""
    group: Annotated[
        str,
        Meta(
            description="The consumer group. Each Dr. Squirrel on the same topics has its own; "
            "those of `serve` that share the work have one."
        ),
    ] = "drsquirrel"
    tls: Annotated[bool, Meta(description="Whether the brokers speak TLS.")] = False
    ca_file: Annotated[str, Meta(description="PEM file of the authority to trust.")] = ""
    user: Annotated[str, Meta(description="User for SASL.")] = ""
    password_file: Annotated[str, Meta(description="File with the password.")] = ""
    mechanism: Annotated[
        str, Meta(description="SASL mechanism: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN.")
    ] = "SCRAM-SHA-512"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one process."""

    cluster: Annotated[
        tuple[Cluster, ...], Meta(description="Clusters to watch: one [[cluster]] table each.")
    ] = ()
    yarn: Annotated[
        tuple[Yarn, ...],
        Meta(description="YARNs to find applications on: one [[yarn]] table each."),
    ] = ()
    kafka: Annotated[
        Kafka | None, Meta(description="The [kafka] table: where the plugin sends to.")
    ] = None
    data_dir: Annotated[
        str, Meta(description="Where the database lies; below $XDG_DATA_HOME if that is set.")
    ] = "~/.local/share/drsquirrel"
    database: Annotated[
        str,
        Meta(
            description="postgresql://USER@HOST:PORT/NAME for a PostgreSQL 15 or newer; "
            "?sslmode=verify-full and other words of libpq may follow. Without it SQLite is used, "
            "in data_dir."
        ),
    ] = ""
    database_password_file: Annotated[
        str, Meta(description="File with the password for PostgreSQL.")
    ] = ""
    host: Annotated[str, Meta(description="Address to listen on: loopback only.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="Port of page and API; 0 takes a free one.")
    ] = 8642
    poll_interval_s: Annotated[
        Seconds, Meta(ge=2, le=60, description="Time between two looks at a cluster.")
    ] = 10.0
    request_timeout_s: Annotated[
        Seconds, Meta(ge=1, le=60, description="Longest wait for one answer of Flink.")
    ] = 5.0
    response_mib: Annotated[
        MiB, Meta(ge=1, le=1024, description="A longer answer of Flink is not read to its end.")
    ] = 16
    requests_per_round: Annotated[
        int,
        Meta(ge=10, le=10_000, description="GET requests to one cluster in one look, at most."),
    ] = 100
    thread_dumps: Annotated[
        bool,
        Meta(description="Whether watching in the background may take thread dumps, guarded."),
    ] = False
    job_name_pattern: Annotated[
        str,
        Meta(description="RE2 pattern; what it matches is cut off job names (time stamps)."),
    ] = ""
    redact_keys: Annotated[
        tuple[str, ...], Meta(description="Further words that make an option's value a secret.")
    ] = ()
    keep_snapshots_h: Annotated[
        Hours, Meta(ge=2, le=8760, description="Minute data is kept this long.")
    ] = 24.0
    keep_logs_d: Annotated[
        Days, Meta(gt=0, le=36500, description="Log events are kept this long.")
    ] = 3.0
    keep_events_d: Annotated[
        Days, Meta(gt=0, le=36500, description="Failures and checkpoints are kept.")
    ] = 14.0
    keep_history_d: Annotated[
        Days, Meta(gt=0, le=36500, description="Reports and incidents are kept.")
    ] = 90.0
    database_mib: Annotated[
        MiB, Meta(ge=64, le=100_000, description="Above this size the oldest data goes first.")
    ] = 2048
    thresholds: Annotated[
        Mapping[str, Mapping[str, float]],
        Meta(description="[thresholds.RULE] tables: thresholds of checks and causes."),
    ] = field(default_factory=dict)


class Given(NamedTuple):
    """A value as it was given: by which name, how to call it when it is wrong, and how strictly."""

    name: str
    value: object
    label: str
    strict: bool = True


def load(
    file: Path | None, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a file, DRS_* variables over it, and flags (None: not given) over both."""
    variables = os.environ if environment is None else environment
    given = [
        *_default_data_dir(variables),
        *(_from_file(file) if file else ()),
        *_from_environment(variables),
        *(Given(n, v, f"--{n.replace('_', '-')}") for n, v in flags.items() if v is not None),
    ]
    hints = _hints(Settings)
    return Settings(**{g.name: _converted(g, hints[g.name]) for g in given})


def _default_data_dir(variables: Mapping[str, str]) -> Iterator[Given]:
    home = variables.get("XDG_DATA_HOME", "")
    if home.startswith("/"):  # the standard says to ignore others
        yield Given("data_dir", f"{home}/drsquirrel", "XDG_DATA_HOME")


def _from_file(file: Path) -> Iterator[Given]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise SettingsError(f"Cannot read the settings in {file}: {reason}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is no valid TOML: {error}.") from None
    known = _hints(Settings)
    for name, value in values.items():
        if name not in known:
            raise _unknown(name, f"(in {file})", known)
        label = f"{name} in {file}"
        if name == "cluster":
            yield Given(name, tuple(_clusters(value, label, file)), label)
        elif name == "yarn":
            yield Given(name, tuple(_yarns(value, label, file)), label)
        elif name == "kafka":
            yield Given(name, _kafka(value, label, file), label)
        elif name == "thresholds":
            yield Given(name, _thresholds(value, label, file), label)
        else:
            yield Given(name, value, label)


def _clusters(tables: object, label: str, file: Path) -> Iterator[Cluster]:
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise _wrong(label, tables, "one [[cluster]] table for each cluster")
    for number, table in enumerate(tables, 1):
        values = _table(Cluster, table, f"[[cluster]] {number}", file)
        if "url" not in values and "name" not in values:
            place = f"[[cluster]] {number} in {file}"
            raise SettingsError(f'{place} has no url: add url = "http://HOST:PORT".')
        yield Cluster(**values)


def _yarns(tables: object, label: str, file: Path) -> Iterator[Yarn]:
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise _wrong(label, tables, "one [[yarn]] table for each YARN")
    for number, table in enumerate(tables, 1):
        values = _table(Yarn, table, f"[[yarn]] {number}", file)
        if "url" not in values:
            place = f"[[yarn]] {number} in {file}"
            raise SettingsError(f'{place} has no url: add url = "http://HOST:8088".')
        yield Yarn(**values)


def _kafka(table: object, label: str, file: Path) -> Kafka:
    if not isinstance(table, dict):
        raise _wrong(label, table, "a [kafka] table")
    values = _table(Kafka, table, "[kafka]", file)
    if "brokers" not in values:
        raise SettingsError(f'[kafka] in {file} has no brokers: add brokers = "HOST:PORT".')
    return Kafka(**values)


def _table(struct: type[Struct], table: Mapping[str, Any], name: str, file: Path) -> dict[str, Any]:
    """The values of a table, checked one by one."""
    hints = _hints(struct)
    for key in table:
        if key not in hints:
            raise _unknown(key, f"of {name} (in {file})", hints)
    return {
        key: _converted(Given(key, value, f"{key} of {name} in {file}"), hints[key])
        for key, value in table.items()
    }


def _thresholds(tables: object, label: str, file: Path) -> Mapping[str, Mapping[str, float]]:
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise _wrong(label, tables, "one [thresholds.RULE] table for each rule")
    for rule, table in tables.items():
        for name, value in table.items():
            if type(value) not in (int, float) or not isfinite(value):
                raise _wrong(f"thresholds.{rule}.{name} in {file}", value, "a number")
    return tables


def _from_environment(variables: Mapping[str, str]) -> Iterator[Given]:
    """DRS_POLL_INTERVAL_S=5 and so on; only plain settings, no tables."""
    known = {f"{PREFIX}{n.upper()}": n for n in _hints(Settings) if n not in TABLES}
    for key, text in variables.items():
        if not key.startswith(PREFIX):
            continue
        if key.removeprefix(PREFIX).lower() in TABLES:
            raise SettingsError(f"There is no setting {key}: a settings file can hold tables.")
        if key not in known:
            raise _unknown(key, "", known)
        words = tuple(word.strip() for word in text.split(",") if word.strip())
        yield Given(known[key], words if known[key] == "redact_keys" else text, key, strict=False)


def _converted(given: Given, hint: Any) -> Any:
    try:
        return msgspec.convert(given.value, hint, strict=given.strict)
    except msgspec.ValidationError:
        raise _wrong(given.label, given.value, allowed(hint)) from None


def _hints(struct: type[Struct]) -> dict[str, Any]:
    return typing.get_type_hints(struct, include_extras=True)


def allowed(hint: Any) -> str:
    """What a setting of this type may be, in words."""
    metas: list[Meta] = []
    while typing.get_origin(hint) is Annotated:
        hint, *noted = typing.get_args(hint)
        metas += noted
    words = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    what = words.get(hint, "a list of texts")
    for meta in metas:
        if meta.ge is not None:
            what += f" from {meta.ge:g} to {meta.le:g}"
        elif meta.gt is not None:
            what += f" above {meta.gt:g}, at most {meta.le:g}"
    return what


def _wrong(label: str, value: object, may_be: str) -> SettingsError:
    return SettingsError(f"{label} is {reprlib.repr(value)}, but must be {may_be}.")


def _unknown(name: str, where: str, known: Mapping[str, Any]) -> SettingsError:
    shown = name if name.isidentifier() and name.isascii() else reprlib.repr(name)
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"{LISTED}."
    return SettingsError(f"There is no setting {f'{shown} {where}'.strip()}: {hint}")


def secret(file: str) -> str:
    """The content of a secret's file, without its last line end; "" for no file."""
    if not file:
        return ""
    try:
        content = Path(file).expanduser().read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise SettingsError(f"The secret in {file} cannot be read: {reason}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"The secret in {file} is no text: give another file.") from None
    if not content:
        raise SettingsError(f"The secret in {file} is empty: write it there, or leave it out.")
    return content
