-- Transactions from their start on; `number` is the order of creation, `body` a domain Transaction as JSON.
CREATE TABLE transactions (
    number INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL UNIQUE,
    ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
    next_seq_no INTEGER NOT NULL,
    alias TEXT, -- the integer by which a 1.6 CSMS knows it; text, because it may have any size
    body TEXT NOT NULL
);

-- Messages not yet delivered, oldest first; `body` is a domain TransactionEvent as JSON.
-- No index but the key: each would add a page to every commit, and the table is short.
CREATE TABLE outbox (
    row_id INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL REFERENCES transactions (transaction_id),
    seq_no INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    offline INTEGER NOT NULL CHECK (offline IN (0, 1)), -- counts in place of the body's own
    unreadable INTEGER NOT NULL DEFAULT 0 CHECK (unreadable IN (0, 1)), -- passed over, kept for a person to look at
    body TEXT NOT NULL
);

-- The authorization cache; `value` is case-folded, `number` grows with each update of an entry.
CREATE TABLE tokens (
    value TEXT NOT NULL,
    type TEXT NOT NULL,
    number INTEGER NOT NULL,
    accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
    body TEXT NOT NULL,
    PRIMARY KEY (value, type)
) WITHOUT ROWID;

CREATE TABLE settings (
    name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
    value TEXT NOT NULL,
    origin TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE state (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
