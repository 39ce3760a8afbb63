"""Remembers what was already told, within a bound."""

from collections import OrderedDict


class Told:
    """The newest `limit` things told; telling a forgotten one twice does no harm."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[str, None] = OrderedDict()

    def is_new(self, identity: str) -> bool:
        """Whether it was not told yet; from now on it is."""
        new = identity not in self._known
        self._known[identity] = None
        self._known.move_to_end(identity)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return new
