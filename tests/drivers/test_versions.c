/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Versions and locks at a real S3 server, which the environment names:
 * REMOTE_LOCK_URL, a bucket with Object Lock; REMOTE_PLAIN_URL, one without;
 * REMOTE_ACCESS_KEY, REMOTE_SECRET_KEY, REMOTE_REGION and REMOTE_CA_FILE as for
 * test_remote. Each test has a folder of its own, and leaves it empty: locks
 * are of mode governance, which this program (and only it) goes past.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "storage-drivers/percent.h"
#include "storage-drivers/s3.h"
#include "storage-drivers/sigv4.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/suite.h"

#define NAME_BYTES  6
#define TIMEOUT_S   30
#define GIVE_UP_S   20
#define DAY_S	    ((int64_t)86400)
#define LIMIT	    1000
#define LOCK_S	    3L
#define RUNS_OUT_MS 60000 /* a lock of LOCK_S is waited for so long at most */
#define MANY	    1100  /* versions, more than a page has */
#define BYPASS	    "x-amz-bypass-governance-retention"
#define EMPTY_SHA256                                                           \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct place {
	char *url;
	struct store *store; /* locks what it puts for a day */
	struct s3 *bare;     /* another client: sets no locks */
};

static const char *
setting(const char *name)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): set before we run */
	const char *value = getenv(name);

	return (value != NULL && *value != '\0' ? value : NULL);
}

static struct store_conf
conf_of(const char *url, const char *lock_mode)
{
	return ((struct store_conf){ .name = SUITE_ENDPOINT,
	    .url = url,
	    .access_key = setting("REMOTE_ACCESS_KEY"),
	    .secret_key_env = "REMOTE_SECRET_KEY",
	    .region = setting("REMOTE_REGION"),
	    .ca_file = setting("REMOTE_CA_FILE"),
	    .lock_mode = lock_mode,
	    .lock_days = 1,
	    .timeout_s = TIMEOUT_S,
	    .give_up_after_s = GIVE_UP_S });
}

/* As a program has it, with all wrappers. */
static struct store *
open_at(const char *url, const char *lock_mode)
{
	const struct store_conf conf = conf_of(url, lock_mode);
	struct err e = ERR_INIT;
	struct store *s = store_open(&conf, &e);

	if (s == NULL)
		fail_msg("%s", e.text);
	return (s);
}

static struct s3 *
open_bare(const char *url)
{
	const struct store_conf conf = conf_of(url, NULL);
	struct err e = ERR_INIT;
	struct store *s = store_s3_new(
	    &conf, strncmp(url, "s3+https", 8) == 0, &e);

	if (s == NULL)
		fail_msg("%s", e.text);
	return ((struct s3 *)s);
}

static int
make_place(void **state)
{
	struct place *p = mem_new(sizeof(*p));
	char name[2 * NAME_BYTES + 1];

	random_hex(name, NAME_BYTES);
	p->url = mem_printf(
	    "%s/kept%%20versions-%s", setting("REMOTE_LOCK_URL"), name);
	p->store = open_at(p->url, "governance");
	p->bare = open_bare(p->url);
	*state = p;
	return (0);
}

/* --- what others do to a bucket ------------------------------------------ */

static void
request(struct s3 *s, const struct s3_call *call)
{
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	struct err e = ERR_INIT;

	suite_expect_success(s3_request(s, call, &a, &e), &e);
	if (a.status / 100 != 2)
		fail_msg("%s %s: %d %s", call->method, call->name, a.status,
		    buf_text(&a.body));
}

static void
put_bare(struct s3 *s, const char *name, const char *text)
{
	const struct s3_call call = { .method = "PUT",
		.name = name,
		.body = text,
		.body_bytes = strlen(text) };

	request(s, &call);
}

static void
hide(struct s3 *s, const char *name)
{
	const struct s3_call call = { .method = "DELETE", .name = name };

	request(s, &call);
}

static void
hold(struct s3 *s, const char *name, const char *status)
{
	SCOPED(scope_free)
	char *xml = mem_printf(
	    "<LegalHold><Status>%s</Status></LegalHold>", status);
	const struct s3_call call = { .method = "PUT",
		.name = name,
		.query = "legal-hold=",
		.body = xml,
		.body_bytes = strlen(xml) };

	request(s, &call);
}

/* Deletes a version with the one header that the driver never sends. */
static int
delete_past_lock(const struct s3_item *item, void *arg, struct err *e)
{
	struct s3 *s = arg;
	SCOPED(http_answer_free) struct http_answer a = { .status = 0 };
	SCOPED(buf_free) struct buf authorization = BUF_INIT, path = BUF_INIT;
	SCOPED(scope_free)
	char *query = mem_printf("versionId=%s", item->version);
	SCOPED(scope_free) char *url = NULL;
	static const char bypass_line[] = BYPASS ": true";
	static const char sha256_line[] = "x-amz-content-sha256: " EMPTY_SHA256;
	char date[CLOCK_TEXT], date_line[64];
	const struct sigv4_keys keys = { .access_key = s->access_key,
		.region = s->region,
		.secret_key = credential_value(&s->secret_key, e) };
	struct sigv4_request sign = { .method = "DELETE",
		.query = query,
		.headers = { { "host", s->host }, { BYPASS, "true" },
		    { "x-amz-content-sha256", EMPTY_SHA256 },
		    { "x-amz-date", date } },
		.nheaders = 4,
		.payload_sha256 = EMPTY_SHA256,
		.date = date };
	const char *headers[] = { bypass_line, date_line, sha256_line, NULL,
		NULL };
	struct http_request q = { .method = "DELETE", .headers = headers };

	buf_printf(&path, "%s/", s->root);
	percent_add_path(&path, s->prefix);
	percent_add_path(&path, item->name);
	sign.path = buf_text(&path);
	q.url = url = mem_printf("%s%s?%s", s->origin, sign.path, query);
	clock_stamp(clock_now(), date);
	(void)snprintf(date_line, sizeof(date_line), "x-amz-date: %s", date);
	buf_add_string(&authorization, "authorization: ");
	sigv4_sign(&keys, &sign, &authorization);
	headers[3] = buf_text(&authorization);
	if (http_do(s->http, &q, &a, e) < 0)
		return (-1);
	if (a.status != 204)
		return (http_refused(a.status, item->name, e));
	return (0);
}

static int
unmake_place(void **state)
{
	struct place *p = *state;
	SCOPED(s3_page_free)
	struct s3_page page = {
		.has_versions = true, .each = delete_past_lock, .arg = p->bare
	};
	struct err e = ERR_INIT;

	suite_expect_success(s3_read_pages(p->bare, &page, "", &e), &e);
	store_free(p->store);
	store_free(&p->bare->store);
	free(p->url);
	free(p);
	return (0);
}

/* --- what is seen -------------------------------------------------------- */

static int
count_item(const struct s3_item *item, void *arg, struct err *e)
{
	(void)item;
	(void)e;
	++*(size_t *)arg;
	return (0);
}

/* Versions and delete markers below prefix. */
static size_t
count_kept(const struct place *p, const char *prefix)
{
	size_t n = 0;
	SCOPED(s3_page_free)
	struct s3_page page = {
		.has_versions = true, .each = count_item, .arg = &n
	};
	struct err e = ERR_INIT;

	suite_expect_success(s3_read_pages(p->bare, &page, prefix, &e), &e);
	return (n);
}

static int
note_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)e;
	buf_printf(arg, "%s %llu%s\n", entry->name,
	    (unsigned long long)entry->bytes,
	    entry->is_hidden ? " hidden" : "");
	return (entry->modified == STORE_NO_TIME ? -1 : 0);
}

static void
expect_list(struct store *s, const char *expected)
{
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	struct err e = ERR_INIT;

	suite_expect_success(store_list(s, "", note_entry, &seen, &e), &e);
	assert_string_equal(buf_text(&seen), expected);
}

static void
expect_first(struct store *s, const char *name, const char *expected)
{
	SCOPED(buf_free) struct buf first = BUF_INIT;
	struct err e = ERR_INIT;

	buf_add_string(&first, "before ");
	suite_expect_success(store_load_first(s, name, LIMIT, &first, &e), &e);
	assert_int_equal(first.n, strlen("before ") + strlen(expected));
	assert_string_equal(buf_text(&first) + strlen("before "), expected);
}

/* It can't be dropped, and words says why. */
static void
expect_locked(struct store *s, const char *name, const char *words)
{
	SCOPED(scope_free)
	char *text = mem_printf("%s is locked%s", name, words);
	struct err e = ERR_INIT;

	assert_int_equal(store_drop(s, name, &e), -1);
	if (strstr(e.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, e.text);
	suite_expect_failure(-1, &e, ERR_LOCKED);
}

/* --- tests --------------------------------------------------------------- */

static void
what_is_put_is_locked_for_its_days(void **state)
{
	struct place *p = *state;
	char day[CLOCK_TEXT];

	suite_put(p->store, "packs/a", "bytes");
	clock_text(clock_now() + DAY_S, day);
	day[strlen("2026-11-22T")] = '\0';
	{
		SCOPED(scope_free) char *until = mem_printf(" until %s", day);

		expect_locked(p->store, "packs/a", until);
		expect_locked(&p->bare->store, "packs/a", until);
	}
	suite_expect(p->store, "packs/a", "bytes");
	expect_list(p->store, "packs/a 5\n");
}

static void
a_lock_runs_out(void **state)
{
	struct place *p = *state;
	const struct s3_call call = { .method = "PUT",
		.name = "packs/a",
		.body = "x",
		.body_bytes = 1,
		.lock_until = clock_now() + LOCK_S };
	uint64_t began = clock_ticks_ms();
	struct err e = ERR_INIT;

	p->bare->lock_mode = "GOVERNANCE";
	request(p->bare, &call);
	while (store_drop(p->store, "packs/a", &e) < 0) {
		assert_int_equal(e.kind, ERR_LOCKED);
		assert_true(clock_ticks_ms() - began < RUNS_OUT_MS);
		err_clear(&e);
		suite_expect_success(clock_sleep_ms(500, &e), &e);
	}
	assert_true(clock_ticks_ms() - began > 500);
	assert_int_equal(count_kept(p, ""), 0);
}

static void
what_was_overwritten_and_deleted_comes_back(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	suite_put(p->store, "packs/a", "first");
	put_bare(p->bare, "packs/a", "others' bytes");
	suite_expect(p->store, "packs/a", "others' bytes");
	expect_first(p->store, "packs/a", "first");
	hide(p->bare, "packs/a");
	hide(p->bare, "packs/a");
	put_bare(p->bare, "packs/a-1", "x");
	put_bare(p->bare, "packs/a/b", "x");
	suite_expect_none(p->store, "packs/a");
	expect_first(p->store, "packs/a", "first");
	expect_list(p->store, "packs/a 13 hidden\npacks/a-1 1\npacks/a/b 1\n");
	suite_expect_success(store_unhide(p->store, "packs/a", &e), &e);
	suite_expect(p->store, "packs/a", "others' bytes");
	suite_expect_success(store_unhide(p->store, "packs/a", &e), &e);
	expect_first(p->store, "packs/a", "first");
	expect_list(p->store, "packs/a 13\npacks/a-1 1\npacks/a/b 1\n");
}

static void
of_nothing_there_is_nothing_to_bring_back(void **state)
{
	struct place *p = *state;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	put_bare(p->bare, "packs/ab", "x");
	hide(p->bare, "packs/marked"); /* of which there never was anything */
	suite_expect_failure(
	    store_load_first(p->store, "packs/a", LIMIT, &out, &e), &e,
	    ERR_MISSING);
	suite_expect_failure(
	    store_load_first(p->store, "packs/marked", LIMIT, &out, &e), &e,
	    ERR_MISSING);
	suite_expect_failure(
	    store_unhide(p->store, "packs/a", &e), &e, ERR_MISSING);
	suite_expect_failure(
	    store_unhide(p->store, "packs/marked", &e), &e, ERR_MISSING);
	suite_expect_failure(
	    store_load_first(p->store, "packs/ab", 0, &out, &e), &e,
	    ERR_CORRUPT);
	assert_int_equal(out.n, 0);
	expect_list(p->store, "packs/ab 1\n");
	suite_expect_success(store_drop(p->store, "packs/marked", &e), &e);
	suite_expect_success(store_drop(p->store, "packs/a", &e), &e);
	assert_int_equal(count_kept(p, ""), 1);
}

static void
an_empty_object_comes_back(void **state)
{
	struct place *p = *state;

	put_bare(p->bare, "slots/a", "");
	put_bare(p->bare, "slots/a", "more");
	expect_first(p->store, "slots/a", "");
}

static void
a_drop_leaves_nothing_of_the_name_and_all_of_others(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	for (int i = 0; i < 3; i++) {
		put_bare(p->bare, "packs/a", "x");
		put_bare(p->bare, "packs/a.b", "x");
		hide(p->bare, "packs/a");
	}
	assert_int_equal(count_kept(p, "packs/a"), 9);
	suite_expect_success(store_drop(p->store, "packs/a", &e), &e);
	assert_int_equal(count_kept(p, "packs/a"), 3);
	expect_list(p->store, "packs/a.b 1\n");
	suite_expect_success(store_drop(&p->bare->store, "packs/a.b", &e), &e);
	assert_int_equal(count_kept(p, ""), 0);
}

static void
a_locked_version_is_told_behind_others(void **state)
{
	struct place *p = *state;

	suite_put(p->store, "packs/a", "first");
	put_bare(p->bare, "packs/a", "others' bytes");
	hide(p->bare, "packs/a");
	expect_locked(p->store, "packs/a", " until 2");
	expect_first(p->store, "packs/a", "first");
	assert_int_equal(count_kept(p, ""), 3);
}

static void
a_legal_hold_is_told(void **state)
{
	struct place *p = *state;

	put_bare(p->bare, "packs/a", "x");
	hold(p->bare, "packs/a", "ON");
	expect_locked(p->store, "packs/a", ": it is under a legal hold");
	hold(p->bare, "packs/a", "OFF");
	suite_expect(p->store, "packs/a", "x");
}

static void
a_lock_is_moved_on_and_never_back(void **state)
{
	struct place *p = *state;
	int64_t now = clock_now();
	char until[CLOCK_TEXT];
	struct err e = ERR_INIT;

	suite_put(p->store, "packs/a", "bytes");
	put_bare(p->bare, "packs/b", "bytes");
	clock_text(now + 9 * DAY_S, until);
	for (int days = 9; days > 0; days -= 4) {
		suite_expect_success(store_lock(p->store, "packs/a",
					 now + (int64_t)days * DAY_S, &e),
		    &e);
		suite_expect_success(store_lock(p->store, "packs/b",
					 now + (int64_t)days * DAY_S, &e),
		    &e);
	}
	suite_expect(p->store, "packs/a", "bytes");
	suite_expect(p->store, "packs/b", "bytes");
	assert_int_equal(count_kept(p, ""), 2);
	for (const char *name = "packs/a"; name != NULL;
	     name = strcmp(name, "packs/a") == 0 ? "packs/b" : NULL) {
		SCOPED(scope_free) char *words = mem_printf(" until %s", until);

		expect_locked(p->store, name, words);
	}
}

static void
what_is_not_there_is_not_locked(void **state)
{
	struct place *p = *state;
	int64_t until = clock_now() + DAY_S;
	struct err e = ERR_INIT;

	suite_expect_failure(
	    store_lock(p->store, "packs/a", until, &e), &e, ERR_MISSING);
	put_bare(p->bare, "packs/a", "x");
	hide(p->bare, "packs/a");
	suite_expect_failure(
	    store_lock(p->store, "packs/a", until, &e), &e, ERR_MISSING);
	suite_expect_failure(
	    store_lock(&p->bare->store, "packs/a", until, &e), &e, ERR_CONFIG);
}

static void
a_hidden_name_is_free_for_new_bytes(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	put_bare(p->bare, "packs/a", "old");
	suite_expect_failure(
	    store_put(p->store, "packs/a", "new", 3, STORE_PUT_NEW, &e), &e,
	    ERR_EXISTS);
	hide(p->bare, "packs/a");
	suite_expect_success(
	    store_put(p->store, "packs/a", "new", 3, STORE_PUT_NEW, &e), &e);
	suite_expect(p->store, "packs/a", "new");
	expect_first(p->store, "packs/a", "old");
}

static void
more_versions_than_a_page_has_are_one_name(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	put_bare(p->bare, "packs/a", "first");
	put_bare(p->bare, "packs/b", "behind");
	for (int i = 0; i < MANY; i++)
		put_bare(p->bare, "packs/a", "x");
	hide(p->bare, "packs/a");
	assert_int_equal(count_kept(p, ""), MANY + 3);
	expect_list(p->store, "packs/a 1 hidden\npacks/b 6\n");
	expect_first(p->store, "packs/a", "first");
	suite_expect_success(store_drop(p->store, "packs/a", &e), &e);
	assert_int_equal(count_kept(p, ""), 1);
}

static void
a_bucket_with_locks_is_known(void **state)
{
	struct place *p = *state;
	struct store_facts facts;
	struct err e = ERR_INIT;

	suite_expect_success(store_prepare(p->store, &e), &e);
	suite_expect_success(store_facts(p->store, &facts, &e), &e);
	assert_int_equal(facts.keeps_versions, STORE_YES);
	assert_int_equal(facts.locks, STORE_YES);
	assert_true(llabs((long long)(facts.clock - clock_now())) < DAY_S);
	assert_int_equal(store_parallel(p->store), 4);
}

static void
a_bucket_without_locks_is_known(void **state)
{
	SCOPED(store_freep) struct store *locking = NULL, *plain = NULL;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct store_facts facts;
	struct err e = ERR_INIT;

	(void)state;
	if (setting("REMOTE_PLAIN_URL") == NULL)
		skip();
	locking = open_at(setting("REMOTE_PLAIN_URL"), "governance");
	plain = open_at(setting("REMOTE_PLAIN_URL"), NULL);
	suite_expect_success(store_facts(plain, &facts, &e), &e);
	assert_int_equal(facts.keeps_versions, STORE_NO);
	assert_int_equal(facts.locks, STORE_NO);
	suite_expect_success(store_prepare(plain, &e), &e);
	assert_int_equal(store_prepare(locking, &e), -1);
	assert_non_null(strstr(e.text, "has no Object Lock"));
	suite_expect_failure(-1, &e, ERR_CONFIG);
	suite_expect_failure(
	    store_put(locking, "packs/a", "x", 1, 0, &e), &e, ERR_CONFIG);
	suite_expect_failure(
	    store_load_first(plain, "packs/a", LIMIT, &out, &e), &e,
	    ERR_MISSING);
	suite_put(plain, "packs/a", "x");
	suite_expect_failure(
	    store_lock(locking, "packs/a", clock_now() + DAY_S, &e), &e,
	    ERR_CONFIG);
	suite_expect_success(store_drop(plain, "packs/a", &e), &e);
	suite_expect_none(plain, "packs/a");
}

#define AT_A_PLACE(f)                                                          \
	cmocka_unit_test_setup_teardown(f, make_place, unmake_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		AT_A_PLACE(what_is_put_is_locked_for_its_days),
		AT_A_PLACE(a_lock_runs_out),
		AT_A_PLACE(what_was_overwritten_and_deleted_comes_back),
		AT_A_PLACE(of_nothing_there_is_nothing_to_bring_back),
		AT_A_PLACE(an_empty_object_comes_back),
		AT_A_PLACE(a_drop_leaves_nothing_of_the_name_and_all_of_others),
		AT_A_PLACE(a_locked_version_is_told_behind_others),
		AT_A_PLACE(a_legal_hold_is_told),
		AT_A_PLACE(a_lock_is_moved_on_and_never_back),
		AT_A_PLACE(what_is_not_there_is_not_locked),
		AT_A_PLACE(a_hidden_name_is_free_for_new_bytes),
		AT_A_PLACE(more_versions_than_a_page_has_are_one_name),
		AT_A_PLACE(a_bucket_with_locks_is_known),
		cmocka_unit_test(a_bucket_without_locks_is_known),
	};

	if (setting("REMOTE_LOCK_URL") == NULL) {
		print_message("1..0 # SKIP no REMOTE_LOCK_URL\n");
		return (0);
	}
	return (cmocka_run_group_tests_name("versions", tests, NULL, NULL) == 0
		? 0
		: 1);
}
