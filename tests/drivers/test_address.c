/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/* URLs of endpoints taken apart, and what is refused in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "storage-drivers/address.h"
#include "storage-drivers/percent.h"

static void
a_url_has_its_parts(void **state)
{
	static const struct {
		const char *text, *user, *host, *port, *path;
	} urls[] = {
		{ "s3+https://s3.example.net/bucket/a%20b/", NULL,
		    "s3.example.net", NULL, "/bucket/a b" },
		{ "sftp://backup@ams.example.net/srv/triplicate", "backup",
		    "ams.example.net", NULL, "/srv/triplicate" },
		{ "dav://127.0.0.1:8080", NULL, "127.0.0.1", "8080", "" },
		{ "davs://[2001:db8::1]:443//x//y///", NULL, "[2001:db8::1]",
		    "443", "/x/y" },
		{ "sftp://h/%C3%A4", NULL, "h", NULL, "/\xc3\xa4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		SCOPED(address_free) struct address u = { .host = NULL };
		struct err e = ERR_INIT;

		if (address_parse(urls[i].text, &u, &e) < 0)
			fail_msg("%s: %s", urls[i].text, e.text);
		assert_string_equal(u.host, urls[i].host);
		assert_string_equal(u.path, urls[i].path);
		assert_int_equal(u.user == NULL, urls[i].user == NULL);
		if (u.user != NULL)
			assert_string_equal(u.user, urls[i].user);
		assert_int_equal(u.port == NULL, urls[i].port == NULL);
		if (u.port != NULL)
			assert_string_equal(u.port, urls[i].port);
	}
}

static void
a_bad_url_is_refused_and_never_shown(void **state)
{
	static const char *const bad[] = { "", "secret", "sftp://",
		"sftp:///secret", "dav://u:secret@h/x", "dav://h/x?secret",
		"dav://h/x#secret", "dav://h/secret/../x", "dav://h/./secret",
		"dav://h/%2e%2e/secret", "dav://h/secret%",
		"dav://h/%zz/secret", "dav://h/%00secret", "dav://h/%0asecret",
		"dav://h:99999/secret", "dav://se cret/x" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		SCOPED(address_free) struct address u = { .host = NULL };
		struct err e = ERR_INIT;

		if (address_parse(bad[i], &u, &e) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_null(strstr(e.text, "secret"));
		assert_null(strstr(e.hint, "secret"));
	}
}

static void
paths_and_values_are_escaped_and_decoded_back(void **state)
{
	SCOPED(buf_free) struct buf path = BUF_INIT, value = BUF_INIT;
	SCOPED(buf_free) struct buf back = BUF_INIT;
	char all[256];

	(void)state;
	for (size_t i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	percent_add_path(&path, "a b/~-._%+\xc3");
	assert_string_equal(buf_text(&path), "a%20b/~-._%25%2B%C3");
	percent_add_value(&value, all);
	assert_null(strchr(buf_text(&value), '/'));
	assert_true(percent_decode(buf_text(&value), value.n, &back));
	assert_int_equal(back.n, 255);
	assert_memory_equal(back.p, all, 255);
}

static void
only_this_machine_is_loopback(void **state)
{
	static const char *const here[] = { "dav://localhost/",
		"dav://127.0.0.1/", "dav://127.9.9.9:80/", "dav://[::1]/" };
	static const char *const there[] = { "dav://example.net/",
		"dav://localhost.example.net/", "dav://10.0.0.1/",
		"dav://127.example.net/" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		SCOPED(address_free) struct address u = { .host = NULL };
		SCOPED(address_free) struct address v = { .host = NULL };
		struct err e = ERR_INIT;

		assert_int_equal(address_parse(here[i], &u, &e), 0);
		assert_true(address_is_loopback(&u));
		assert_int_equal(address_parse(there[i], &v, &e), 0);
		assert_false(address_is_loopback(&v));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_has_its_parts),
		cmocka_unit_test(a_bad_url_is_refused_and_never_shown),
		cmocka_unit_test(paths_and_values_are_escaped_and_decoded_back),
		cmocka_unit_test(only_this_machine_is_loopback),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
