-- What runs by itself: reminders and recurring prompts, and each time that one of them was due. The conventions are those
-- of the first migration.

-- `rule` is JSON of the agent; `zone` the IANA name that its times are of; `may_use` a JSON list of tools that may act when
-- it runs. `grounded`: its text is a person's own words, or was approved by one. `max_trust`: what its creator was
-- trusted with when it was made. A job whose conversation is gone cannot tell anybody and is paused.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    person_id TEXT NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    conversation_id TEXT REFERENCES conversations (id) ON DELETE SET NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    rule TEXT NOT NULL,
    zone TEXT NOT NULL,
    misfire TEXT NOT NULL,
    may_use TEXT NOT NULL,
    grounded INTEGER NOT NULL CHECK (grounded IN (0, 1)),
    tainted INTEGER NOT NULL CHECK (tainted IN (0, 1)),
    max_trust INTEGER NOT NULL CHECK (max_trust BETWEEN 0 AND 4),
    status TEXT NOT NULL,
    next_due INTEGER,
    failures INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_due ON jobs (next_due) WHERE status = 'active';
CREATE INDEX jobs_person ON jobs (person_id, status);
CREATE INDEX jobs_conversation ON jobs (conversation_id);

-- The primary key is the claim: a job runs once for a due time, ever. `holder` is made anew for every claim, so that one
-- whose lease ran out cannot write the end of what another has taken over. `run_id` is chosen before the run begins, and
-- so is no foreign key. `missed` counts the due times after this one that passed with it.
CREATE TABLE job_runs (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    due INTEGER NOT NULL,
    state TEXT NOT NULL,
    holder TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    missed INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    ended_at INTEGER,
    delivered_at INTEGER,
    says TEXT,
    PRIMARY KEY (job_id, due)
) STRICT;
CREATE INDEX job_runs_claimed ON job_runs (lease_until) WHERE state = 'claimed';
