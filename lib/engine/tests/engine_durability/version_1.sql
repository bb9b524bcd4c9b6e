CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT;
INSERT INTO meta VALUES ('version', 1);
CREATE TABLE definitions (
    sha256 TEXT PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE executions (
    id          INTEGER PRIMARY KEY,
    arn         TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL UNIQUE,
    machine_arn TEXT NOT NULL,
    role_arn    TEXT NOT NULL,
    definition  TEXT NOT NULL REFERENCES definitions (sha256),
    input       TEXT NOT NULL,
    status      TEXT NOT NULL,
    output      TEXT,
    error       TEXT,
    cause       TEXT,
    started_ms  INTEGER NOT NULL,
    stopped_ms  INTEGER,
    map_run     INTEGER REFERENCES map_runs (id),
    map_index   INTEGER,
    item        TEXT
) STRICT;
CREATE INDEX executions_by_start ON executions (started_ms) WHERE map_run IS NULL;
CREATE UNIQUE INDEX executions_by_map_run ON executions (map_run, map_index) WHERE map_run IS NOT NULL;
CREATE INDEX executions_open ON executions (id) WHERE status = 'RUNNING';

CREATE TABLE map_runs (
    id         INTEGER PRIMARY KEY,
    arn        TEXT NOT NULL UNIQUE,
    parent     INTEGER NOT NULL REFERENCES executions (id),
    key        INTEGER NOT NULL,
    state      TEXT NOT NULL,
    total      INTEGER NOT NULL,
    status     TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    stopped_ms INTEGER,
    UNIQUE (parent, key)
) STRICT;

CREATE TABLE events (
    execution INTEGER NOT NULL REFERENCES executions (id),
    id        INTEGER NOT NULL,
    json      TEXT NOT NULL,
    PRIMARY KEY (execution, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    token     TEXT PRIMARY KEY,
    execution INTEGER NOT NULL REFERENCES executions (id),
    state     TEXT NOT NULL,
    closed    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_open ON tokens (execution) WHERE closed = 0;
