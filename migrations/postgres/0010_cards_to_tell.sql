-- See `../sqlite/0010_cards_to_tell.sql`.

ALTER TABLE approvals ADD COLUMN untold BIGINT NOT NULL DEFAULT 0 CHECK (untold IN (0, 1));
CREATE INDEX approvals_untold ON approvals (id) WHERE untold = 1;
