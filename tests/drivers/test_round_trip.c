/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * What doctor says of endpoints that are well, and of each that is not: folders
 * whose calls fail, two logins of one folder, and a vault whose locks lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "retention/lock_probe.h"
#include "retention/probe.h"
#include "retention/round_trip.h"
#include "storage-drivers/store_drop.h"
#include "tests/drivers/ground.h"
#include "tests/drivers/suite.h"

#define A_LONG_TIME_MS ((int64_t)3600 * 1000)

/* --- a vault: one endpoint in memory, seen through several logins -------- */

static struct {
	struct store *ram;
	int64_t locked_until;
	struct store_facts facts;
	bool lock_overwrites, lock_forgets, ignores_new, drop_lies;
} vault;

struct login {
	struct store store;
	bool may_delete;
};

static int
vault_prepare(struct store *s, struct err *e)
{
	(void)s;
	return (store_prepare(vault.ram, e));
}

static int
vault_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	(void)s;
	return (
	    store_put(vault.ram, name, p, n, vault.ignores_new ? 0 : flags, e));
}

static int
vault_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	(void)s;
	return (store_get(vault.ram, name, off, p, n, e));
}

static int
vault_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	(void)s;
	return (store_stat(vault.ram, name, bytes, e));
}

static int
vault_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	(void)s;
	return (store_list(vault.ram, prefix, each, arg, e));
}

static int
vault_drop(struct store *s, const char *name, struct err *e)
{
	if (!((struct login *)s)->may_delete)
		return (err_set(e, ERR_DENIED, "403"));
	if (vault.locked_until > clock_now())
		return (err_set(e, ERR_LOCKED, "locked for a while"));
	return (vault.drop_lies ? 0 : store_drop(vault.ram, name, e));
}

static int
vault_lock(struct store *s, const char *name, int64_t until, struct err *e)
{
	(void)s;
	if (vault.facts.locks != STORE_YES)
		return (err_set(e, ERR_CONFIG, "no Object Lock here"));
	if (!vault.lock_forgets)
		vault.locked_until = until;
	if (vault.lock_overwrites)
		return (store_put(vault.ram, name, "<Retention/>", 12, 0, e));
	return (0);
}

static int
vault_load_first(struct store *s, const char *name, size_t limit,
    struct buf *out, struct err *e)
{
	(void)s;
	return (store_load(vault.ram, name, limit, out, e));
}

static int
vault_unhide(struct store *s, const char *name, struct err *e)
{
	uint64_t bytes;

	(void)s;
	return (store_stat(vault.ram, name, &bytes, e));
}

static int
vault_facts(struct store *s, struct store_facts *out, struct err *e)
{
	(void)s;
	(void)e;
	*out = vault.facts;
	return (0);
}

static void
vault_free(struct store *s)
{
	free(s->name);
	free(s);
}

static const struct store_ops VAULT_OPS = {
	.scheme = "vault",
	.parallel = 1,
	.prepare = vault_prepare,
	.put = vault_put,
	.get = vault_get,
	.stat = vault_stat,
	.list = vault_list,
	.drop = vault_drop,
	.lock = vault_lock,
	.load_first = vault_load_first,
	.unhide = vault_unhide,
	.facts = vault_facts,
	.free = vault_free,
};

static struct store *
log_in(bool may_delete)
{
	struct login *l = mem_new(sizeof(*l));

	l->store = (struct store){ .ops = &VAULT_OPS,
		.name = mem_string("vault") };
	l->may_delete = may_delete;
	return (&l->store);
}

static int
vault_open(void **state)
{
	(void)state;
	memset(&vault, 0, sizeof(vault));
	vault.ram = store_ram_new("vault");
	vault.facts = (struct store_facts){ clock_now(), STORE_NO, STORE_NO };
	return (0);
}

static int
vault_close(void **state)
{
	(void)state;
	store_freep(&vault.ram);
	clock_replace(NULL);
	return (0);
}

/* --- trips --------------------------------------------------------------- */

struct tour {
	struct findings f;
	struct round_trip result;
};

static void
tour_end(struct tour *t)
{
	findings_free(&t->f);
}

static void
travel(struct tour *t, const struct round_trip_conf *conf)
{
	struct err e = ERR_INIT;

	findings_free(&t->f);
	t->f.subject = "endpoint x";
	assert_int_equal(round_trip(conf, &t->f, &t->result, &e), 0);
}

static const struct finding *
find(const struct tour *t, const char *name)
{
	for (size_t i = 0; i < t->f.n; i++)
		if (strcmp(t->f.v[i].name, name) == 0)
			return (&t->f.v[i]);
	return (NULL);
}

/* The one finding that is not ok has this name and state, its detail this
 * text, and a hint. */
static void
expect_only(const struct tour *t, const char *name, enum finding_state state,
    const char *text)
{
	const struct finding *f = find(t, name);

	for (size_t i = 0; i < t->f.n; i++)
		if (strcmp(t->f.v[i].name, name) != 0 &&
		    t->f.v[i].state != FINDING_OK)
			fail_msg("%s: %s", t->f.v[i].name, t->f.v[i].detail);
	if (f == NULL) {
		fail_msg("nothing is said of %s", name);
		return;
	}
	assert_int_equal(f->state, state);
	if (strstr(f->detail, text) == NULL)
		fail_msg("%s: %s", f->name, f->detail);
	if (state != FINDING_OK)
		assert_non_null(f->hint);
}

static void
expect_well(const struct tour *t)
{
	for (size_t i = 0; i < t->f.n; i++)
		if (t->f.v[i].state != FINDING_OK)
			fail_msg("%s: %s", t->f.v[i].name, t->f.v[i].detail);
	assert_true(t->result.latency_ms >= 0);
	assert_true(t->result.upload_bytes_s > 0);
	assert_true(t->result.download_bytes_s > 0);
}

/* A folder whose calls fail by one rule. */
static void
travel_with(struct tour *t, const struct ground *g, const char *op,
    unsigned skip, enum store_fault_action action, enum err_kind kind)
{
	const struct store_fault rule = { op, "", skip, UINT_MAX, action,
		kind };
	SCOPED(store_freep)
	struct store *s = store_with_faults(ground_open_at(g->root), &rule, 1);
	const struct round_trip_conf conf = { .writer = s };

	travel(t, &conf);
}

static void
a_folder_that_is_well_is_left_empty(void **state)
{
	SCOPED(ground_freep) struct ground *g = ground_new();
	SCOPED(store_freep) struct store *s = ground_open_at(g->root);
	const struct round_trip_conf conf = { .writer = s };
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	travel(&t, &conf);
	expect_well(&t);
	assert_int_equal(t.result.can_delete, STORE_YES);
	assert_int_equal(t.result.deleter_can_delete, STORE_UNKNOWN);
	assert_int_equal(t.result.versions, STORE_UNKNOWN);
	assert_false(t.result.knows_skew);
	assert_int_equal(ground_count(g, "probes"), 0);
}

static void
every_call_that_fails_is_a_finding_of_its_own(void **state)
{
	static const struct {
		const char *op, *finding;
		unsigned skip;
		enum store_fault_action action;
		enum err_kind kind;
		const char *text;
	} cases[] = {
		{ "list", "reach", 0, FAULT_FAIL, ERR_NETWORK, "" },
		{ "list", "list", 1, FAULT_FAIL, ERR_DENIED, "" },
		{ "put", "write", 0, FAULT_FAIL, ERR_FULL, "" },
		{ "put", "write", 0, FAULT_TRUNCATE, ERR_NONE, "another size" },
		{ "stat", "write", 0, FAULT_FAIL, ERR_DENIED, "" },
		{ "get", "read", 0, FAULT_FAIL, ERR_DENIED, "" },
		{ "get", "read", 0, FAULT_FLIP, ERR_NONE, "other bytes" },
		{ "put", "no overwriting", 1, FAULT_FAIL, ERR_AGAIN, "" },
		{ "get", "no overwriting", 1, FAULT_FLIP, ERR_NONE,
		    "other bytes" },
		{ "put", "throughput", 2, FAULT_FAIL, ERR_FULL, "" },
		{ "get", "throughput", 2, FAULT_FLIP, ERR_NONE, "other bytes" },
		{ "drop", "throughput", 1, FAULT_FAIL, ERR_SYSTEM, "" },
	};
	SCOPED(ground_freep) struct ground *g = ground_new();
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		travel_with(&t, g, cases[i].op, cases[i].skip, cases[i].action,
		    cases[i].kind);
		expect_only(&t, cases[i].finding, FINDING_ERROR, cases[i].text);
		if (cases[i].kind != ERR_NONE)
			assert_int_equal(
			    find(&t, cases[i].finding)->kind, cases[i].kind);
	}
}

static void
a_stop_is_no_finding(void **state)
{
	const struct store_fault rule = { "get", "", 0, UINT_MAX, FAULT_FAIL,
		ERR_STOPPED };
	SCOPED(ground_freep) struct ground *g = ground_new();
	SCOPED(store_freep)
	struct store *s = store_with_faults(ground_open_at(g->root), &rule, 1);
	const struct round_trip_conf conf = { .writer = s };
	SCOPED(tour_end) struct tour t = { .f = { .subject = "x" } };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(round_trip(&conf, &t.f, &t.result, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	assert_null(find(&t, "read"));
	assert_int_equal(ground_count(g, "probes"), 0);
}

static int64_t
much_later(void)
{
	return ((int64_t)1000 * 1000 * 1000 * 1000 * 4 + A_LONG_TIME_MS);
}

static void
old_probes_go_and_strangers_stay(void **state)
{
	SCOPED(ground_freep) struct ground *g = ground_new();
	SCOPED(store_freep) struct store *s = ground_open_at(g->root);
	struct err e = ERR_INIT;

	(void)state;
	suite_put(s, "probes/0123456789abcdef", "left by a kill");
	suite_put(s, "probes/notes", "somebody else's");
	assert_int_equal(probe_sweep(s, s, clock_now()), 0);
	assert_int_equal(ground_count(g, "probes"), 2);
	clock_replace(much_later);
	assert_int_equal(probe_sweep(s, s, clock_now()), 1);
	clock_replace(NULL);
	assert_true(ground_has(g, "probes/notes"));
	assert_int_equal(e.kind, ERR_NONE);
}

/* --- two logins ---------------------------------------------------------- */

static void
travel_by(struct tour *t, bool writer_deletes, int deleter_deletes, bool locks)
{
	SCOPED(store_freep) struct store *w = log_in(writer_deletes);
	SCOPED(store_freep)
	struct store *d = deleter_deletes < 0 ? NULL
					      : log_in(deleter_deletes != 0);
	const struct round_trip_conf conf = { w, d, locks };

	travel(t, &conf);
}

static void
a_writer_that_can_delete_is_told_of(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	travel_by(&t, true, true, false);
	expect_only(&t, "delete", FINDING_WARNING, "a thief of it can, too");
	assert_int_equal(t.result.can_delete, STORE_YES);
	assert_int_equal(t.result.deleter_can_delete, STORE_YES);
	assert_true(t.result.upload_bytes_s > 0);
}

static void
a_writer_that_can_not_is_well(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	travel_by(&t, false, true, false);
	expect_well(&t);
	assert_int_equal(t.result.can_delete, STORE_NO);
	assert_int_equal(t.result.deleter_can_delete, STORE_YES);
	/* It can still put other bytes there, which is said. */
	assert_non_null(find(&t, "overwriting"));
	assert_int_equal(suite_count(vault.ram, ""), 0);
}

static void
a_delete_login_that_can_not_is_an_error(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	travel_by(&t, false, false, false);
	expect_only(&t, "delete login", FINDING_ERROR, "403");
	assert_int_equal(t.result.deleter_can_delete, STORE_NO);
	/* Nothing large is put where nothing can be deleted. */
	assert_int_equal(t.result.upload_bytes_s, -1);
}

static void
without_any_right_to_delete_old_backups_stay(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	travel_by(&t, false, -1, false);
	expect_only(&t, "delete", FINDING_WARNING, "stay for ever");
	assert_int_equal(suite_count(vault.ram, "probes/"), 1);
}

static void
a_deletion_that_did_not_happen_is_found(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	vault.drop_lies = true;
	travel_by(&t, true, -1, false);
	expect_only(&t, "delete", FINDING_WARNING, "has it still");
}

static void
a_name_that_is_given_twice_is_an_error(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	vault.ignores_new = true;
	travel_by(&t, true, -1, false);
	expect_only(&t, "no overwriting", FINDING_ERROR, "two machines");
	assert_int_equal(suite_count(vault.ram, ""), 0);
}

/* --- facts --------------------------------------------------------------- */

static void
clocks_that_differ_are_told_of(void **state)
{
	static const struct {
		int64_t skew;
		enum finding_state is;
		const char *text;
	} cases[] = { { -55, FINDING_OK, "within" },
		{ 100, FINDING_WARNING, "ahead of" },
		{ -100, FINDING_WARNING, "behind" },
		{ 1000, FINDING_ERROR, "ahead of" } };
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		vault.facts.clock = clock_now() + cases[i].skew;
		travel_by(&t, true, -1, false);
		expect_only(&t, "clock", cases[i].is, cases[i].text);
		assert_true(t.result.knows_skew);
		assert_in_range(
		    t.result.clock_skew_s - cases[i].skew + 3, 0, 6);
	}
}

static void
versions_and_locks_are_compared_with_what_is_asked(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	travel_by(&t, true, -1, true);
	expect_only(
	    &t, "object lock", FINDING_ERROR, "nothing can be locked there");
	vault.facts.keeps_versions = STORE_YES;
	travel_by(&t, true, -1, false);
	expect_only(&t, "versions", FINDING_WARNING, "go on costing");
	vault.facts.locks = STORE_YES;
	travel_by(&t, true, -1, true);
	expect_only(&t, "versions", FINDING_OK, "Object Lock");
}

static void
a_bucket_that_locks_by_itself_is_no_fault(void **state)
{
	SCOPED(tour_end) struct tour t = { .f = { 0 } };

	(void)state;
	vault.locked_until = clock_now() + 3600;
	travel_by(&t, true, -1, false);
	expect_only(&t, "delete", FINDING_OK, "this probe too");
	assert_int_equal(t.result.can_delete, STORE_UNKNOWN);
	assert_int_equal(t.result.upload_bytes_s, -1);
}

/* --- locks --------------------------------------------------------------- */

static int
probe_locks(struct err *e)
{
	SCOPED(store_freep) struct store *w = log_in(false);
	SCOPED(store_freep) struct store *d = log_in(true);
	const struct lock_probe_conf conf = { w, w, d };

	vault.locked_until = 0;
	err_clear(e);
	return (lock_probe(&conf, e));
}

static void
locks_that_hold_are_trusted(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	vault.facts.locks = STORE_YES;
	suite_expect_success(probe_locks(&e), &e);
	assert_in_range(vault.locked_until - clock_now(), 50, 61);
	assert_int_equal(suite_count(vault.ram, "probes/"), 1);
}

static void
locks_that_lie_are_found_out(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(probe_locks(&e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "nothing can be locked there"));
	vault.facts.locks = STORE_YES;
	vault.lock_overwrites = true;
	assert_int_equal(probe_locks(&e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "bytes are others"));
	vault.lock_overwrites = false;
	vault.lock_forgets = true;
	assert_int_equal(probe_locks(&e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "deletes what is locked"));
	assert_string_not_equal(e.hint, "");
}

#define T(f) cmocka_unit_test_setup_teardown(f, vault_open, vault_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_folder_that_is_well_is_left_empty),
		T(every_call_that_fails_is_a_finding_of_its_own),
		T(a_stop_is_no_finding),
		T(old_probes_go_and_strangers_stay),
		T(a_writer_that_can_delete_is_told_of),
		T(a_writer_that_can_not_is_well),
		T(a_delete_login_that_can_not_is_an_error),
		T(without_any_right_to_delete_old_backups_stay),
		T(a_deletion_that_did_not_happen_is_found),
		T(a_name_that_is_given_twice_is_an_error),
		T(clocks_that_differ_are_told_of),
		T(versions_and_locks_are_compared_with_what_is_asked),
		T(a_bucket_that_locks_by_itself_is_no_fault),
		T(locks_that_hold_are_trusted),
		T(locks_that_lie_are_found_out),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
