-- What people say about their memory: whether anything is learned of them, and that they were forgotten. The conventions
-- are those of the first migration. A Jarvis from before this migration goes on beside it: it learns of nobody by itself.

-- 0 when a person does not want to be learned about.
ALTER TABLE persons ADD COLUMN remembered INTEGER NOT NULL DEFAULT 1 CHECK (remembered IN (0, 1));

-- An account whose person was forgotten, as a SHA-256 over `salt`, platform and id: what it said before `at` is not taken
-- in again. Who comes back is somebody new.
CREATE TABLE forgotten (
    platform TEXT NOT NULL,
    id_hash TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (platform, id_hash)
) STRICT;

-- One row, made when the first person is forgotten.
CREATE TABLE forgotten_salt (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    salt TEXT NOT NULL
) STRICT;

-- Who wants to be forgotten, and has to say so again in the same conversation before it is over.
CREATE TABLE forget_wishes (
    person_id TEXT PRIMARY KEY NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX forget_wishes_conversation ON forget_wishes (conversation_id);
