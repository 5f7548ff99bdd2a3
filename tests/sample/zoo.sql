-- SPDX-License-Identifier: BSD-2-Clause
-- One of everything that a database can hold and a dump should carry, in a
-- database that isn't Odoo's. Roles zoo_owner and zoo_reader are there already,
-- we may act as zoo_owner. :database is its name; :super is on for a superuser,
-- off for a plain owner, who can't have all of it.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

-- --- types ------------------------------------------------------------------
CREATE SCHEMA zoo AUTHORIZATION zoo_owner;
CREATE SCHEMA "Zoo ""två"" \ %";
COMMENT ON SCHEMA zoo IS E'cages\nand keepers';
SET search_path = zoo, public;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'very "happy"');
CREATE TYPE place AS (x double precision, "the y" numeric(10, 3), label text);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0) NOT NULL;
CREATE TYPE span AS RANGE (subtype = double precision);
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- --- tables -----------------------------------------------------------------
CREATE TABLE animal (
    id integer GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 7) PRIMARY KEY,
    name text COLLATE "C" NOT NULL, mood mood DEFAULT 'ok', at place,
    legs positive DEFAULT 4, span span, tags text[] DEFAULT '{}',
    doubled integer GENERATED ALWAYS AS (legs * 2) STORED,
    raw bytea, born date DEFAULT '1999-12-31', weight real, price money,
    bits bit varying(9), net inet, id2 uuid, doc jsonb, body xml, words tsvector,
    CONSTRAINT animal_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE bird (wings integer) INHERITS (animal);
ALTER TABLE bird ADD PRIMARY KEY (id);
INSERT INTO animal (name, mood, at, legs, span, tags, raw, weight, price, bits, net, id2, doc, body, words)
SELECT CASE i WHEN 1 THEN E'tab\there' WHEN 2 THEN E'back\\slash' WHEN 3 THEN '\N'
	WHEN 4 THEN E'new\nline' WHEN 5 THEN '' WHEN 6 THEN E'cr\rhere' WHEN 7 THEN '日本 🐘'
	ELSE 'animal ' || i END,
    (ENUM_RANGE(NULL::mood))[1 + i % 3], ROW(i / 3.0, i, 'p' || i)::place, 1 + i % 8,
    span(i, i + 0.5), ARRAY['a', NULL, 'b "c"', i::text], decode(md5(i::text), 'hex'),
    'NaN'::real, i::numeric::money, B'101', '10.0.0.0/8', md5(i::text)::uuid,
    jsonb_build_object('k', i, 'ü', '"'), '<a b="c">&amp;</a>', to_tsvector('simple', 'word' || i)
FROM generate_series(1, 500) i;
INSERT INTO bird (id, name, wings) OVERRIDING SYSTEM VALUE
SELECT 100000 + i, 'bird ' || i, 2 FROM generate_series(1, 50) i;

CREATE TABLE keeper (id serial PRIMARY KEY, boss integer REFERENCES keeper, cage integer);
CREATE TABLE cage (id serial PRIMARY KEY, keeper integer NOT NULL REFERENCES keeper DEFERRABLE INITIALLY DEFERRED,
    area box, EXCLUDE USING gist (area WITH &&));
ALTER TABLE keeper ADD CONSTRAINT keeper_cage_fkey FOREIGN KEY (cage) REFERENCES cage
    ON DELETE SET NULL (cage) NOT VALID;
BEGIN;
INSERT INTO cage SELECT i, i, box(point(i * 10, 0), point(i * 10 + 5, 5)) FROM generate_series(1, 40) i;
INSERT INTO keeper SELECT i, nullif(i / 2, 0), i FROM generate_series(1, 40) i;
COMMIT;
SELECT setval('keeper_id_seq', 4711), setval('cage_id_seq', 5, false) \g /dev/null

CREATE TABLE event (at timestamptz NOT NULL, kind text NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
    PARTITION BY LIST (kind);
CREATE TABLE event_2025_a PARTITION OF event_2025 FOR VALUES IN ('a');
CREATE TABLE event_2025_rest PARTITION OF event_2025 DEFAULT;
CREATE TABLE event_rest (kind text NOT NULL, dropped int, note text, at timestamptz NOT NULL);
ALTER TABLE event_rest DROP COLUMN dropped;
ALTER TABLE event ATTACH PARTITION event_rest DEFAULT;
CREATE INDEX ON event (kind, at DESC) INCLUDE (note);
INSERT INTO event SELECT timestamptz '2024-11-01' + i * interval '1 day', chr(97 + i % 3), 'n' || i
FROM generate_series(1, 600) i;

CREATE UNLOGGED TABLE scratch AS SELECT i, md5(i::text) FROM generate_series(1, 30) i;
CREATE TABLE nothing ();
CREATE TABLE only_generated (g integer GENERATED ALWAYS AS (1) STORED);
INSERT INTO only_generated SELECT FROM generate_series(1, 3);
CREATE TABLE "Zoo ""två"" \ %"."Täble.with 'all' ""of"" it$1" ("a b" int PRIMARY KEY, "select" text, "c""d" text);
INSERT INTO "Zoo ""två"" \ %"."Täble.with 'all' ""of"" it$1" SELECT i, 'x', 'y' FROM generate_series(1, 9) i;
ALTER TABLE animal ALTER COLUMN raw SET STORAGE EXTERNAL, ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE cage SET (fillfactor = 70, autovacuum_enabled = false);
ALTER TABLE keeper REPLICA IDENTITY FULL;
CLUSTER keeper USING keeper_pkey;

-- --- what looks at them -----------------------------------------------------
CREATE INDEX animal_lower ON animal (lower(name) text_pattern_ops) WHERE mood <> 'sad';
CREATE INDEX animal_tags ON animal USING gin (tags);
CREATE INDEX animal_doc ON animal USING gin (doc jsonb_path_ops);
CREATE STATISTICS animal_stat (dependencies, ndistinct) ON legs, mood FROM animal;
CREATE VIEW happy AS SELECT id, name FROM animal WHERE mood = 'very "happy"' WITH CHECK OPTION;
CREATE RECURSIVE VIEW chain (id, depth) AS
    SELECT id, 1 FROM keeper WHERE boss IS NULL
    UNION ALL SELECT k.id, depth + 1 FROM keeper k JOIN chain ON boss = chain.id;
CREATE MATERIALIZED VIEW mood_count AS SELECT mood, count(*) AS n FROM animal GROUP BY mood;
CREATE UNIQUE INDEX ON mood_count (mood);
CREATE MATERIALIZED VIEW mood_later AS SELECT * FROM mood_count WITH NO DATA;
CREATE SEQUENCE free_standing AS smallint INCREMENT -3 MINVALUE -30000 MAXVALUE 10 START 10 CYCLE CACHE 5;
SELECT nextval('free_standing'), nextval('free_standing') \g /dev/null

-- --- what acts --------------------------------------------------------------
CREATE FUNCTION shout(t text, VARIADIC more text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $f$ SELECT upper(t) || '$$'::text $f$;
CREATE INDEX animal_shout ON animal (shout(name, 'x'));
CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $body$ BEGIN PERFORM 1; END $body$;
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO zoo.event VALUES (now(), 'touched', TG_TABLE_NAME); RETURN NEW; END $$;
CREATE TRIGGER keeper_touched AFTER INSERT OR UPDATE ON keeper FOR EACH ROW EXECUTE FUNCTION touched();
CREATE TRIGGER cage_touched AFTER INSERT ON cage FOR EACH ROW EXECUTE FUNCTION touched();
ALTER TABLE cage DISABLE TRIGGER cage_touched;
CREATE RULE happy_delete AS ON DELETE TO happy DO INSTEAD NOTHING;
CREATE AGGREGATE longest(text) (sfunc = 'textcat', stype = text, initcond = '');
CREATE OPERATOR === (leftarg = text, rightarg = text, function = texteq);
CREATE CAST (place AS text) WITH INOUT AS ASSIGNMENT;
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
ALTER TABLE keeper ENABLE ROW LEVEL SECURITY;
\if :super
ALTER TABLE keeper FORCE ROW LEVEL SECURITY;
\endif
CREATE POLICY own ON keeper FOR SELECT TO zoo_reader USING (id < 10);

-- --- extensions, with rows of their own and one altered ---------------------
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'unaccent') AS contrib \gset
\if :contrib
CREATE EXTENSION unaccent SCHEMA public;
CREATE EXTENSION btree_gin SCHEMA zoo;
CREATE EXTENSION hstore SCHEMA public;
\if :super
ALTER FUNCTION public.unaccent(text) IMMUTABLE;
CREATE INDEX animal_unaccent ON animal (public.unaccent(name));
\endif
ALTER TABLE animal ADD COLUMN extra public.hstore DEFAULT 'a=>1';
\endif

-- --- large objects, privileges, comments, settings --------------------------
SELECT lo_from_bytea(70000 + i, decode(repeat(md5(i::text), 200), 'hex')) FROM generate_series(1, 4) i \g /dev/null
COMMENT ON LARGE OBJECT 70001 IS 'the first';
ALTER LARGE OBJECT 70002 OWNER TO zoo_owner;
GRANT SELECT ON LARGE OBJECT 70003 TO zoo_reader;
ALTER TABLE animal OWNER TO zoo_owner;
ALTER FUNCTION shout(text, text[]) OWNER TO zoo_owner;
GRANT USAGE ON SCHEMA zoo TO zoo_reader;
GRANT SELECT (id, name), UPDATE (name) ON animal TO zoo_reader WITH GRANT OPTION;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA zoo TO zoo_reader;
REVOKE EXECUTE ON FUNCTION shout(text, text[]) FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA zoo GRANT SELECT ON TABLES TO zoo_reader;
COMMENT ON TABLE animal IS 'it''s all "here"; -- no';
COMMENT ON COLUMN animal.name IS E'a \\ backslash';
COMMENT ON CONSTRAINT animal_name_key ON animal IS 'deferred';
COMMENT ON INDEX animal_lower IS 'half';
COMMENT ON DATABASE :"database" IS 'the zoo';
ALTER DATABASE :"database" SET work_mem = '7MB';
ALTER DATABASE :"database" SET search_path = zoo, public;
ALTER DATABASE :"database" CONNECTION LIMIT 77;
\if :super
ALTER ROLE zoo_reader IN DATABASE :"database" SET statement_timeout = '5s';
\endif
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO zoo_reader;
CREATE PUBLICATION animals FOR TABLE animal;
