"""What a message of the plugin's says, or why it is refused. Of Kafka's client it needs nothing: it
runs within Flink too."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import (
    SCHEMA,
    ConfigEvent,
    ContainerEvent,
    Message,
    MetricReport,
    message_decoder,
)
from drsquirrel.model.facts import NAME_CHARACTERS
from drsquirrel.model.yarn import APPLICATION

MESSAGE_BYTES = 4 << 20
"""The plugin sends nothing larger, before compression."""
SNAPSHOT_BYTES = 32 << 20
"""What the watcher tells of a run or process at once is no larger."""
SENT_MS = "sent_ms"
"""The header in which the plugin says when it handed a message to Kafka."""
SENT_MS_DIGITS = 15
WAITED_MAX_MS = 86_400_000
"""Who says that a message has waited for longer has had its clock set meanwhile."""
WRONG_CLOCK_MS = 60_000
HOUR_MS = 3_600_000
BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises."""
APPLICATIONS = "application_*"
"""Stands among the names of clusters for every application of YARN."""
KEPT_BYTES = 64 << 10
"""Of what is refused: the first bytes."""
PER_MINUTE = 100
"""Of what is refused; what is more is only counted."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is no event."""

    reason: str
    stranger: str = ""
    """The cluster that it speaks for, which is not bound to its topic."""


class Allowance:
    """So many in a minute."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minute, self._used = 0, 0

    def has_room(self, now_ms: int) -> bool:
        """Whether there is room for one more, which it takes."""
        minute = now_ms // 60_000
        self._minute, self._used = minute, self._used + 1 if minute == self._minute else 1
        return self._used <= self._per_minute


def examined(
    value: bytes, clusters: Collection[str] | None, redaction: Redaction | None
) -> Message | Refusal:
    """The message without its secrets; `clusters` may speak in its topic, if None any. `redaction`
    is None where it is known to have none."""
    if len(value) > MESSAGE_BYTES:
        return Refusal("too long")
    message: Message
    try:
        message = message_decoder.decode(value)
    except BROKEN:
        return Refusal("malformed")
    origin = message.origin
    if origin.schema > SCHEMA:
        return Refusal("newer schema")
    job = "" if isinstance(message, ContainerEvent | ConfigEvent) else message.job
    names = (job, origin.cluster, origin.container, origin.epoch, origin.flink_version)
    if max(map(len, names)) > NAME_CHARACTERS:
        return Refusal("too long a name")
    if clusters is not None and not may_speak(origin.cluster, clusters):
        return Refusal("another cluster", origin.cluster)
    if origin.producer != "plugin":
        return Refusal("another producer")
    if redaction is None:
        return message
    names_metrics = isinstance(message, MetricReport)
    try:
        clean = redaction.redact_message(value, names_metrics=names_metrics)
    except BROKEN:  # in what nobody reads
        return Refusal("malformed")
    if clean is None:
        return message
    try:
        message = msgspec.convert(clean, Message)
    except msgspec.ValidationError:  # so large that it was hidden as a whole
        return Refusal("not examined for secrets")
    return message


def may_speak(cluster: str, clusters: Collection[str]) -> bool:
    """Whether a cluster is one of these."""
    is_application = APPLICATIONS in clusters and APPLICATION.fullmatch(cluster) is not None
    return cluster in clusters or is_application


def believed_ms(stamp_ms: int, message: Message, now_ms: int) -> int:
    """When a message came, by Kafka; where that is yet to come, by who sent it, or now."""
    if stamp_ms <= now_ms + WRONG_CLOCK_MS:
        return stamp_ms
    is_recent = now_ms - HOUR_MS <= message.time_ms <= now_ms + WRONG_CLOCK_MS
    return message.time_ms if is_recent else now_ms


def waited_ms(sent_ms: object, message: Message) -> int:
    """How long it waited for Kafka in its process, by the clock of that process: so a message that
    is late after an outage is told from one of a wrong clock. `sent_ms` is its header."""
    if not isinstance(sent_ms, bytes) or not sent_ms.isdigit() or len(sent_ms) > SENT_MS_DIGITS:
        return 0
    waited = int(sent_ms) - message.time_ms
    return waited if 0 <= waited <= WAITED_MAX_MS else 0


def letter_headers(
    value: bytes, reason: str, error: str, topic: str, partition: int, offset: int
) -> dict[str, bytes]:
    """The headers of a dead letter: why it was refused, and where it stood."""
    told = {
        "reason": reason,
        "error": error,
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "bytes": str(len(value)),
    }
    return {name: text.encode() for name, text in told.items()}


def shown(value: bytes, redaction: Redaction) -> bytes:
    """The beginning of what is refused without its secrets. Twice as much is examined, so that none
    that is cut in two is within what is kept."""
    text = value[: 2 * KEPT_BYTES].decode(errors="replace")
    kept = redaction.redact_text(text).encode()[:KEPT_BYTES]
    return kept.decode(errors="ignore").encode()
