"""What the statements of sql.py run on, whatever database it leads to."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

Values: TypeAlias = Sequence[object] | Mapping[str, object]
Row: TypeAlias = tuple[Any, ...]


class Rows(Protocol):
    """What a statement found or changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Row | None: ...

    def fetchall(self) -> list[Row]: ...


class Connection(Protocol):
    """A connection; inside a transaction where something is written."""

    def execute(self, statement: str, values: Values = (), /) -> Rows:
        """Run a statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Values], /) -> object:
        """Run a statement once for each of the rows, in their order."""
        ...

    def each(self, statement: str, rows: Iterable[Values], /) -> list[list[Row]]:
        """What a query finds for each of the rows, in their order."""
        ...

    def stream(self, statement: str, values: Values, /) -> Generator[Row, None, None]:
        """What a query finds, never more than a part of it in memory. To be closed."""
        ...
