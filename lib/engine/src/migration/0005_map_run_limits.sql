-- The limits of a map run. Null in rows of older versions: the definition's limits apply, and no failure is tolerated where
-- it has none.
ALTER TABLE map_runs ADD COLUMN max_concurrency INTEGER;
ALTER TABLE map_runs ADD COLUMN tolerated_failure_count INTEGER;
ALTER TABLE map_runs ADD COLUMN tolerated_failure_percentage REAL;
-- Lists of one machine's executions of one status.
CREATE INDEX executions_by_status ON executions (machine_arn, status, started_ms) WHERE map_run IS NULL;
