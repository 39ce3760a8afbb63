"""How the parts of the demo tell what they do: lines with the time of day, or nothing."""

import time
from collections.abc import Callable
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]


def silent(_: str) -> None:
    """Of who does not want to hear anything."""


def saying(who: str) -> Say:
    """Says it on stdout."""

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {who}: {text}", flush=True)

    return say
