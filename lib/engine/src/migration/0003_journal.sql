-- A turn writes few pages: all its events of one execution are one entry, one event per line, at the end of the
-- journal. The list of the entries of each execution is extended later, for many turns at once. Entries have no foreign
-- key: checking it would read a page for each entry.
CREATE TABLE journal (
    id        INTEGER PRIMARY KEY,
    execution INTEGER NOT NULL,
    events    TEXT NOT NULL
) STRICT;
CREATE TABLE journal_list (
    execution INTEGER NOT NULL,
    entry     INTEGER NOT NULL,
    PRIMARY KEY (execution, entry)
) STRICT, WITHOUT ROWID;

INSERT INTO journal (execution, events) SELECT execution, json FROM events ORDER BY execution, id;
INSERT INTO journal_list (execution, entry) SELECT execution, id FROM journal ORDER BY execution, id;
-- The last listed entry.
INSERT INTO meta (key, value) SELECT 'journal_listed', coalesce(max(id), 0) FROM journal;
DROP TABLE events;
