CREATE TABLE tags (
    machine TEXT NOT NULL REFERENCES machines (name) ON DELETE CASCADE,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (machine, key)
) STRICT, WITHOUT ROWID;
