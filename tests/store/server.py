"""A real PostgreSQL for tests, in which each place has a database of its own."""

from hashlib import blake2b
from pathlib import Path

import psycopg

from demo.postgres import PASSWORD, Postgres
from drsquirrel.store.interface import Retention
from drsquirrel.store.postgresql import PostgresStore
from drsquirrel.store.postgresql_connection import Access


class Server(Postgres):
    """Makes databases, and opens stores on them."""

    def access(self, place: Path) -> Access:
        """How to reach the database of a place, which is made if it is not there yet."""
        name = "test_" + blake2b(str(place).encode(), digest_size=8).hexdigest()
        with self.admin() as admin:
            known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if known.fetchone() is None:
                admin.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
        return Access(self.url(name), PASSWORD)

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """A connection that may do everything."""
        return psycopg.connect(self.url(database), password=PASSWORD, autocommit=True)

    def open(self, place: Path, retention: Retention) -> PostgresStore:
        return PostgresStore(self.access(place), retention)
