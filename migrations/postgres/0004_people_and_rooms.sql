-- See `../sqlite/0004_people_and_rooms.sql`.

ALTER TABLE persons ADD COLUMN granted BIGINT NOT NULL DEFAULT 0 CHECK (granted BETWEEN 0 AND 3);

ALTER TABLE rooms ADD COLUMN server_id TEXT COLLATE "C";
ALTER TABLE rooms ADD COLUMN direct BIGINT NOT NULL DEFAULT 0 CHECK (direct IN (0, 1));

CREATE TABLE identities (
    platform TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    handle TEXT COLLATE "C" NOT NULL,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (platform, external_id)
);
CREATE INDEX identities_person ON identities (person_id, linked_at);
CREATE INDEX identities_handle ON identities (platform, handle);

CREATE TABLE room_conversations (
    room_id TEXT COLLATE "C" NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    person_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    PRIMARY KEY (room_id, person_id)
);
CREATE INDEX room_conversations_conversation ON room_conversations (conversation_id);

CREATE TABLE link_codes (
    hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    issuer_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    platform TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    target_is_id BIGINT NOT NULL CHECK (target_is_id IN (0, 1)),
    expires_at BIGINT NOT NULL,
    redeemed_by TEXT COLLATE "C",
    redeemer_id TEXT COLLATE "C" REFERENCES persons (id) ON DELETE CASCADE,
    confirmed_at BIGINT
);
CREATE INDEX link_codes_issuer ON link_codes (issuer_id);
CREATE INDEX link_codes_redeemer ON link_codes (redeemer_id);
CREATE INDEX link_codes_conversation ON link_codes (conversation_id);

CREATE TABLE link_tries (
    platform TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    PRIMARY KEY (platform, external_id)
);
