-- What a key may use, and what was used. The conventions are those of the first migration; money is INTEGER millionths of
-- a US dollar. A Jarvis from before this migration goes on beside it: it names the columns that it writes, and the new
-- ones have defaults. It does not know of limits and keeps none.

-- Names or patterns of models, one a line; NULL allows all.
ALTER TABLE api_keys ADD COLUMN models TEXT;
ALTER TABLE api_keys ADD COLUMN requests_per_minute INTEGER;
ALTER TABLE api_keys ADD COLUMN tokens_per_minute INTEGER;
ALTER TABLE api_keys ADD COLUMN concurrency INTEGER;
ALTER TABLE api_keys ADD COLUMN budget_day INTEGER;
ALTER TABLE api_keys ADD COLUMN budget_month INTEGER;
ALTER TABLE api_keys ADD COLUMN local_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN cache_ms INTEGER;
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;

-- One row for every target that was asked. No foreign keys: what was used stays written when a key or a conversation is
-- forgotten. The id is a UUIDv7 of the time at which it was told, so that rows since some time are found by it, and the
-- table needs no index to slow down its writing.
CREATE TABLE usage_attempts (
    id TEXT PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    key_id TEXT,
    conversation_id TEXT,
    endpoint TEXT NOT NULL,
    surface TEXT NOT NULL,
    alias TEXT NOT NULL,
    backend TEXT NOT NULL,
    model TEXT NOT NULL,
    class TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    fault TEXT,
    reason TEXT,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL,
    tokens_reasoning INTEGER NOT NULL,
    estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    images INTEGER NOT NULL,
    audio_ms INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    cost INTEGER,
    first_token_ms INTEGER,
    took_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sums of usage_attempts for the budgets, written with them. The day is counted from 1970, UTC; the key is empty for what
-- no key asked for.
CREATE TABLE spending (
    day INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    cost INTEGER NOT NULL,
    PRIMARY KEY (day, key_id)
) STRICT, WITHOUT ROWID;
