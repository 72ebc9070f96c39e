-- See `../sqlite/0016_instances.sql`.

CREATE TABLE instances (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    beats BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

CREATE TABLE leases (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    instance_id TEXT COLLATE "C" NOT NULL
);

ALTER TABLE runs ADD COLUMN instance_id TEXT COLLATE "C";
ALTER TABLE runs ADD COLUMN waits BIGINT NOT NULL DEFAULT 0 CHECK (waits IN (0, 1));
ALTER TABLE runs ADD COLUMN stop_asked BIGINT NOT NULL DEFAULT 0 CHECK (stop_asked IN (0, 1));
ALTER TABLE conversations ADD COLUMN turn_run_id TEXT COLLATE "C";
ALTER TABLE messages ADD COLUMN instance_id TEXT COLLATE "C";
ALTER TABLE approvals ADD COLUMN instance_id TEXT COLLATE "C";
ALTER TABLE deliveries ADD COLUMN instance_id TEXT COLLATE "C";
ALTER TABLE job_runs ADD COLUMN instance_id TEXT COLLATE "C";
