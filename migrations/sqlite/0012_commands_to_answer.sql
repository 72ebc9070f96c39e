-- 1 from the moment that a message is a command until it has been answered. A Jarvis from before this migration leaves it 0.

ALTER TABLE messages ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0 CHECK (unanswered IN (0, 1));
CREATE INDEX messages_unanswered ON messages (id) WHERE unanswered = 1;
