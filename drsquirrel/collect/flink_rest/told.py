"""Remembers what was already told, within a bound."""

from collections import OrderedDict
from hashlib import blake2b


class Told:
    """The newest `limit` things told; telling a forgotten one twice does no harm."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[bytes, None] = OrderedDict()
        """By their hashes: a stack trace is long."""

    def is_new(self, identity: str) -> bool:
        """Whether it was not told yet; from now on it is."""
        key = blake2b(identity.encode("utf-8", "replace"), digest_size=16).digest()
        new = key not in self._known
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return new
