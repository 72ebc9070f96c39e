-- 1 from the end of a card until its conversation has been told of it. A Jarvis from before this migration leaves it 0 and
-- tells by itself.

ALTER TABLE approvals ADD COLUMN untold INTEGER NOT NULL DEFAULT 0 CHECK (untold IN (0, 1));
CREATE INDEX approvals_untold ON approvals (id) WHERE untold = 1;
