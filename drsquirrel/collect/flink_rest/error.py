"""What can go wrong between us and a Flink REST address, each as one sentence that says what to do.

No sentence holds a secret; text that the other side sent is cut and shown without control signs.
"""

import unicodedata

SHOWN_CHARACTERS = 160


def shown(text: str) -> str:
    """Foreign text, safe inside a sentence on one line."""
    cut = text[: SHOWN_CHARACTERS + 1]
    line = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in cut)
    line = " ".join(line.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "…"


class FlinkError(Exception):
    """A request did not bring an answer of Flink; str() is the sentence to show."""


class AddressError(FlinkError):
    """The address or the credentials as configured can not be used."""


class RequestRefusedError(FlinkError):
    """We do not send this request: its path is not one of those we read."""


class UnreachableError(FlinkError):
    """No connection: refused, no route, no such host, closed while answering."""


class TimedOutError(FlinkError):
    """No complete answer in time."""


class TlsError(FlinkError):
    """The TLS handshake failed."""


class NotFlinkError(FlinkError):
    """Something answers, but not Flink's REST API."""


class BadAnswerError(FlinkError):
    """The answer is cut off, too large, nested too deep or of an unexpected shape."""


class RedirectRefusedError(FlinkError):
    """The address redirects; we do not follow."""

    def __init__(self, sentence: str, leads_to: str) -> None:
        super().__init__(sentence)
        self.leads_to = leads_to


class StatusError(FlinkError):
    """Flink, or what stands before it, answered with an HTTP error status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class CredentialsError(StatusError):
    """401 or 403."""


class GoneError(StatusError):
    """404: Flink does not know the job, vertex or process (any more)."""
