-- Responses of `POST /v1/responses` that a later request may go on from or read. `owner` is the key that asked, by id, and
-- no foreign key, because without keys it is the machine itself. `previous_id` is none either: a response that is deleted
-- or too old leaves those that went on from it where they are. `bytes` is the length of `input` and `response` together.

CREATE TABLE responses (
    id TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    previous_id TEXT,
    created_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    input TEXT NOT NULL,
    response TEXT NOT NULL
) STRICT;
CREATE INDEX responses_created ON responses (created_at);
CREATE INDEX responses_owner ON responses (owner, id, bytes);
