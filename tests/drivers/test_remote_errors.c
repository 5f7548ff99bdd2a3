/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * What goes wrong with a real server, and as which kind it is told. The
 * environment names the server (remote.h), and what else there is to try:
 *   REMOTE_STRANGER       a key that SFTP does not let in
 *   REMOTE_READONLY_URL   a folder that can't be written, with the object
 *                         "there", and "used", a folder that once could
 *   REMOTE_FULL_URL       a place without room for 2 MiB; and
 *   REMOTE_FULL_ACCESS_KEY, REMOTE_FULL_SECRET_KEY_FILE whose it is
 *   REMOTE_WRITER_ACCESS_KEY, REMOTE_WRITER_SECRET_KEY_FILE
 *                         who may put and get, but not delete
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/remote.h"
#include "tests/drivers/suite.h"

#define HOUR_MS	   ((int64_t)3600 * 1000)
#define FULL_BYTES ((size_t)2 << 20)
#define TESTS_MAX  16
#define NAME_BYTES 8
#define NAME_TEXT  (sizeof("packs/") + (size_t)2 * NAME_BYTES)

static const char *url; /* REMOTE_URL */

/* --- calls that all fail alike ------------------------------------------- */

enum call { PUT, PUT_NEW, GET, STAT, LIST, DROP, PREPARE, NCALLS };

static int
do_call(struct store *s, enum call call, struct err *e)
{
	uint64_t bytes;
	char got[1];

	switch (call) {
	case PUT: return (store_put(s, "packs/x", "x", 1, 0, e));
	case PUT_NEW:
		return (store_put(s, "packs/y", "y", 1, STORE_PUT_NEW, e));
	case GET: return (store_get(s, "packs/x", 0, got, sizeof(got), e));
	case STAT: return (store_stat(s, "packs/x", &bytes, e));
	case LIST: return (store_probe(s, e));
	case DROP: return (store_drop(s, "packs/x", e));
	case PREPARE: return (store_prepare(s, e));
	case NCALLS:
	default: return (0);
	}
}

/* Of a kind, with these words; and told at once when trying again is no use. */
static void
check_failure(int rc, struct err *e, enum err_kind kind, const char *words)
{
	const struct err was = *e;

	suite_expect_failure(rc, e, kind);
	if (strstr(was.text, words) == NULL)
		fail_msg("doesn't say \"%s\": %s", words, was.text);
	if (!err_is_transient(&was) && strstr(was.text, " times in ") != NULL)
		fail_msg("was tried again: %s", was.text);
}

static void
calls_fail(const struct store_conf *conf, enum call from, enum call to,
    enum err_kind kind, const char *words)
{
	SCOPED(store_freep) struct store *s = remote_open(conf);

	for (enum call call = from; call <= to; call++) {
		struct err e = ERR_INIT;

		check_failure(do_call(s, call, &e), &e, kind, words);
	}
}

static void
all_calls_fail(
    const struct store_conf *conf, enum err_kind kind, const char *words)
{
	calls_fail(conf, PUT, PREPARE, kind, words);
}

/* --- helpers ------------------------------------------------------------- */

static bool
is_a(const char *scheme)
{
	return (strncmp(url, scheme, strlen(scheme)) == 0);
}

/* A file with this text, for the time of a test. */
static char *
new_file(const char *text)
{
	char *path = mem_string("/tmp/triplicate-errors-XXXXXX");
	int fd = mkstemp(path);
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	suite_expect_success(file_write(fd, text, strlen(text), &e), &e);
	(void)close(fd);
	return (path);
}

static void
remove_file(char **path)
{
	(void)unlink(*path);
	free(*path);
}

/* The url with what is between two of its places replaced. */
static char *
spliced(const char *from, const char *to, const char *by)
{
	return (mem_printf("%.*s%s%s", (int)(from - url), url, by, to));
}

static const char *
host_of_url(void)
{
	const char *host = strstr(url, "://") + 3;
	const char *at = strchr(host, '@');

	return (at != NULL && at < strchr(host, '/') ? at + 1 : host);
}

/* --- who are we? --------------------------------------------------------- */

static void
a_wrong_secret_is_denied(void **state)
{
	SCOPED(remove_file)
	char *wrong = new_file("0123456789012345678901234567890123456789");
	struct store_conf conf = remote_conf(url);

	(void)state;
	conf.secret_key_env = NULL;
	if (is_a("s3"))
		conf.secret_key_file = wrong;
	else if (is_a("dav"))
		conf.password_file = wrong;
	else
		conf.identity = remote_setting("STRANGER");
	all_calls_fail(&conf, ERR_DENIED, "");
}

static void
an_unknown_user_is_denied(void **state)
{
	SCOPED(scope_free) char *other = NULL;
	struct store_conf conf = remote_conf(url);

	(void)state;
	if (is_a("s3")) {
		conf.access_key = "AKIANOBODYKNOWSTHIS0";
	} else if (is_a("dav")) {
		conf.user = "nobody-knows-him";
	} else {
		other = spliced(
		    strstr(url, "://") + 3, host_of_url(), "nobody-knows-him@");
		conf.url = other;
	}
	all_calls_fail(&conf, ERR_DENIED, "");
}

/* A name of our own: other tests may use the server. */
static const char *
new_name(char out[NAME_TEXT])
{
	(void)snprintf(out, NAME_TEXT, "packs/");
	random_hex(out + strlen(out), NAME_BYTES);
	return (out);
}

static void
who_may_only_write_deletes_nothing(void **state)
{
	struct store_conf conf = remote_conf(url);
	SCOPED(store_freep) struct store *s = NULL;
	SCOPED(store_freep) struct store *owner = remote_open(&conf);
	struct err e = ERR_INIT;
	char name[NAME_TEXT];

	(void)state;
	conf.access_key = remote_setting("WRITER_ACCESS_KEY");
	conf.secret_key_file = remote_setting("WRITER_SECRET_KEY_FILE");
	conf.secret_key_env = NULL;
	s = remote_open(&conf);
	(void)new_name(name);
	suite_put(s, name, "written");
	suite_expect(s, name, "written");
	check_failure(store_drop(s, name, &e), &e, ERR_DENIED, "DELETE");
	suite_expect(s, name, "written");
	suite_expect_success(store_drop(owner, name, &e), &e);
}

/* --- is it the right host? ----------------------------------------------- */

static void
another_host_key_is_not_taken(void **state)
{
	SCOPED(scope_free) char *text = NULL;
	SCOPED(remove_file) char *others = NULL;
	struct store_conf conf = remote_conf(url);
	const char *host = host_of_url();

	(void)state;
	conf.host_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	calls_fail(&conf, PUT, PUT, ERR_CONFIG, "another host key");
	text = mem_printf("[%.*s]:%.*s ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
			  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
	    (int)strcspn(host, ":/"), host,
	    (int)strspn(strchr(host, ':') + 1, "0123456789"),
	    strchr(host, ':') + 1);
	others = new_file(text);
	conf.host_key = NULL;
	conf.known_hosts = others;
	calls_fail(&conf, PUT, PUT, ERR_CONFIG, "another host key");
}

static void
an_unknown_host_key_is_not_taken(void **state)
{
	struct store_conf conf = remote_conf(url);

	(void)state;
	conf.host_key = NULL;
	conf.known_hosts = "/dev/null";
	calls_fail(&conf, PUT, PUT, ERR_CONFIG, "is not known");
}

/* Of the system's authorities, which take long to read. */
static void
a_certificate_of_another_authority_is_not_taken(void **state)
{
	struct store_conf conf = remote_conf(url);

	(void)state;
	conf.ca_file = NULL;
	calls_fail(&conf, PUT, PUT, ERR_CONFIG, "certificate");
}

/* libcurl finds all below "localhost" here; *.localhost is not x.y.localhost.
 */
static void
a_certificate_of_another_host_is_not_taken(void **state)
{
	SCOPED(scope_free) char *other = NULL;
	struct store_conf conf = remote_conf(url);
	const char *host = host_of_url();

	(void)state;
	other = spliced(host, host + strcspn(host, ":/"), "not.it.localhost");
	conf.url = other;
	all_calls_fail(&conf, ERR_CONFIG, "certificate");
}

static void
a_file_of_authorities_that_is_none_is_told(void **state)
{
	SCOPED(remove_file) char *none = new_file("nothing of the kind\n");
	struct store_conf conf = remote_conf(url);

	(void)state;
	conf.ca_file = none;
	all_calls_fail(&conf, ERR_CONFIG, none);
	conf.ca_file = "/nonexistent/ca.pem";
	all_calls_fail(&conf, ERR_CONFIG, conf.ca_file);
}

/* --- is the endpoint there, and can it be written? ----------------------- */

static void
a_missing_endpoint_is_missing(void **state)
{
	SCOPED(scope_free) char *missing = mem_printf("%s-missing", url);
	SCOPED(scope_free) char *below = mem_printf("%s/below", missing);
	struct store_conf conf = remote_conf(missing);

	(void)state;
	calls_fail(&conf, PUT, DROP, ERR_MISSING, "");
	/* Not made either when not even its parent is there. */
	conf.url = below;
	all_calls_fail(&conf, ERR_MISSING, "");
}

static void
can_be_read_alone(const char *place)
{
	const struct store_conf conf = remote_conf(place);
	SCOPED(store_freep) struct store *s = remote_open(&conf);

	suite_expect(s, "there", "it can be read\n");
	assert_true(suite_count(s, "") > 0);
	calls_fail(&conf, PUT, PUT_NEW, ERR_DENIED, "");
}

static void
what_can_be_read_alone_denies_writing(void **state)
{
	SCOPED(scope_free) char *used = NULL;
	const char *place = remote_setting("READONLY_URL");

	(void)state;
	can_be_read_alone(place);
	used = mem_printf("%s/used", place);
	can_be_read_alone(used);
}

static void
no_room_is_full(void **state)
{
	SCOPED(scope_free) uint8_t *much = mem_new(FULL_BYTES);
	struct store_conf conf = remote_conf(remote_setting("FULL_URL"));
	SCOPED(store_freep) struct store *s = NULL;
	struct err e = ERR_INIT;
	char small[NAME_TEXT], name[NAME_TEXT];

	(void)state;
	if (remote_setting("FULL_ACCESS_KEY") != NULL) {
		conf.access_key = remote_setting("FULL_ACCESS_KEY");
		conf.secret_key_file = remote_setting("FULL_SECRET_KEY_FILE");
		conf.secret_key_env = NULL;
	}
	s = remote_open(&conf);
	(void)new_name(name);
	suite_put(s, new_name(small), "small");
	for (unsigned flags = 0; flags <= STORE_PUT_NEW; flags++)
		check_failure(store_put(s, name, much, FULL_BYTES, flags, &e),
		    &e, ERR_FULL, "");
	suite_expect(s, small, "small");
	suite_expect_none(s, name);
	suite_expect_success(store_drop(s, small, &e), &e);
}

/* --- the line, and the clock --------------------------------------------- */

/* A port that is ours and that we don't listen on. */
static int
bind_port(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return (fd);
}

static void
a_port_where_nobody_listens_is_the_network(void **state)
{
	SCOPED(scope_free) char *there = NULL, *port_text = NULL;
	uint16_t port = 0;
	SCOPED(scope_close) int fd = bind_port(&port);
	struct store_conf conf = remote_conf(url);
	const char *host = host_of_url();

	(void)state;
	assert_true(fd >= 0);
	port_text = mem_printf("127.0.0.1:%u", port);
	there = spliced(host, strchr(host, '/'), port_text);
	conf.url = there;
	conf.give_up_after_s = 1;
	calls_fail(&conf, LIST, LIST, ERR_NETWORK, "");
	calls_fail(&conf, PUT, PUT, ERR_NETWORK, "");
}

static int64_t ahead_ms;

static int64_t
shifted_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec * 1000 + ahead_ms);
}

static void
a_clock_that_is_an_hour_off_is_told(void **state)
{
	const struct store_conf conf = remote_conf(url);

	(void)state;
	clock_replace(shifted_now_ms);
	ahead_ms = HOUR_MS;
	all_calls_fail(&conf, ERR_CONFIG, " s ahead of the server's");
	ahead_ms = -HOUR_MS;
	all_calls_fail(&conf, ERR_CONFIG, " s behind the server's");
}

static int
restore_clock(void **state)
{
	(void)state;
	clock_replace(NULL);
	return (0);
}

static bool
is_secure(void)
{
	return (is_a("s3+https") || is_a("davs"));
}

/* What can be tried on this server, with what the environment has. */
static size_t
choose(struct CMUnitTest *to)
{
	const struct {
		bool can_be_tried;
		struct CMUnitTest test;
	} all[] = {
		{ !is_a("sftp") || remote_setting("STRANGER") != NULL,
		    cmocka_unit_test(a_wrong_secret_is_denied) },
		{ true, cmocka_unit_test(an_unknown_user_is_denied) },
		{ remote_setting("WRITER_SECRET_KEY_FILE") != NULL,
		    cmocka_unit_test(who_may_only_write_deletes_nothing) },
		{ is_a("sftp"),
		    cmocka_unit_test(another_host_key_is_not_taken) },
		{ is_a("sftp"),
		    cmocka_unit_test(an_unknown_host_key_is_not_taken) },
		{ is_secure(),
		    cmocka_unit_test(
			a_certificate_of_another_authority_is_not_taken) },
		{ is_secure(),
		    cmocka_unit_test(
			a_certificate_of_another_host_is_not_taken) },
		{ is_secure(),
		    cmocka_unit_test(
			a_file_of_authorities_that_is_none_is_told) },
		{ true, cmocka_unit_test(a_missing_endpoint_is_missing) },
		{ remote_setting("READONLY_URL") != NULL,
		    cmocka_unit_test(what_can_be_read_alone_denies_writing) },
		{ remote_setting("FULL_URL") != NULL,
		    cmocka_unit_test(no_room_is_full) },
		{ true,
		    cmocka_unit_test(
			a_port_where_nobody_listens_is_the_network) },
		{ is_a("s3"),
		    cmocka_unit_test_teardown(
			a_clock_that_is_an_hour_off_is_told, restore_clock) },
	};
	size_t n = 0;

	static_assert(sizeof(all) / sizeof(all[0]) <= TESTS_MAX, "");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].can_be_tried)
			to[n++] = all[i].test;
	return (n);
}

int
main(void)
{
	struct CMUnitTest tests[TESTS_MAX];
	size_t n;

	url = remote_setting("URL");
	if (url == NULL) {
		print_message("1..0 # SKIP no REMOTE_URL\n");
		return (0);
	}
	n = choose(tests);
	return (_cmocka_run_group_tests("remote", tests, n, NULL, NULL));
}
