-- The tables of `../sqlite`, with the same numbers, names and columns: ids and JSON are TEXT, times BIGINT milliseconds since
-- 1970 (UTC), flags BIGINT 0 or 1, so that the same statements run on both. What a table is for is said there.
-- Every text is compared by its bytes, as SQLite does: the order of ids, and what equals what, must not depend on the
-- language that a server was set up with.
-- Every foreign key has an index: without them, forgetting a person walks whole tables.

CREATE TABLE persons (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    display TEXT COLLATE "C" NOT NULL,
    trust BIGINT NOT NULL CHECK (trust BETWEEN 0 AND 4)
);

CREATE TABLE rooms (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    ceiling BIGINT NOT NULL CHECK (ceiling BETWEEN 0 AND 4),
    public BIGINT NOT NULL CHECK (public IN (0, 1)),
    UNIQUE (platform, external_id)
);

CREATE TABLE conversations (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    room_id TEXT COLLATE "C" NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    title TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX conversations_room ON conversations (room_id, updated_at);

CREATE TABLE runs (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    person_id TEXT COLLATE "C" REFERENCES persons (id) ON DELETE SET NULL,
    status TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C",
    model_calls BIGINT NOT NULL,
    tool_calls BIGINT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    tainted BIGINT NOT NULL CHECK (tainted IN (0, 1)),
    saw_private BIGINT NOT NULL CHECK (saw_private IN (0, 1)),
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    stop_reason TEXT COLLATE "C"
);
CREATE INDEX runs_conversation ON runs (conversation_id);
CREATE INDEX runs_person ON runs (person_id);
CREATE INDEX runs_unfinished ON runs (id) WHERE status = 'running';

CREATE TABLE messages (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    run_id TEXT COLLATE "C" REFERENCES runs (id) ON DELETE SET NULL,
    person_id TEXT COLLATE "C" REFERENCES persons (id) ON DELETE CASCADE,
    trust BIGINT NOT NULL CHECK (trust BETWEEN 0 AND 4),
    role TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    UNIQUE (conversation_id, external_id)
);
CREATE INDEX messages_conversation ON messages (conversation_id, id);
CREATE INDEX messages_run ON messages (run_id);
CREATE INDEX messages_person ON messages (person_id);

CREATE TABLE tool_calls (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    call_id TEXT COLLATE "C" NOT NULL,
    tool TEXT COLLATE "C" NOT NULL,
    arguments TEXT COLLATE "C" NOT NULL,
    effect TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    result TEXT COLLATE "C",
    at BIGINT NOT NULL,
    took_ms BIGINT
);
CREATE INDEX tool_calls_run ON tool_calls (run_id, id);

CREATE TABLE approvals (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    tool TEXT COLLATE "C" NOT NULL,
    arguments TEXT COLLATE "C" NOT NULL,
    args_hash TEXT COLLATE "C" NOT NULL,
    effect TEXT COLLATE "C" NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    plan TEXT COLLATE "C" NOT NULL,
    state_hash TEXT COLLATE "C" NOT NULL,
    requester_id TEXT COLLATE "C" REFERENCES persons (id) ON DELETE SET NULL,
    conversation_id TEXT COLLATE "C" REFERENCES conversations (id) ON DELETE SET NULL,
    run_id TEXT COLLATE "C" REFERENCES runs (id) ON DELETE SET NULL,
    min_trust BIGINT NOT NULL CHECK (min_trust BETWEEN 0 AND 4),
    need BIGINT NOT NULL CHECK (need >= 1),
    status TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT COLLATE "C",
    executed_at BIGINT,
    finished_at BIGINT,
    result TEXT COLLATE "C"
);
CREATE INDEX approvals_status ON approvals (status, expires_at);
CREATE INDEX approvals_created ON approvals (created_at, id);
CREATE INDEX approvals_conversation ON approvals (conversation_id, tool, args_hash);
CREATE INDEX approvals_requester ON approvals (requester_id);
CREATE INDEX approvals_run ON approvals (run_id);

CREATE TABLE approval_votes (
    approval_id TEXT COLLATE "C" NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    person_id TEXT COLLATE "C" NOT NULL,
    yes BIGINT NOT NULL CHECK (yes IN (0, 1)),
    via TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C",
    at BIGINT NOT NULL,
    PRIMARY KEY (approval_id, person_id)
);

CREATE TABLE audit (
    id BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C",
    via TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C",
    run_id TEXT COLLATE "C",
    approval_id TEXT COLLATE "C",
    tool TEXT COLLATE "C",
    arguments TEXT COLLATE "C",
    decision TEXT COLLATE "C",
    rule TEXT COLLATE "C",
    outcome TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    prev TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);

-- One row. A writer updates it first and so holds the chain until it commits: a sequence would hand out numbers before the
-- link to the row before is known.
CREATE TABLE audit_head (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    entries BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);
INSERT INTO audit_head (one, entries, hash) VALUES (1, 0, '');

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_head_does_not_go_back BEFORE UPDATE ON audit_head
FOR EACH ROW WHEN (NEW.entries < OLD.entries) EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_head_is_not_deleted BEFORE DELETE OR TRUNCATE ON audit_head EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE api_keys (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL UNIQUE,
    prefix TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
