/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * Values that are words: retention policies, time zones, places, URLs; what is
 * taken, and that nothing else is.
 */
#include "repository/settings_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/zone_name.h"
#include "repository/keep.h"
#include "storage-drivers/url.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
all(bool (*is_good)(const char *), const char *const *texts, size_t n,
    bool good)
{
	for (size_t i = 0; i < n; i++)
		if (is_good(texts[i]) != good)
			fail_msg(
			    "'%s' is %s", texts[i], good ? "refused" : "taken");
}

static void
keep_reads_each_count_once_in_any_order(void **state)
{
	struct keep k = { .hourly = 1, .yearly = 1 };

	(void)state;
	assert_true(keep_parse(KEEP_DEFAULT, &k));
	assert_int_equal(k.daily, 7);
	assert_int_equal(k.weekly, 4);
	assert_int_equal(k.monthly, 3);
	assert_int_equal(k.hourly + k.yearly, 0);
	assert_true(
	    keep_parse("2 yearly,24 hourly, 7 daily, 4 weekly, 3 monthly", &k));
	assert_int_equal(k.hourly, 24);
	assert_int_equal(k.daily, 7);
	assert_int_equal(k.weekly, 4);
	assert_int_equal(k.monthly, 3);
	assert_int_equal(k.yearly, 2);
	assert_true(keep_parse(" 12 monthly ,\t0 daily,9999 weekly ", &k));
	assert_int_equal(k.daily, 0);
	assert_int_equal(k.weekly, 9999);
	assert_int_equal(k.monthly, 12);
	assert_true(keep_parse("1daily", &k));
	assert_int_equal(k.weekly, 0);
}

static void
keep_is_spelled_as_it_was_read(void **state)
{
	static const char *const texts[] = {
		KEEP_DEFAULT, "1 yearly", "24 hourly, 2 monthly",
		"9999 hourly, 9999 daily, 9999 weekly, 9999 monthly, 9999 yearly"
	};
	char text[KEEP_TEXT];
	struct keep k;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(keep_parse(texts[i], &k));
		keep_text(&k, text);
		assert_string_equal(text, texts[i]);
	}
}

static void
keep_refuses_the_rest_and_leaves_the_counts_alone(void **state)
{
	static const char *const bad[] = { "", " ", "daily", "7", "7 dail",
		"7 dailys", "7 daily,", ",7 daily", "7 daily 4 weekly",
		"7 daily, 4 daily", "-1 daily", "+1 daily", "1.5 daily",
		"10000 daily", "99999999999 daily", "0 daily", "7 Daily",
		"7 daily, x", "0 hourly, 0 yearly", "1 hour",
		"2 yearly, 1 yearly" };
	struct keep k = { 1, 2, 3, 4, 5 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (keep_parse(bad[i], &k))
			fail_msg("'%s' is taken", bad[i]);
		assert_int_equal(
		    k.hourly + k.daily + k.weekly + k.monthly + k.yearly, 15);
	}
	all(settings_value_is_keep, bad, COUNT(bad), false);
}

static void
zones_are_names_that_the_system_knows(void **state)
{
	static const char *const good[] = { "UTC", "Europe/Brussels",
		"America/Argentina/Buenos_Aires" };
	static const char *const bad[] = { "", "/", "/etc/passwd",
		"../../etc/passwd", "Europe/../Europe/Brussels", "Europe/",
		"Europe//Brussels", "Europe Brussels", "1", "+02:00" };

	(void)state;
	all(zone_name_is_known, good, COUNT(good), true);
	all(zone_name_is_known, bad, COUNT(bad), false);
}

static void
times_to_keep_replaced_ones_and_to_drill_are_words_or_times(void **state)
{
	static const char *const replaced[] = { "none", "next", "7 days",
		"12h" };
	static const char *const drill[] = { "no", "weekly", "14 days" };
	static const char *const bad[] = { "", "some", "7", "0", "0 days",
		"7 dais", "none ", "-1 days" };

	(void)state;
	all(settings_value_is_replaced, replaced, COUNT(replaced), true);
	all(settings_value_is_drill, drill, COUNT(drill), true);
	all(settings_value_is_replaced, bad, COUNT(bad), false);
	all(settings_value_is_drill, bad, COUNT(bad), false);
}

static void
places_are_a_host_and_a_port(void **state)
{
	static const char *const good[] = { "127.0.0.1:1025", "mail.example:0",
		"[::1]:65535", "[fe80::1%25]:25" };
	static const char *const bad[] = { "", ":25", "host", "host:", "host:x",
		"host:65536", "host:123456", "a b:25", "u@host:25", "[]:25",
		"[::1]", "[::1]25", "[::1:25", "::1:25", "http://host:25",
		"host:25 " };

	(void)state;
	all(settings_value_is_place, good, COUNT(good), true);
	all(settings_value_is_place, bad, COUNT(bad), false);
}

static void
web_urls_have_a_scheme_and_a_host(void **state)
{
	static const char *const good[] = { "https://a", "http://a:80/b?c#d" };
	static const char *const bad[] = { "", "a", "https://", "https:///x",
		"https://:80", "ftp://a", "https://a b", "https:/a",
		"https://a\"" };
	static const char *const told[] = { "mailto:a@b",
		"https://a, mailto:a@b ,http://c" };
	static const char *const untold[] = { "", "mailto:", "mailto:@b",
		"mailto:a@", "a@b", "mailto:a@b,", ",mailto:a@b",
		"mailto:a@b;https://c d" };

	(void)state;
	all(settings_value_is_web_url, good, COUNT(good), true);
	all(settings_value_is_web_url, bad, COUNT(bad), false);
	all(settings_value_is_told, told, COUNT(told), true);
	all(settings_value_is_told, untold, COUNT(untold), false);
}

static void
url_says(const char *url, const char *says)
{
	struct err e = ERR_INIT;

	assert_int_equal(url_check(url, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	if (strstr(e.text, says) == NULL)
		fail_msg("%s: '%s' is not in: %s", url, says, e.text);
	assert_null(strstr(e.text, "hunter2"));
	assert_null(strstr(e.hint, "hunter2"));
}

static void
endpoint_urls_are_checked_by_their_scheme(void **state)
{
	static const char *const good[] = { "/srv/a", "file:///srv/a",
		"file:/srv/a", "file://localhost/srv/a", "sftp://h/f",
		"sftp://u@h:22/f", "davs://h", "dav://h/f",
		"s3+https://h/bucket", "s3+http://h:9000/bucket/prefix" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (url_check(good[i], &e) < 0)
			fail_msg("%s: %s", good[i], e.text);
	url_says("srv/a", "neither an absolute path");
	url_says("ftp://u:hunter2@h/x", "unknown scheme 'ftp'");
	url_says("https://h/x", "unknown scheme 'https'");
	url_says("sftp:h", "'//'");
	url_says("sftp://", "a host");
	url_says("sftp:///f", "a host");
	url_says("sftp://u:hunter2@/f", "a host");
	url_says("davs://:443/f", "a host");
	url_says("sftp://u:hunter2@h:22/f", "a password in it");
	url_says("s3+https://h", "a bucket");
	url_says("s3+https://u@h//", "a bucket");
	url_says("file://srv/a", "file:///");
	url_says("file:///srv/%zz", "hex");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keep_reads_each_count_once_in_any_order),
		cmocka_unit_test(keep_is_spelled_as_it_was_read),
		cmocka_unit_test(
		    keep_refuses_the_rest_and_leaves_the_counts_alone),
		cmocka_unit_test(zones_are_names_that_the_system_knows),
		cmocka_unit_test(
		    times_to_keep_replaced_ones_and_to_drill_are_words_or_times),
		cmocka_unit_test(places_are_a_host_and_a_port),
		cmocka_unit_test(web_urls_have_a_scheme_and_a_host),
		cmocka_unit_test(endpoint_urls_are_checked_by_their_scheme),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
