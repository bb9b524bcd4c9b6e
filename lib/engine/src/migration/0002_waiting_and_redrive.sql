-- An execution that only waits for a time or an answer has `waits` = 1 and isn't read until then. `due_ms` is its
-- earliest timer, `resume_ms` its earliest timer that advances it (not a timeout or a heartbeat).
ALTER TABLE executions ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN due_ms INTEGER;
ALTER TABLE executions ADD COLUMN resume_ms INTEGER;
DROP INDEX executions_open;
CREATE INDEX executions_active ON executions (id) WHERE status = 'RUNNING' AND waits = 0;
CREATE INDEX executions_waiting ON executions (due_ms, id) WHERE status = 'RUNNING' AND waits = 1;

ALTER TABLE executions ADD COLUMN redrives INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN redriven_ms INTEGER;
ALTER TABLE map_runs ADD COLUMN redrives INTEGER NOT NULL DEFAULT 0;

-- Number of items of a map's child: all of them count as failed when it fails.
ALTER TABLE executions ADD COLUMN items INTEGER NOT NULL DEFAULT 1;
