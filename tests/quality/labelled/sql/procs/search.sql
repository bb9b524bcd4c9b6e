-- Search helpers used by the back office (PostgreSQL).
CREATE OR REPLACE FUNCTION find_account(p_name text)
RETURNS SETOF account
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT * FROM account WHERE name = ''' || p_name || '''';
END;
$$;

CREATE OR REPLACE FUNCTION find_by_email(p_email text)
RETURNS SETOF account
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT * FROM account WHERE email = $1' USING p_email;
END;
$$;

CREATE OR REPLACE FUNCTION count_rows(p_table text)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I', p_table) INTO n;
    RETURN n;
END;
$$;

CREATE OR REPLACE FUNCTION purge_state(p_state text)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM account WHERE state = ''%s''', p_state);
END;
$$;

CREATE OR REPLACE FUNCTION label(p_first text, p_last text)
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_first || ' ' || p_last;
$$;

CREATE OR REPLACE FUNCTION check_login(p_user text, p_pass text)
RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM login WHERE name = p_user AND hash = md5(p_pass));
$$;

SELECT a.id, b.total FROM account AS a INNER JOIN bill AS b ON a.id = b.account_id WHERE a.note NOT LIKE '%closed = NULL%';

SELECT id FROM account WHERE closed_at <> NULL;
