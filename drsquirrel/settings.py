"""Every setting: its default, unit, limits and help; read from a TOML file, then DRS_* variables.

What is given on the command line comes on top (cli.py). A wrong setting refuses to start.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

PREFIX = "DRS_"
Seconds = Annotated[float, Meta(extra={"unit": "s"})]
Hours = Annotated[float, Meta(extra={"unit": "h"})]
Days = Annotated[float, Meta(extra={"unit": "d"})]
MiB = Annotated[int, Meta(extra={"unit": "MiB"})]


class SettingsError(ValueError):
    """One sentence that says which setting is wrong and what it may be."""


class Cluster(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Flink cluster to watch. Secrets are read from files, never from flags."""

    url: Annotated[str, Meta(description="Address of Flink's REST API, a path included.")]
    name: Annotated[str, Meta(description="Its id; host:port if not given.")] = ""
    ca_file: Annotated[str, Meta(description="PEM file of the authority to trust.")] = ""
    user: Annotated[str, Meta(description="User for basic authentication.")] = ""
    password_file: Annotated[str, Meta(description="File with the password.")] = ""
    token_file: Annotated[str, Meta(description="File with the bearer token.")] = ""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one process."""

    cluster: Annotated[
        tuple[Cluster, ...], Meta(description="Clusters to watch: one [[cluster]] table each.")
    ] = ()
    data_dir: Annotated[str, Meta(description="Where the database lies.")] = "drsquirrel-data"
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
    keep_snapshots_h: Annotated[Hours, Meta(ge=2, description="Minute data is kept this long.")] = (
        24.0
    )
    keep_logs_d: Annotated[Days, Meta(gt=0, description="Log events are kept this long.")] = 3.0
    keep_events_d: Annotated[Days, Meta(gt=0, description="Failures and checkpoints are kept.")] = (
        14.0
    )
    keep_history_d: Annotated[Days, Meta(gt=0, description="Reports and incidents are kept.")] = (
        90.0
    )
    database_mib: Annotated[
        MiB, Meta(ge=64, description="Above this size the oldest data goes first.")
    ] = 2048
    thresholds: Annotated[
        Mapping[str, Mapping[str, float]],
        Meta(description="[thresholds.RULE] tables: thresholds of checks and causes."),
    ] = field(default_factory=dict)


def load(
    file: Path | None, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a file, DRS_* variables over it, and flags (None: not given) over both."""
    values: dict[str, Any] = _from_file(file) if file else {}
    values.update(_from_environment(os.environ if environment is None else environment))
    values.update({name: value for name, value in flags.items() if value is not None})
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Wrong setting: {error}. See docs/reference/settings.md.") from None


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"Cannot read the settings {file}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is no valid TOML: {error}.") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """DRS_POLL_INTERVAL_S=5 and so on; only plain settings, no tables."""
    plain = {
        f.name for f in msgspec.structs.fields(Settings) if f.name not in ("cluster", "thresholds")
    }
    found: dict[str, Any] = {}
    for key, value in environment.items():
        if not key.startswith(PREFIX):
            continue
        name = key.removeprefix(PREFIX).lower()
        if name not in plain:
            raise SettingsError(f"{key} is no setting. See docs/reference/settings.md.")
        found[name] = value.split(",") if name == "redact_keys" else value
    return found


def secret(file: str) -> str:
    """The content of a secret's file, without its last line end; "" for no file."""
    if not file:
        return ""
    try:
        return Path(file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            f"Cannot read the secret in {file}: does it exist, is it text?"
        ) from None
