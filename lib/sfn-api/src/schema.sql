CREATE TABLE machines (
    name         TEXT PRIMARY KEY,
    definition   TEXT NOT NULL,
    role_arn     TEXT NOT NULL,
    -- What it was created with beside the definition: created again with the same, it is the same one.
    created_with TEXT NOT NULL,
    logging      TEXT,
    tracing      TEXT,
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    revision     TEXT,
    last_version INTEGER NOT NULL DEFAULT 0,
    -- Whether this program brought it.
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

-- Of executions that were started by a version or an alias, or redriven. Written before the engine starts the execution: one
-- that the engine does not know was never started.
CREATE TABLE executions (
    arn           TEXT PRIMARY KEY,
    version       INTEGER,
    alias         TEXT,
    -- The client's token of the last redrive, and how often the execution had been redriven before it.
    redrive_token TEXT,
    redrive_from  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
