/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/* Pages of S3 listings: what is read of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "storage-drivers/s3_page.h"

#define VERSIONS(text) "<ListVersionsResult>" text "</ListVersionsResult>"
#define OBJECTS(text)  "<ListBucketResult>" text "</ListBucketResult>"
#define ESCAPED	       "<EncodingType>url</EncodingType>"
#define OBJECT(key, size)                                                      \
	"<Contents><Key>" key "</Key><Size>" size "</Size></Contents>"
#define VERSION(key, id, size)                                                 \
	"<Version><Key>" key "</Key><VersionId>" id "</VersionId><Size>" size  \
	"</Size></Version>"
#define MARKER(key, id)                                                        \
	"<DeleteMarker><Key>" key "</Key><VersionId>" id                       \
	"</VersionId></DeleteMarker>"

static int
note(const struct s3_item *item, void *arg, struct err *e)
{
	buf_printf(arg, "%s", item->name);
	if (item->version[0] != '\0')
		buf_printf(arg, " %s", item->version);
	if (item->is_marker)
		buf_add_string(arg, " gone");
	else
		buf_printf(arg, " %llu", (unsigned long long)item->bytes);
	if (item->modified != STORE_NO_TIME)
		buf_printf(arg, " @%lld", (long long)item->modified);
	buf_add_string(arg, "\n");
	if (strcmp(item->name, "stop") == 0)
		return (7);
	if (strcmp(item->name, "fail") == 0)
		return (err_set(e, ERR_QUORUM, "the caller's own"));
	return (0);
}

static struct s3_page
page_of(const char *prefix, bool has_versions, struct buf *seen)
{
	return ((struct s3_page){ .prefix = prefix,
	    .has_versions = has_versions,
	    .each = note,
	    .arg = seen });
}

static void
read_page(struct s3_page *page, const char *text)
{
	struct err e = ERR_INIT;

	if (s3_page_read(page, text, strlen(text), &e) < 0)
		fail_msg("%s: %s", text, e.text);
}

/* One page alone. */
static void
expect_page(const char *prefix, bool has_versions, const char *text,
    const char *expected)
{
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	SCOPED(s3_page_free)
	struct s3_page page = page_of(prefix, has_versions, &seen);

	read_page(&page, text);
	assert_string_equal(buf_text(&seen), expected);
	assert_false(page.is_truncated);
}

static void
expect_corrupt(bool has_versions, const char *text)
{
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	SCOPED(s3_page_free)
	struct s3_page page = page_of("", has_versions, &seen);
	struct err e = ERR_INIT;

	if (s3_page_read(&page, text, strlen(text), &e) == 0)
		fail_msg("%s: taken", text);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(page.answer, 0);
}

static void
objects_are_read_with_size_and_time(void **state)
{
	(void)state;
	expect_page("at/", false,
	    "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3/\">"
	    "<Contents><Key>at/a</Key><Size>0</Size><LastModified>"
	    "1970-01-01T00:01:00.999Z</LastModified></Contents>"
	    "<Contents><Key>at/b/c</Key><Size>18446744073709551615</Size>"
	    "<LastModified>yesterday</LastModified></Contents>"
	    "</ListBucketResult>",
	    "a 0 @60\nb/c 18446744073709551615\n");
	expect_page("", false, OBJECTS(""), "");
	expect_page("", true, VERSIONS(""), "");
}

static void
versions_come_newest_first_with_markers_between(void **state)
{
	(void)state;
	expect_page("", true,
	    VERSIONS(MARKER("a", "3") VERSION("a", "2", "22") VERSION(
		"a", "null", "1") MARKER("b", "x") VERSION("c", "x", "0")),
	    "a 3 gone\na 2 22\na null 1\nb x gone\nc x 0\n");
}

static void
things_that_are_not_ours_are_left_out(void **state)
{
	(void)state;
	expect_page("at/", false,
	    OBJECTS(ESCAPED OBJECT("elsewhere", "1") OBJECT("at", "1") OBJECT(
		"at/", "1") OBJECT("at%2F..%2Fb", "1") OBJECT("at/b+c", "1")
		    OBJECT("at/b%FFc", "") OBJECT("at/d", "4") OBJECT("zz", "1")
			OBJECT("aa", "1") "<CommonPrefixes/><Owner>x</Owner>"),
	    "d 4\n");
	/* Others' keys may be in any order, and without what ours have. */
	expect_page("", true,
	    VERSIONS(VERSION("z ", "1", "1") VERSION("a", "1", "1")
		    MARKER("b ", "")),
	    "a 1 1\n");
}

static void
keys_are_unescaped_where_the_page_says_so(void **state)
{
	(void)state;
	expect_page("my + d%/", false,
	    OBJECTS(OBJECT("my+%2B%20d%25%2Fa", "1") ESCAPED), "a 1\n");
	expect_page("a%20b/", false, OBJECTS(OBJECT("a%20b/c", "1")), "c 1\n");
	expect_corrupt(false, OBJECTS(ESCAPED OBJECT("a%2", "1")));
	expect_corrupt(false, OBJECTS(ESCAPED OBJECT("a%00", "1")));
}

static void
names_out_of_order_are_refused(void **state)
{
	(void)state;
	expect_corrupt(false, OBJECTS(OBJECT("b", "1") OBJECT("a", "1")));
	expect_corrupt(false, OBJECTS(OBJECT("a", "1") OBJECT("a", "1")));
	expect_corrupt(true,
	    VERSIONS(VERSION("b", "1", "1") MARKER("c", "1")
		    VERSION("b", "2", "1")));
}

static void
what_lacks_its_parts_is_refused(void **state)
{
	static const char *const bad[] = { VERSIONS(VERSION("a", "", "1")),
		VERSIONS(VERSION("a", "1", "")),
		VERSIONS(VERSION("a", "1", "-1")),
		VERSIONS(VERSION("a", "1", " 1")),
		VERSIONS(VERSION("a", "1", "18446744073709551616")),
		VERSIONS(MARKER("a", "")), "<ListVersionsResult>",
		"<Error><Code>InternalError</Code></Error>", "", OBJECTS(""),
		VERSIONS("<IsTruncated>true</IsTruncated>") };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_corrupt(true, bad[i]);
	expect_corrupt(false, VERSIONS(""));
	expect_corrupt(false, OBJECTS("<IsTruncated>true</IsTruncated>"));
	expect_corrupt(false, OBJECTS("<Contents><Key>a</Key></Contents>"));
}

static void
an_id_that_is_too_long_is_none(void **state)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;

	(void)state;
	buf_add_string(
	    &text, "<ListVersionsResult><DeleteMarker><Key>a</Key><VersionId>");
	for (int i = 0; i < S3_VERSION_MAX; i++)
		buf_add_u8(&text, 'v');
	buf_add_string(
	    &text, "</VersionId></DeleteMarker></ListVersionsResult>");
	expect_corrupt(true, buf_text(&text));
}

static void
the_order_goes_on_over_pages(void **state)
{
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	SCOPED(s3_page_free) struct s3_page page = page_of("", true, &seen);
	static const char again[] = VERSIONS(VERSION("a", "1", "1"));
	struct err e = ERR_INIT;

	(void)state;
	read_page(&page,
	    VERSIONS("<IsTruncated>true</IsTruncated><NextKeyMarker>b"
		     "</NextKeyMarker><NextVersionIdMarker>2"
		     "</NextVersionIdMarker>" VERSION("b", "2", "1")));
	assert_true(page.is_truncated);
	assert_string_equal(buf_text(&page.key), "b");
	assert_string_equal(buf_text(&page.version), "2");
	read_page(&page, VERSIONS(VERSION("b", "1", "5")));
	assert_false(page.is_truncated);
	assert_string_equal(buf_text(&seen), "b 2 1\nb 1 5\n");
	assert_int_equal(s3_page_read(&page, again, sizeof(again) - 1, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

/* AWS escapes the key that the next page begins after, Ceph doesn't. */
static void
a_marker_is_taken_as_it_is_spelled(void **state)
{
	static const struct {
		const char *text, *key;
	} cases[] = {
		{ VERSIONS(
		      ESCAPED "<IsTruncated>true</IsTruncated>"
			      "<NextKeyMarker>a%20b</NextKeyMarker>" MARKER(
				  "a%2520b", "1")),
		    "a%20b" },
		{ VERSIONS(
		      ESCAPED "<IsTruncated>true</IsTruncated>"
			      "<NextKeyMarker>a%2520b</NextKeyMarker>" MARKER(
				  "a%2520b", "1")),
		    "a%20b" },
		{ VERSIONS(ESCAPED "<IsTruncated>true</IsTruncated>"
				   "<NextKeyMarker>a/100%</NextKeyMarker>"),
		    "a/100%" },
		{ VERSIONS("<IsTruncated>true</IsTruncated>"
			   "<NextKeyMarker>a%20b+</NextKeyMarker>"),
		    "a%20b+" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SCOPED(buf_free) struct buf seen = BUF_INIT;
		SCOPED(s3_page_free)
		struct s3_page page = page_of("", true, &seen);

		read_page(&page, cases[i].text);
		assert_string_equal(buf_text(&page.key), cases[i].key);
	}
}

static int
count(const struct s3_item *item, void *arg, struct err *e)
{
	(void)item;
	(void)e;
	++*(size_t *)arg;
	return (0);
}

/* A server can't keep us busy for ever with one name. */
static void
versions_of_a_name_have_a_limit(void **state)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	size_t seen = 0;
	SCOPED(s3_page_free)
	struct s3_page page = {
		.prefix = "", .has_versions = true, .each = count, .arg = &seen
	};
	struct err e = ERR_INIT;

	(void)state;
	buf_add_string(&text, "<ListVersionsResult>");
	for (int i = 0; i < 1000; i++)
		buf_add_string(&text, MARKER("a", "1"));
	buf_add_string(&text, "</ListVersionsResult>");
	while (s3_page_read(&page, text.p, text.n, &e) == 0)
		assert_true(seen <= S3_VERSIONS_MAX);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(seen, S3_VERSIONS_MAX);
}

static void
a_caller_ends_the_reading(void **state)
{
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	SCOPED(s3_page_free) struct s3_page page = page_of("", false, &seen);
	static const char stop[] = OBJECTS(
	    OBJECT("a", "1") OBJECT("stop", "1") OBJECT("x", "1"));
	static const char broken[] = OBJECTS(
	    OBJECT("stop1", "1") OBJECT("fail", "1"));
	static const char fails[] = OBJECTS(OBJECT("fail", "1"));
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(s3_page_read(&page, stop, sizeof(stop) - 1, &e), -1);
	assert_int_equal(page.answer, 7);
	assert_string_equal(buf_text(&seen), "a 1\nstop 1\n");
	assert_int_equal(
	    s3_page_read(&page, broken, sizeof(broken) - 1, &e), -1);
	assert_int_equal(page.answer, 0);
	assert_int_equal(e.kind, ERR_CORRUPT);
	page.last[0] = '\0';
	assert_int_equal(s3_page_read(&page, fails, sizeof(fails) - 1, &e), -1);
	assert_int_equal(page.answer, -1);
	assert_int_equal(e.kind, ERR_QUORUM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_read_with_size_and_time),
		cmocka_unit_test(
		    versions_come_newest_first_with_markers_between),
		cmocka_unit_test(things_that_are_not_ours_are_left_out),
		cmocka_unit_test(keys_are_unescaped_where_the_page_says_so),
		cmocka_unit_test(names_out_of_order_are_refused),
		cmocka_unit_test(what_lacks_its_parts_is_refused),
		cmocka_unit_test(an_id_that_is_too_long_is_none),
		cmocka_unit_test(the_order_goes_on_over_pages),
		cmocka_unit_test(a_marker_is_taken_as_it_is_spelled),
		cmocka_unit_test(versions_of_a_name_have_a_limit),
		cmocka_unit_test(a_caller_ends_the_reading),
	};

	return (cmocka_run_group_tests_name("s3 page", tests, NULL, NULL) == 0
		? 0
		: 1);
}
