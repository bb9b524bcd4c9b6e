-- Indexes for the API's lists: the executions of one machine by their start, and the tokens of one execution.
CREATE INDEX executions_by_machine ON executions (machine_arn, started_ms) WHERE map_run IS NULL;
CREATE INDEX tokens_by_execution ON tokens (execution);
