-- Several Jarvises on one database. A row in `instances` is an instance that lives; whoever takes its row away declares it
-- dead. What an instance is at work on carries its id, and its writes to that are refused once the id is another: this is
-- the fence. No foreign keys to instances: what the dead held must outlive them. A Jarvis from before this migration leaves
-- the columns empty, which is "held by nobody".

CREATE TABLE instances (
    id TEXT PRIMARY KEY NOT NULL,
    -- The same for each start of one installation.
    name TEXT NOT NULL,
    -- Counts up while it lives. A counter and no time, because clocks differ.
    beats INTEGER NOT NULL,
    started_at INTEGER NOT NULL
) STRICT;

-- What one instance at a time does for all, such as looking for due jobs.
CREATE TABLE leases (
    name TEXT PRIMARY KEY NOT NULL,
    instance_id TEXT NOT NULL
) STRICT;

ALTER TABLE runs ADD COLUMN instance_id TEXT;
-- 1 until its turn begins: nothing was done for it yet, and another instance may begin it.
ALTER TABLE runs ADD COLUMN waits INTEGER NOT NULL DEFAULT 0 CHECK (waits IN (0, 1));
-- 1 when somebody asked an instance to stop it that does not hold it.
ALTER TABLE runs ADD COLUMN stop_asked INTEGER NOT NULL DEFAULT 0 CHECK (stop_asked IN (0, 1));
-- The run whose turn it is. The conversation is free when that has ended.
ALTER TABLE conversations ADD COLUMN turn_run_id TEXT;
ALTER TABLE messages ADD COLUMN instance_id TEXT;
ALTER TABLE approvals ADD COLUMN instance_id TEXT;
ALTER TABLE deliveries ADD COLUMN instance_id TEXT;
ALTER TABLE job_runs ADD COLUMN instance_id TEXT;
