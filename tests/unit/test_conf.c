/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* The syntax of a configuration, and the words of its complaints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"

static const char *const repository_keys[] = { "state", "memory", "jobs",
	"object-lock", "give-up-after", NULL };
static const char *const endpoint_keys[] = { "url", "region", NULL };
static const struct conf_section_def known[] = {
	{ "repository", false, repository_keys },
	{ "endpoint", true, endpoint_keys },
	{ NULL, false, NULL },
};

static struct conf *
parse(const char *text)
{
	struct err e = ERR_INIT;
	struct conf *c = conf_parse("t.conf", text, strlen(text), known, &e);

	if (c == NULL)
		print_error("%s\n", e.text);
	assert_non_null(c);
	return (c);
}

/* text is refused in just these words. */
static void
check_refused(const char *text, const char *words)
{
	struct err e = ERR_INIT;

	assert_null(conf_parse("t.conf", text, strlen(text), known, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.text, words);
}

static void
sections_keys_and_lines_are_found(void **state)
{
	SCOPED(conf_freep)
	struct conf *c = parse(
	    "# first\n\n[repository]\n  state = /var/lib/x ; why\r\n"
	    "jobs=4# four\n[endpoint fra]  ; c\nurl = a b=c\n[ endpoint  ams ]\n"
	    "region =\n");

	(void)state;
	assert_string_equal(conf_path(c), "t.conf");
	assert_int_equal(conf_sections(c), 3);
	assert_string_equal(conf_section_kind(c, 0), "repository");
	assert_string_equal(conf_section_name(c, 0), "");
	assert_int_equal(conf_section_line(c, 0), 3);
	assert_string_equal(conf_get(c, 0, "state"), "/var/lib/x");
	assert_int_equal(conf_line(c, 0, "state"), 4);
	assert_string_equal(conf_get(c, 0, "jobs"), "4");
	assert_null(conf_get(c, 0, "memory"));
	assert_int_equal(conf_line(c, 0, "memory"), 3);
	assert_string_equal(conf_section_name(c, 1), "fra");
	assert_string_equal(conf_get(c, 1, "url"), "a b=c");
	assert_string_equal(conf_section_kind(c, 2), "endpoint");
	assert_string_equal(conf_section_name(c, 2), "ams");
	assert_string_equal(conf_get(c, 2, "region"), "");
}

static void
quotes_keep_blanks_and_comment_signs(void **state)
{
	SCOPED(conf_freep)
	struct conf *c = parse(
	    "\xef\xbb\xbf[endpoint a]\nurl = \" a;b#c \\\"d\\\\ \" # x\n"
	    "region = a \"b\"\n[endpoint b]\nurl = \"\"");

	(void)state;
	assert_string_equal(conf_get(c, 0, "url"), " a;b#c \"d\\ ");
	assert_string_equal(conf_get(c, 0, "region"), "a \"b\"");
	assert_string_equal(conf_get(c, 1, "url"), "");
}

static void
an_empty_file_has_no_sections(void **state)
{
	SCOPED(conf_freep) struct conf *c = parse("");
	SCOPED(conf_freep) struct conf *d = parse("\n ; x\n\t\n");

	(void)state;
	assert_int_equal(conf_sections(c), 0);
	assert_int_equal(conf_sections(d), 0);
}

static void
unknown_words_name_the_nearest_known(void **state)
{
	(void)state;
	check_refused("[repository]\nsate = x\n",
	    "t.conf:2: unknown key 'sate' in [repository]; nearest known key: "
	    "'state'");
	check_refused("[endpoint fra]\n\nulr = x\n",
	    "t.conf:3: unknown key 'ulr' in [endpoint fra]; nearest known key: "
	    "'url'");
	check_refused("[enpoint fra]\n",
	    "t.conf:1: unknown section 'enpoint'; nearest known section: "
	    "'endpoint'");
	check_refused("[]\n",
	    "t.conf:1: unknown section ''; nearest known section: 'endpoint'");
}

static void
things_given_twice_are_refused(void **state)
{
	(void)state;
	check_refused("[repository]\njobs = 1\njobs = 2\n",
	    "t.conf:3: key 'jobs' is there already, on line 2; expected it once");
	check_refused("[endpoint a]\n[endpoint b]\n[endpoint a]\n",
	    "t.conf:3: section [endpoint a] is there already, on line 1; expected it once");
	check_refused("[repository]\n[repository]\n",
	    "t.conf:2: section [repository] is there already, on line 1; expected it once");
}

static void
bad_lines_are_refused(void **state)
{
	(void)state;
	check_refused(
	    "jobs = 1\n", "t.conf:1: expected a [SECTION] before 'jobs'");
	check_refused("[repository]\njobs\n",
	    "t.conf:2: expected KEY = VALUE or [SECTION]");
	check_refused("[repository]\njobs ; = 1\n",
	    "t.conf:2: expected KEY = VALUE or [SECTION]");
	check_refused(
	    "[repository]\n = 1\n", "t.conf:2: expected a key before '='");
	check_refused(
	    "[repository\n", "t.conf:1: expected ']' at the end of a section");
	check_refused(
	    "[repository] x\n", "t.conf:1: expected nothing after ']'");
	check_refused("[repository]\nstate = \"x\n",
	    "t.conf:2: expected '\"' at the end");
	check_refused("[repository]\nstate = \"x\" y\n",
	    "t.conf:2: expected nothing after the value");
	check_refused("[repository]\nstate = \"\\n\"\n",
	    "t.conf:2: expected \\\" or \\\\ after a backslash in quotes");
	check_refused("[repository]\nstate = \"\\",
	    "t.conf:2: expected \\\" or \\\\ after a backslash in quotes");
}

static void
names_are_one_plain_word(void **state)
{
	static const char *const bad[] = { "[endpoint a b]", "[endpoint a/b]",
		"[endpoint ..]", "[endpoint -a]", "[endpoint a\x01]",
		"[endpoint a\"]" };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	check_refused(
	    "[endpoint]\n", "t.conf:1: expected a name: [endpoint NAME]");
	check_refused("[repository x]\n",
	    "t.conf:1: [repository] takes no name: expected [repository]");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(
		    conf_parse("t.conf", bad[i], strlen(bad[i]), known, &e));
		assert_non_null(strstr(e.text, "a name of one word"));
	}
}

static void
what_is_no_text_or_too_long_is_refused(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_null(conf_parse("t.conf", "[a]\n\0", 5, known, &e));
	assert_null(conf_parse("t.conf", "\n;\0", 3, known, &e));
	assert_string_equal(
	    e.text, "t.conf:2: a zero byte; expected a text file");
	buf_add_string(&b, ";");
	buf_add_zeros(&b, CONF_LINE_MAX - 1);
	memset(b.p, ';', b.n);
	assert_non_null(strchr(buf_text(&b), ';'));
	conf_free(parse(buf_text(&b)));
	buf_add_string(&b, "x");
	assert_null(conf_parse("t.conf", buf_text(&b), b.n, known, &e));
	assert_non_null(
	    strstr(e.text, "t.conf:1: line is longer than the expected"));
}

static void
booleans_have_eight_spellings(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "1", "YES" };
	static const char *const no[] = { "no", "false", "off", "0", "Off" };
	SCOPED(conf_freep)
	struct conf *bad = parse("[repository]\nobject-lock = perhaps");
	struct err e = ERR_INIT;
	char text[64];
	bool v;
	size_t i;

	(void)state;
	for (i = 0; i < 10; i++) {
		SCOPED(conf_freep) struct conf *c = NULL;

		(void)snprintf(text, sizeof(text),
		    "[repository]\nobject-lock = %s",
		    i < 5 ? yes[i] : no[i - 5]);
		c = parse(text);
		v = i >= 5;
		assert_int_equal(conf_get_bool(c, 0, "object-lock", &v, &e), 0);
		assert_int_equal(v, i < 5);
	}
	assert_int_equal(conf_get_bool(bad, 0, "object-lock", &v, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(
	    e.text, "t.conf:2: object-lock = perhaps: expected yes or no");
}

static void
sizes_are_powers_of_1024(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_true(conf_parse_size("512", &v) && v == 512);
	assert_true(conf_parse_size("10K", &v) && v == 10240);
	assert_true(conf_parse_size("256M", &v) && v == 268435456);
	assert_true(conf_parse_size("20g", &v) && v == UINT64_C(21474836480));
	assert_true(conf_parse_size("1 T", &v) && v == UINT64_C(1) << 40);
	assert_true(conf_parse_size("16777215T", &v));
	v = 7;
	assert_false(conf_parse_size("16777216T", &v));
	assert_false(conf_parse_size("99999999999999999999", &v));
	assert_false(conf_parse_size("", &v));
	assert_false(conf_parse_size("K", &v));
	assert_false(conf_parse_size("-1", &v));
	assert_false(conf_parse_size("1.5G", &v));
	assert_false(conf_parse_size("1GG", &v));
	assert_int_equal(v, 7);
}

static void
durations_need_their_unit(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_true(conf_parse_duration("60s", &v) && v == 60);
	assert_true(conf_parse_duration("5m", &v) && v == 300);
	assert_true(conf_parse_duration("48h", &v) && v == 172800);
	assert_true(conf_parse_duration("7 days", &v) && v == 604800);
	assert_true(conf_parse_duration("2 weeks", &v) && v == 1209600);
	assert_true(conf_parse_duration("1 day", &v) && v == 86400);
	assert_true(conf_parse_duration("0", &v) && v == 0);
	v = 7;
	assert_false(conf_parse_duration("60", &v));
	assert_false(conf_parse_duration("3 months", &v));
	assert_false(conf_parse_duration("", &v));
	assert_false(conf_parse_duration("s", &v));
	assert_false(conf_parse_duration("99999999999999999999s", &v));
	assert_false(conf_parse_duration("9999999999999999999 weeks", &v));
	assert_int_equal(v, 7);
}

static void
getters_leave_what_is_not_given(void **state)
{
	SCOPED(conf_freep) struct conf *c = parse("[repository]\n");
	struct err e = ERR_INIT;
	uint64_t size = 1, time = 2;
	unsigned count = 3;
	bool on = true;

	(void)state;
	assert_int_equal(conf_get_size(c, 0, "memory", &size, &e), 0);
	assert_int_equal(
	    conf_get_duration(c, 0, "give-up-after", &time, &e), 0);
	assert_int_equal(conf_get_count(c, 0, "jobs", 1, 9, &count, &e), 0);
	assert_int_equal(conf_get_bool(c, 0, "object-lock", &on, &e), 0);
	assert_true(size == 1 && time == 2 && count == 3 && on);
}

static void
getters_say_what_they_expect(void **state)
{
	SCOPED(conf_freep)
	struct conf *c = parse(
	    "[repository]\nmemory = much\ngive-up-after = 60\njobs = 10\n");
	struct err e = ERR_INIT;
	uint64_t v = 0;
	unsigned count = 0;

	(void)state;
	assert_int_equal(conf_get_size(c, 0, "memory", &v, &e), -1);
	assert_string_equal(e.text,
	    "t.conf:2: memory = much: expected a size in bytes, or with K, M, "
	    "G or T, like 20G");
	assert_int_equal(conf_get_duration(c, 0, "give-up-after", &v, &e), -1);
	assert_non_null(strstr(e.text, "t.conf:3: give-up-after = 60: "));
	assert_int_equal(conf_get_count(c, 0, "jobs", 1, 9, &count, &e), -1);
	assert_string_equal(
	    e.text, "t.conf:4: jobs = 10: expected a whole number from 1 to 9");
	assert_int_equal(conf_get_count(c, 0, "jobs", 1, 10, &count, &e), 0);
	assert_int_equal(count, 10);
	assert_int_equal(conf_bad(c, 0, "state", "a folder", &e), -1);
	assert_string_equal(
	    e.text, "t.conf:1: [repository] lacks 'state': expected a folder");
}

static void
a_value_with_a_password_is_not_repeated(void **state)
{
	SCOPED(conf_freep)
	struct conf *c = parse(
	    "[endpoint a]\nurl = s3+https://me:hunter2@host/\n"
	    "region = host=x password=hunter2\n");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(conf_bad(c, 0, "url", "a URL", &e), -1);
	assert_null(strstr(e.text, "hunter2"));
	assert_int_equal(conf_bad(c, 0, "region", "a region", &e), -1);
	assert_null(strstr(e.text, "hunter2"));
	assert_non_null(strstr(e.text, "t.conf:3: region = "));
}

static void
a_file_is_read_even_by_a_link_and_a_missing_one_is_named(void **state)
{
	char path[] = "/tmp/triplicate-conf-XXXXXX", link_path[64];
	SCOPED(conf_freep) struct conf *c = NULL;
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[repository]\njobs = 2", 21), 21);
	assert_int_equal(close(fd), 0);
	(void)snprintf(link_path, sizeof(link_path), "%s.link", path);
	assert_int_equal(symlink(path, link_path), 0);
	c = conf_read(link_path, known, &e);
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(unlink(path), 0);
	assert_non_null(c);
	assert_string_equal(conf_get(c, 0, "jobs"), "2");
	assert_null(conf_read(path, known, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_keys_and_lines_are_found),
		cmocka_unit_test(quotes_keep_blanks_and_comment_signs),
		cmocka_unit_test(an_empty_file_has_no_sections),
		cmocka_unit_test(unknown_words_name_the_nearest_known),
		cmocka_unit_test(things_given_twice_are_refused),
		cmocka_unit_test(bad_lines_are_refused),
		cmocka_unit_test(names_are_one_plain_word),
		cmocka_unit_test(what_is_no_text_or_too_long_is_refused),
		cmocka_unit_test(booleans_have_eight_spellings),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(durations_need_their_unit),
		cmocka_unit_test(getters_leave_what_is_not_given),
		cmocka_unit_test(getters_say_what_they_expect),
		cmocka_unit_test(a_value_with_a_password_is_not_repeated),
		cmocka_unit_test(
		    a_file_is_read_even_by_a_link_and_a_missing_one_is_named),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
