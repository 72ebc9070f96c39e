-- Results of tool calls that were too long for a model, whole, for `read_result`. They are gone after `expires_at`, and with
-- their conversation. The flags are those of the call: who reads a part is told no more than who made the call.

CREATE TABLE kept_results (
    id TEXT PRIMARY KEY NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    text TEXT NOT NULL,
    min_trust INTEGER NOT NULL CHECK (min_trust BETWEEN 0 AND 4),
    tainted INTEGER NOT NULL CHECK (tainted IN (0, 1)),
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX kept_results_conversation ON kept_results (conversation_id);
CREATE INDEX kept_results_expiry ON kept_results (expires_at);

-- What the older part of a conversation said, in short. The messages themselves stay. `summary_upto` is the newest message
-- that is in it, by id and no foreign key: a message that is forgotten takes nothing with it, and the summary is made anew.

ALTER TABLE conversations ADD COLUMN summary TEXT;
ALTER TABLE conversations ADD COLUMN summary_upto TEXT;
ALTER TABLE conversations ADD COLUMN summary_tainted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN summary_private INTEGER NOT NULL DEFAULT 0;
