-- What waits and which cards are shown is looked for with every message, among all that was ever delivered.

CREATE INDEX deliveries_waiting ON deliveries (id) WHERE state = 'waiting';
CREATE INDEX deliveries_cards ON deliveries (id) WHERE kind = 'card' AND state = 'sent';
