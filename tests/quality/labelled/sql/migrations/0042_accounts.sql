-- Accounts: new columns, roles and clean-up (PostgreSQL).
BEGIN;

CREATE TABLE account_balance (
    account_id bigint PRIMARY KEY REFERENCES account (id),
    balance    double precision NOT NULL,
    overdraft  numeric(12, 2) NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);

UPDATE account SET state = 'active';

UPDATE account
SET closed_at = now()
WHERE state = 'closed' AND closed_at IS NULL;

DELETE FROM session;

DELETE FROM session_archive
WHERE expires_at < now() - interval '90 days';

UPDATE account SET state = 'unknown' WHERE state = NULL;

UPDATE account SET note = 'DELETE FROM account' WHERE state IS NULL;

GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA public TO PUBLIC;

GRANT SELECT ON account_balance TO reporting;

CREATE ROLE importer LOGIN PASSWORD 'Harvest-Moon-2024';

CREATE ROLE auditor NOLOGIN;

ALTER ROLE importer SUPERUSER;

ALTER ROLE auditor NOSUPERUSER NOCREATEDB;

ALTER TABLE account DISABLE ROW LEVEL SECURITY;

ALTER TABLE account_balance ENABLE ROW LEVEL SECURITY;

COMMIT;
