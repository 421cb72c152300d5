-- What may travel together with a delivery.
CREATE INDEX deliveries_together ON deliveries (destination, target, due_at)
    WHERE state IN ('due', 'sending');
