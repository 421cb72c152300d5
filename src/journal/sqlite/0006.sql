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

-- Between which numbers the deliveries lie whose photos were received in an hour: the way from a
-- time to where a list of what is older begins. A number that was given late widens its hour.
CREATE TABLE hours (
    hour  INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT;

INSERT INTO hours SELECT p.received_at / 3600000, min(d.id), max(d.id)
    FROM deliveries d JOIN photos p ON p.seq = d.photo GROUP BY 1;

CREATE TRIGGER deliveries_by_hour AFTER INSERT ON deliveries BEGIN
    INSERT INTO hours SELECT received_at / 3600000, new.id, new.id FROM photos
        WHERE seq = new.photo
        ON CONFLICT (hour) DO UPDATE SET
            first = min(first, excluded.first), last = max(last, excluded.last);
END;
