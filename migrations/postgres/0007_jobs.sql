-- See `../sqlite/0007_jobs.sql`.

CREATE TABLE jobs (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    conversation_id TEXT COLLATE "C" REFERENCES conversations (id) ON DELETE SET NULL,
    kind TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    zone TEXT COLLATE "C" NOT NULL,
    misfire TEXT COLLATE "C" NOT NULL,
    may_use TEXT COLLATE "C" NOT NULL,
    grounded BIGINT NOT NULL CHECK (grounded IN (0, 1)),
    tainted BIGINT NOT NULL CHECK (tainted IN (0, 1)),
    max_trust BIGINT NOT NULL CHECK (max_trust BETWEEN 0 AND 4),
    status TEXT COLLATE "C" NOT NULL,
    next_due BIGINT,
    failures BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (next_due) WHERE status = 'active';
CREATE INDEX jobs_person ON jobs (person_id, status);
CREATE INDEX jobs_conversation ON jobs (conversation_id);

CREATE TABLE job_runs (
    job_id TEXT COLLATE "C" NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    due BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    holder TEXT COLLATE "C" NOT NULL,
    lease_until BIGINT NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    missed BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    ended_at BIGINT,
    delivered_at BIGINT,
    says TEXT COLLATE "C",
    PRIMARY KEY (job_id, due)
);
CREATE INDEX job_runs_claimed ON job_runs (lease_until) WHERE state = 'claimed';
