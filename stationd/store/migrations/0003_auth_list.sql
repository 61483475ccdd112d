-- The local authorization list; `value` is case-folded, `body` a domain IdTokenInfo as JSON.
CREATE TABLE auth_list (
    value TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (value, type)
) WITHOUT ROWID;

-- The version that the CSMS gave the list last: one row, or none if it never sent one.
CREATE TABLE auth_list_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);

-- The authorization cache learns when each entry came, was learned, and was used.
CREATE TABLE tokens_new (
    value TEXT NOT NULL,
    type TEXT NOT NULL,
    number INTEGER NOT NULL, -- grows with each entry that is new
    used INTEGER NOT NULL, -- grows with each use or update of any entry
    uses INTEGER NOT NULL,
    accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
    learned_at TEXT, -- RFC 3339; NULL in entries whose end an older release put into `body`
    body TEXT NOT NULL,
    PRIMARY KEY (value, type)
) WITHOUT ROWID;
INSERT INTO tokens_new (value, type, number, used, uses, accepted, learned_at, body)
SELECT value, type, number, number, 1, accepted, NULL, body FROM tokens;
DROP TABLE tokens;
ALTER TABLE tokens_new RENAME TO tokens;
