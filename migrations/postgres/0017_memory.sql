-- See `../sqlite/0017_memory.sql`.

ALTER TABLE persons ADD COLUMN remembered BIGINT NOT NULL DEFAULT 1 CHECK (remembered IN (0, 1));

CREATE TABLE forgotten (
    platform TEXT COLLATE "C" NOT NULL,
    id_hash TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (platform, id_hash)
);

CREATE TABLE forgotten_salt (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    salt TEXT COLLATE "C" NOT NULL
);

CREATE TABLE forget_wishes (
    person_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    conversation_id TEXT COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX forget_wishes_conversation ON forget_wishes (conversation_id);
