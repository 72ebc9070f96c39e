-- See `../sqlite/0003_responses.sql`.

CREATE TABLE responses (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    previous_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    input TEXT COLLATE "C" NOT NULL,
    response TEXT COLLATE "C" NOT NULL
);
CREATE INDEX responses_created ON responses (created_at);
CREATE INDEX responses_owner ON responses (owner, id, bytes);
