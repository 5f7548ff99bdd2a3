/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository backupd */
/* What the archive of a small database may hold, and must; what is said of
 * pg_dump's version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "backupd/archive_command.h"

static char public[] = "public", cron[] = "cron", order[] = "sale_order",
	    line[] = "sale_line", job[] = "job", secret[] = "secret",
	    order_seq[] = "sale_order_id_seq", free_seq[] = "ir_sequence_001",
	    job_seq[] = "jobid_seq";

static struct table tables[] = {
	{ .oid = 40, .kind = 'r', .schema = public, .name = order },
	{ .oid = 30, .kind = 'p', .schema = public, .name = line },
	{ .oid = 20,
	    .kind = 'r',
	    .schema = cron,
	    .name = job,
	    .is_extensions = true },
	{ .oid = 10,
	    .kind = 'r',
	    .schema = public,
	    .name = secret,
	    .is_denied = true },
};

struct small {
	const struct table *by_oid[4];
	bool is_found[4];
	struct sequence sequences[3];
	struct archive_check k;
};

static void
small_init(struct small *s)
{
	static const struct sequence sequences[] = {
		{ .schema = cron, .name = job_seq },
		{ .schema = public, .name = free_seq, .is_expected = true },
		{ .schema = public, .name = order_seq, .is_expected = true },
	};

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < 4; i++)
		s->by_oid[i] = &tables[3 - i];
	memcpy(s->sequences, sequences, sizeof(sequences));
	s->k = (struct archive_check){ .nsequences = 3,
		.sequences = s->sequences,
		.ntables = 4,
		.tables = s->by_oid,
		.is_found = s->is_found };
}

/* 0, or the kind of the failure. */
static int
see(struct small *s, const char *what, uint32_t oid, const char *tag)
{
	struct archive_entry entry = { .oid = oid, .schema = "public" };
	struct err e = ERR_INIT;

	(void)snprintf(entry.what, sizeof(entry.what), "%s", what);
	(void)snprintf(entry.tag, sizeof(entry.tag), "%s", tag);
	if (archive_check_entry(&s->k, &entry, &e) < 0)
		assert_int_equal(e.kind, ERR_DATABASE);
	return ((int)e.kind);
}

static void
see_all(struct small *s)
{
	assert_int_equal(see(s, "TABLE", 40, order), 0);
	assert_int_equal(see(s, "TABLE", 30, line), 0);
	assert_int_equal(see(s, "SEQUENCE SET", 0, order_seq), 0);
	assert_int_equal(see(s, "SEQUENCE SET", 0, free_seq), 0);
	assert_int_equal(see(s, "VIEW", 40, "not of pg_class"), 0);
}

static void
archive_check_takes_what_is_right(void **arg)
{
	struct small s;
	struct err e = ERR_INIT;

	(void)arg;
	small_init(&s);
	see_all(&s);
	assert_int_equal(see(&s, "TABLE DATA", 20, job), 0);
	assert_int_equal(see(&s, "TABLE DATA", 99, "a foreign one"), 0);
	assert_int_equal(archive_check_end(&s.k, &e), 0);
}

static void
archive_check_refuses_rows_of_a_table_that_we_copy(void **arg)
{
	struct small s;

	(void)arg;
	small_init(&s);
	assert_int_equal(see(&s, "TABLE DATA", 40, order), ERR_DATABASE);
}

static void
archive_check_refuses_a_sequence_twice_or_unknown(void **arg)
{
	struct small s;

	(void)arg;
	small_init(&s);
	see_all(&s);
	assert_int_equal(see(&s, "SEQUENCE SET", 0, free_seq), ERR_DATABASE);
	assert_int_equal(see(&s, "SEQUENCE SET", 0, "other"), ERR_DATABASE);
}

static void
archive_check_misses_a_sequence(void **arg)
{
	struct small s;
	struct err e = ERR_INIT;

	(void)arg;
	small_init(&s);
	see_all(&s);
	s.sequences[1].is_found = false;
	assert_int_equal(archive_check_end(&s.k, &e), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "public.ir_sequence_001"));
}

static void
archive_check_misses_a_table_that_we_may_read(void **arg)
{
	struct small s;
	struct err e = ERR_INIT;

	(void)arg;
	small_init(&s);
	see_all(&s);
	s.is_found[2] = false; /* of oid 30 */
	assert_int_equal(archive_check_end(&s.k, &e), -1);
	assert_non_null(strstr(e.text, "public.sale_line"));
}

static void
archive_command_reads_a_version(void **arg)
{
	char version[16];
	unsigned major = 0;

	(void)arg;
	assert_true(archive_command_parse_version(
	    "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n", version,
	    sizeof(version), &major));
	assert_string_equal(version, "15.20");
	assert_int_equal(major, 15);
	assert_true(archive_command_parse_version(
	    "pg_dump (PostgreSQL) 19devel", version, sizeof(version), &major));
	assert_int_equal(major, 19);
	assert_false(archive_command_parse_version(
	    "pg_dump: no", version, sizeof(version), &major));
	assert_false(
	    archive_command_parse_version("(PostgreSQL) 15.20.20.20.20.20",
		version, sizeof(version), &major));
	assert_false(archive_command_parse_version(
	    "(PostgreSQL) x", version, sizeof(version), &major));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archive_check_takes_what_is_right),
		cmocka_unit_test(
		    archive_check_refuses_rows_of_a_table_that_we_copy),
		cmocka_unit_test(
		    archive_check_refuses_a_sequence_twice_or_unknown),
		cmocka_unit_test(archive_check_misses_a_sequence),
		cmocka_unit_test(archive_check_misses_a_table_that_we_may_read),
		cmocka_unit_test(archive_command_reads_a_version),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
