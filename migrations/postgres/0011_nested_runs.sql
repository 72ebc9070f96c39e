-- See `../sqlite/0011_nested_runs.sql`.

ALTER TABLE runs ADD COLUMN parent_id TEXT COLLATE "C" REFERENCES runs (id) ON DELETE CASCADE;
ALTER TABLE runs ADD COLUMN parent_call_id TEXT COLLATE "C";
ALTER TABLE runs ADD COLUMN agent TEXT COLLATE "C";
CREATE INDEX runs_parent ON runs (parent_id, id);
