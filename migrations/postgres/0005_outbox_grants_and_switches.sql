-- See `../sqlite/0005_outbox_grants_and_switches.sql`.

CREATE TABLE deliveries (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    room TEXT COLLATE "C" NOT NULL,
    server TEXT COLLATE "C",
    direct BIGINT NOT NULL CHECK (direct IN (0, 1)),
    opens BIGINT NOT NULL CHECK (opens IN (0, 1)),
    message_id TEXT COLLATE "C" REFERENCES messages (id) ON DELETE CASCADE,
    approval_id TEXT COLLATE "C" REFERENCES approvals (id) ON DELETE CASCADE,
    text TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    doubts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    shown_room TEXT COLLATE "C",
    shown_message TEXT COLLATE "C",
    shown TEXT COLLATE "C",
    fault TEXT COLLATE "C"
);
CREATE INDEX deliveries_message ON deliveries (message_id);
CREATE INDEX deliveries_approval ON deliveries (approval_id);
CREATE INDEX deliveries_open ON deliveries (platform, room, opens, id) WHERE state IN ('waiting', 'sending');

CREATE TABLE grants (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    room_id TEXT COLLATE "C" NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    tool TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    uses_left BIGINT NOT NULL CHECK (uses_left >= 0),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    granted_by TEXT COLLATE "C" NOT NULL,
    approval_id TEXT COLLATE "C" NOT NULL UNIQUE,
    revoked_at BIGINT
);
CREATE INDEX grants_person ON grants (person_id, tool, target);
CREATE INDEX grants_room ON grants (room_id);

CREATE TABLE switches (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    until BIGINT,
    by_name TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);
