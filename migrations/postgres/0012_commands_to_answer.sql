-- See `../sqlite/0012_commands_to_answer.sql`.

ALTER TABLE messages ADD COLUMN unanswered BIGINT NOT NULL DEFAULT 0 CHECK (unanswered IN (0, 1));
CREATE INDEX messages_unanswered ON messages (id) WHERE unanswered = 1;
