"""Opens a recording to read, or says in one line why not."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bptui.errors import RecordingError
from bptui.recording.schema import ADDED, APPLICATION_ID, OLDEST_VERSION, SCHEMA_VERSION


def open_to_read(path: Path) -> sqlite3.Connection:
    """A read-only connection to a recording of a readable version; its writer may be at work, finished or dead.

    Raises:
        RecordingError: It is not there, is no recording, or is of another version.
    """
    if not path.is_file():
        raise RecordingError(f"{path} is a directory" if path.is_dir() else f"no such recording: {path}")
    db = _connect(path)
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID and OLDEST_VERSION <= version <= SCHEMA_VERSION:
        _complete(db, version)
        return db
    db.close()
    if application != APPLICATION_ID:
        raise RecordingError(f"{path} is no bptui recording")
    readable = f"versions {OLDEST_VERSION} to {SCHEMA_VERSION}"
    versions = f"{path} is of schema version {version}, this bptui reads {readable}"
    raise RecordingError(f"{versions}; use the bptui it was made with")


def _complete(db: sqlite3.Connection, version: int) -> None:
    """Give this connection empty tables for those that a recording of this version lacks."""
    for since, table in ADDED.items():
        if version < since:
            db.execute(f"CREATE TEMP TABLE {table}")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return _try(path, "mode=ro")
    except sqlite3.OperationalError as error:
        # A recording that was not closed needs files beside it, which a read-only directory does not admit.
        rest = Path(f"{path}-wal")
        if not rest.exists() or not rest.stat().st_size:
            return _connect_alone(path)
        raise RecordingError(
            f"can not read {path} together with {rest.name} ({error}): copy both elsewhere"
        ) from error
    except sqlite3.Error as error:
        raise RecordingError(f"{path} is no bptui recording ({error})") from error


def _connect_alone(path: Path) -> sqlite3.Connection:
    try:
        return _try(path, "mode=ro&immutable=1")
    except sqlite3.Error as error:
        raise RecordingError(f"can not read {path}: {error}") from error


def _try(path: Path, how: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, isolation_level=None)
    try:
        db.execute("PRAGMA schema_version").fetchone()  # nothing is opened before the first read
    except sqlite3.Error:
        db.close()
        raise
    return db
