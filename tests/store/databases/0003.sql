-- The same station with a local authorization list of two tokens, and a cache that knows when each entry was learned.
PRAGMA user_version = 3;
BEGIN;
CREATE TABLE transactions (
    number INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL UNIQUE,
    ended INTEGER NOT NULL CHECK (ended IN (0, 1)),
    next_seq_no INTEGER NOT NULL,
    alias TEXT,
    body TEXT NOT NULL
);
INSERT INTO transactions VALUES (1, 'ended-1', 1, 2, '17', '{"transaction_id":"ended-1","evse_id":1,"connector_id":1,"started_at":"2026-01-01T12:00:00Z","meter_start_wh":100.0,"next_seq_no":2,"charging_state":"Idle","authorized":false,"stop_reason":"Local","ended_at":"2026-01-01T13:00:00Z","meter_stop_wh":7100.0}');
INSERT INTO transactions VALUES (2, 'running-1', 0, 1, NULL, '{"transaction_id":"running-1","evse_id":1,"connector_id":1,"started_at":"2026-01-02T12:00:00Z","meter_start_wh":7100.0,"next_seq_no":1,"charging_state":"Charging","id_token":{"value":"04A1B2C3","type":"ISO14443"},"authorized":true,"last_wh":7200.5,"last_sample_at":"2026-01-02T12:10:00Z"}');
CREATE TABLE "outbox" (
    row_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('transaction', 'fault')),
    transaction_id TEXT REFERENCES transactions (transaction_id),
    seq_no INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    offline INTEGER NOT NULL CHECK (offline IN (0, 1)),
    unreadable INTEGER NOT NULL DEFAULT 0 CHECK (unreadable IN (0, 1)),
    body TEXT NOT NULL,
    CHECK ((kind = 'transaction') = (transaction_id IS NOT NULL AND seq_no IS NOT NULL))
);
INSERT INTO outbox VALUES (8, 'transaction', 'ended-1', 1, 2, 1, 0, '{"event_type":"Ended","transaction_id":"ended-1","seq_no":1,"timestamp":"2026-01-01T13:00:00Z","trigger":"StopAuthorized","evse_id":1,"connector_id":1,"charging_state":"Idle","meter_wh":7100.0,"offline":false,"authorized":false,"tell_id_token":true,"tell_evse":false,"id_token":{"value":"04A1B2C3","type":"ISO14443"},"stop_reason":"Local","stop_token":{"value":"04A1B2C3","type":"ISO14443"},"samples":[{"taken_at":"2026-01-01T13:00:00Z","context":"Transaction.End","values":[{"measurand":"Energy.Active.Import.Register","value":7100.0,"unit":"Wh"}]}]}');
INSERT INTO outbox VALUES (9, 'fault', NULL, NULL, 0, 0, 0, '{"code":"lock_failed","evse_id":1,"timestamp":"2026-01-01T13:00:05Z","cleared":false,"problem":true,"blocking":true,"event_id":3}');
CREATE TABLE "tokens" (
    value TEXT NOT NULL,
    type TEXT NOT NULL,
    number INTEGER NOT NULL,
    used INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
    learned_at TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (value, type)
) WITHOUT ROWID;
INSERT INTO tokens VALUES ('04a1b2c3', 'ISO14443', 1, 4, 3, 1, '2026-01-02T12:00:00+00:00', '{"status":"Accepted","evse_ids":[]}');
CREATE TABLE auth_list (
    value TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (value, type)
) WITHOUT ROWID;
INSERT INTO auth_list VALUES ('04a1b2c3', 'ISO14443', '{"status":"Accepted","group":{"value":"FLEET","type":"Central"},"evse_ids":[]}');
INSERT INTO auth_list VALUES ('04ffffff', 'ISO14443', '{"status":"Blocked","evse_ids":[]}');
CREATE TABLE auth_list_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);
INSERT INTO auth_list_version VALUES (1, 12);
CREATE TABLE settings (
    name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
    value TEXT NOT NULL,
    origin TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO settings VALUES ('OCPPCommCtrlr.HeartbeatInterval', '60', 'csms');
CREATE TABLE state (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO state VALUES ('boot_reason', 'RemoteReset');
INSERT INTO state VALUES ('faults.event_id', '3');
INSERT INTO state VALUES ('faults.in_force', '{"faults":[{"fault":{"code":"lock_failed","evse_id":1,"blocking":true},"since":"2026-01-01T13:00:05Z"}]}');
COMMIT;
