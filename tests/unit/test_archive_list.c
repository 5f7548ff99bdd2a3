/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository backupd */
/* pg_dump's head and list, of every format that it reads, whole, in parts, cut
 * short, and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "backupd/archive_list.h"

#define INT_BYTES 4
#define ENTRIES	  3

static void
add_int(struct buf *b, int64_t v)
{
	buf_add_u8(b, v < 0);
	buf_add_u32(b, (uint32_t)(v < 0 ? -v : v));
}

static void
add_string(struct buf *b, const char *text)
{
	if (text == NULL) {
		add_int(b, -1);
		return;
	}
	add_int(b, (int64_t)strlen(text));
	buf_add_string(b, text);
}

static void
add_entry(struct buf *b, unsigned minor, const char *oid, const char *tag,
    const char *what)
{
	add_int(b, 3405);
	add_int(b, 1);
	add_string(b, "1259");
	add_string(b, oid);
	add_string(b, tag);
	add_string(b, what);
	add_int(b, 2);
	add_string(b, "CREATE …");
	add_string(b, "DROP …");
	add_string(b, NULL);
	add_string(b, "public");
	add_string(b, "");
	if (minor >= 14)
		add_string(b, "heap");
	if (minor >= 16)
		add_int(b, 'r');
	add_string(b, "odoo");
	add_string(b, "false");
	add_string(b, "12");
	add_string(b, "13");
	add_string(b, NULL);
	buf_add_zeros(b, 1 + 8);
}

/* The head up to the time, its offset, and the rest. */
static size_t
make(struct buf *b, unsigned minor)
{
	size_t head;

	buf_add_string(b, "PGDMP");
	buf_add_u8(b, 1);
	buf_add_u8(b, (uint8_t)minor);
	buf_add_u8(b, 0);
	buf_add_u8(b, INT_BYTES);
	buf_add_u8(b, 8);
	buf_add_u8(b, 1);
	if (minor >= 15)
		buf_add_u8(b, 0);
	else
		add_int(b, 0);
	for (int i = 0; i < 7; i++)
		add_int(b, i == 6 ? -1 : i);
	head = b->n;
	add_string(b, "acme");
	add_string(b, "15.20");
	add_string(b, "15.20 (Debian 15.20-0+deb12u1)");
	add_int(b, ENTRIES);
	add_entry(b, minor, "16391", "sale_order", "TABLE");
	add_entry(b, minor, "0", "sale_order_id_seq", "SEQUENCE SET");
	add_entry(b, minor, "16391", "sale_order", "TABLE DATA");
	return (head);
}

/* Feeds n bytes in parts; returns how many entries came. */
static size_t
feed(struct archive_list *l, const uint8_t *p, size_t n, size_t part,
    uint64_t *cut_at)
{
	struct archive_entry entry;
	struct err e = ERR_INIT;
	size_t cut, entries = 0;
	int rc;

	for (size_t at = 0; at < n; at += part) {
		if (part > n - at)
			part = n - at;
		assert_int_equal(
		    archive_list_feed(l, p + at, part, &cut, &e), 0);
		if (cut != SIZE_MAX)
			*cut_at = at + cut;
		while ((rc = archive_list_next(l, &entry, &e)) == 1)
			entries++;
		assert_int_equal(rc, 0);
	}
	return (entries);
}

static void
archive_list_reads_every_format_in_parts_of_any_size(void **arg)
{
	(void)arg;
	for (unsigned minor = 12; minor <= 16; minor++) {
		SCOPED(buf_free) struct buf b = BUF_INIT;
		size_t head = make(&b, minor);

		for (size_t part = 1; part <= b.n; part += part / 3 + 1) {
			SCOPED(archive_list_free)
			struct archive_list l = { .at = 0 };
			uint64_t cut_at = 0;

			assert_int_equal(
			    feed(&l, b.p, b.n, part, &cut_at), ENTRIES);
			assert_int_equal(cut_at, head);
			assert_int_equal(l.phase, ARCHIVE_LIST_DONE);
			assert_int_equal(l.entries, ENTRIES);
			assert_string_equal(
			    l.dump_version, "15.20 (Debian 15.20-0+deb12u1)");
		}
	}
}

static void
archive_list_tells_what_an_entry_is(void **arg)
{
	SCOPED(archive_list_free) struct archive_list l = { .at = 0 };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct archive_entry entry;
	struct err e = ERR_INIT;
	size_t cut;

	(void)arg;
	(void)make(&b, 14);
	assert_int_equal(archive_list_feed(&l, b.p, b.n, &cut, &e), 0);
	assert_int_equal(archive_list_next(&l, &entry, &e), 1);
	assert_int_equal(entry.oid, 16391);
	assert_string_equal(entry.tag, "sale_order");
	assert_string_equal(entry.what, "TABLE");
	assert_string_equal(entry.schema, "public");
	assert_int_equal(archive_list_next(&l, &entry, &e), 1);
	assert_int_equal(entry.oid, 0);
	assert_string_equal(entry.what, "SEQUENCE SET");
}

static void
archive_list_is_not_done_when_cut_anywhere(void **arg)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)arg;
	(void)make(&b, 15);
	for (size_t n = 0; n < b.n; n++) {
		SCOPED(archive_list_free) struct archive_list l = { .at = 0 };
		uint64_t cut_at;

		assert_true(feed(&l, b.p, n, n, &cut_at) < ENTRIES);
		assert_true(l.phase < ARCHIVE_LIST_DONE);
	}
}

static void
archive_list_lets_the_data_pass(void **arg)
{
	SCOPED(archive_list_free) struct archive_list l = { .at = 0 };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint64_t cut_at = 0;

	(void)arg;
	(void)make(&b, 14);
	buf_add_zeros(&b, 5000);
	assert_int_equal(feed(&l, b.p, b.n, 700, &cut_at), ENTRIES);
	assert_int_equal(l.rest.n, 0);
}

static void
archive_list_does_not_read_what_is_newer(void **arg)
{
	SCOPED(archive_list_free) struct archive_list l = { .at = 0 };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint64_t cut_at = 0;

	(void)arg;
	(void)make(&b, 17);
	assert_int_equal(feed(&l, b.p, b.n, b.n, &cut_at), 0);
	assert_int_equal(cut_at, 0);
	assert_int_equal(l.phase, ARCHIVE_LIST_UNKNOWN);
	assert_int_equal(l.minor, 17);
}

/* The byte at that place becomes v: is it refused? */
static bool
is_refused(size_t at, uint8_t v)
{
	SCOPED(archive_list_free) struct archive_list l = { .at = 0 };
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct archive_entry entry;
	struct err e = ERR_INIT;
	size_t cut;
	int rc;

	(void)make(&b, 14);
	b.p[at] = v;
	if (archive_list_feed(&l, b.p, b.n, &cut, &e) < 0)
		return (e.kind == ERR_CORRUPT);
	while ((rc = archive_list_next(&l, &entry, &e)) == 1)
		;
	return (rc < 0 && e.kind == ERR_CORRUPT);
}

static void
archive_list_refuses_what_is_no_archive(void **arg)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	size_t head = make(&b, 14);

	(void)arg;
	assert_true(is_refused(0, 'X'));       /* magic */
	assert_true(is_refused(8, 0));	       /* bytes of an int */
	assert_true(is_refused(8, 9));	       /* too many of them */
	assert_true(is_refused(9, 0));	       /* bytes of an offset */
	assert_true(is_refused(10, 3));	       /* the tar format */
	assert_true(is_refused(head + 4, 99)); /* a database of 1.6 GB */
}

static void
archive_list_bears_any_byte_anywhere(void **arg)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)arg;
	(void)make(&b, 16);
	/* Whatever it says, it says it without reading past the end: the
	 * sanitizers are the judges. */
	for (size_t at = 0; at < b.n; at++)
		for (unsigned v = 0; v < 256; v += 51)
			(void)is_refused(at, (uint8_t)v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    archive_list_reads_every_format_in_parts_of_any_size),
		cmocka_unit_test(archive_list_tells_what_an_entry_is),
		cmocka_unit_test(archive_list_is_not_done_when_cut_anywhere),
		cmocka_unit_test(archive_list_lets_the_data_pass),
		cmocka_unit_test(archive_list_does_not_read_what_is_newer),
		cmocka_unit_test(archive_list_refuses_what_is_no_archive),
		cmocka_unit_test(archive_list_bears_any_byte_anywhere),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
