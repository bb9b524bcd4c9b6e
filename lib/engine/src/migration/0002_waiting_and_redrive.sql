-- An execution that only waits for a time or an answer is not read until that comes: `waits`, with its earliest timer
-- in `due_ms` and, in `resume_ms`, the earliest one that brings it further by itself.
ALTER TABLE executions ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN due_ms INTEGER;
ALTER TABLE executions ADD COLUMN resume_ms INTEGER;
DROP INDEX executions_open;
CREATE INDEX executions_active ON executions (id) WHERE status = 'RUNNING' AND waits = 0;
CREATE INDEX executions_waiting ON executions (due_ms, id) WHERE status = 'RUNNING' AND waits = 1;

ALTER TABLE executions ADD COLUMN redrives INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN redriven_ms INTEGER;
ALTER TABLE map_runs ADD COLUMN redrives INTEGER NOT NULL DEFAULT 0;

-- How many items a map's child runs: as many count as failed when it fails.
ALTER TABLE executions ADD COLUMN items INTEGER NOT NULL DEFAULT 1;
