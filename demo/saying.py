"""How the parts of the demo tell people what they do, and each other where they are."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]


def silent(_: str) -> None:
    """Of who does not want to hear anything."""


def saying(who: str) -> Say:
    """Says it on stdout, with the time of day."""

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {who}: {text}", flush=True)

    return say


def announce(file: Path, address: str) -> None:
    """Write an address so that whoever waits for the file never reads half of it."""
    unfinished = file.with_name(file.name + ".part")
    unfinished.write_text(address + "\n")
    unfinished.rename(file)
