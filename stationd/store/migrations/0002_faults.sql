-- Faults are told durably too: rows of the queue that belong to no transaction.
CREATE TABLE outbox_new (
    row_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('transaction', 'fault')),
    transaction_id TEXT REFERENCES transactions (transaction_id), -- of a transaction's message only
    seq_no INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    offline INTEGER NOT NULL CHECK (offline IN (0, 1)), -- counts in place of the body's own
    unreadable INTEGER NOT NULL DEFAULT 0 CHECK (unreadable IN (0, 1)), -- passed over, kept for a person to look at
    body TEXT NOT NULL, -- a domain TransactionEvent or FaultEvent as JSON
    CHECK ((kind = 'transaction') = (transaction_id IS NOT NULL AND seq_no IS NOT NULL))
);
INSERT INTO outbox_new (row_id, kind, transaction_id, seq_no, attempts, offline, unreadable, body)
SELECT row_id, 'transaction', transaction_id, seq_no, attempts, offline, unreadable, body FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
