-- What is searched, sorted, unique or sealed, and what refers to another row, is
-- a column; the rest of a value is one JSON document (detail), whose fields are
-- written down beside the Go struct that reads it. Identifiers are UUIDs. Times
-- are microseconds since 1970 in UTC, NULL when unset. seq is the order of
-- creation.
--
-- A migration is never edited once it is released.

-- +goose Up
CREATE TABLE accounts (
    seq     INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    name    TEXT    NOT NULL UNIQUE,
    detail  TEXT    NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE groups (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    name       TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    UNIQUE (account_id, name),
    UNIQUE (account_id, id) -- for references that keep to one account
) STRICT;

-- The connections of HSM groups, in the order in which they were added.
CREATE TABLE connections (
    id         TEXT    PRIMARY KEY,
    group_id   TEXT    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    pin        BLOB,
    client_key BLOB,
    detail     TEXT    NOT NULL,
    UNIQUE (group_id, position)
) STRICT;

CREATE TABLE keys (
    seq          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    account_id   TEXT    NOT NULL,
    group_id     TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    creator_kind TEXT    NOT NULL,
    creator_id   TEXT    NOT NULL,
    cka_id       BLOB,
    cka_label    BLOB,
    metadata     TEXT    NOT NULL, -- JSON object of strings
    material     BLOB,
    detail       TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    FOREIGN KEY (account_id, group_id) REFERENCES groups (account_id, id)
) STRICT;

CREATE UNIQUE INDEX keys_by_name ON keys (account_id, name) WHERE state <> 'Deleted';
CREATE INDEX keys_by_creation ON keys (account_id, seq);
CREATE INDEX keys_by_state ON keys (account_id, group_id, state); -- holds all that counting needs
CREATE INDEX keys_by_group ON keys (group_id, id);
CREATE INDEX keys_by_cka_id ON keys (cka_id) WHERE cka_id IS NOT NULL;

CREATE TABLE users (
    seq     INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    email   TEXT    NOT NULL UNIQUE,
    detail  TEXT    NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE user_accounts (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    PRIMARY KEY (user_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_accounts_by_account ON user_accounts (account_id);

CREATE TABLE user_groups (
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id    TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    permissions TEXT NOT NULL, -- names with blanks between
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_groups_by_group ON user_groups (group_id);

CREATE TABLE apps (
    seq              INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    account_id       TEXT    NOT NULL REFERENCES accounts (id),
    name             TEXT    NOT NULL,
    default_group_id TEXT    REFERENCES groups (id) ON DELETE SET NULL,
    secret           BLOB,
    detail           TEXT    NOT NULL,
    version          INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT;

CREATE INDEX apps_by_default_group ON apps (default_group_id);

CREATE TABLE app_groups (
    app_id      TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    group_id    TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    permissions TEXT NOT NULL, -- names with blanks between
    PRIMARY KEY (app_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX app_groups_by_group ON app_groups (group_id);

CREATE TABLE sessions (
    token_hash     BLOB    PRIMARY KEY, -- SHA-256
    principal_kind TEXT    NOT NULL,
    principal_id   TEXT    NOT NULL,
    account_id     TEXT    NOT NULL, -- empty until one is selected
    created_at     INTEGER,
    expires_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_principal ON sessions (principal_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE intents (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    group_id   TEXT    NOT NULL,
    key_id     TEXT    NOT NULL,
    reserved   TEXT,            -- the name that is kept for the key
    abandoned  INTEGER NOT NULL,
    detail     TEXT    NOT NULL,
    FOREIGN KEY (account_id, group_id) REFERENCES groups (account_id, id)
) STRICT;

CREATE UNIQUE INDEX intents_by_reserved ON intents (account_id, reserved) WHERE reserved IS NOT NULL;
CREATE INDEX intents_by_group ON intents (group_id);

CREATE TABLE audit (
    seq         INTEGER PRIMARY KEY, -- 1, 2, 3 … without a gap
    at          INTEGER NOT NULL,
    correlation TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    actor_kind  TEXT    NOT NULL,
    actor_id    TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    object      TEXT    NOT NULL,
    group_id    TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    prev        BLOB    NOT NULL,
    hash        BLOB    NOT NULL
) STRICT;

-- The end of the audit log, kept apart from it: one row.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL
) STRICT;

INSERT INTO audit_head (one, seq, hash)
VALUES (1, 0, x'0000000000000000000000000000000000000000000000000000000000000000');

-- Values of the store itself. Those with a purpose are sealed for it.
CREATE TABLE settings (
    purpose TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   BLOB NOT NULL,
    PRIMARY KEY (purpose, name)
) STRICT, WITHOUT ROWID;
