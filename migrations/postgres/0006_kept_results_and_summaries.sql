-- See `../sqlite/0006_kept_results_and_summaries.sql`.

CREATE TABLE kept_results (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    tool TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    min_trust BIGINT NOT NULL CHECK (min_trust BETWEEN 0 AND 4),
    tainted BIGINT NOT NULL CHECK (tainted IN (0, 1)),
    private BIGINT NOT NULL CHECK (private IN (0, 1)),
    expires_at BIGINT NOT NULL
);
CREATE INDEX kept_results_conversation ON kept_results (conversation_id);
CREATE INDEX kept_results_expiry ON kept_results (expires_at);

ALTER TABLE conversations ADD COLUMN summary TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN summary_upto TEXT COLLATE "C";
ALTER TABLE conversations ADD COLUMN summary_tainted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN summary_private BIGINT NOT NULL DEFAULT 0;
