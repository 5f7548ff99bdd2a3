/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * Senders: what gets where, what waits, and what must never be touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/config_object.h"
#include "repository/spool.h"
#include "tests/unit/repo_fixture.h"

#define HEALS (REPLICATE_PREPARE | REPLICATE_FROM_OTHERS)

struct bench {
	struct rig g;
};

static int
set_up(void **state)
{
	struct bench *b = mem_new(sizeof(*b));

	fixture_open(&b->g);
	*state = b;
	return (0);
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	stop_reset();
	fixture_close(&b->g);
	free(b);
	return (0);
}

static const struct rig *
rig_of(void **state)
{
	return (&((struct bench *)*state)->g);
}

/* The spool forgets what two endpoints have, as it does when it is full. */
static int
let_go(const struct state_object *o, void *arg, struct err *e)
{
	struct repo *r = arg;
	SCOPED(scope_free) char *path = spool_path(r->state, o->name);
	bool gone;

	if (path == NULL || !o->spooled)
		return (0);
	if (state_let_go(r->state, o->number, 2, o->pending, &gone, e) < 0)
		return (-1);
	return (gone ? file_remove(path, e) : 0);
}

static void
empty_spool(struct repo *r)
{
	struct state_tally tally;
	struct err e = ERR_INIT;

	fixture_must(state_each(r->state, -1, let_go, r, &e), &e);
	fixture_must(state_tally(r->state, &tally, &e), &e);
	assert_int_equal(tally.spool_objects, 0);
}

static void
replicate_sends_everything_to_every_endpoint(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct state_tally tally;
	struct err e = ERR_INIT;

	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, reports);
	for (size_t i = 0; i < r->nendpoints; i++) {
		assert_true(reports[i].reached && reports[i].up_to_date);
		assert_int_equal(reports[i].error.kind, ERR_NONE);
		assert_true(reports[i].packs >= 2);
		assert_true(reports[i].bytes_sent > FIXTURE_NOISE);
		assert_int_equal(reports[i].behind_packs, 0);
		assert_int_equal(fixture_restorable(g, i), 1);
	}
	fixture_assert_same(g);
	fixture_must(state_tally(r->state, &tally, &e), &e);
	assert_int_equal(tally.spool_bytes, 0);
}

static void
replicate_sends_while_a_backup_is_made(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct err e = ERR_INIT;
	SCOPED(replicate_freep)
	struct replicate *rep = replicate_start(r, 0, 0, &e);

	fixture_must(rep == NULL, &e);
	fixture_backup(r, 1, NULL);
	fixture_backup(r, 2, NULL);
	fixture_must(replicate_finish(rep, reports, &e), &e);
	for (size_t i = 0; i < r->nendpoints; i++)
		assert_true(reports[i].up_to_date);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 2), 2);
}

static void
replicate_sends_to_the_endpoints_that_were_asked_for(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct err e = ERR_INIT;
	SCOPED(replicate_freep) struct replicate *rep = NULL;

	fixture_backup(r, 1, NULL);
	rep = replicate_start(r, 1U << 1, 0, &e);
	fixture_must(rep == NULL, &e);
	fixture_must(replicate_finish(rep, reports, &e), &e);
	assert_true(reports[1].up_to_date);
	assert_false(reports[0].reached || reports[2].reached);
	assert_true(reports[0].behind_packs >= 2);
	assert_int_equal(fixture_objects(g, 0, "packs/"), 0);
	assert_int_equal(fixture_restorable(g, 1), 1);
}

static void
replicate_sets_a_missing_endpoint_aside_and_makes_nothing_there(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct state_endpoint note;
	struct err e = ERR_INIT;

	fixture_unmount(g, 1);
	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, reports);
	assert_false(reports[1].reached || reports[1].up_to_date);
	assert_int_equal(reports[1].error.kind, ERR_MISSING);
	assert_true(reports[1].behind_packs >= 2);
	assert_false(file_exists(g->endpoints[1].url));
	assert_true(reports[0].up_to_date && reports[2].up_to_date);
	fixture_must(
	    state_get_endpoint(r->state, r->endpoints[1].number, &note, &e),
	    &e);
	assert_true(note.last_error[0] != '\0');
	assert_int_equal(fixture_restorable(g, 0), 1);

	fixture_mount(g, 1);
	fixture_send(r, 0, reports);
	assert_true(reports[1].up_to_date);
	fixture_assert_same(g);
}

static void
replicate_does_not_take_an_emptied_endpoint_for_ours(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];

	fixture_empty(g, 1);
	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, reports);
	assert_false(reports[1].reached);
	assert_int_equal(reports[1].error.kind, ERR_MISSING);
	assert_int_equal(fixture_objects(g, 1, ""), 0);
}

/* Endpoint 2 is down for the first backup, up for the second, which has no new
 * data. */
static void
second_manifest_waits(const struct rig *g, struct repo *r, bool spool_has_it)
{
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];

	fixture_unmount(g, 2);
	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, reports);
	assert_true(reports[0].up_to_date && reports[1].up_to_date);
	if (!spool_has_it)
		empty_spool(r);
	fixture_mount(g, 2);
	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, reports);
	assert_true(reports[0].up_to_date && reports[1].up_to_date);
	assert_true(reports[2].reached);
	assert_true(reports[2].up_to_date == spool_has_it);
	if (spool_has_it)
		return;
	/* The packs are at the others alone: no manifest there before them. */
	assert_int_equal(fixture_objects(g, 2, "backups/"), 0);
	assert_true(reports[2].behind_packs >= 2);
	fixture_send(r, REPLICATE_FROM_OTHERS, reports);
	assert_true(reports[2].up_to_date);
}

static void
replicate_catches_up_from_the_spool_before_a_later_manifest(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);

	second_manifest_waits(g, r, true);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 2), 2);
}

static void
replicate_catches_up_from_others_when_the_spool_let_go(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);

	second_manifest_waits(g, r, false);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 2), 2);
}

static void
replicate_sends_again_what_an_endpoint_lost(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	char first[OBJECT_NAME_TEXT], second[OBJECT_NAME_TEXT];

	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, NULL);
	fixture_name(r, "packs/", 0, first);
	fixture_name(r, "packs/", 1, second);
	fixture_damage(g, 0, first, FIXTURE_DELETE, NULL);
	fixture_damage(g, 1, second, FIXTURE_CUT, NULL);

	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, reports);
	/* Not in the spool any more: the new manifest has to wait. */
	assert_false(reports[0].up_to_date || reports[1].up_to_date);
	assert_int_equal(fixture_objects(g, 0, "backups/"), 1);
	assert_int_equal(fixture_objects(g, 2, "backups/"), 2);

	fixture_send(r, REPLICATE_FROM_OTHERS, reports);
	assert_true(reports[0].up_to_date && reports[1].up_to_date);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 0), 2);
	assert_int_equal(fixture_restorable(g, 1), 2);
}

/* So many objects that are none of ours keep a scout busy for a while. */
#define JUNK 1500

static void
add_junk(const char *endpoint)
{
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < JUNK; i++) {
		SCOPED(scope_free)
		char *path = mem_printf("%s/index/1-9-%016x", endpoint, i);

		fixture_must(file_save(path, 0600, "junk", 4, &e), &e);
	}
}

static int64_t
listed_at(struct repo *r, size_t i)
{
	struct state_endpoint at;
	struct err e = ERR_INIT;

	fixture_must(
	    state_get_endpoint(r->state, r->endpoints[i].number, &at, &e), &e);
	return (at.listed);
}

/* The endpoint is set aside, loses a pack while it is away, and is back before
 * the backup ends: what it lacks has to be seen before the manifest goes. */
static void
replicate_lists_an_endpoint_that_came_back_before_a_manifest(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(scope_free)
	char *away = mem_printf("%s.away", g->endpoints[1].url), *lost = NULL;
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	SCOPED(replicate_freep) struct replicate *rep = NULL;
	char pack[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;
	int64_t listed;

	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, NULL);
	listed = listed_at(r, 1);
	fixture_name(r, "packs/", 0, pack);
	fixture_unmount(g, 1);
	lost = file_join(away, pack);
	assert_int_equal(unlink(lost), 0);
	add_junk(away);
	rep = replicate_start(r, 0, 0, &e);
	fixture_must(rep == NULL, &e);
	fixture_must(replicate_wait_known(rep, &e), &e);
	fixture_backup(r, 1, NULL);
	fixture_mount(g, 1);
	for (unsigned i = 0; i < 600 && listed_at(r, 1) == listed; i++)
		usleep(100000);
	fixture_must(replicate_finish(rep, reports, &e), &e);
	assert_true(listed_at(r, 1) != listed);
	assert_true(reports[1].reached);
	assert_false(reports[1].up_to_date);
	assert_int_equal(fixture_objects(g, 1, "backups/"), 1);
	assert_int_equal(fixture_objects(g, 0, "backups/"), 2);
}

static void
replicate_fills_an_emptied_and_a_missing_endpoint(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];

	fixture_backup(r, 1, NULL);
	fixture_send(r, 0, NULL);
	fixture_empty(g, 0);
	fixture_unmount(g, 1);
	fixture_send(r, HEALS, reports);
	for (size_t i = 0; i < r->nendpoints; i++)
		assert_true(reports[i].up_to_date);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 0), 1);
	assert_int_equal(fixture_restorable(g, 1), 1);
}

static void
replicate_writes_a_damaged_config_and_writer_again(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	char writer[OBJECT_NAME_TEXT];

	fixture_backup(r, 1, NULL);
	fixture_name(r, "writers/", 0, writer);
	fixture_damage(g, 0, "config", FIXTURE_FLIP, NULL);
	fixture_damage(g, 1, writer, FIXTURE_FLIP, NULL);
	fixture_damage(g, 2, "config", FIXTURE_DELETE, NULL);
	fixture_send(r, 0, reports);
	assert_int_equal(reports[0].error.kind, ERR_CORRUPT);
	assert_int_equal(reports[1].error.kind, ERR_CORRUPT);
	assert_int_equal(reports[2].error.kind, ERR_MISSING);
	fixture_send(r, HEALS, reports);
	for (size_t i = 0; i < r->nendpoints; i++)
		assert_true(reports[i].up_to_date);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 0), 1);
}

/* Another repository's endpoint is configured as our second. */
static void
misdirect(struct rig *g, const struct rig *other)
{
	free(g->endpoints[1].url);
	g->endpoints[1].url = mem_string(other->endpoints[0].url);
}

static void
replicate_never_touches_another_repository(void **state)
{
	struct bench *b = *state;
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct err e = ERR_INIT;
	struct rig other;
	size_t had;

	fixture_open(&other);
	fixture_backup_everywhere(&other, 9, NULL);
	misdirect(&b->g, &other);
	{
		SCOPED(repo_freep)
		struct repo *r = rig_repo(&b->g, REPO_WRITE);

		had = fixture_objects(&other, 0, "");
		fixture_backup(r, 1, NULL);
		fixture_send(r, 0, reports);
		assert_int_equal(reports[1].error.kind, ERR_KEY);
		fixture_send(r, HEALS, reports);
		assert_int_equal(reports[1].error.kind, ERR_KEY);
		assert_false(reports[1].reached);
		fixture_must(audit_log_add(r, "pin", NULL, NULL, NULL, &e), &e);
		fixture_must(replicate_audit(r, 0, &e), &e);
		assert_int_equal(fixture_objects(&other, 0, ""), had);
		/* Nor when its config is damaged: it still says whose it is. */
		fixture_damage(&other, 0, "config", FIXTURE_CUT, NULL);
		fixture_send(r, HEALS, reports);
		assert_false(reports[1].reached);
		assert_int_equal(fixture_objects(&other, 0, ""), had);
	}
	fixture_close(&other);
}

static void
replicate_audit_sends_entries_and_makes_no_endpoint(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct err e = ERR_INIT;

	fixture_backup(r, 1, NULL);
	fixture_unmount(g, 0);
	fixture_empty(g, 1);
	fixture_must(audit_log_add(r, "pin", NULL, NULL, NULL, &e), &e);
	fixture_must(replicate_audit(r, 0, &e), &e);
	assert_false(file_exists(g->endpoints[0].url));
	assert_int_equal(fixture_objects(g, 1, ""), 0);
	assert_int_equal(fixture_objects(g, 2, "audit/"), 3);
	assert_int_equal(fixture_objects(g, 2, "packs/"), 0);
}

/* Another machine's claim appears at endpoint i. */
static void
take_over(struct repo *r, size_t i)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct writer w = { .epoch = r->epoch + 1,
		.started = clock_now(),
		.host = "successor" };
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	random_bytes(w.id, sizeof(w.id));
	writer_name(&w, name);
	writer_encode(r->keys, &w, &object);
	fixture_must(store_put(r->endpoints[i].store, name, object.p, object.n,
			 STORE_PUT_NEW, &e),
	    &e);
}

static void
replicate_stops_at_a_higher_writer_epoch(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];

	take_over(r, 0);
	take_over(r, 1);
	fixture_backup(r, 1, NULL);
	fixture_send(r, HEALS, reports);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(reports[i].error.kind, ERR_TAKEN_OVER);
		assert_non_null(strstr(reports[i].error.text, "successor"));
		assert_false(reports[i].reached);
		assert_int_equal(fixture_objects(g, i, "packs/"), 0);
	}
}

static void
replicate_checks_the_writers_again_before_a_manifest(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct err e = ERR_INIT;
	SCOPED(replicate_freep)
	struct replicate *rep = replicate_start(r, 0, 0, &e);
	struct state_endpoint at;

	fixture_must(rep == NULL, &e);
	/* Every sender has passed its first check when it has listed. */
	for (size_t i = 0; i < r->nendpoints; i++)
		do
			fixture_must(state_get_endpoint(r->state,
					 r->endpoints[i].number, &at, &e),
			    &e);
		while (at.listed == 0);
	for (size_t i = 0; i < r->nendpoints; i++)
		take_over(r, i);
	fixture_backup(r, 1, NULL);
	fixture_must(replicate_finish(rep, reports, &e), &e);
	for (size_t i = 0; i < r->nendpoints; i++) {
		assert_int_equal(reports[i].error.kind, ERR_TAKEN_OVER);
		assert_int_equal(fixture_objects(g, i, "backups/"), 0);
	}
}

/* One endpoint's word is enough: the others get no manifest either. */
static void
replicate_stops_everywhere_when_one_endpoint_was_taken_over(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct state_endpoint at = { .last_error = "" };
	struct err e = ERR_INIT;
	SCOPED(replicate_freep) struct replicate *rep = NULL;

	take_over(r, 0);
	rep = replicate_start(r, 0, 0, &e);
	fixture_must(rep == NULL, &e);
	while (at.last_error[0] == '\0')
		fixture_must(state_get_endpoint(
				 r->state, r->endpoints[0].number, &at, &e),
		    &e);
	fixture_backup(r, 1, NULL);
	fixture_must(replicate_finish(rep, reports, &e), &e);
	for (size_t i = 0; i < r->nendpoints; i++) {
		assert_int_equal(reports[i].error.kind, ERR_TAKEN_OVER);
		assert_int_equal(fixture_objects(g, i, "backups/"), 0);
	}
}

static void
replicate_ends_when_asked_to_stop(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX];
	struct err e = ERR_INIT;
	SCOPED(replicate_freep) struct replicate *rep = NULL;

	fixture_backup(r, 1, NULL);
	stop_request();
	rep = replicate_start(r, 0, 0, &e);
	fixture_must(rep == NULL, &e);
	assert_int_equal(replicate_finish(rep, reports, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
	assert_int_equal(fixture_objects(g, 0, "backups/"), 0);
	stop_reset();
	fixture_send(r, 0, reports);
	fixture_assert_same(g);
}

static void
replicate_freed_early_leaves_the_rest_for_later(void **state)
{
	const struct rig *g = rig_of(state);
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct err e = ERR_INIT;
	struct replicate *rep = replicate_start(r, 0, 0, &e);

	fixture_must(rep == NULL, &e);
	fixture_backup(r, 1, NULL);
	replicate_free(rep);
	replicate_free(NULL);
	fixture_send(r, 0, NULL);
	fixture_assert_same(g);
	assert_int_equal(fixture_restorable(g, 1), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(replicate_sends_everything_to_every_endpoint),
		TEST(replicate_sends_while_a_backup_is_made),
		TEST(replicate_sends_to_the_endpoints_that_were_asked_for),
		TEST(
		    replicate_sets_a_missing_endpoint_aside_and_makes_nothing_there),
		TEST(replicate_does_not_take_an_emptied_endpoint_for_ours),
		TEST(
		    replicate_catches_up_from_the_spool_before_a_later_manifest),
		TEST(replicate_catches_up_from_others_when_the_spool_let_go),
		TEST(replicate_sends_again_what_an_endpoint_lost),
		TEST(
		    replicate_lists_an_endpoint_that_came_back_before_a_manifest),
		TEST(replicate_fills_an_emptied_and_a_missing_endpoint),
		TEST(replicate_writes_a_damaged_config_and_writer_again),
		TEST(replicate_never_touches_another_repository),
		TEST(replicate_audit_sends_entries_and_makes_no_endpoint),
		TEST(replicate_stops_at_a_higher_writer_epoch),
		TEST(replicate_checks_the_writers_again_before_a_manifest),
		TEST(
		    replicate_stops_everywhere_when_one_endpoint_was_taken_over),
		TEST(replicate_ends_when_asked_to_stop),
		TEST(replicate_freed_early_leaves_the_rest_for_later),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
