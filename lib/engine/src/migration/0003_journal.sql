-- What one turn writes lands in few pages: the events of an execution in it are one entry, one event a line, at the end
-- of the journal. Which entries an execution has is listed later, for many turns at once. No entry refers to its
-- execution by a foreign key: the check would read a page for each.
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
-- The last entry that is listed.
INSERT INTO meta (key, value) SELECT 'journal_listed', coalesce(max(id), 0) FROM journal;
DROP TABLE events;
