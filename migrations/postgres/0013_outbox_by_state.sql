-- See `../sqlite/0013_outbox_by_state.sql`.

CREATE INDEX deliveries_waiting ON deliveries (id) WHERE state = 'waiting';
CREATE INDEX deliveries_cards ON deliveries (id) WHERE kind = 'card' AND state = 'sent';
