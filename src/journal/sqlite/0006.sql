-- Changes of many deliveries; verb, filter and tally are JSON.
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    verb       TEXT    NOT NULL,
    filter     TEXT    NOT NULL,
    who        TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    -- running, stopped, done
    state      TEXT    NOT NULL,
    cursor     INTEGER NOT NULL,
    upto       INTEGER NOT NULL,
    matching   INTEGER NOT NULL,
    tally      TEXT    NOT NULL
) STRICT;

-- What a run changed; the delivery may have been replaced by others since.
CREATE TABLE actions (
    photo    INTEGER NOT NULL,
    run      INTEGER NOT NULL REFERENCES runs (id),
    delivery INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (photo, run, delivery)
) STRICT, WITHOUT ROWID;

CREATE INDEX actions_by_run ON actions (run);

-- 1: replayed with many others, comes after the rest.
ALTER TABLE deliveries ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
ALTER TABLE photos ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;

DROP INDEX deliveries_open;
CREATE INDEX deliveries_open ON deliveries (destination, lane, due_at)
    WHERE state IN ('due', 'sending');
DROP INDEX photos_wanted;
CREATE INDEX photos_wanted ON photos (lane, fetch_due) WHERE fetch_state = 'wanted';

-- What operators ask for.
CREATE INDEX deliveries_by_sort ON deliveries (destination, state, error);
CREATE INDEX deliveries_by_record ON deliveries (record) WHERE record IS NOT NULL;
CREATE INDEX deliveries_settled ON deliveries (settled_at, state) WHERE settled_at IS NOT NULL;
CREATE INDEX photos_by_time ON photos (received_at);

-- What stands in photos, three letters each, made behind them: up to which photo, and which have
-- changed since.
CREATE VIRTUAL TABLE texts USING fts5 (
    words, content = '', contentless_delete = 1, detail = 'none', tokenize = 'trigram'
);
CREATE TABLE indexed (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    upto INTEGER NOT NULL
) STRICT;
INSERT INTO indexed VALUES (1, 0);
CREATE TABLE stale (photo INTEGER PRIMARY KEY) STRICT;

CREATE TRIGGER photos_changed AFTER UPDATE OF image_id, filename, tags ON photos
    WHEN new.seq <= (SELECT upto FROM indexed WHERE id = 1)
BEGIN
    INSERT OR IGNORE INTO stale VALUES (new.seq);
END;
CREATE TRIGGER deliveries_changed AFTER UPDATE OF target ON deliveries
    WHEN new.photo <= (SELECT upto FROM indexed WHERE id = 1)
BEGIN
    INSERT OR IGNORE INTO stale VALUES (new.photo);
END;
CREATE TRIGGER photos_forgotten AFTER DELETE ON photos BEGIN
    DELETE FROM texts WHERE rowid = old.seq;
    DELETE FROM stale WHERE photo = old.seq;
END;

-- The words of the cause.
ALTER TABLE deliveries ADD COLUMN why TEXT GENERATED ALWAYS AS (iif(cause IS NULL, NULL,
    concat(cause ->> '$.what', char(10), cause ->> '$.detail'))) VIRTUAL;
CREATE INDEX deliveries_why ON deliveries (why) WHERE why IS NOT NULL;

-- Between which numbers the deliveries lie whose photos were received in an hour: the way from a
-- time to where a list of what is older begins. A number that was given late widens its hour.
CREATE TABLE hours (
    hour  INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT;

INSERT INTO hours SELECT p.received_at / 3600000, min(d.id), max(d.id)
    FROM deliveries d JOIN photos p ON p.seq = d.photo GROUP BY 1;

CREATE TRIGGER deliveries_begun AFTER INSERT ON deliveries BEGIN
    INSERT INTO hours SELECT received_at / 3600000, new.id, new.id FROM photos
        WHERE seq = new.photo
        ON CONFLICT (hour) DO UPDATE SET
            first = min(first, excluded.first), last = max(last, excluded.last);
    INSERT OR IGNORE INTO stale SELECT new.photo
        WHERE new.photo <= (SELECT upto FROM indexed WHERE id = 1);
END;
