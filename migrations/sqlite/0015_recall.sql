-- What can be found again: facts to be remembered, and an index over them and over messages. The conventions are those of
-- the first migration. Nothing is read and no index is built here: entries are made afterwards, a few hundred in one
-- transaction, so this takes the same moment on every database. A Jarvis from before this migration goes on beside it;
-- what it writes is indexed by the next one.

-- `whose` is the id of a person, a room or a server, by `audience`; empty for the owner's house.
CREATE TABLE memories (
    id TEXT PRIMARY KEY NOT NULL,
    subject_id TEXT REFERENCES persons (id) ON DELETE CASCADE,
    author_id TEXT REFERENCES persons (id) ON DELETE CASCADE,
    audience TEXT NOT NULL,
    whose TEXT NOT NULL,
    text TEXT NOT NULL CHECK (length(text) <= 1000),
    source_message TEXT REFERENCES messages (id) ON DELETE CASCADE,
    author_trust INTEGER NOT NULL CHECK (author_trust BETWEEN 0 AND 4),
    valid_from INTEGER NOT NULL,
    valid_to INTEGER,
    superseded_by TEXT REFERENCES memories (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX memories_subject ON memories (subject_id);
CREATE INDEX memories_author ON memories (author_id);
CREATE INDEX memories_source ON memories (source_message);
CREATE INDEX memories_superseded ON memories (superseded_by);

-- Who may find something. Not unique: when two persons become one, both of their numbers are that one's.
CREATE TABLE recall_audiences (
    number INTEGER PRIMARY KEY NOT NULL,
    audience TEXT NOT NULL,
    whose TEXT NOT NULL,
    threads INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    words INTEGER NOT NULL
) STRICT;
CREATE INDEX recall_audiences_whose ON recall_audiences (audience, whose);

-- The key of an entry is, from its highest bits: the number of its audience (20), of its thread (19), and of its place in
-- that (24). So all that somebody may find is a few ranges of keys, and neighbours follow one another. Thread 0 of an
-- audience holds its memories. `next` is the key of the next entry.
CREATE TABLE recall_threads (
    conversation_id TEXT PRIMARY KEY NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    next INTEGER NOT NULL
) STRICT;

-- `words` are stems, as `memory/src/recall/words.rs` makes them, those of the author's name before those of the text.
CREATE TABLE recall_entries (
    key INTEGER PRIMARY KEY NOT NULL,
    message_id TEXT UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
    memory_id TEXT UNIQUE REFERENCES memories (id) ON DELETE CASCADE,
    author TEXT NOT NULL,
    words TEXT NOT NULL,
    asks INTEGER NOT NULL CHECK (asks IN (0, 1)),
    at INTEGER NOT NULL
) STRICT;

-- One direction for an entry and a space of vectors, a byte a number. Those of different spaces are never compared.
CREATE TABLE recall_vectors (
    space TEXT NOT NULL,
    key INTEGER NOT NULL REFERENCES recall_entries (key) ON DELETE CASCADE,
    vector BLOB NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX recall_vectors_key ON recall_vectors (key);

-- The newest message that was looked at, by id.
CREATE TABLE recall_progress (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    upto TEXT NOT NULL
) STRICT;
INSERT INTO recall_progress (one, upto) VALUES (1, '');

-- Which entries hold a word. It keeps no text and no places of words.
CREATE VIRTUAL TABLE recall_words USING fts5 (words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

CREATE TRIGGER recall_entry_is_gone AFTER DELETE ON recall_entries
BEGIN DELETE FROM recall_words WHERE rowid = OLD.key; END;
