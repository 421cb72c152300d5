-- What is done to the journal itself, and when last; the detail is JSON.
CREATE TABLE upkeep (
    -- backup, retention
    what   TEXT    PRIMARY KEY,
    at     INTEGER NOT NULL,
    detail TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Retention goes from the oldest photo on, whatever else there is.
CREATE INDEX photos_kept ON photos (received_at) WHERE fetch_state IN ('stored', 'held');
CREATE INDEX photos_expired ON photos (received_at) WHERE fetch_state = 'expired';
