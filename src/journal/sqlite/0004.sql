-- What else is known of a session that the bridge made. No earlier release made any.
ALTER TABLE sessions ADD COLUMN label TEXT;
-- Works like a password while the session is open.
ALTER TABLE sessions ADD COLUMN link TEXT;
-- live, sandbox
ALTER TABLE sessions ADD COLUMN environment TEXT NOT NULL DEFAULT 'live';
ALTER TABLE sessions ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN closed_at INTEGER;
ALTER TABLE sessions ADD COLUMN long_polling INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
-- When Apertur was asked for the last time what came of it.
ALTER TABLE sessions ADD COLUMN settled_at INTEGER;

-- The destination whose record is meant; NULL: every one of the record's type.
ALTER TABLE sessions ADD COLUMN destination TEXT;
-- What stands for the id in addresses, as SessionId::mark() says.
ALTER TABLE sessions ADD COLUMN mark TEXT;
-- What counts where targets are compared, as Target::record() says.
ALTER TABLE sessions ADD COLUMN record TEXT GENERATED ALWAYS AS (CASE
    WHEN target GLOB 'freshservice:*:*'
        THEN 'freshservice:' || substr(target, 14 + instr(substr(target, 14), ':'))
    WHEN target GLOB 'ticket:*:*'
        THEN 'ticket:' || substr(target, 8 + instr(substr(target, 8), ':'))
    ELSE target END) VIRTUAL;

CREATE INDEX sessions_by_record ON sessions (record, created_at);
CREATE INDEX sessions_by_mark ON sessions (record, mark);
-- Whether it is not certain which record the photo belongs to.
ALTER TABLE photos ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;
CREATE INDEX photos_by_session ON photos (session) WHERE session IS NOT NULL;
