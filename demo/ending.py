"""How a command of the demo ends: at a signal as at Ctrl-C, and with whoever started it."""

import signal
from collections.abc import Callable
from types import FrameType

from demo.child import LIBC, PR_SET_PDEATHSIG


def nothing() -> None:
    """What is done before the end where there is nothing to say."""


def interrupt_at_signals(before: Callable[[], None] = nothing) -> None:
    """Let each signal raise KeyboardInterrupt, so that what was started is ended in order, even
    where a shell has started us with Ctrl-C ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        before()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def end_with_parent() -> None:
    """However the process that started this one ends, this one ends too."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
