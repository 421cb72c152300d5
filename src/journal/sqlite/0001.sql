-- Times are milliseconds since 1970 (UTC). Lists and structures are JSON.

CREATE TABLE photos (
    seq            INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    image_id       TEXT,
    session        TEXT,
    idx            INTEGER,
    filename       TEXT,
    media_type     TEXT,
    size           INTEGER,
    sha256         BLOB,
    tags           TEXT    NOT NULL,
    target         TEXT,
    mode           TEXT,
    topic          TEXT,
    shape          TEXT    NOT NULL,
    scheme         TEXT    NOT NULL,
    received_at    INTEGER NOT NULL,
    -- wanted, stored, held, expired
    fetch_state    TEXT    NOT NULL,
    -- The link to fetch it from; works like a password while it lives.
    url            TEXT,
    -- While wanted: when the next fetch is due, or when the lease of the running one ends.
    fetch_due      INTEGER,
    fetch_since    INTEGER,
    fetch_attempts INTEGER NOT NULL DEFAULT 0,
    fetch_attempt  INTEGER,
    fetch_cause    TEXT
) STRICT;

CREATE INDEX photos_wanted ON photos (fetch_due) WHERE fetch_state = 'wanted';
CREATE INDEX photos_by_bytes ON photos (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX photos_by_hint ON photos (image_id) WHERE image_id <> id;

CREATE TABLE deliveries (
    -- Never reused: an old number must not mean something new.
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    photo       INTEGER NOT NULL REFERENCES photos (seq),
    -- NULL: no destination wants the photo.
    destination TEXT,
    target      TEXT,
    mode        TEXT,
    -- waiting, due, sending, delivered, held, dropped
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    -- While due: when. While sending: when the lease ends.
    due_at      INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    unsure      INTEGER NOT NULL DEFAULT 0,
    attempt     INTEGER,
    steps       TEXT    NOT NULL DEFAULT '[]',
    cause       TEXT,
    error       TEXT,
    receipt     TEXT,
    settled_at  INTEGER,
    UNIQUE (photo, destination)
) STRICT;

CREATE INDEX deliveries_open ON deliveries (destination, due_at)
    WHERE state IN ('due', 'sending');
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'due';
CREATE INDEX deliveries_sending ON deliveries (destination, target) WHERE state = 'sending';

CREATE TABLE attempts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    photo      INTEGER NOT NULL,
    -- NULL: an attempt to fetch the photo.
    delivery   INTEGER,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT    NOT NULL,
    cause      TEXT
) STRICT;

CREATE INDEX attempts_by_photo ON attempts (photo);

CREATE TABLE pauses (
    destination TEXT    PRIMARY KEY,
    since       INTEGER NOT NULL,
    cause       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What a ping writes.
CREATE TABLE pings (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    session TEXT PRIMARY KEY,
    target  TEXT NOT NULL,
    mode    TEXT
) STRICT, WITHOUT ROWID;
