-- A turn in which another one asked a specialist. All three are there or none is. Columns that may be empty: a Jarvis from
-- before this migration goes on beside it.

ALTER TABLE runs ADD COLUMN parent_id TEXT REFERENCES runs (id) ON DELETE CASCADE;
-- The model's id of the call in the parent.
ALTER TABLE runs ADD COLUMN parent_call_id TEXT;
ALTER TABLE runs ADD COLUMN agent TEXT;
CREATE INDEX runs_parent ON runs (parent_id, id);
