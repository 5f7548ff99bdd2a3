/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Servers that answer oddly where versions and locks are concerned, played:
 * what real ones don't do when they are asked to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/played.h"
#include "tests/drivers/suite.h"

#define NOW	   1795930000
#define DATE	   "Date: Sun, 29 Nov 2026 05:26:40 GMT\r\n"
#define NONE	   "<Error><Code>NoSuchObjectLockConfiguration</Code></Error>"
#define DENIED	   "<Error><Code>AccessDenied</Code></Error>"
#define LIST(text) "<ListVersionsResult>" text "</ListVersionsResult>"
#define LOCKED(mode, until)                                                    \
	"<Retention><Mode>" mode "</Mode><RetainUntilDate>" until              \
	"</RetainUntilDate></Retention>"
#define VERSION(key, id, size)                                                 \
	"<Version><Key>" key "</Key><VersionId>" id "</VersionId><Size>" size  \
	"</Size></Version>"
#define IS_V1	 "ETag: \"1\"\r\nx-amz-version-id: v1\r\n"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* An endpoint and who plays it. */
struct scene {
	struct played *played;
	struct store *store;
};

static void
scene_free(struct scene *at)
{
	store_free(at->store);
	played_freep(&at->played);
}

static struct scene
scene_of(const struct played_line *script, size_t n, const char *lock_mode)
{
	struct scene at = { .played = played_start(script, n) };
	SCOPED(scope_free)
	char *url = mem_printf(
	    "s3+http://127.0.0.1:%u/bucket", played_port(at.played));
	const struct store_conf conf = { .name = SUITE_ENDPOINT,
		.url = url,
		.access_key = "access",
		.secret_key_env = "HOME",
		.lock_mode = lock_mode,
		.lock_days = 30,
		.timeout_s = 10 };
	struct err e = ERR_INIT;

	if ((at.store = store_s3_new(&conf, false, &e)) == NULL)
		fail_msg("%s", e.text);
	return (at);
}

/* A call has failed with this kind, and words is in what it says. */
static void
expect_failure(int rc, struct err *e, enum err_kind kind, const char *words)
{
	if (rc == 0 || strstr(e->text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, e->text);
	suite_expect_failure(rc, e, kind);
}

/* --- locks --------------------------------------------------------------- */

static void
a_put_has_its_lock_only_where_locks_are_set(void **state)
{
	static const struct played_line script[] = { { "PUT /bucket/a ", 200,
	    NULL, NULL, 0 } };
	const char *const modes[] = { "compliance", NULL };
	char day[CLOCK_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		SCOPED(scene_free)
		struct scene at = scene_of(script, COUNT(script), modes[i]);
		SCOPED(scope_free) char *until = NULL;
		const char *seen;

		suite_put(at.store, "a", "bytes");
		clock_text(clock_now() + (int64_t)30 * 86400, day);
		day[strlen("2026-11-22T")] = '\0';
		until = mem_printf(
		    "x-amz-object-lock-retain-until-date: %s", day);
		seen = played_seen(at.played);
		assert_int_equal(
		    strstr(seen, "x-amz-object-lock-mode: COMPLIANCE\r\n") !=
			NULL,
		    i == 0);
		assert_int_equal(strstr(seen, until) != NULL, i == 0);
		assert_int_equal(
		    strstr(seen,
			";x-amz-object-lock-mode;"
			"x-amz-object-lock-retain-until-date,") != NULL,
		    i == 0);
		assert_non_null(strstr(seen, "content-md5: "));
	}
}

static void
odd_settings_of_locks_are_refused(void **state)
{
	struct store_conf conf = { .name = SUITE_ENDPOINT,
		.url = "s3+http://127.0.0.1/bucket",
		.access_key = "a",
		.secret_key_env = "b",
		.lock_mode = "yes",
		.lock_days = 1 };
	struct err e = ERR_INIT;

	(void)state;
	assert_null(store_s3_new(&conf, false, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	conf.lock_mode = "compliance";
	conf.lock_days = 0;
	assert_null(store_s3_new(&conf, false, &e));
	assert_non_null(strstr(e.text, "lock-days"));
}

/* What is there after the lock is not what was there before. */
static void
expect_overwritten(const char *headers, const char *body)
{
	const struct played_line script[] = {
		{ "HEAD /bucket/a ", 200, IS_V1, "bytes", 1 },
		{ "GET /bucket/a?retention=&versionId=v1 ", 404, NULL, NONE,
		    0 },
		{ "PUT /bucket/a?retention=&versionId=v1 ", 200, NULL, NULL,
		    0 },
		{ "HEAD /bucket/a ", 200, headers, body, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), "governance");
	struct err e = ERR_INIT;

	expect_failure(store_lock(at.store, "a", NOW, &e), &e, ERR_CORRUPT,
	    "overwrites what it is asked to lock");
	assert_int_equal(played_count(at.played, "PUT "), 1);
}

static void
a_server_that_overwrites_what_it_shall_lock_is_told(void **state)
{
	(void)state;
	expect_overwritten(IS_V1, "<Retention>…</Retention>");
	expect_overwritten("ETag: \"2\"\r\nx-amz-version-id: v1\r\n", "bytes");
	expect_overwritten("ETag: \"1\"\r\nx-amz-version-id: v2\r\n", "bytes");
	expect_overwritten("x-amz-version-id: v1\r\n", "bytes");
}

static void
a_lock_that_was_not_set_is_told(void **state)
{
	static const struct played_line script[] = {
		{ "HEAD /bucket/a ", 200, IS_V1, "bytes", 0 },
		{ "GET /bucket/a?retention=", 200, NULL,
		    LOCKED("COMPLIANCE", "2026-01-01T00:00:00Z"), 0 },
		{ "PUT /bucket/a?retention=", 200, NULL, NULL, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), "governance");
	struct err e = ERR_INIT;

	(void)state;
	expect_failure(store_lock(at.store, "a", NOW, &e), &e, ERR_CORRUPT,
	    "does not lock it until 2026-11-29T");
	/* It keeps the mode it has. */
	assert_non_null(strstr(played_seen(at.played),
	    "<Mode>COMPLIANCE</Mode><RetainUntilDate>2026-11-29T"));
}

static void
a_later_lock_is_left_as_it_is(void **state)
{
	static const struct played_line script[] = {
		{ "HEAD /bucket/a ", 200, IS_V1, "bytes", 0 },
		{ "GET /bucket/a?retention=", 200, NULL,
		    LOCKED("COMPLIANCE", "2027-01-01T00:00:00.000000000Z"), 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), "governance");
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_success(store_lock(at.store, "a", NOW, &e), &e);
	assert_int_equal(played_count(at.played, "PUT "), 0);
}

/* Nothing is put where the answers show that nothing would be locked. */
static void
a_server_without_locks_gets_no_put(void **state)
{
	static const struct played_line knows_none[] = {
		{ "HEAD /bucket/a ", 200, IS_V1, "bytes", 0 },
		{ "GET /bucket/a?retention=", 200, NULL, "bytes", 0 },
	};
	static const struct played_line keeps_none[] = {
		{ "HEAD /bucket/a ", 200, NULL, "bytes", 0 },
	};
	static const struct played_line locks_none[] = {
		{ "HEAD /bucket/a ", 200, IS_V1, "bytes", 0 },
		{ "GET /bucket/a?retention=", 400, NULL,
		    "<Error><Code>InvalidRequest</Code></Error>", 0 },
		{ "GET /bucket?object-lock=", 404, NULL,
		    "<Error><Code>ObjectLockConfigurationNotFoundError</Code>"
		    "</Error>",
		    0 },
	};
	static const struct played_line denies[] = {
		{ "HEAD /bucket/a ", 200, IS_V1, "bytes", 0 },
		{ "GET /bucket/a?retention=", 403, NULL, DENIED, 0 },
	};
	static const struct {
		const struct played_line *script;
		size_t n;
		enum err_kind kind;
	} cases[] = { { knows_none, COUNT(knows_none), ERR_CONFIG },
		{ keeps_none, COUNT(keeps_none), ERR_CONFIG },
		{ locks_none, COUNT(locks_none), ERR_CONFIG },
		{ denies, COUNT(denies), ERR_DENIED } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SCOPED(scene_free)
		struct scene at = scene_of(
		    cases[i].script, cases[i].n, "compliance");
		struct err e = ERR_INIT;

		suite_expect_failure(
		    store_lock(at.store, "a", NOW, &e), &e, cases[i].kind);
		assert_int_equal(played_count(at.played, "PUT "), 0);
	}
}

/* --- dropping ------------------------------------------------------------ */

/* Version "a/1=" of a can't be deleted: status and what is said of locks. */
static void
expect_drop(int status, int retention_status, const char *retention,
    const char *hold, enum err_kind kind, const char *words)
{
	const struct played_line script[] = {
		{ "GET /bucket?encoding-type=url&prefix=a&versions= ", 200,
		    NULL, LIST(VERSION("a", "a/1=", "1")), 0 },
		{ "DELETE /bucket/a?versionId=a%2F1%3D ", status, NULL, DENIED,
		    0 },
		{ "GET /bucket/a?retention=&versionId=a%2F1%3D ",
		    retention_status, DATE, retention, 0 },
		{ "GET /bucket/a?legal-hold=&versionId=a%2F1%3D ", 200, NULL,
		    hold, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), "compliance");
	struct err e = ERR_INIT;

	expect_failure(store_drop(at.store, "a", &e), &e, kind, words);
	assert_int_equal(played_count(at.played, "DELETE "), 1);
	assert_null(strstr(played_seen(at.played), "bypass"));
}

static void
a_lock_is_told_from_missing_rights(void **state)
{
	static const char off[] = "<LegalHold><Status>OFF</Status></LegalHold>";
	static const char on[] = "<LegalHold><Status>ON</Status></LegalHold>";

	(void)state;
	expect_drop(403, 200, LOCKED("COMPLIANCE", "2026-12-01T00:00:00Z"), off,
	    ERR_LOCKED, "a is locked until 2026-12-01T00:00:00Z");
	expect_drop(400, 200, LOCKED("COMPLIANCE", "2026-12-01T00:00:00Z"), off,
	    ERR_LOCKED, "a is locked until 2026-12-01T00:00:00Z");
	expect_drop(403, 200, LOCKED("COMPLIANCE", "2026-11-01T00:00:00Z"), off,
	    ERR_DENIED, "AccessDenied");
	expect_drop(403, 404, NONE, off, ERR_DENIED, "AccessDenied");
	expect_drop(403, 404, NONE, on, ERR_LOCKED, "legal hold");
	expect_drop(403, 403, DENIED, on, ERR_DENIED, "DELETE a");
	expect_drop(403, 503, "", on, ERR_AGAIN, "503");
	expect_drop(403, 200, "bytes of an object", on, ERR_DENIED, "DELETE a");
	expect_drop(503, 200, "", off, ERR_AGAIN, "DELETE a");
}

/* A bucket that says this of itself is deleted from as before: once it is asked
 * and no more. */
static void
expect_plain_drop(int status, const char *versioning)
{
	const struct played_line script[] = {
		{ "GET /bucket?versioning= ", status, NULL, versioning, 0 },
		{ "DELETE /bucket/a ", 204, NULL, NULL, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), NULL);
	struct err e = ERR_INIT;

	suite_expect_success(store_drop(at.store, "a", &e), &e);
	suite_expect_success(store_drop(at.store, "a", &e), &e);
	assert_int_equal(played_count(at.played, "GET /bucket?versioning="), 1);
	assert_int_equal(played_count(at.played, "DELETE /bucket/a "), 2);
}

static void
a_bucket_that_tells_of_no_versions_has_none(void **state)
{
	(void)state;
	expect_plain_drop(200, "<VersioningConfiguration/>");
	expect_plain_drop(200,
	    "<ListBucketResult><Status>Enabled</Status>"
	    "</ListBucketResult>");
	expect_plain_drop(200, "no XML");
	expect_plain_drop(403, DENIED);
	expect_plain_drop(405, NULL);
	expect_plain_drop(501, "<Error><Code>NotImplemented</Code></Error>");
	expect_plain_drop(400, "<Error><Code>InvalidRequest</Code></Error>");
}

static void
a_bucket_that_once_kept_versions_is_emptied(void **state)
{
	static const struct played_line script[] = {
		{ "GET /bucket?versioning= ", 503, NULL, NULL, 1 },
		{ "GET /bucket?versioning= ", 200, NULL,
		    "<VersioningConfiguration><Status>Suspended</Status>"
		    "</VersioningConfiguration>",
		    0 },
		{ "GET /bucket?encoding-type=url&prefix=a&versions= ", 200,
		    NULL,
		    LIST("<DeleteMarker><Key>a</Key><VersionId>null</VersionId>"
			 "</DeleteMarker>" VERSION("a", "2", "1")
			     VERSION("a", "1", "1") VERSION("a-b", "1", "1")),
		    0 },
		{ "DELETE /bucket/a?versionId=1 ", 204, NULL, NULL, 1 },
		{ "DELETE /bucket/a?versionId=2 ", 404, NULL,
		    "<Error><Code>NoSuchVersion</Code></Error>", 1 },
		{ "DELETE /bucket/a?versionId=null ", 204, NULL, NULL, 1 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), NULL);
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_failure(store_drop(at.store, "a", &e), &e, ERR_AGAIN);
	assert_int_equal(played_count(at.played, "DELETE "), 0);
	suite_expect_success(store_drop(at.store, "a", &e), &e);
	assert_int_equal(played_count(at.played, "DELETE "), 3);
}

/* What Swift (2.30) answers when it has deleted the newest version, and other
 * names begin alike: it looks for an older one among these. */
static void
expect_drop_answered(int bucket, const char *listing, enum err_kind kind)
{
	const struct played_line script[] = {
		{ "GET /bucket?versioning= ", 200, NULL,
		    "<VersioningConfiguration><Status>Enabled</Status>"
		    "</VersioningConfiguration>",
		    0 },
		{ "GET /bucket?encoding-type=url&prefix=a&versions= ", 200,
		    NULL, LIST(VERSION("a", "1", "1") VERSION("ab", "2", "1")),
		    0 },
		{ "DELETE /bucket/a?versionId=1 ", 404, NULL,
		    "<Error><Code>NoSuchBucket</Code><Message>The specified "
		    "bucket does not exist.</Message></Error>",
		    0 },
		{ "GET /bucket?encoding-type=url&list-type=2&prefix=writers%2F",
		    bucket, NULL, listing, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), NULL);
	struct err e = ERR_INIT;

	if (kind == ERR_NONE)
		suite_expect_success(store_drop(at.store, "a", &e), &e);
	else
		suite_expect_failure(store_drop(at.store, "a", &e), &e, kind);
	assert_int_equal(played_count(at.played, "DELETE "), 1);
}

static void
a_bucket_said_to_be_missing_is_asked_itself(void **state)
{
	(void)state;
	expect_drop_answered(
	    200, "<ListBucketResult></ListBucketResult>", ERR_NONE);
	expect_drop_answered(
	    404, "<Error><Code>NoSuchBucket</Code></Error>", ERR_MISSING);
	expect_drop_answered(503, NULL, ERR_AGAIN);
}

/* Swift waits for one that isn't announced as none. */
static void
a_delete_says_that_it_has_no_body(void **state)
{
	static const struct played_line script[] = {
		{ "GET /bucket?versioning= ", 200, NULL,
		    "<VersioningConfiguration/>", 0 },
		{ "DELETE /bucket/a ", 204, NULL, NULL, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), NULL);
	struct err e = ERR_INIT;
	const char *delete;

	(void)state;
	suite_expect_success(store_drop(at.store, "a", &e), &e);
	delete = strstr(played_seen(at.played), "DELETE /bucket/a ");
	assert_non_null(delete);
	assert_non_null(strcasestr(delete, "\r\ncontent-length: 0\r\n"));
}

/* --- writing ------------------------------------------------------------- */

/* Swift has no conditional PUT: it is asked once, and then left in peace. */
static void
a_server_without_conditions_is_asked_once(void **state)
{
	static const struct played_line script[] = {
		{ "HEAD /bucket/", 404, NULL, NULL, 0 },
		{ "PUT /bucket/", 501, NULL,
		    "<Error><Code>NotImplemented</Code><Message>Conditional "
		    "object PUTs are not supported.</Message></Error>",
		    1 },
		{ "PUT /bucket/", 200, NULL, NULL, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), NULL);
	struct err e = ERR_INIT;
	const char *seen;

	(void)state;
	suite_expect_success(
	    store_put(at.store, "a", "x", 1, STORE_PUT_NEW, &e), &e);
	suite_expect_success(
	    store_put(at.store, "b", "x", 1, STORE_PUT_NEW, &e), &e);
	assert_int_equal(played_count(at.played, "PUT /bucket/a "), 2);
	assert_int_equal(played_count(at.played, "PUT /bucket/b "), 1);
	seen = strcasestr(played_seen(at.played), "if-none-match");
	assert_non_null(seen);
	assert_null(strcasestr(seen + 1, "if-none-match"));
}

static void
a_quota_is_full_whatever_its_name(void **state)
{
	static const struct played_line script[] = {
		{ "PUT /bucket/a ", 400, NULL,
		    "<Error><Code>EntityTooLarge</Code><Message>Upload exceeds "
		    "quota.</Message></Error>",
		    1 },
		{ "PUT /bucket/a ", 403, NULL,
		    "<Error><Code>QuotaExceeded</Code></Error>", 1 },
		{ "PUT /bucket/a ", 413, NULL, NULL, 1 },
		{ "PUT /bucket/a ", 507, NULL, NULL, 1 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), NULL);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(script); i++)
		expect_failure(store_put(at.store, "a", "x", 1, 0, &e), &e,
		    ERR_FULL, "PUT a");
}

/* --- reading ------------------------------------------------------------- */

static void
a_listing_that_does_not_go_on_ends(void **state)
{
	static const char page[] = LIST(
	    "<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
	    "<NextVersionIdMarker>1</NextVersionIdMarker>" VERSION(
		"a", "1", "1"));
	static const struct played_line script[] = {
		{ "GET /bucket?encoding-type=url&prefix=a&versions= ", 200,
		    NULL, page, 0 },
		{ "GET /bucket?encoding-type=url&key-marker=a&prefix=a"
		  "&version-id-marker=1&versions= ",
		    200, NULL, page, 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), "compliance");
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	expect_failure(store_load_first(at.store, "a", 9, &out, &e), &e,
	    ERR_CORRUPT, "does not go on after a");
	assert_int_equal(played_count(at.played, "GET "), 2);
}

static void
first_bytes_that_are_not_all_there_are_corrupt(void **state)
{
	static const struct played_line script[] = {
		{ "GET /bucket?encoding-type=url&prefix=a&versions= ", 200,
		    NULL, LIST(VERSION("a", "1", "6")), 0 },
		{ "GET /bucket/a?versionId=1 ", 200, NULL, "12345", 1 },
		{ "GET /bucket/a?versionId=1 ", 200, NULL, "1234567", 1 },
		{ "GET /bucket/a?versionId=1 ", 206, NULL, "123456", 1 },
		{ "GET /bucket/a?versionId=1 ", 404, NULL, NULL, 1 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), "compliance");
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 2; i++) {
		suite_expect_failure(
		    store_load_first(at.store, "a", 6, &out, &e), &e,
		    ERR_CORRUPT);
		assert_int_equal(out.n, 0);
	}
	suite_expect_success(store_load_first(at.store, "a", 6, &out, &e), &e);
	assert_string_equal(buf_text(&out), "123456");
	suite_expect_failure(
	    store_load_first(at.store, "a", 6, &out, &e), &e, ERR_MISSING);
	suite_expect_failure(
	    store_load_first(at.store, "a", 5, &out, &e), &e, ERR_CORRUPT);
	assert_int_equal(out.n, 6);
}

static void
expect_facts(const struct played_line script[2], enum store_answer keeps,
    enum store_answer locks)
{
	SCOPED(scene_free) struct scene at = scene_of(script, 2, NULL);
	struct store_facts facts;
	struct err e = ERR_INIT;

	suite_expect_success(store_facts(at.store, &facts, &e), &e);
	assert_int_equal(facts.clock, NOW);
	assert_int_equal(facts.keeps_versions, keeps);
	assert_int_equal(facts.locks, locks);
}

static void
what_is_not_told_is_unknown(void **state)
{
	static const char asks_versions[] = "GET /bucket?versioning= ",
			  asks_locks[] = "GET /bucket?object-lock= ";
	const struct played_line all[] = { { asks_versions, 200, NULL,
					       "<VersioningConfiguration>"
					       "<Status>Enabled</Status>"
					       "</VersioningConfiguration>",
					       0 },
		{ asks_locks, 200, DATE,
		    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled"
		    "</ObjectLockEnabled></ObjectLockConfiguration>",
		    0 } };
	const struct played_line none[] = { { asks_versions, 200, NULL,
						"<VersioningConfiguration>"
						"<Status>Suspended</Status>"
						"</VersioningConfiguration>",
						0 },
		{ asks_locks, 404, DATE,
		    "<Error><Code>ObjectLockConfigurationNotFoundError</Code>"
		    "</Error>",
		    0 } };
	const struct played_line denied[] = { { asks_versions, 403, NULL,
						  DENIED, 0 },
		{ asks_locks, 403, DATE, DENIED, 0 } };
	const struct played_line odd[] = { { asks_versions, 501, NULL, NULL,
					       0 },
		{ asks_locks, 200, DATE,
		    "<ListBucketResult></ListBucketResult>", 0 } };

	(void)state;
	expect_facts(all, STORE_YES, STORE_YES);
	expect_facts(none, STORE_NO, STORE_NO);
	expect_facts(denied, STORE_UNKNOWN, STORE_UNKNOWN);
	expect_facts(odd, STORE_UNKNOWN, STORE_UNKNOWN);
}

static void
a_bucket_that_is_not_there_has_no_facts(void **state)
{
	static const struct played_line script[] = { { "GET /bucket?", 404,
	    NULL, "<Error><Code>NoSuchBucket</Code></Error>", 0 } };
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), NULL);
	struct store_facts facts;
	struct err e = ERR_INIT;

	(void)state;
	suite_expect_failure(
	    store_facts(at.store, &facts, &e), &e, ERR_MISSING);
	suite_expect_failure(store_drop(at.store, "a", &e), &e, ERR_MISSING);
	assert_int_equal(played_count(at.played, "DELETE "), 0);
}

/* Only what is certain is held against a bucket that is to lock. */
static void
expect_prepared(int status, const char *body, enum err_kind kind)
{
	const struct played_line script[] = {
		{ "GET /bucket?encoding-type=url&prefix=writers%2F&versions= ",
		    200, NULL, LIST(""), 0 },
		{ "GET /bucket?object-lock= ", status, NULL, body, 0 },
		{ "PUT /bucket/a ", 400, NULL,
		    "<Error><Code>InvalidRequest</Code></Error>", 0 },
	};
	SCOPED(scene_free)
	struct scene at = scene_of(script, COUNT(script), "compliance");
	struct err e = ERR_INIT;

	if (kind == ERR_NONE) {
		suite_expect_success(store_prepare(at.store, &e), &e);
		expect_failure(store_put(at.store, "a", "x", 1, 0, &e), &e,
		    ERR_SYSTEM, "InvalidRequest");
		return;
	}
	expect_failure(store_prepare(at.store, &e), &e, kind,
	    "object-lock is set, but bucket bucket has no Object Lock");
	expect_failure(store_put(at.store, "a", "x", 1, 0, &e), &e, kind,
	    "object-lock is set, but bucket bucket has no Object Lock");
}

static void
a_bucket_that_surely_has_no_locks_is_refused(void **state)
{
	(void)state;
	expect_prepared(404,
	    "<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>",
	    ERR_CONFIG);
	expect_prepared(200, "<ObjectLockConfiguration/>", ERR_CONFIG);
	expect_prepared(403, DENIED, ERR_NONE);
	expect_prepared(501, NULL, ERR_NONE);
}

static void
a_webdav_server_tells_its_clock(void **state)
{
	static const struct played_line script[] = {
		{ "OPTIONS /at/ ", 403, DATE, NULL, 1 },
		{ "OPTIONS /at/ ", 200, "Date: yesterday\r\n", NULL, 1 },
	};
	SCOPED(played_freep)
	struct played *p = played_start(script, COUNT(script));
	SCOPED(scope_free)
	char *url = mem_printf("dav://127.0.0.1:%u/at", played_port(p));
	const struct store_conf conf = {
		.name = SUITE_ENDPOINT, .url = url, .timeout_s = 10
	};
	struct err e = ERR_INIT;
	SCOPED(store_freep)
	struct store *s = store_webdav_new(&conf, false, &e);
	struct store_facts facts;

	(void)state;
	suite_expect_success(store_facts(s, &facts, &e), &e);
	assert_int_equal(facts.clock, NOW);
	assert_int_equal(facts.locks, STORE_UNKNOWN);
	assert_int_equal(facts.keeps_versions, STORE_UNKNOWN);
	suite_expect_success(store_facts(s, &facts, &e), &e);
	assert_int_equal(facts.clock, STORE_NO_TIME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_put_has_its_lock_only_where_locks_are_set),
		cmocka_unit_test(odd_settings_of_locks_are_refused),
		cmocka_unit_test(
		    a_server_that_overwrites_what_it_shall_lock_is_told),
		cmocka_unit_test(a_lock_that_was_not_set_is_told),
		cmocka_unit_test(a_later_lock_is_left_as_it_is),
		cmocka_unit_test(a_server_without_locks_gets_no_put),
		cmocka_unit_test(a_lock_is_told_from_missing_rights),
		cmocka_unit_test(a_bucket_that_tells_of_no_versions_has_none),
		cmocka_unit_test(a_bucket_that_once_kept_versions_is_emptied),
		cmocka_unit_test(a_bucket_said_to_be_missing_is_asked_itself),
		cmocka_unit_test(a_delete_says_that_it_has_no_body),
		cmocka_unit_test(a_server_without_conditions_is_asked_once),
		cmocka_unit_test(a_quota_is_full_whatever_its_name),
		cmocka_unit_test(a_listing_that_does_not_go_on_ends),
		cmocka_unit_test(
		    first_bytes_that_are_not_all_there_are_corrupt),
		cmocka_unit_test(what_is_not_told_is_unknown),
		cmocka_unit_test(a_bucket_that_is_not_there_has_no_facts),
		cmocka_unit_test(a_bucket_that_surely_has_no_locks_is_refused),
		cmocka_unit_test(a_webdav_server_tells_its_clock),
	};

	secret_start();
	return (cmocka_run_group_tests_name("odd S3", tests, NULL, NULL) == 0
		? 0
		: 1);
}
