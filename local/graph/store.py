"""Everything the local Graph remembers: one SQLite file, and a folder of files' bytes beside it.

One connection, used from the event loop's thread only, so that every transaction is whole and in
order. With the write-ahead log a commit survives the death of the process (not of the machine).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.requests import Request

from .contents import Contents

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    key INTEGER PRIMARY KEY,
    mailbox TEXT NOT NULL,
    folder TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    immutable_id TEXT NOT NULL UNIQUE,
    internet_message_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    change_key TEXT NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    sent_at TEXT NOT NULL,
    is_draft INTEGER NOT NULL,
    resource TEXT NOT NULL,
    headers TEXT,
    plain_text TEXT,
    send_due REAL,
    new_id_on_send INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_by_mailbox ON messages (mailbox, folder, key);
CREATE INDEX IF NOT EXISTS messages_to_send ON messages (send_due) WHERE send_due IS NOT NULL;
CREATE TABLE IF NOT EXISTS extended_properties (
    message INTEGER NOT NULL REFERENCES messages (key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (message, id)
);
CREATE INDEX IF NOT EXISTS messages_by_property ON extended_properties (id, value);
CREATE TABLE IF NOT EXISTS threads (
    message INTEGER PRIMARY KEY REFERENCES messages (key) ON DELETE CASCADE,
    references_ TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_internet_id ON messages (mailbox, internet_message_id);
CREATE TABLE IF NOT EXISTS mimes (
    message INTEGER PRIMARY KEY REFERENCES messages (key) ON DELETE CASCADE,
    bytes BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS subscriptions (
    id TEXT PRIMARY KEY,
    mailbox TEXT NOT NULL,
    resource TEXT NOT NULL,
    notification_url TEXT NOT NULL,
    lifecycle_url TEXT,
    client_state TEXT,
    immutable_ids INTEGER NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS subscriptions_by_mailbox ON subscriptions (mailbox);
CREATE TABLE IF NOT EXISTS notifications (
    key INTEGER PRIMARY KEY,
    subscription TEXT NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages (key) ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS posts (
    key INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL
);
CREATE TRIGGER IF NOT EXISTS tell_of_created AFTER INSERT ON messages BEGIN
    INSERT INTO notifications (subscription, message)
    SELECT id, NEW.key FROM subscriptions WHERE mailbox = NEW.mailbox;
END;
CREATE TRIGGER IF NOT EXISTS tell_of_moved AFTER UPDATE OF folder ON messages
WHEN NEW.folder != 'deleted' AND NEW.folder != OLD.folder BEGIN
    INSERT INTO notifications (subscription, message)
    SELECT id, NEW.key FROM subscriptions WHERE mailbox = NEW.mailbox;
END;
CREATE TABLE IF NOT EXISTS contents (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS attachments (
    key INTEGER PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES messages (key) ON DELETE CASCADE,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content_id TEXT,
    is_inline INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified_at TEXT NOT NULL,
    content INTEGER NOT NULL REFERENCES contents (key)
);
CREATE INDEX IF NOT EXISTS attachments_by_message ON attachments (message);
CREATE VIEW IF NOT EXISTS shown_messages AS
    SELECT messages.*, EXISTS (
        SELECT 1 FROM attachments WHERE message = messages.key AND NOT is_inline
    ) AS ordinary_attachments FROM messages;
CREATE TABLE IF NOT EXISTS upload_sessions (
    id TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    message INTEGER NOT NULL REFERENCES messages (key) ON DELETE CASCADE,
    item TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS upload_chunks (
    session TEXT NOT NULL REFERENCES upload_sessions (id) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (session, start)
);
CREATE TABLE IF NOT EXISTS drive_items (
    key INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    path TEXT NOT NULL,
    folded_path TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    unique_id TEXT NOT NULL UNIQUE,
    secret TEXT NOT NULL,
    at TEXT NOT NULL,
    is_folder INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    quick_xor_hash TEXT,
    content TEXT,
    UNIQUE (owner, folded_path)
);
CREATE TABLE IF NOT EXISTS drive_uploads (
    id TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    owner TEXT NOT NULL,
    path TEXT NOT NULL,
    content TEXT NOT NULL,
    received INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS share_links (
    key INTEGER PRIMARY KEY,
    item INTEGER NOT NULL REFERENCES drive_items (key) ON DELETE CASCADE,
    id TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL UNIQUE,
    expires_at TEXT
);
CREATE INDEX IF NOT EXISTS share_links_by_item ON share_links (item);
CREATE TABLE IF NOT EXISTS smtp_queue (
    key INTEGER PRIMARY KEY,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    mime BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS faults (
    key INTEGER PRIMARY KEY,
    fault TEXT NOT NULL,
    after INTEGER NOT NULL,
    times INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS requests (
    key INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER
);
"""

# What `forget_everything` empties: all but the subscriptions, which belong to who made them and
# would not be made again for days. Children first, so that no foreign key stands in the way.
TABLES = (
    "extended_properties",
    "attachments",
    "contents",
    "upload_chunks",
    "upload_sessions",
    "share_links",
    "drive_items",
    "drive_uploads",
    "smtp_queue",
    "threads",
    "mimes",
    "notifications",
    "posts",
    "messages",
    "faults",
    "requests",
)


class Store:
    """The open SQLite file. Reads are plain; everything that writes happens in ``transaction``."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        # isolation_level=None: transactions begin where this module says so, nowhere else.
        # Starlette's lifespan and its handlers may run in a thread that did not open the file.
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(SCHEMA)
        self.after_commit: Callable[[], None] = lambda: None
        self.contents = Contents(file.with_name(file.name + "-files"))
        known = self.rows(
            "SELECT content FROM drive_items WHERE content IS NOT NULL"
            " UNION SELECT content FROM drive_uploads"
        )
        self.contents.remove_all_but(row["content"] for row in known)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it. Must not contain an ``await``."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self.after_commit()

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return row

    def run(self, statement: str, *values: Any) -> int:
        """Execute a statement; answers how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, table: str, **columns: Any) -> int:
        """Insert one row; answers its key."""
        names = ", ".join(columns)
        places = ", ".join("?" * len(columns))
        cursor = self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(columns.values())
        )
        return cursor.lastrowid or 0

    def forget_everything(self) -> None:
        with self.transaction():
            for table in TABLES:
                self.run(f"DELETE FROM {table}")
        self.contents.forget_everything()


def store_of(request: Request) -> Store:
    """The store of the application that answers this request."""
    store: Store = request.app.state.store
    return store
