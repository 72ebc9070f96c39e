-- See `../sqlite/0002_usage_and_limits.sql`.

ALTER TABLE api_keys ADD COLUMN models TEXT COLLATE "C";
ALTER TABLE api_keys ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE api_keys ADD COLUMN tokens_per_minute BIGINT;
ALTER TABLE api_keys ADD COLUMN concurrency BIGINT;
ALTER TABLE api_keys ADD COLUMN budget_day BIGINT;
ALTER TABLE api_keys ADD COLUMN budget_month BIGINT;
ALTER TABLE api_keys ADD COLUMN local_only BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN cache_ms BIGINT;
ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;

CREATE TABLE usage_attempts (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    caller TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C",
    conversation_id TEXT COLLATE "C",
    endpoint TEXT COLLATE "C" NOT NULL,
    surface TEXT COLLATE "C" NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    backend TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    fault TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    tokens_cached BIGINT NOT NULL,
    tokens_reasoning BIGINT NOT NULL,
    estimated BIGINT NOT NULL CHECK (estimated IN (0, 1)),
    truncated BIGINT NOT NULL CHECK (truncated IN (0, 1)),
    images BIGINT NOT NULL,
    audio_ms BIGINT NOT NULL,
    characters BIGINT NOT NULL,
    cost BIGINT,
    first_token_ms BIGINT,
    took_ms BIGINT NOT NULL
);

CREATE TABLE spending (
    day BIGINT NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    cost BIGINT NOT NULL,
    PRIMARY KEY (day, key_id)
);
