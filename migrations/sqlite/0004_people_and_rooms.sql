-- Accounts of platforms and the persons behind them, and the codes that make two accounts one person. The conventions are
-- those of the first migration. A Jarvis from before this migration goes on beside it: it names the columns that it
-- writes, and the new ones have defaults.

-- What the owner granted to this person, operator at most. `trust` is what the person was last seen with.
ALTER TABLE persons ADD COLUMN granted INTEGER NOT NULL DEFAULT 0 CHECK (granted BETWEEN 0 AND 3);

ALTER TABLE rooms ADD COLUMN server_id TEXT;
ALTER TABLE rooms ADD COLUMN direct INTEGER NOT NULL DEFAULT 0 CHECK (direct IN (0, 1));

-- `handle` is the name that the platform showed last. `linked_at` orders the accounts of a person: those that came later
-- can be taken away by those before them, never the other way round.
CREATE TABLE identities (
    platform TEXT NOT NULL,
    external_id TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    handle TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (platform, external_id)
) STRICT;
CREATE INDEX identities_person ON identities (person_id, linked_at);
CREATE INDEX identities_handle ON identities (platform, handle);

-- The conversation of a room: one for everybody (`person_id` is empty), or one for each person of a direct room, so that an
-- account that becomes somebody else's does not show what was said before. No foreign key, because of the empty one.
CREATE TABLE room_conversations (
    room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    person_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    PRIMARY KEY (room_id, person_id)
) STRICT;
CREATE INDEX room_conversations_conversation ON room_conversations (conversation_id);

-- A code is kept as its SHA-256 alone. `target` is an account's id when `target_is_id` is 1, else a handle in lower case.
CREATE TABLE link_codes (
    hash TEXT PRIMARY KEY NOT NULL,
    issuer_id TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    target TEXT NOT NULL,
    target_is_id INTEGER NOT NULL CHECK (target_is_id IN (0, 1)),
    expires_at INTEGER NOT NULL,
    redeemed_by TEXT,
    redeemer_id TEXT REFERENCES persons (id) ON DELETE CASCADE,
    confirmed_at INTEGER
) STRICT;
CREATE INDEX link_codes_issuer ON link_codes (issuer_id);
CREATE INDEX link_codes_redeemer ON link_codes (redeemer_id);
CREATE INDEX link_codes_conversation ON link_codes (conversation_id);

-- How often an account tried codes since a time.
CREATE TABLE link_tries (
    platform TEXT NOT NULL,
    external_id TEXT NOT NULL,
    since INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (platform, external_id)
) STRICT;
