-- What is to be shown on platforms, what was allowed for a while, and what is frozen. The conventions are those of the
-- first migration. A Jarvis from before this migration goes on beside it: it writes none of these tables.

-- What an adapter is to show, in the order of ids within a place. A message and a card are read when they are sent;
-- `text` is for words of their own. With `opens`, `room` is an account whose direct conversation is opened first.
-- `shown_room` and `shown_message` are the platform's ids of what was shown; `shown` is what of a card it shows, so that a
-- copy that shows something else than the card is found by a query, after a restart too.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    platform TEXT NOT NULL,
    room TEXT NOT NULL,
    server TEXT,
    direct INTEGER NOT NULL CHECK (direct IN (0, 1)),
    opens INTEGER NOT NULL CHECK (opens IN (0, 1)),
    message_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    approval_id TEXT REFERENCES approvals (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    doubts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    shown_room TEXT,
    shown_message TEXT,
    shown TEXT,
    fault TEXT
) STRICT;
CREATE INDEX deliveries_message ON deliveries (message_id);
CREATE INDEX deliveries_approval ON deliveries (approval_id);
CREATE INDEX deliveries_open ON deliveries (platform, room, opens, id) WHERE state IN ('waiting', 'sending');

-- Acts of one kind that a person allowed for a while. Never for destructive ones. Who granted stays written.
CREATE TABLE grants (
    id TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    target TEXT NOT NULL,
    uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    granted_by TEXT NOT NULL,
    approval_id TEXT NOT NULL UNIQUE,
    revoked_at INTEGER
) STRICT;
CREATE INDEX grants_person ON grants (person_id, tool, target);
CREATE INDEX grants_room ON grants (room_id);

-- A row is a freeze: of everything (`all`) or of one tool (`tool:NAME`). Without `until` it holds until it is taken away.
CREATE TABLE switches (
    name TEXT PRIMARY KEY NOT NULL,
    until INTEGER,
    by_name TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
