"""The database that the settings name."""

from pathlib import Path

from drsquirrel.settings import Settings, SettingsError, secret
from drsquirrel.store.interface import DAY_MS, HOUR_MS, Database, Retention
from drsquirrel.store.sqlite import SqliteDatabase


def database_of(settings: Settings) -> Database:
    """Raises SettingsError."""
    if not settings.database:
        return SqliteDatabase(data_dir(settings))
    # The driver takes a moment to load: only who needs it waits for it.
    from drsquirrel.store.postgresql import PostgresDatabase
    from drsquirrel.store.postgresql_connection import Access

    return PostgresDatabase(Access(settings.database, secret(settings.database_password_file)))


def retention(settings: Settings) -> Retention:
    """What the store needs of the settings."""
    return Retention(
        snapshots_ms=int(settings.keep_snapshots_h * HOUR_MS),
        logs_ms=int(settings.keep_logs_d * DAY_MS),
        events_ms=int(settings.keep_events_d * DAY_MS),
        history_ms=int(settings.keep_history_d * DAY_MS),
        max_bytes=settings.database_mib << 20,
    )


def data_dir(settings: Settings) -> Path:
    """Where the history lies; raises SettingsError where there is no home directory."""
    try:
        return Path(settings.data_dir).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"There is no home directory for {settings.data_dir}: give --data-dir DIR."
        ) from None
