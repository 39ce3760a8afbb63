"""How a command ends: with one sentence on stderr and the exit code that says whose turn it is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from drsquirrel.collect.flink_rest.error import AddressError, FlinkError
from drsquirrel.collect.kafka.connection import BrokerError
from drsquirrel.collect.recording import RecordingError
from drsquirrel.oneshot import NothingToJudgeError
from drsquirrel.rules.load import ThresholdError
from drsquirrel.serve.server import ListenError
from drsquirrel.settings import SettingsError
from drsquirrel.show import text
from drsquirrel.store.error import StoreError

FOUND, USAGE, NOT_EVALUATED, INTERRUPTED = 1, 2, 3, 130


@contextmanager
def ended() -> Iterator[None]:
    """Ends with the sentence of what went wrong, and the exit code that says whose turn it is."""
    try:
        yield
    except ThresholdError as error:
        stop(USAGE, f"Wrong thresholds: {error}")
    except (SettingsError, AddressError, ListenError, StoreError) as error:
        stop(USAGE, str(error))
    except (FlinkError, BrokerError, RecordingError, NothingToJudgeError) as error:
        stop(NOT_EVALUATED, str(error))
    except KeyboardInterrupt:
        stop(INTERRUPTED, "Interrupted.")


def say(sentence: str) -> None:
    print(text.printable(sentence), file=sys.stderr, flush=True)


def stop(code: int, sentence: str) -> NoReturn:
    say(f"drsquirrel: {sentence}")
    raise typer.Exit(code)
