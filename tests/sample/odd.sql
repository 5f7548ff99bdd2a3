-- SPDX-License-Identifier: BSD-2-Clause
-- Odd names, odd shapes, odd values, for whoever may make databases. Run with
-- row values of every kind that COPY writes; the names are PostgreSQL's to quote.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET standard_conforming_strings = on;

-- --- names: of schemas, tables, columns, sequences, types, indexes, keys ------
CREATE TABLE public.names (n text);
INSERT INTO public.names VALUES ('a"b'), ('a''b'), (E'new\nline'), ('back\slash'), ('dot.dot'), ('sp ace '), (' x'),
    ('100%s %n'), ('$1 $$ $a$'), ('äöü 日本 🐘'), (repeat('x', 63)), (repeat('é', 31) || 'x'), ('UPPER'), ('select'), ('user'),
    ('-x'), ('--help'), ('a*b?'), ('[a-z]'), ('a|b'), ('\.'), ('\N'), (E'tab\there'), (E'cr\rhere'), ('semi;colon'),
    ('-- comment'), ('/* c'), ('{a,b}'), ('(x)'), ('..'), ('.'), ('/'), ('../../x'), (E'\x01\x1b[31m'), ('"'), (''''),
    (':x'), (':''x'''), ('\\restrict'), ('TABLE DATA'), ('=x/y'), ('#'), ('NULL'), ('restore.sql'), ('DATA'), ('x');
DO $do$
DECLARE x text; i integer := 0;
BEGIN
	FOR x IN SELECT n FROM public.names LOOP
		i := i + 1;
		EXECUTE format('CREATE SCHEMA %I', 's' || i);
		BEGIN
			EXECUTE format('CREATE SCHEMA %I', x);
		EXCEPTION WHEN duplicate_schema THEN NULL; END;
		EXECUTE format('CREATE TYPE %I.%I AS ENUM (%L)', x, x || '', x);
		EXECUTE format('CREATE TABLE %I.%I (%I serial PRIMARY KEY, t %I.%I DEFAULT %L, "t 2" text)', 's' || i, x, x, x, x, x);
		EXECUTE format('CREATE TABLE %I.%I (%I integer REFERENCES %I.%I ON DELETE CASCADE)', x, 'of ' || left(x, 8), x, 's' || i, x);
		EXECUTE format('INSERT INTO %I.%I (t, "t 2") VALUES (%L, %L), (NULL, NULL)', 's' || i, x, x, x);
		EXECUTE format('INSERT INTO %I.%I VALUES (1), (2)', x, 'of ' || left(x, 8));
		EXECUTE format('CREATE INDEX %I ON %I.%I (%I)', 'i' || left(x, 20), x, 'of ' || left(x, 8), x);
		EXECUTE format('CREATE SEQUENCE %I.%I', x, 'q' || left(x, 20));
		PERFORM setval(format('%I.%I', x, 'q' || left(x, 20)), i);
		EXECUTE format('CREATE VIEW %I.%I AS SELECT %I FROM %I.%I WHERE t = %L', 's' || i, 'v' || left(x, 20), x, 's' || i, x, x);
		EXECUTE format('COMMENT ON TABLE %I.%I IS %L', 's' || i, x, x);
	END LOOP;
END $do$;

-- --- shapes -----------------------------------------------------------------
DO $do$
BEGIN
	EXECUTE 'CREATE TABLE public.wide (' ||
		(SELECT string_agg(format('%I %s', 'column number ' || i, CASE WHEN i % 100 = 1 THEN 'text' ELSE 'integer' END), ', ')
			FROM generate_series(1, 1600) i) || ')';
	EXECUTE 'INSERT INTO public.wide SELECT ' ||
		(SELECT string_agg(CASE WHEN i % 100 = 1 THEN 'repeat(md5(g::text), 10000)' ELSE 'g' END, ', ')
			FROM generate_series(1, 1600) i) || ' FROM generate_series(1, 3) g';
	FOR i IN 1..800 LOOP
		EXECUTE format('ALTER TABLE public.wide DROP COLUMN %I', 'column number ' || i * 2);
	END LOOP;
END $do$;
CREATE TABLE public.made (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED, c integer GENERATED ALWAYS AS IDENTITY (START 7), d text);
INSERT INTO public.made (a, d) SELECT i, 'd' FROM generate_series(1, 5) i;
ALTER TABLE public.made DROP COLUMN d;
CREATE TABLE public.no_rows (i integer);
CREATE TABLE public.no_columns ();
INSERT INTO public.no_columns SELECT FROM generate_series(1, 1000);
SELECT format('CREATE TABLE %I ()', E'no\ncolumns'), format('INSERT INTO %I SELECT FROM generate_series(1, 7)', E'no\ncolumns') \gexec

-- --- values: what COPY has to escape, and every type with ways of its own ------
CREATE TABLE public.junk (i serial, a text, b text, raw bytea);
INSERT INTO public.junk (a, b) SELECT chr(c) || x, x || chr(c) || x FROM generate_series(1, 255) c,
    unnest(ARRAY['', 'x', '\', '\.', E'\n', E'\t', '\N', E'\\\n.']) x;
INSERT INTO public.junk (a, b) VALUES ('', NULL), (NULL, ''), ('\.', '\.'), (E'\\.\n', E'\n\\.\n'), (E'\r\n', E'\r'),
    (repeat(E'\\\n', 100000), repeat(E'\t', 300000)), (repeat('é', 1000000), NULL);
INSERT INTO public.junk (raw) SELECT decode(lpad(to_hex(i), 2, '0'), 'hex') FROM generate_series(0, 255) i;
INSERT INTO public.junk (raw) SELECT decode(string_agg(lpad(to_hex(i % 256), 2, '0'), ''), 'hex') FROM generate_series(0, 70000) i;
CREATE TABLE public.numbers (n numeric, r real, f float8, m money, i8 bigint, b boolean, bits bit varying);
INSERT INTO public.numbers VALUES ('NaN', 'NaN', 'NaN', '-92233720368547758.08', -9223372036854775808, true, ''),
    ('Infinity', 'Infinity', '-Infinity', '92233720368547758.07', 9223372036854775807, false, B'1'),
    ('-Infinity', 1.17549435e-38, 2.2250738585072014e-308, 0.01, 0, NULL, repeat('10', 500)::varbit),
    (1e-1000, 3.4028235e38, 1.7976931348623157e308, NULL, 1, NULL, NULL), (1e1000, 0.1, 0.1::float8 + 0.2::float8, 1, 1, NULL, NULL),
    (0.000, -0.0, '-0', 1, 1, true, NULL), (123456789012345678901234567890.123456789, 16777217, 9007199254740993, 1, 1, true, NULL);
CREATE TABLE public.times (d date, t time, tz timetz, s timestamp, z timestamptz, i interval);
INSERT INTO public.times VALUES ('infinity', '24:00', '00:00+15:59', 'infinity', '-infinity', '-1 year 2 mons -3 days 04:05:06.789'),
    ('-infinity', '00:00:00.000001', '23:59:59-15:59', '-infinity', 'infinity', '178000000 years'),
    ('4713-01-01 BC', NULL, NULL, '0044-03-15 12:00 BC', '0001-01-01 00:00:00+00 BC', '-00:00:00.000001'),
    ('5874897-12-31', '12:00', '12:00+05:30', '294276-12-31 23:59:59.999999', '1883-11-18 12:03:58-04:56:02', '1 mon -1 day'),
    ('1900-02-28', NULL, NULL, '1582-10-10', '2024-10-27 02:30:00 Europe/Berlin', 'P1Y2M3DT4H5M6S');
CREATE TABLE public.others (x xml, j json, jb jsonb, v tsvector, q tsquery, net cidr, mac macaddr8, u uuid, p path, l line, c circle,
    r int4range, mr int4multirange, dr daterange, a integer[], aa text[][], ca "char", n name, bp character(5), o oid, rc regclass, lsn pg_lsn, jp jsonpath);
INSERT INTO public.others VALUES (xml E'text <a b="&lt;">\n\\.</a>', '{"b": 1,  "a" :"\u00e9\\"}', '{"k": [1, null, "\\n\t"]}',
    $$'it''s':1A,2B 'b\\s':3$$, $$'a' & !('b' | 'c':*)$$, '2001:db8::/32', '08:00:2b:01:02:03:04:05', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
    '[(1,2),(3,4)]', '{1,2,3}', '<(1,2),3>', 'empty', '{[1,3),(7,)}', '(,infinity]', '[-2:0]={1,NULL,3}', '{{a,NULL},{"NULL","b\\c\"d"}}',
    E'\\377', 'x', 'ab', 4294967295, 'pg_class', 'FFFFFFFF/FFFFFFFF', '$.a[*] ? (@ > 1)'),
    (NULL, 'null', 'null', '', '', NULL, NULL, NULL, NULL, NULL, NULL, '(,)', '{}', NULL, '{}', '{}', '', '', '', 0, NULL, NULL, NULL);
