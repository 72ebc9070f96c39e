-- What the audit says of one turn is found without reading all of it. An index alone: a Jarvis from before this migration
-- goes on beside it.

CREATE INDEX audit_run ON audit (run_id, id) WHERE run_id IS NOT NULL;
