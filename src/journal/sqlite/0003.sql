-- A ticket is the same one with and without its workspace: what counts where targets are
-- compared, as Target::record() says.
ALTER TABLE deliveries ADD COLUMN record TEXT GENERATED ALWAYS AS (CASE
    WHEN target GLOB 'freshservice:*:*'
        THEN 'freshservice:' || substr(target, 14 + instr(substr(target, 14), ':'))
    WHEN target GLOB 'ticket:*:*'
        THEN 'ticket:' || substr(target, 8 + instr(substr(target, 8), ':'))
    ELSE target END) VIRTUAL;

DROP INDEX deliveries_sending;
CREATE INDEX deliveries_sending ON deliveries (destination, record) WHERE state = 'sending';
DROP INDEX deliveries_together;
CREATE INDEX deliveries_together ON deliveries (destination, record, due_at)
    WHERE state IN ('due', 'sending');
