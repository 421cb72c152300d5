-- Of a held delivery: since when it was held when its people (noted) or the operator (alerted)
-- were told. Where it was held again since then, that is to be told again.
ALTER TABLE deliveries ADD COLUMN noted INTEGER;
ALTER TABLE deliveries ADD COLUMN alerted INTEGER;
-- What an earlier release held is no news.
UPDATE deliveries SET noted = coalesce(settled_at, since), alerted = coalesce(settled_at, since)
    WHERE state = 'held';

CREATE INDEX deliveries_unnoted ON deliveries (destination, record, error)
    WHERE state = 'held' AND coalesce(noted, 0) <> coalesce(settled_at, since);
CREATE INDEX deliveries_unalerted ON deliveries (destination, error)
    WHERE state = 'held' AND coalesce(alerted, 0) <> coalesce(settled_at, since);

-- What is to be sent to somebody; removed once it is.
CREATE TABLE notices (
    seq     INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    -- note, webhook, command
    outlet  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    count   INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    due_at  INTEGER NOT NULL,
    tries   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What was told last about what.
CREATE TABLE subjects (
    name    TEXT    PRIMARY KEY,
    told_at INTEGER NOT NULL,
    open    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
