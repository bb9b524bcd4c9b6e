CREATE TABLE machines (
    name         TEXT PRIMARY KEY,
    definition   TEXT NOT NULL,
    role_arn     TEXT NOT NULL,
    -- The other parameters of its creation: creating it again with the same parameters finds the same machine.
    created_with TEXT NOT NULL,
    logging      TEXT,
    tracing      TEXT,
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    revision     TEXT,
    last_version INTEGER NOT NULL DEFAULT 0,
    -- 1 if the program provides it.
    given        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE versions (
    machine     TEXT NOT NULL REFERENCES machines (name) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    definition  TEXT NOT NULL,
    role_arn    TEXT NOT NULL,
    description TEXT,
    revision    TEXT,
    created_ms  INTEGER NOT NULL,
    PRIMARY KEY (machine, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE aliases (
    machine     TEXT NOT NULL REFERENCES machines (name) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    description TEXT,
    -- [[version, weight], ...]
    routing     TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    PRIMARY KEY (machine, name)
) STRICT, WITHOUT ROWID;

-- Executions that were started by a version or an alias, or redriven. Written before the engine starts the execution:
-- if the engine doesn't have an execution, it was never started.
CREATE TABLE executions (
    arn           TEXT PRIMARY KEY,
    version       INTEGER,
    alias         TEXT,
    -- The client token of the last redrive, and the number of redrives before it.
    redrive_token TEXT,
    redrive_from  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
