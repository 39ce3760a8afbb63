"""A process to kill: writes ticks from a number on for ever and prints each one when stored.

In a data directory, or in a PostgreSQL database whose password is in PASSWORD_FILE.
"""

import itertools
import os
import sys

from drsquirrel.database import database_of
from drsquirrel.settings import Settings
from drsquirrel.store.interface import Retention
from tests.store import made


def main(place: str, start: str) -> None:
    is_url = place.startswith("postgresql:")
    settings = Settings(
        data_dir="" if is_url else place,
        database=place if is_url else "",
        database_password_file=os.environ.get("PASSWORD_FILE", ""),
    )
    store = database_of(settings).open(Retention())
    for number in itertools.count(int(start)):
        store.write(made.tick(number, logs=40))
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
