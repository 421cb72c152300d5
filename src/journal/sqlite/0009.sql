-- When each destination got a photo last.
CREATE INDEX deliveries_delivered ON deliveries (destination, settled_at)
    WHERE state = 'delivered';
