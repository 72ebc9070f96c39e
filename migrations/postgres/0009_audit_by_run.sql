-- See `../sqlite/0009_audit_by_run.sql`.

CREATE INDEX audit_run ON audit (run_id, id) WHERE run_id IS NOT NULL;
