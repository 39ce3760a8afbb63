"""A real PostgreSQL for tests, in which each place has a database of its own."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from demo.postgres import PASSWORD, Postgres
from drsquirrel.store.interface import Retention
from drsquirrel.store.postgresql import PostgresStore
from drsquirrel.store.postgresql_connection import SCHEMA, Access


class Server(Postgres):
    """Lends databases, and opens stores on them."""

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        super().__init__(options)
        self._lent: dict[Path, str] = {}
        self._free: list[str] = []

    def access(self, place: Path) -> Access:
        """How to reach the database of a place; an empty one if it has none yet."""
        if place not in self._lent:
            for gone in [p for p in self._lent if not p.parent.exists()]:
                self._take_back(gone)
            self._lent[place] = self._free.pop() if self._free else self._made()
        return Access(self.url(self._lent[place]), PASSWORD)

    def take_back(self) -> None:
        """Empty all databases, for other places."""
        for place in tuple(self._lent):
            self._take_back(place)

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """A connection that may do everything."""
        return psycopg.connect(self.url(database), password=PASSWORD, autocommit=True)

    def dump(self, access: Access, *options: str) -> str:
        """What pg_dump writes of a database's schema of ours, as statements only."""
        told = [f"--schema={SCHEMA}", "--no-owner", "--inserts", *options, access.url]
        done = subprocess.run(
            [str(self.programs / "pg_dump"), *told],
            env={**os.environ, "PGPASSWORD": access.password},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        kept = (line for line in done.stdout.splitlines() if not line.startswith(("--", "\\")))
        # From 18 on NOT NULL has a name.
        text = re.sub(r"CONSTRAINT \w+ NOT NULL", "NOT NULL", "\n".join(kept))
        return re.sub(r"\n{2,}", "\n\n", text).strip() + "\n"

    def open(self, place: Path, retention: Retention) -> PostgresStore:
        return PostgresStore(self.access(place), retention)

    def _take_back(self, place: Path) -> None:
        name = self._lent.pop(place)
        with self.admin(name) as admin:
            admin.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())
        self._free.append(name)

    def _made(self) -> str:
        name = f"test_{len(self._lent)}"
        with self.admin() as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        return name
