-- The digest of the envelope in which an end-to-end encrypted photo came inside its request, while
-- it is not opened.
ALTER TABLE photos ADD COLUMN envelope BLOB;

CREATE INDEX photos_by_envelope ON photos (envelope) WHERE envelope IS NOT NULL;
