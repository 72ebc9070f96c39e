-- See `../sqlite/0015_recall.sql`.

CREATE TABLE memories (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    subject_id TEXT COLLATE "C" REFERENCES persons (id) ON DELETE CASCADE,
    author_id TEXT COLLATE "C" REFERENCES persons (id) ON DELETE CASCADE,
    audience TEXT COLLATE "C" NOT NULL,
    whose TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL CHECK (length(text) <= 1000),
    source_message TEXT COLLATE "C" REFERENCES messages (id) ON DELETE CASCADE,
    author_trust BIGINT NOT NULL CHECK (author_trust BETWEEN 0 AND 4),
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    superseded_by TEXT COLLATE "C" REFERENCES memories (id) ON DELETE SET NULL
);
CREATE INDEX memories_subject ON memories (subject_id);
CREATE INDEX memories_author ON memories (author_id);
CREATE INDEX memories_source ON memories (source_message);
CREATE INDEX memories_superseded ON memories (superseded_by);

CREATE TABLE recall_audiences (
    number BIGINT PRIMARY KEY NOT NULL,
    audience TEXT COLLATE "C" NOT NULL,
    whose TEXT COLLATE "C" NOT NULL,
    threads BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    words BIGINT NOT NULL
);
CREATE INDEX recall_audiences_whose ON recall_audiences (audience, whose);

CREATE TABLE recall_threads (
    conversation_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    next BIGINT NOT NULL
);

CREATE TABLE recall_entries (
    key BIGINT PRIMARY KEY NOT NULL,
    message_id TEXT COLLATE "C" UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
    memory_id TEXT COLLATE "C" UNIQUE REFERENCES memories (id) ON DELETE CASCADE,
    author TEXT COLLATE "C" NOT NULL,
    words TEXT COLLATE "C" NOT NULL,
    asks BIGINT NOT NULL CHECK (asks IN (0, 1)),
    at BIGINT NOT NULL
);

CREATE TABLE recall_vectors (
    space TEXT COLLATE "C" NOT NULL,
    key BIGINT NOT NULL REFERENCES recall_entries (key) ON DELETE CASCADE,
    vector BYTEA NOT NULL,
    PRIMARY KEY (space, key)
);
CREATE INDEX recall_vectors_key ON recall_vectors (key);

CREATE TABLE recall_progress (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    upto TEXT COLLATE "C" NOT NULL
);
INSERT INTO recall_progress (one, upto) VALUES (1, '');

-- Which entries hold a word. The newest of one audience are read from the end of a range, however many there are, which no
-- GIN index does: it has no order, and a frequent word would be fetched whole. No foreign key: the words of an entry are
-- known, and finding them by its key would need a second index as large as this one.
CREATE TABLE recall_words (
    word TEXT COLLATE "C" NOT NULL,
    key BIGINT NOT NULL,
    PRIMARY KEY (word, key)
);

CREATE FUNCTION recall_entry_is_gone() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    DELETE FROM recall_words WHERE key = OLD.key AND word = ANY (string_to_array(OLD.words, ' '));
    RETURN NULL;
END $$;
CREATE TRIGGER recall_entry_is_gone AFTER DELETE ON recall_entries
FOR EACH ROW EXECUTE FUNCTION recall_entry_is_gone();
