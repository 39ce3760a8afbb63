"""A process to kill: writes ticks from a number on for ever and prints each one when stored."""

import itertools
import sys
from pathlib import Path

from drsquirrel.store.interface import Retention
from drsquirrel.store.sqlite import SqliteStore
from tests.store import made


def main(directory: str, start: str) -> None:
    store = SqliteStore(Path(directory), Retention())
    for number in itertools.count(int(start)):
        store.write(made.tick(number, logs=40))
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
