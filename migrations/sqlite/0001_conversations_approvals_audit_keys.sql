-- Ids and JSON are TEXT, times INTEGER milliseconds since 1970 (UTC), flags INTEGER 0 or 1: the same statements run on
-- every engine. Ids are UUIDv7 in lower case, so that their order is the order in which they were made.
-- Words such as a status are checked by the types that write and read them and not by a CHECK here, because SQLite
-- cannot add a word to a CHECK without rebuilding the table while an older Jarvis may be running.
-- Every foreign key has an index: without them, forgetting a person walks whole tables.

CREATE TABLE persons (
    id TEXT PRIMARY KEY NOT NULL,
    display TEXT NOT NULL,
    trust INTEGER NOT NULL CHECK (trust BETWEEN 0 AND 4)
) STRICT;

CREATE TABLE rooms (
    id TEXT PRIMARY KEY NOT NULL,
    platform TEXT NOT NULL,
    external_id TEXT NOT NULL,
    ceiling INTEGER NOT NULL CHECK (ceiling BETWEEN 0 AND 4),
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    UNIQUE (platform, external_id)
) STRICT;

CREATE TABLE conversations (
    id TEXT PRIMARY KEY NOT NULL,
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_room ON conversations (room_id, updated_at);

CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    person_id TEXT REFERENCES persons (id) ON DELETE SET NULL,
    status TEXT NOT NULL,
    target TEXT,
    model_calls INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    tainted INTEGER NOT NULL CHECK (tainted IN (0, 1)),
    saw_private INTEGER NOT NULL CHECK (saw_private IN (0, 1)),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    stop_reason TEXT
) STRICT;
CREATE INDEX runs_conversation ON runs (conversation_id);
CREATE INDEX runs_person ON runs (person_id);
CREATE INDEX runs_unfinished ON runs (id) WHERE status = 'running';

CREATE TABLE messages (
    id TEXT PRIMARY KEY NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    run_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
    person_id TEXT REFERENCES persons (id) ON DELETE CASCADE,
    trust INTEGER NOT NULL CHECK (trust BETWEEN 0 AND 4),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    detail TEXT NOT NULL,
    external_id TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (conversation_id, external_id)
) STRICT;
CREATE INDEX messages_conversation ON messages (conversation_id, id);
CREATE INDEX messages_run ON messages (run_id);
CREATE INDEX messages_person ON messages (person_id);

CREATE TABLE tool_calls (
    id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    call_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    arguments TEXT NOT NULL,
    effect TEXT NOT NULL,
    outcome TEXT NOT NULL,
    result TEXT,
    at INTEGER NOT NULL,
    took_ms INTEGER
) STRICT;
CREATE INDEX tool_calls_run ON tool_calls (run_id, id);

-- The id is short, speakable and in upper case.
CREATE TABLE approvals (
    id TEXT PRIMARY KEY NOT NULL,
    tool TEXT NOT NULL,
    arguments TEXT NOT NULL,
    args_hash TEXT NOT NULL,
    effect TEXT NOT NULL,
    rule TEXT NOT NULL,
    plan TEXT NOT NULL,
    state_hash TEXT NOT NULL,
    requester_id TEXT REFERENCES persons (id) ON DELETE SET NULL,
    conversation_id TEXT REFERENCES conversations (id) ON DELETE SET NULL,
    run_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
    min_trust INTEGER NOT NULL CHECK (min_trust BETWEEN 0 AND 4),
    need INTEGER NOT NULL CHECK (need >= 1),
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    executed_at INTEGER,
    finished_at INTEGER,
    result TEXT
) STRICT;
CREATE INDEX approvals_status ON approvals (status, expires_at);
CREATE INDEX approvals_created ON approvals (created_at, id);
CREATE INDEX approvals_conversation ON approvals (conversation_id, tool, args_hash);
CREATE INDEX approvals_requester ON approvals (requester_id);
CREATE INDEX approvals_run ON approvals (run_id);

-- A vote outlives its voter: who decided stays known, so the person is no foreign key.
CREATE TABLE approval_votes (
    approval_id TEXT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    person_id TEXT NOT NULL,
    yes INTEGER NOT NULL CHECK (yes IN (0, 1)),
    via TEXT NOT NULL,
    note TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (approval_id, person_id)
) STRICT;

-- No foreign keys: what happened stays written when a person or a conversation is forgotten.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    person_id TEXT,
    via TEXT NOT NULL,
    conversation_id TEXT,
    run_id TEXT,
    approval_id TEXT,
    tool TEXT,
    arguments TEXT,
    decision TEXT,
    rule TEXT,
    outcome TEXT,
    detail TEXT,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- One row. A writer updates it first and so holds the chain until it commits: numbering rows by the table itself would
-- hand out numbers before the link to the row before is known.
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    entries INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (one, entries, hash) VALUES (1, 0, '');

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_head_does_not_go_back BEFORE UPDATE ON audit_head WHEN NEW.entries < OLD.entries
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_head_is_not_deleted BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
