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

CREATE INDEX photos_by_session ON photos (session) WHERE session IS NOT NULL;
