"""What can go wrong with the store: one class per thing to do, each message says what to do."""


class StoreError(Exception):
    """The store cannot do what it was asked; what it acknowledged before stands."""


class DirectoryError(StoreError):
    """The data directory cannot be used."""


class InUseError(StoreError):
    """Somebody else holds what is needed."""


class FencedError(StoreError):
    """Somebody else has claimed what was to be written."""


class NotOursError(StoreError):
    """The database is none, or another program's."""


class AwayError(StoreError):
    """The server of the database does not answer."""


class AccessError(StoreError):
    """The server of the database does not let us in, or do what we have to."""


class OlderError(StoreError):
    """An older release wrote the database, which nobody upgraded yet."""


class NewerError(StoreError):
    """A newer release wrote the database."""


class DamagedError(StoreError):
    """What was read is not what was written."""


class DiskError(StoreError):
    """The disk is full, became read-only or fails."""
