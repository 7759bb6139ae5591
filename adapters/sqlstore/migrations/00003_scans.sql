-- Syncs of groups: the one that runs, and the last that have ended.

-- +goose Up
CREATE TABLE scans (
    seq      INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    group_id TEXT    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    running  INTEGER NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX scans_running ON scans (group_id) WHERE running = 1; -- one at a time
CREATE INDEX scans_by_group ON scans (group_id, seq);

-- What an operator should know of a sync, in the order in which it was found.
CREATE TABLE scan_warnings (
    scan_id  TEXT    NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    detail   TEXT    NOT NULL,
    PRIMARY KEY (scan_id, position)
) STRICT, WITHOUT ROWID;
