/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention backupd */
/*
 * Backups of databases that a test makes: what is counted, what is proven of
 * the filestore, what can't be read, who waits for whom. Without PGHOST in the
 * environment nothing is tested.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/backup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/pg.h"
#include "tests/unit/rig.h"

#define PASSWORD "test-only"

struct live {
	struct rig g;
	struct repo *r;
	PGconn *server, *c;
	char name[64], role[64];
	char *database, *files;
	struct branch_settings branch;
	struct backup_conf conf;
	struct backup_result out;
};

static char branch_name[] = "shop";

static void
sql(PGconn *c, const char *text)
{
	struct err e = ERR_INIT;

	if (pg_exec(c, &e, "%s", text) < 0)
		fail_msg("%s", e.text);
}

/* One statement about this test's database or role. */
static void
on_server(const struct live *t, const char *before, const char *name,
    const char *after)
{
	SCOPED(scope_free)
	char *text = mem_printf("%s \"%s\" %s", before, name, after);

	sql(t->server, text);
}

static struct live *
live_new(void)
{
	struct live *t = mem_new(sizeof(*t));
	struct err e = ERR_INIT;

	rig_open_repository(&t->g, 3);
	t->r = rig_repo(&t->g, REPO_WRITE);
	t->g.settings.yield_to_ddl_s = 1;
	t->server = pg_connect("", "postgres", &e);
	if (t->server == NULL)
		fail_msg("%s", e.text);
	(void)snprintf(t->name, sizeof(t->name), "backup_live_%d", getpid());
	(void)snprintf(t->role, sizeof(t->role), "backup_role_%d", getpid());
	on_server(t, "DROP DATABASE IF EXISTS", t->name, "WITH (FORCE)");
	on_server(t, "DROP ROLE IF EXISTS", t->role, "");
	on_server(t, "CREATE DATABASE", t->name,
	    "TEMPLATE template0 ENCODING 'UTF8'");
	t->c = pg_connect("", t->name, &e);
	assert_non_null(t->c);
	t->database = mem_printf("dbname=%s", t->name);
	t->files = rig_path(&t->g, "files");
	assert_int_equal(file_make_folders(t->files, 0755, &e), 0);
	t->branch.name = branch_name;
	t->branch.database = t->database;
	t->conf.branch = &t->branch;
	t->conf.type = "manual";
	manifest_init(&t->out.m);
	return (t);
}

static void
live_freep(struct live **tp)
{
	struct live *t = *tp;

	if (t == NULL)
		return;
	pg_close(t->c);
	backup_result_free(&t->out);
	repo_free(t->r);
	on_server(t, "DROP DATABASE", t->name, "WITH (FORCE)");
	on_server(t, "DROP ROLE IF EXISTS", t->role, "");
	pg_close(t->server);
	rig_close(&t->g);
	free(t->database);
	free(t->files);
	free(t);
}

/* The first words of a test. */
#define LIVE                                                                   \
	if (getenv("PGHOST") == NULL) /* NOLINT(concurrency-mt-unsafe) */      \
		skip();                                                        \
	(void)arg;                                                             \
	SCOPED(live_freep) struct live *t = live_new()

static void
back_up(struct live *t)
{
	struct err e = ERR_INIT;

	backup_result_free(&t->out);
	if (backup_run(t->r, &t->conf, &t->out, &e) < 0)
		fail_msg("%s", e.text);
}

static struct err
fail_to_back_up(struct live *t)
{
	struct err e = ERR_INIT;

	backup_result_free(&t->out);
	assert_int_equal(backup_run(t->r, &t->conf, &t->out, &e), -1);
	return (e);
}

static int64_t
counted(const struct live *t, const char *group, const char *key)
{
	return (json_get_integer(json_get(t->out.m.counts, group), key, -1));
}

static int64_t
fact(const struct live *t, const char *group, const char *key)
{
	return (json_get_integer(json_get(t->out.m.facts, group), key, -1));
}

static bool
warns_of(const struct live *t, const char *words)
{
	const struct json *list = json_get(t->out.m.counts, "warnings");

	for (size_t i = 0; i < json_count(list); i++)
		if (strstr(json_text(json_at(list, i)), words) != NULL)
			return (true);
	return (false);
}

/* --- plain databases ------------------------------------------------------ */

static void
backup_counts_tables_of_every_kind(void **arg)
{
	LIVE;
	sql(t->c,
	    "SET search_path = public; CREATE TABLE a (i int, g int GENERATED"
	    " ALWAYS AS (i * 2) STORED); INSERT INTO a SELECT"
	    " generate_series(1, 10); CREATE TABLE zero ();"
	    "INSERT INTO zero DEFAULT VALUES; INSERT INTO zero DEFAULT VALUES;"
	    "CREATE TABLE p (k int) PARTITION BY RANGE (k);"
	    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);"
	    "INSERT INTO p VALUES (1), (2); CREATE SCHEMA \"o\"\"dd\";"
	    "CREATE TABLE \"o\"\"dd\".\"a/b\nc\" (\"x,y\" serial PRIMARY KEY);"
	    "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM a;"
	    "CREATE TABLE child (j int) INHERITS (zero);"
	    "SELECT lo_create(0); SET search_path = ''");
	back_up(t);
	assert_string_equal(t->out.m.state, "complete");
	assert_int_equal(counted(t, "database", "tables"), 5);
	assert_int_equal(counted(t, "database", "rows"), 14);
	assert_int_equal(fact(t, "counts", "tables"), 6);
	assert_int_equal(fact(t, "counts", "large_objects"), 1);
	assert_int_equal(fact(t, "counts", "materialized_views"), 1);
	assert_int_equal(fact(t, "counts", "sequences"), 1);
	/* The archive, five tables. */
	assert_int_equal(t->out.m.tree_entries, 6);
	assert_string_equal(
	    json_get_string(json_get(t->out.m.facts, "database"), "name"),
	    t->name);
}

static void
backup_of_an_unchanged_database_stores_at_most_its_time(void **arg)
{
	LIVE;
	sql(t->c,
	    "CREATE TABLE public.a AS SELECT generate_series(1, 1000) AS i");
	back_up(t);
	back_up(t);
	/* None when both dumps were made within one second. */
	assert_in_range(
	    json_get_integer(t->out.m.counts, "chunks_new", -1), 0, 1);
}

static void
backup_of_an_empty_database_is_complete(void **arg)
{
	LIVE;
	back_up(t);
	assert_string_equal(t->out.m.state, "complete");
	assert_int_equal(counted(t, "database", "tables"), 0);
}

static void
backup_of_no_such_database_fails(void **arg)
{
	static char nowhere[] = "dbname=there_is_no_such_database";
	struct err e;

	LIVE;
	t->branch.database = nowhere;
	e = fail_to_back_up(t);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "there_is_no_such_database"));
}

/* --- what our role may not see -------------------------------------------- */

static void
backup_names_what_its_role_may_not_read(void **arg)
{
	char *connection;

	LIVE;
	on_server(t, "CREATE ROLE", t->role, "LOGIN PASSWORD '" PASSWORD "'");
	sql(t->c,
	    "CREATE TABLE public.open (i int);"
	    "GRANT SELECT ON public.open TO PUBLIC;"
	    "CREATE TABLE public.closed (id serial);"
	    "CREATE TABLE public.hidden (i int);"
	    "GRANT SELECT ON public.hidden TO PUBLIC;"
	    "ALTER TABLE public.hidden ENABLE ROW LEVEL SECURITY;"
	    "INSERT INTO public.hidden VALUES (1)");
	connection = mem_printf(
	    "dbname=%s user=%s password=%s", t->name, t->role, PASSWORD);
	t->branch.database = connection;
	back_up(t);
	free(connection);
	assert_string_equal(t->out.m.state, "incomplete");
	assert_int_equal(counted(t, "database", "tables"), 1);
	assert_true(warns_of(t, "public.closed"));
	assert_true(warns_of(t, "public.hidden"));
	assert_true(warns_of(t, "public.closed_id_seq"));
	assert_false(warns_of(t, "public.open"));
}

/* --- Odoo's filestore ----------------------------------------------------- */

static const char odoo[] =
    "SET search_path = public; CREATE TABLE ir_module_module"
    " (name varchar, state varchar, latest_version varchar);"
    "INSERT INTO ir_module_module VALUES ('base', 'installed', '17.0.1.3'),"
    " ('sale', 'installed', '17.0.1.2'), ('crm', 'uninstalled', NULL);"
    "CREATE TABLE ir_config_parameter (key varchar, value text);"
    "INSERT INTO ir_config_parameter VALUES ('database.uuid', 'u-u-i-d');"
    "CREATE TABLE ir_attachment (id serial PRIMARY KEY, store_fname varchar,"
    " file_size int); SET search_path = ''";

/* The n-th attachment's name; its contents are the number. */
static void
name_attachment(unsigned n, char path[64], char text[16])
{
	uint8_t sha1[HASH_SHA1];
	char hex[2 * HASH_SHA1 + 1];

	(void)snprintf(text, 16, "%u", n);
	hash_of(HASH_IS_SHA1, text, strlen(text), sha1);
	hex_of(sha1, HASH_SHA1, hex);
	(void)snprintf(path, 64, "%.2s/%s", hex, hex);
}

static char *
attachment(const struct live *t, unsigned n)
{
	char path[64], text[16];

	name_attachment(n, path, text);
	return (file_join(t->files, path));
}

static void
make_attachments(struct live *t, unsigned n)
{
	char path[64], text[16];
	struct err e = ERR_INIT;

	sql(t->c, odoo);
	t->branch.filestore = t->files;
	for (unsigned i = 0; i < n; i++) {
		SCOPED(scope_free) char *file = attachment(t, i);

		name_attachment(i, path, text);
		assert_int_equal(file_make_parent(file, 0755, &e), 0);
		assert_int_equal(
		    file_save(file, 0644, text, strlen(text), &e), 0);
		/* Two rows a file, as in Odoo. */
		assert_int_equal(pg_exec(t->c, &e,
				     "INSERT INTO public.ir_attachment"
				     " (store_fname, file_size) VALUES"
				     " ('%s', %zu), ('%s', %zu), (NULL, NULL)",
				     path, strlen(text), path, strlen(text)),
		    0);
	}
}

static void
lose(const struct live *t, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		SCOPED(scope_free) char *file = attachment(t, i);

		assert_int_equal(unlink(file), 0);
	}
}

static void
backup_proves_the_filestore(void **arg)
{
	struct err e = ERR_INIT;

	LIVE;
	make_attachments(t, 20);
	sql(t->c,
	    "INSERT INTO public.ir_attachment (store_fname) VALUES"
	    " ('s3://bucket/elsewhere')");
	{
		SCOPED(scope_free) char *orphan = file_join(t->files, "zz");

		assert_int_equal(file_save(orphan, 0644, "x", 1, &e), 0);
	}
	back_up(t);
	assert_string_equal(t->out.m.state, "complete");
	assert_int_equal(counted(t, "attachments", "referenced"), 20);
	assert_int_equal(counted(t, "attachments", "present"), 20);
	assert_int_equal(counted(t, "attachments", "missing"), 0);
	assert_int_equal(counted(t, "attachments", "mismatched"), 0);
	assert_int_equal(counted(t, "attachments", "orphaned"), 1);
	assert_true(warns_of(t, "outside of the filestore"));
	assert_string_equal(
	    json_get_string(
		json_get(t->out.m.counts, "database"), "odoo_version"),
	    "17.0");
	assert_int_equal(
	    json_count(json_get(json_get(t->out.m.facts, "odoo"), "modules")),
	    2);
	assert_string_equal(
	    json_get_string(json_get(t->out.m.facts, "odoo"), "uuid"),
	    "u-u-i-d");
}

static void
backup_is_degraded_by_files_that_the_source_lacks_or_damaged(void **arg)
{
	struct err e = ERR_INIT;

	LIVE;
	make_attachments(t, 20);
	back_up(t);
	lose(t, 3, 2);
	{
		SCOPED(scope_free) char *file = attachment(t, 7);

		assert_int_equal(file_save(file, 0644, "not 7", 5, &e), 0);
	}
	back_up(t);
	assert_string_equal(t->out.m.state, "degraded");
	assert_int_equal(counted(t, "attachments", "present"), 18);
	assert_int_equal(counted(t, "attachments", "missing"), 2);
	assert_int_equal(counted(t, "attachments", "mismatched"), 1);
	assert_int_equal(fact(t, "attachments", "missing_count"), 2);
	assert_false(json_get_bool(
	    json_at(
		json_get(json_get(t->out.m.facts, "attachments"), "missing"),
		0),
	    "known", true));
	back_up(t);
	assert_string_equal(t->out.m.state, "degraded");
	assert_true(json_get_bool(
	    json_at(
		json_get(json_get(t->out.m.facts, "attachments"), "missing"),
		0),
	    "known", false));
}

static void
backup_is_incomplete_after_a_mass_of_losses_until_accepted(void **arg)
{
	LIVE;
	make_attachments(t, 40);
	back_up(t);
	lose(t, 0, 10);
	back_up(t);
	assert_string_equal(t->out.m.state, "incomplete");
	assert_int_equal(counted(t, "attachments", "missing"), 10);
	/* An alarm for more than one night. */
	back_up(t);
	assert_string_equal(t->out.m.state, "incomplete");
	t->conf.accept_missing = true;
	back_up(t);
	assert_string_equal(t->out.m.state, "degraded");
	t->conf.accept_missing = false;
	back_up(t);
	assert_string_equal(t->out.m.state, "degraded");
}

static void
first_backup_takes_missing_files_as_known_up_to_half(void **arg)
{
	LIVE;
	make_attachments(t, 40);
	lose(t, 0, 21);
	back_up(t);
	assert_string_equal(t->out.m.state, "incomplete");
	sql(t->c, "DELETE FROM public.ir_attachment WHERE id <= 3");
	/* Now 20 of 39 are missing, which still is more than half. */
	back_up(t);
	assert_string_equal(t->out.m.state, "incomplete");
	sql(t->c, "DELETE FROM public.ir_attachment WHERE id <= 6");
	back_up(t);
	assert_string_equal(t->out.m.state, "degraded");
}

/* --- who waits for whom --------------------------------------------------- */

static void
backup_fails_when_a_table_stays_locked(void **arg)
{
	struct err e;

	LIVE;
	sql(t->c, "CREATE TABLE public.busy (i int)");
	sql(t->c, "BEGIN; LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE");
	e = fail_to_back_up(t);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "public.busy"));
	assert_non_null(strstr(e.hint, "yield-to-ddl"));
	sql(t->c, "ROLLBACK");
	back_up(t);
	assert_string_equal(t->out.m.state, "complete");
}

static void *
lock_for_a_while(void *arg)
{
	struct err e = ERR_INIT;

	if (clock_sleep_ms(1500, &e) == 0)
		(void)PQclear(PQexec(arg, "COMMIT"));
	return (NULL);
}

static void
backup_waits_for_a_lock_that_goes(void **arg)
{
	pthread_t thread;

	LIVE;
	sql(t->c, "CREATE TABLE public.busy (i int)");
	sql(t->c,
	    "BEGIN; LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE;"
	    "INSERT INTO public.busy VALUES (1)");
	assert_int_equal(
	    pthread_create(&thread, NULL, lock_for_a_while, t->c), 0);
	back_up(t);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(t->out.m.state, "complete");
	assert_int_equal(counted(t, "database", "rows"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backup_counts_tables_of_every_kind),
		cmocka_unit_test(
		    backup_of_an_unchanged_database_stores_at_most_its_time),
		cmocka_unit_test(backup_of_an_empty_database_is_complete),
		cmocka_unit_test(backup_of_no_such_database_fails),
		cmocka_unit_test(backup_names_what_its_role_may_not_read),
		cmocka_unit_test(backup_proves_the_filestore),
		cmocka_unit_test(
		    backup_is_degraded_by_files_that_the_source_lacks_or_damaged),
		cmocka_unit_test(
		    backup_is_incomplete_after_a_mass_of_losses_until_accepted),
		cmocka_unit_test(
		    first_backup_takes_missing_files_as_known_up_to_half),
		cmocka_unit_test(backup_fails_when_a_table_stays_locked),
		cmocka_unit_test(backup_waits_for_a_lock_that_goes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
