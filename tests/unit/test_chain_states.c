/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * Who is older than whom: an endpoint that was put back to an older copy, a
 * local state that was, a bare machine that never saw what is gone, and a
 * writer that went on after it was replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "repository/recover.h"
#include "tests/unit/chain_check.h"

/* --- older states --- */

struct copying {
	struct store *s;
	struct json *names;
	size_t n;
	struct buf bytes[200];
};

static int
copy_object(const struct store_entry *entry, void *arg, struct err *e)
{
	struct copying *c = arg;

	assert_true(c->n < 200);
	json_append_string(c->names, entry->name);
	return (store_load(
	    c->s, entry->name, STORE_OBJECT_MAX, &c->bytes[c->n++], e));
}

/* All that an endpoint holds. */
static struct copying *
copy_endpoint(struct repo *r, size_t i)
{
	struct copying *c = mem_new(sizeof(*c));
	struct err e = ERR_INIT;

	c->s = r->endpoints[i].store;
	c->names = json_array();
	fixture_must(store_list(c->s, "", copy_object, c, &e), &e);
	return (c);
}

/* What is there goes, the copy comes back, and is freed. */
static void
put_back(const struct rig *g, struct repo *r, size_t i, struct copying *c)
{
	fixture_empty(g, i);
	for (size_t k = 0; k < c->n; k++) {
		check_put(r, i, json_text(json_at(c->names, k)), c->bytes[k].p,
		    c->bytes[k].n);
		buf_free(&c->bytes[k]);
	}
	json_free(c->names);
	free(c);
}

static void
an_endpoint_put_back_to_an_older_copy_is_found(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(check_free) struct check c;
	SCOPED(check_free) struct check healed;
	struct copying *older = copy_endpoint(r, 2);
	char id[BACKUP_ID_TEXT];

	check_add(r, "comment");
	fixture_backup(r, 3, id);
	fixture_send(r, 0, NULL);
	put_back(g, r, 2, older);
	check_run(r, &c);
	check_assert_only(&c, "endpoint e2", "rolled-back", FINDING_ERROR, id);
	assert_int_equal(check_found(&c, "endpoint e2", "rolled-back",
			     FINDING_ERROR, "entries 4 to 5"),
	    1);
	assert_true(c.out.at[2].is_rolled_back);
	assert_false(c.out.at[0].is_rolled_back);
	assert_int_equal(c.out.at[2].newest, 3);
	fixture_send(r, REPLICATE_FROM_OTHERS, NULL);
	check_run(r, &healed);
	check_assert_well(&healed);
}

/* Nothing but entries was made since then. */
static void
an_older_copy_without_a_backup_less_is_found(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(check_free) struct check c;
	struct copying *older = copy_endpoint(r, 1);

	check_add(r, "verify");
	fixture_send(r, 0, NULL);
	put_back(g, r, 1, older);
	check_run(r, &c);
	check_assert_only(
	    &c, "endpoint e1", "rolled-back", FINDING_ERROR, "entry 4");
	assert_true(c.out.at[1].is_rolled_back);
}

static void
an_emptied_endpoint_is_found(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(check_free) struct check c;

	fixture_empty(g, 0);
	check_run(r, &c);
	assert_int_equal(check_found(&c, "endpoint e0", "rolled-back",
			     FINDING_ERROR, "all 3 entries"),
	    1);
	assert_int_equal(
	    check_found(&c, "endpoint e0", "config", FINDING_ERROR, NULL), 1);
	assert_int_equal(check_count(&c, FINDING_ERROR), 2);
	assert_true(c.out.at[0].is_rolled_back);
}

static void
the_newest_backup_gone_is_an_older_state(void **state)
{
	struct fixture_pair *b = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(&b->g, REPO_READ);
	SCOPED(check_free) struct check c;

	check_drop_backup(r, 1, b->ids[1]);
	check_run(r, &c);
	check_assert_only(
	    &c, "endpoint e1", "rolled-back", FINDING_ERROR, b->ids[1]);
}

static void
an_older_backup_gone_is_found(void **state)
{
	struct fixture_pair *b = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(&b->g, REPO_READ);
	SCOPED(check_free) struct check c;

	check_drop_backup(r, 1, b->ids[0]);
	check_run(r, &c);
	check_assert_only(&c, "endpoint e1", "gone", FINDING_ERROR, b->ids[0]);
	assert_int_equal(c.out.at[1].backups, 1);
	assert_false(c.out.at[1].is_rolled_back);
}

/* --- an older local state --- */

static void
copy_file(const struct rig *g, const char *from, const char *to)
{
	SCOPED(scope_free) char *source = rig_path(g, from);
	SCOPED(scope_free) char *target = rig_path(g, to);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	fixture_must(file_load(source, (size_t)64 << 20, &b, &e), &e);
	fixture_must(file_save(target, 0600, b.p, b.n, &e), &e);
}

/* Local state, kept; and put back, as from a snapshot of the machine. */
static void
keep_state(const struct rig *g)
{
	copy_file(g, "state/db/data.mdb", "older");
	copy_file(g, "state/db/clean", "older.clean");
}
static void
put_state_back(const struct rig *g)
{
	copy_file(g, "older", "state/db/data.mdb");
	copy_file(g, "older.clean", "state/db/clean");
}

static void
entries_that_this_machine_lacks_are_a_warning(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(check_free) struct check c;
	SCOPED(check_free) struct check learned;

	keep_state(g);
	fixture_backup_everywhere(g, 3, NULL);
	put_state_back(g);
	r = rig_repo(g, REPO_WRITE);
	check_run(r, &c);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		assert_int_equal(c.out.at[i].unknown, 2);
	assert_int_equal(check_found(&c, "endpoint e1", "unknown",
			     FINDING_WARNING, "2 authentic"),
	    1);
	assert_int_equal(check_count(&c, FINDING_WARNING), RIG_ENDPOINTS);
	assert_int_equal(check_count(&c, FINDING_ERROR), 0);
	assert_true(c.out.ok);
	assert_true(c.out.is_behind);
	fixture_send(r, 0, NULL); /* which takes them in first */
	check_run(r, &learned);
	check_assert_well(&learned);
	assert_int_equal(learned.out.entries, 4);
}

/* The number was given twice: once before the state was put back, once after.
 */
static void
two_entries_of_one_number_are_a_fork(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(check_free) struct check c;
	SCOPED(check_free) struct check learned;

	repo_freep(&r);
	keep_state(g);
	r = rig_repo(g, REPO_WRITE);
	check_add(r, "pin");
	fixture_send(r, 0, NULL);
	repo_freep(&r);
	put_state_back(g);
	r = rig_repo(g, REPO_WRITE);
	check_add(r, "unpin");
	check_run(r, &c);
	assert_int_equal(
	    check_found(&c, "endpoint e0", "fork", FINDING_ERROR, NULL), 1);
	assert_int_equal(check_count(&c, FINDING_ERROR), RIG_ENDPOINTS);
	assert_false(c.out.ok);
	assert_true(c.out.is_behind);
	fixture_send(r, 0, NULL);
	check_run(r, &learned);
	assert_int_equal(check_found(&learned, "local state", "fork",
			     FINDING_ERROR, "entry 4 "),
	    1);
	assert_false(learned.out.ok);
}

/* --- a bare machine: what was tampered with before it was recovered --- */

static struct repo *
recover(const struct rig *g, size_t i, struct bare *b)
{
	struct err e = ERR_INIT;
	struct repo *r;

	fixture_recover(g, i, b);
	r = repo_open(&b->settings, REPO_READ, REPO_NEEDS_RESTORE_KEY, &e);
	fixture_must(r == NULL, &e);
	return (r);
}

static void
a_recovered_state_finds_a_gap_of_its_chain(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(repo_freep) struct repo *bare = NULL;
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(check_free) struct check c;

	check_drop_entry(r, 0, 2);
	bare = recover(g, 0, &b);
	check_run(bare, &c);
	assert_int_equal(
	    check_found(&c, "local state", "gap", FINDING_ERROR, "entry 2 "),
	    1);
	/* and the second backup stands on that entry */
	assert_int_equal(check_found(&c, "local state", "manifest",
			     FINDING_ERROR, "entry 2"),
	    1);
	assert_int_equal(check_count(&c, FINDING_ERROR), 2);
}

static void
a_recovered_state_finds_a_truncation_by_its_backups(void **state)
{
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(&pair->g, REPO_READ);
	SCOPED(repo_freep) struct repo *bare = NULL;
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(check_free) struct check c;

	check_drop_entry(r, 0, 3);
	check_drop_entry(r, 0, 2);
	bare = recover(&pair->g, 0, &b);
	check_run(bare, &c);
	check_assert_only(
	    &c, "local state", "truncated", FINDING_ERROR, pair->ids[1]);
}

static void
a_recovered_state_finds_a_backup_that_nobody_removed(void **state)
{
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(&pair->g, REPO_READ);
	SCOPED(repo_freep) struct repo *bare = NULL;
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(check_free) struct check c;

	check_drop_backup(r, 0, pair->ids[0]);
	bare = recover(&pair->g, 0, &b);
	check_run(bare, &c);
	check_assert_only(
	    &c, "local state", "gone", FINDING_ERROR, pair->ids[0]);
}

/* It may never have got there before the machine was lost. */
static void
the_newest_backup_may_be_undelivered(void **state)
{
	struct fixture_pair *pair = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(&pair->g, REPO_READ);
	SCOPED(repo_freep) struct repo *bare = NULL;
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(check_free) struct check c;

	check_drop_backup(r, 0, pair->ids[1]);
	bare = recover(&pair->g, 0, &b);
	check_run(bare, &c);
	check_assert_only(
	    &c, "local state", "gone", FINDING_WARNING, pair->ids[1]);
}

/* --- writers --- */

/* The old writer goes on at endpoint 0, then what it wrote gets to endpoint 2,
 * where the new one is. */
static void
a_displaced_writers_entries_are_told_apart(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *old = NULL;
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(check_free) struct check c;
	SCOPED(check_free) struct check learned;
	struct err e = ERR_INIT;
	uint64_t n;

	fixture_recover(g, 2, &b);
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	old = rig_repo(g, REPO_WRITE);
	check_add(old, "comment");
	check_add(old, "pin");
	assert_int_equal(rig_send(old, 2), 2);
	r = repo_open(&b.settings, REPO_WRITE, 0, &e);
	fixture_must(r == NULL, &e);
	if (r == NULL)
		return;
	check_run(r, &c);
	check_assert_only(
	    &c, "endpoint e2", "unknown", FINDING_WARNING, "2 authentic");
	assert_false(c.out.is_behind);
	fixture_must(recover_learn(r, &r->endpoints[0], &n, &e), &e);
	check_run(r, &learned);
	check_assert_only(&learned, "local state", "writer", FINDING_WARNING,
	    "entries 4 to 5 of writer 1");
	assert_int_equal(learned.out.epoch, 2);
	assert_int_equal(learned.out.seq, 4);
}

static void
a_later_writer_is_a_warning(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(recover_result_free) struct recover_result out = { .epoch = 0 };
	SCOPED(fixture_bare_free) struct bare b;
	SCOPED(check_free) struct check c;
	struct err e = ERR_INIT;

	fixture_recover(g, 2, &b);
	fixture_must(recover_take_over(&b.settings, &out, &e), &e);
	r = rig_repo(g, REPO_READ);
	check_run(r, &c);
	assert_int_equal(
	    check_found(&c, "endpoint e2", "writer", FINDING_WARNING, NULL), 1);
	assert_int_equal(
	    check_found(&c, "endpoint e2", "unknown", FINDING_WARNING, NULL),
	    1);
	assert_int_equal(check_count(&c, FINDING_ERROR), 0);
	assert_true(c.out.is_behind);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_endpoint_put_back_to_an_older_copy_is_found),
		TEST(an_older_copy_without_a_backup_less_is_found),
		TEST(an_emptied_endpoint_is_found),
		TEST(the_newest_backup_gone_is_an_older_state),
		TEST(an_older_backup_gone_is_found),
		TEST(entries_that_this_machine_lacks_are_a_warning),
		TEST(two_entries_of_one_number_are_a_fork),
		TEST(a_recovered_state_finds_a_gap_of_its_chain),
		TEST(a_recovered_state_finds_a_truncation_by_its_backups),
		TEST(a_recovered_state_finds_a_backup_that_nobody_removed),
		TEST(the_newest_backup_may_be_undelivered),
		TEST(a_displaced_writers_entries_are_told_apart),
		TEST(a_later_writer_is_a_warning),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
