/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * Every way to tamper with the audit log is found, named and placed; what is
 * honest (pending, removed, away) is not taken for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "repository/audit_log.h"
#include "tests/unit/chain_check.h"
#include "tests/unit/versions.h"

/* --- all is well --- */

static void
a_whole_chain_has_no_findings(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(check_free) struct check c;

	check_run(r, &c);
	check_assert_well(&c);
	assert_int_equal(c.entries, 3); /* init and two backups */
	assert_int_equal(c.out.entries, 3);
	assert_int_equal(c.out.seq, 3);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++) {
		assert_true(c.out.at[i].reached);
		assert_int_equal(c.out.at[i].entries, 3);
		assert_int_equal(c.out.at[i].newest, 3);
		assert_int_equal(c.out.at[i].backups, 2);
		assert_int_equal(c.out.at[i].unknown, 0);
		assert_false(c.out.at[i].is_rolled_back);
	}
}

static void
what_is_pending_is_no_finding(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(check_free) struct check c;

	check_add(r, "comment");
	fixture_backup(r, 7, NULL);
	check_run(r, &c);
	check_assert_well(&c);
	assert_int_equal(c.out.entries, 5);
	assert_int_equal(c.out.at[0].entries, 3);
}

/* As retention does it: the entry first, then the manifest everywhere. */
static void
a_removed_backup_that_is_gone_is_no_finding(void **state)
{
	struct fixture_pair *b = *state;
	SCOPED(repo_freep) struct repo *r = rig_repo(&b->g, REPO_WRITE);
	SCOPED(check_free) struct check c;
	SCOPED(check_free) struct check later;
	struct err e = ERR_INIT;

	fixture_must(
	    audit_log_add(r, "removal", b->ids[0], "production", NULL, &e), &e);
	check_run(r, &c); /* not removed there yet: explained, too */
	check_assert_well(&c);
	fixture_send(r, 0, NULL);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		check_drop_backup(r, i, b->ids[0]);
	check_run(r, &later);
	check_assert_well(&later);
	assert_int_equal(later.out.at[1].backups, 1);
}

static void
an_endpoint_that_is_away_is_a_warning(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(check_free) struct check c;

	fixture_unmount(g, 1);
	check_run(r, &c);
	check_assert_only(&c, "endpoint e1", "away", FINDING_WARNING, NULL);
	assert_false(c.out.at[1].reached);
	assert_true(c.out.at[0].reached);
	assert_true(c.out.at[2].reached);
	fixture_mount(g, 1);
}

/* --- tampering with entries --- */

static void
an_entry_that_is_gone_is_a_gap(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(check_free) struct check c;

	check_drop_entry(r, 1, 2);
	check_run(r, &c);
	check_assert_only(&c, "endpoint e1", "gap", FINDING_ERROR, "entry 2 ");
	assert_int_equal(c.out.at[1].entries, 2);
	assert_int_equal(c.out.at[1].newest, 3);
	assert_false(c.out.at[1].is_rolled_back);
}

/* The newest backup is there and was made before it: no older state has it. */
static void
the_newest_entry_gone_is_a_truncation(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(check_free) struct check c;

	check_drop_entry(r, 2, 3);
	check_run(r, &c);
	check_assert_only(
	    &c, "endpoint e2", "truncated", FINDING_ERROR, "entry 3");
	assert_int_equal(c.out.at[2].newest, 2);
	assert_false(c.out.at[2].is_rolled_back);
}

/* What the senders have found missing meanwhile was there all the same. */
static void
what_a_listing_missed_first_is_found_too(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	SCOPED(check_free) struct check c;

	check_drop_entry(r, 0, 2);
	fixture_verify(g, VERIFY_PRESENCE, false, &v);
	assert_false(v.ok);
	check_run(r, &c);
	check_assert_only(&c, "endpoint e0", "gap", FINDING_ERROR, "entry 2 ");
}

static void
changed_bytes_are_an_edit(void **state)
{
	static const enum fixture_damage ways[] = { FIXTURE_FLIP, FIXTURE_CUT };
	const struct rig *g = fixture_rig(state);

	for (size_t i = 0; i < 2; i++) {
		SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
		SCOPED(check_free) struct check c;
		char name[OBJECT_NAME_TEXT];

		check_name(r, 2, name);
		fixture_damage(g, i, name, ways[i], NULL);
		check_run(r, &c);
		assert_int_equal(
		    check_found(&c, i == 0 ? "endpoint e0" : "endpoint e1",
			"edited", FINDING_ERROR, "entry 2 "),
		    1);
		assert_int_equal(check_count(&c, FINDING_ERROR), i + 1);
		assert_false(c.out.ok);
	}
}

/* Both are valid entries, each under the other's name. */
static void
exchanged_entries_are_two_edits(void **state)
{
	const struct rig *g = fixture_rig(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	SCOPED(check_free) struct check c;
	char one[OBJECT_NAME_TEXT], other[OBJECT_NAME_TEXT];

	check_name(r, 2, one);
	check_name(r, 3, other);
	fixture_damage(g, 0, one, FIXTURE_SWAP, other);
	check_run(r, &c);
	assert_int_equal(
	    check_found(&c, "endpoint e0", "edited", FINDING_ERROR, NULL), 2);
	assert_int_equal(check_count(&c, FINDING_ERROR), 2);
	assert_int_equal(c.out.at[0].entries, 1);
}

static void
a_forged_entry_in_place_of_one_is_foreign_and_leaves_a_gap(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(check_free) struct check c;

	check_drop_entry(r, 0, 2);
	check_put(r, 0, "audit/1-2-0123456789abcdef", "forged", 6);
	check_run(r, &c);
	assert_int_equal(check_found(&c, "endpoint e0", "foreign",
			     FINDING_ERROR, "audit/1-2-0123456789abcdef"),
	    1);
	assert_int_equal(
	    check_found(&c, "endpoint e0", "gap", FINDING_ERROR, "entry 2 "),
	    1);
	assert_int_equal(check_count(&c, FINDING_ERROR), 2);
	assert_false(c.out.is_behind);
}

static void
names_that_no_entry_has_are_foreign(void **state)
{
	static const char *const names[] = { "audit/1", "audit/x-1-y",
		"audit/01-2-0123456789abcdef", "audit/1--2-0123456789abcdef",
		"audit/99999999999-2-0123456789abcdef", "backups/foo" };
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(check_free) struct check c;
	const size_t n = sizeof(names) / sizeof(names[0]);

	for (size_t i = 0; i < n; i++)
		check_put(r, 1, names[i], "junk", 4);
	check_run(r, &c);
	assert_int_equal(
	    check_found(&c, "endpoint e1", "foreign", FINDING_ERROR, NULL), n);
	assert_int_equal(check_count(&c, FINDING_ERROR), n);
}

static void
many_findings_of_one_kind_are_summed_up(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(check_free) struct check c;

	for (unsigned i = 0; i < 50; i++) {
		char name[OBJECT_NAME_TEXT];

		(void)snprintf(name, sizeof(name), "audit/%u", i);
		check_put(r, 0, name, "junk", 4);
	}
	check_run(r, &c);
	assert_int_equal(check_found(&c, "endpoint e0", "foreign",
			     FINDING_ERROR, "and 30 more"),
	    1);
	assert_int_equal(check_count(&c, FINDING_ERROR), 21);
}

static void
what_is_deleted_where_versions_are_kept_is_a_gap(void **state)
{
	SCOPED(repo_freep)
	struct repo *r = rig_repo(fixture_rig(state), REPO_READ);
	SCOPED(check_free) struct check c;
	char name[OBJECT_NAME_TEXT];

	r->endpoints[0].store = versions_new(r->endpoints[0].store);
	check_name(r, 2, name);
	versions_hide(r->endpoints[0].store, name);
	check_run(r, &c);
	check_assert_only(&c, "endpoint e0", "gap", FINDING_ERROR,
	    "deleted where versions are kept");
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(                                       \
	    name, fixture_set_up_two, fixture_tear_down_two)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_chain_has_no_findings),
		TEST(what_is_pending_is_no_finding),
		TEST(a_removed_backup_that_is_gone_is_no_finding),
		TEST(an_endpoint_that_is_away_is_a_warning),
		TEST(an_entry_that_is_gone_is_a_gap),
		TEST(the_newest_entry_gone_is_a_truncation),
		TEST(what_a_listing_missed_first_is_found_too),
		TEST(changed_bytes_are_an_edit),
		TEST(exchanged_entries_are_two_edits),
		TEST(
		    a_forged_entry_in_place_of_one_is_foreign_and_leaves_a_gap),
		TEST(names_that_no_entry_has_are_foreign),
		TEST(many_findings_of_one_kind_are_summed_up),
		TEST(what_is_deleted_where_versions_are_kept_is_a_gap),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
