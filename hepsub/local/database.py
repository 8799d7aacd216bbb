"""The queue's SQLite file: its tables, and transactions that happen whole or not at all.

A rollback journal rather than WAL: a queue on a full disk can still be read. Synchronous FULL: what a
command reported is on the disk. Texts that may hold bytes outside UTF-8 are kept as JSON, in ASCII.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from msgspec import Struct

from hepsub.errors import HepsubError, PoolError, QueueNotWritable
from hepsub.local.directory import Place

_BUSY_S = 30.0
_VERSION = 1
JOINED = "procs JOIN clusters USING (cluster)"
WAITING = "queued = 1 AND state = 'I' AND active = 0 AND gated = 0"
"""True for the jobs that could start; the index `waiting` serves those who ask in just these words."""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS clusters (
    cluster INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
    uuid TEXT NOT NULL UNIQUE,
    once TEXT NOT NULL,
    owner TEXT NOT NULL,
    submitted REAL NOT NULL,                    -- seconds since the epoch
    number INTEGER NOT NULL,
    cores INTEGER NOT NULL,
    walltime_s INTEGER NOT NULL,                -- 0: not enforced
    hold_memory INTEGER NOT NULL,
    name TEXT NOT NULL,                         -- JSON
    environment TEXT NOT NULL                   -- JSON: what all its jobs get
);
CREATE TABLE IF NOT EXISTS procs (
    cluster INTEGER NOT NULL REFERENCES clusters,
    proc INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    memory_mb INTEGER NOT NULL,
    shown TEXT NOT NULL,                        -- JSON: the program and its arguments, for people
    launch TEXT NOT NULL,                       -- JSON: what is started (launch.py)
    state TEXT NOT NULL DEFAULT 'I',            -- the letter of batch.State
    queued INTEGER NOT NULL DEFAULT 1,          -- 0: it belongs to the history
    active INTEGER NOT NULL DEFAULT 0,          -- 1: a run of it holds a slot, whatever its state
    gated INTEGER NOT NULL DEFAULT 0,           -- 1: it may not start yet
    run INTEGER NOT NULL DEFAULT 0,             -- how many times it was started
    mark TEXT NOT NULL DEFAULT '',              -- in the environment of the run's processes
    boot TEXT NOT NULL DEFAULT '',              -- which boot of the machine the run belongs to
    started REAL NOT NULL DEFAULT 0,
    ended REAL NOT NULL DEFAULT 0,
    past_s REAL NOT NULL DEFAULT 0,             -- time of runs that have ended
    cpu_s REAL NOT NULL DEFAULT 0,
    peak_mb REAL NOT NULL DEFAULT 0,
    host TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    exit_signal INTEGER,
    hold_code INTEGER NOT NULL DEFAULT 0,
    hold_subcode INTEGER NOT NULL DEFAULT 0,
    hold_reason TEXT NOT NULL DEFAULT '',       -- JSON
    remove_reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (cluster, proc)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON procs (priority DESC, cluster, proc) WHERE {WAITING};
CREATE INDEX IF NOT EXISTS active ON procs (cluster, proc) WHERE active = 1;
CREATE INDEX IF NOT EXISTS queued ON procs (cluster, proc) WHERE queued = 1;
CREATE INDEX IF NOT EXISTS past ON procs (ended) WHERE queued = 0;
"""
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_CLOSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


class Database(Struct, frozen=True):
    """The queue of one directory, opened for each use: nothing is held between two of them."""

    place: Place

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one consistent look.

        Raises:
            QueueNotWritable, PoolError: the queue cannot be read.
        """
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of the block, or nothing when it raises or the process is killed.

        Raises:
            QueueNotWritable, PoolError: nothing was written.
        """
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(
                self.place.database, timeout=_BUSY_S, isolation_level=None, cached_statements=0
            )
            with contextlib.closing(connection):  # closing rolls an open transaction back
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA journal_mode = TRUNCATE")
                _make_tables(connection)
                yield connection
        except sqlite3.Error as error:
            raise _problem(error, self.place) from error


def _make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of a new queue; of ten commands at once, one does.

    Raises:
        PoolError: the queue belongs to a newer hepsub.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == _VERSION:
        return
    if version > _VERSION:
        raise PoolError(
            "the embedded pool's queue was written by a newer hepsub", remedy="use that version"
        )
    # The version is the last that is written: a queue of this version has all its tables.
    connection.executescript(
        f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
    )


def _problem(error: sqlite3.Error, place: Place) -> HepsubError:
    """SQLite's error as one of hepsub's."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in _FULL:
        return QueueNotWritable(
            f"the queue in {place.directory} cannot be written ({error}); nothing was done",
            remedy="the disk is full, or a quota is used up: make room there, then repeat the command; what is"
            " queued goes on by itself",
        )
    if code & 0xFF in _CLOSED:
        return QueueNotWritable(
            f"the queue in {place.directory} cannot be opened for writing ({error}); nothing was done",
            remedy="look at the directory's owner and modes, and whether its disk is mounted read-only",
        )
    if code & 0xFF == sqlite3.SQLITE_BUSY:
        return PoolError(
            f"the queue in {place.directory} has been locked for {_BUSY_S:.0f} s",
            remedy="a stopped process holds it (ps lists those in state T); end it, then try again",
        )
    return PoolError(
        f"the queue in {place.directory} cannot be read: {error}",
        remedy="move that directory away and submit again; its jobs' logs are not touched",
    )
