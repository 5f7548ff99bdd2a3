/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/* XML answers of endpoints: what is read of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "storage-drivers/xml.h"

static int
note_begin(const char *name, void *arg, struct err *e)
{
	(void)e;
	buf_printf(arg, "<%s>", name);
	return (0);
}

static int
note_end(const char *name, const char *text, void *arg, struct err *e)
{
	buf_printf(arg, "%s</%s>", text, name);
	return (strcmp(text, "stop") == 0
		? err_set(e, ERR_QUORUM, "the caller's own")
		: 0);
}

static const struct xml_calls calls = { .begin = note_begin, .end = note_end };

static void
expect_failure(const char *text, size_t n, enum err_kind kind)
{
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(xml_read(text, n, &calls, &seen, &e), -1);
	assert_int_equal(e.kind, kind);
	assert_true(e.text[0] != '\0');
}

static void
elements_are_told_by_their_local_names_with_their_own_text(void **state)
{
	static const char text[] =
	    "<?xml version=\"1.0\"?><D:a xmlns:D=\"DAV:\">"
	    "<D:b>x &amp; y</D:b><c/></D:a>";
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
	    xml_read(text, sizeof(text) - 1, &calls, &seen, &e), 0);
	assert_string_equal(buf_text(&seen), "<a><b>x & y</b><c></c></a>");
}

static void
what_is_no_whole_document_is_corrupt(void **state)
{
	static const char *const bad[] = { "", "text", "<a>", "<a></b>",
		"<a/><b/>", "<a>&unknown;</a>",
		"<!DOCTYPE a [<!ENTITY x \"xx\">]><a>&x;</a>",
		"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_failure(bad[i], strlen(bad[i]), ERR_CORRUPT);
}

static void
depth_and_texts_have_limits(void **state)
{
	SCOPED(buf_free) struct buf deep = BUF_INIT, longer = BUF_INIT;

	(void)state;
	for (size_t i = 0; i <= XML_DEPTH_MAX; i++)
		buf_add_string(&deep, "<a>");
	for (size_t i = 0; i <= XML_DEPTH_MAX; i++)
		buf_add_string(&deep, "</a>");
	expect_failure((const char *)deep.p, deep.n, ERR_CORRUPT);
	buf_add_string(&longer, "<a>");
	for (size_t i = 0; i <= XML_TEXT_MAX; i++)
		buf_add_u8(&longer, 'x');
	buf_add_string(&longer, "</a>");
	expect_failure((const char *)longer.p, longer.n, ERR_CORRUPT);
}

static void
a_call_ends_the_reading_with_its_own_failure(void **state)
{
	static const char text[] = "<a><b>stop</b><c>never</c></a>";

	(void)state;
	expect_failure(text, sizeof(text) - 1, ERR_QUORUM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    elements_are_told_by_their_local_names_with_their_own_text),
		cmocka_unit_test(what_is_no_whole_document_is_corrupt),
		cmocka_unit_test(depth_and_texts_have_limits),
		cmocka_unit_test(a_call_ends_the_reading_with_its_own_failure),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
