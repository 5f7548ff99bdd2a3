/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* The spool: nothing that was stored is lost by a crash, nothing that no one
 * needs stays, and a full one makes room or says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/stop.h"
#include "repository/pack.h"
#include "repository/spool.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

#define BYTES ((size_t)300000)

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

static int
setup(void **arg)
{
	struct rig *g = mem_new(sizeof(*g));

	rig_open_repository(g, 3);
	*arg = g;
	return (0);
}

static int
teardown(void **arg)
{
	stop_reset();
	rig_close(*arg);
	free(*arg);
	return (0);
}

static size_t
files_in(struct rig *g, const char *name)
{
	SCOPED(scope_free) char *path = rig_path(g, name);

	return (rig_files(path));
}

static void
save_there(struct rig *g, const char *name, const void *p, size_t n)
{
	SCOPED(scope_free) char *path = rig_path(g, name);
	struct err e = ERR_INIT;

	must(file_make_parent(path, 0700, &e), &e);
	must(file_save(path, 0600, p, n, &e), &e);
}

/* The first pack that local state knows. */
static int
take_first(const struct state_object *o, void *arg, struct err *e)
{
	(void)e;
	*(struct state_object *)arg = *o;
	return (1);
}

static struct state_object
first_of(struct repo *r, int class)
{
	struct state_object o;
	struct err e = ERR_INIT;

	assert_int_equal(state_each(r->state, class, take_first, &o, &e), 1);
	return (o);
}

static void
backup(struct repo *r, uint32_t seed)
{
	struct manifest m;

	rig_backup(r, "production", seed, BYTES, &m);
	manifest_free(&m);
}

/* --- crashes --- */

/* What the child does that is ended at a step: one backup, sent to all. */
static int
back_up_in(const char *folder)
{
	const char *step = getenv("TRIPLICATE_CRASH_AT");
	struct rig g;
	struct repo *r;

	rig_attach(&g, folder, 3);
	r = rig_repo(&g, REPO_WRITE);
	backup(
	    r, 1000 + (uint32_t)strtoul(step == NULL ? "0" : step, NULL, 10));
	for (size_t i = 0; i < 3; i++)
		rig_send(r, i);
	repo_free(r);
	rig_detach(&g);
	return (0);
}

static int
expect_settled(const struct state_object *o, void *arg, struct err *e)
{
	struct repo *r = arg;
	uint64_t missing;

	assert_int_equal(__builtin_popcount(o->confirmed), 3);
	assert_int_equal(o->pending, 0);
	assert_int_equal(
	    o->spooled, o->class != STATE_PACK && o->class != STATE_INDEX);
	if (o->class == STATE_MANIFEST) {
		must(state_closure_missing(r->state, o->number,
			 r->endpoints[2].number, &missing, e),
		    e);
		assert_int_equal(missing, 0);
	}
	return (0);
}

static int
fail_undescribed(uint64_t pack, struct directory *d, void *arg, struct err *e)
{
	(void)pack;
	(void)d;
	(void)arg;
	(void)e;
	return (1);
}

static void
a_backup_killed_at_any_step_leaves_nothing_that_the_next_cannot_use(void **arg)
{
	struct rig *g = *arg;
	unsigned step = 1;

	for (bool killed = true; killed; step++) {
		SCOPED(repo_freep) struct repo *r = NULL;
		struct err e = ERR_INIT;

		killed = rig_is_killed(g, "backup", step);
		r = rig_repo(g, REPO_WRITE);
		backup(r, step);
		for (size_t i = 0; i < 3; i++)
			rig_send(r, i);
		must(state_each(r->state, -1, expect_settled, r, &e), &e);
		must(state_undescribed(r->state, fail_undescribed, NULL, &e),
		    &e);
		assert_int_equal(files_in(g, "state/spool/packs"), 0);
		assert_int_equal(files_in(g, "state/spool/index"), 0);
		assert_int_equal(files_in(g, "state/spool/damaged"), 0);
	}
	assert_true(step > 30);
}

/* A pack of one chunk as a file that no transaction tells of. */
static void
leave_pack(struct rig *g, struct repo *r, struct name *name,
    char object[OBJECT_NAME_TEXT])
{
	SCOPED(pack_key_freep) struct pack_key *pk = pack_key_new(r->keys);
	SCOPED(pack_freep) struct pack *p = pack_new(r->keys, pk, PACK_DATA);
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(buf_free) struct buf box = BUF_INIT, bytes = BUF_INIT;
	SCOPED(scope_free) char *path = NULL;
	struct record record = { .kind = RECORD_DATA, .plain_bytes = 5 };

	seal_name(r->keys, "plain", 5, &record.name);
	seal_box(r->keys, pk, &record, "plain", 5, &box);
	pack_add(p, &record, box.p);
	pack_end(p, &bytes, &d);
	*name = record.name;
	format_pack_name(&d.pack, object);
	path = mem_printf("state/spool/packs/%s", strrchr(object, '/') + 1);
	save_there(g, path, bytes.p, bytes.n);
}

static void
a_pack_that_no_one_knows_is_taken_in(void **arg)
{
	struct rig *g = *arg;
	struct repo *r = rig_repo(g, REPO_WRITE);
	char object[OBJECT_NAME_TEXT];
	struct state_use use;
	struct state_object o;
	struct name name;
	struct err e = ERR_INIT;
	bool known;

	leave_pack(g, r, &name, object);
	must(state_knows(r->state, &name, RECORD_DATA, &use, &known, &e), &e);
	assert_false(known);
	repo_free(r);
	r = rig_repo(g, REPO_WRITE);
	must(state_knows(r->state, &name, RECORD_DATA, &use, &known, &e), &e);
	assert_true(known);
	must(state_find(r->state, object, &o, &known, &e), &e);
	assert_true(known && o.spooled);
	assert_int_equal(__builtin_popcount(o.pending), 3);
	assert_int_equal(
	    state_undescribed(r->state, fail_undescribed, NULL, &e), 1);
	repo_free(r);
}

static void
a_reader_leaves_the_spool_alone(void **arg)
{
	struct rig *g = *arg;
	struct repo *r = NULL;

	save_there(g, "state/spool/packs/.tmp-0123456789abcdef", "half", 4);
	r = rig_repo(g, REPO_READ);
	repo_free(r);
	assert_int_equal(files_in(g, "state/spool/packs"), 1);
	r = rig_repo(g, REPO_WRITE);
	repo_free(r);
	assert_int_equal(files_in(g, "state/spool/packs"), 0);
}

static void
what_is_no_whole_pack_is_set_aside(void **arg)
{
	struct rig *g = *arg;
	SCOPED(scope_free)
	char *folder = rig_path(g, "state/spool/packs/a-folder");
	struct err e = ERR_INIT;
	struct repo *r;

	save_there(g,
	    "state/spool/packs/"
	    "00112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff",
	    "rubbish", 7);
	save_there(g, "state/spool/packs/what", "is this", 7);
	save_there(g, "state/spool/index/1-1-0123456789abcdef", "lost", 4);
	must(file_make_folders(folder, 0700, &e), &e);
	r = rig_repo(g, REPO_WRITE);
	assert_int_equal(rig_count(r, STATE_PACK), 0);
	repo_free(r);
	assert_int_equal(files_in(g, "state/spool/packs"), 0);
	assert_int_equal(files_in(g, "state/spool/index"), 0);
	assert_int_equal(files_in(g, "state/spool/damaged"), 3);
}

/* --- files that are lost or damaged --- */

static void
a_lost_file_is_noticed_when_the_repository_opens(void **arg)
{
	struct rig *g = *arg;
	struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(scope_free) char *path = NULL;
	struct state_object pack;
	struct err e = ERR_INIT;

	backup(r, 1);
	pack = first_of(r, STATE_PACK);
	path = spool_path(r->state, pack.name);
	repo_free(r);
	must(file_remove(path, &e), &e);
	r = rig_repo(g, REPO_WRITE);
	assert_false(first_of(r, STATE_PACK).spooled);
	/* Its chunks are stored again. */
	backup(r, 1);
	assert_int_equal(rig_count(r, STATE_PACK), 3);
	repo_free(r);
}

static void
a_damaged_file_is_noticed_when_it_is_loaded(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(scope_free) char *path = NULL;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct state_object pack;
	struct err e = ERR_INIT;

	backup(r, 1);
	pack = first_of(r, STATE_PACK);
	path = spool_path(r->state, pack.name);
	must(spool_load(r->state, &pack, &bytes, &e), &e);
	assert_int_equal(bytes.n, pack.bytes);
	bytes.p[bytes.n / 2] ^= 1;
	must(file_save(path, 0600, bytes.p, bytes.n, &e), &e);
	assert_int_equal(spool_load(r->state, &pack, &bytes, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(files_in(g, "state/spool/damaged"), 1);
	assert_false(first_of(r, STATE_PACK).spooled);
	err_clear(&e);
	assert_int_equal(spool_load(r->state, &pack, &bytes, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

static void
a_file_of_another_length_is_set_aside_at_open(void **arg)
{
	struct rig *g = *arg;
	struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(scope_free) char *path = NULL;
	struct state_object pack;
	struct err e = ERR_INIT;

	backup(r, 1);
	pack = first_of(r, STATE_PACK);
	path = spool_path(r->state, pack.name);
	repo_free(r);
	must(file_save(path, 0600, "cut", 3, &e), &e);
	r = rig_repo(g, REPO_WRITE);
	assert_false(first_of(r, STATE_PACK).spooled);
	repo_free(r);
	assert_int_equal(files_in(g, "state/spool/damaged"), 1);
}

static void
a_file_that_is_put_back_counts_again_if_someone_waits(void **arg)
{
	struct rig *g = *arg;
	struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(scope_free) char *path = NULL;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct state_object pack;
	struct err e = ERR_INIT;

	backup(r, 1);
	pack = first_of(r, STATE_PACK);
	path = spool_path(r->state, pack.name);
	must(spool_load(r->state, &pack, &bytes, &e), &e);
	must(state_set_spooled(r->state, pack.number, false, &e), &e);
	repo_free(r);
	r = rig_repo(g, REPO_WRITE);
	assert_true(first_of(r, STATE_PACK).spooled);
	for (size_t i = 0; i < 3; i++)
		rig_send(r, i);
	repo_free(r);
	assert_false(file_exists(path));
	must(file_save(path, 0600, bytes.p, bytes.n, &e), &e);
	r = rig_repo(g, REPO_WRITE);
	repo_free(r);
	assert_false(file_exists(path));
}

static void
names_that_are_not_spooled_have_no_path(void **arg)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*arg, REPO_READ);
	struct err e = ERR_INIT;

	assert_null(spool_path(r->state, "config"));
	assert_null(spool_path(r->state, "index/../../x"));
	assert_null(spool_path(r->state, "index/.x"));
	assert_null(spool_path(r->state, "packs/aa/short"));
	assert_null(spool_path(r->state, "backups/x"));
	assert_int_equal(spool_save(r->state, "config", "x", 1, &e), -1);
}

/* --- room --- */

static void
a_full_spool_lets_go_of_what_a_quorum_has(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	uint64_t used;
	struct err e = ERR_INIT;

	backup(r, 1);
	rig_send(r, 0);
	must(state_spool_bytes(r->state, &used, &e), &e);
	g->settings.spool_limit = used + 10;
	must(spool_wait_room(r, 10, &e), &e);
	assert_int_equal(spool_wait_room(r, 11, &e), -1);
	assert_int_equal(e.kind, ERR_FULL);
	assert_non_null(strstr(e.hint, "spool-limit"));
	err_clear(&e);
	rig_send(r, 1);
	must(spool_wait_room(r, 11, &e), &e);
	must(state_spool_bytes(r->state, &used, &e), &e);
	assert_true(used < 100000);
	assert_true(first_of(r, STATE_PACK).pending != 0);
}

struct sender {
	struct repo *r;
	struct err e;
};

static void *
send_then_set_aside(void *arg)
{
	struct sender *s = arg;

	rig_send(s->r, 0);
	rig_send(s->r, 1);
	spool_sender(s->r, &s->r->endpoints[0], false);
	return (NULL);
}

static void
a_full_spool_waits_for_a_sender_that_works(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct sender s = { .r = r };
	struct err e = ERR_INIT;
	pthread_t thread;

	backup(r, 1);
	g->settings.spool_limit = 1000;
	spool_sender(r, &r->endpoints[0], true);
	spool_sender(r, &r->endpoints[1], true);
	assert_int_equal(
	    pthread_create(&thread, NULL, send_then_set_aside, &s), 0);
	must(spool_wait_room(r, 500, &e), &e);
	pthread_join(thread, NULL);
	assert_true(first_of(r, STATE_PACK).confirmed != 0);
	assert_int_equal(
	    __builtin_popcount(first_of(r, STATE_PACK).pending), 1);
}

static void
a_full_spool_whose_senders_have_nothing_to_send_fails(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct err e = ERR_INIT;

	backup(r, 1);
	rig_send(r, 0);
	g->settings.spool_limit = 1000;
	/* The only working sender has all; two others hold the spool. */
	spool_sender(r, &r->endpoints[0], true);
	assert_int_equal(spool_wait_room(r, 500, &e), -1);
	assert_int_equal(e.kind, ERR_FULL);
}

static void
a_stop_ends_the_wait_for_room(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct err e = ERR_INIT;

	backup(r, 1);
	g->settings.spool_limit = 1000;
	spool_sender(r, &r->endpoints[0], true);
	stop_request();
	assert_int_equal(spool_wait_room(r, 500, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
}

static void
an_object_larger_than_the_limit_still_has_its_turn(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct err e = ERR_INIT;

	g->settings.spool_limit = 1000;
	must(spool_wait_room(r, 5000, &e), &e);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(
		    a_backup_killed_at_any_step_leaves_nothing_that_the_next_cannot_use),
		RIG_TEST(a_pack_that_no_one_knows_is_taken_in),
		RIG_TEST(a_reader_leaves_the_spool_alone),
		RIG_TEST(what_is_no_whole_pack_is_set_aside),
		RIG_TEST(a_lost_file_is_noticed_when_the_repository_opens),
		RIG_TEST(a_damaged_file_is_noticed_when_it_is_loaded),
		RIG_TEST(a_file_of_another_length_is_set_aside_at_open),
		RIG_TEST(a_file_that_is_put_back_counts_again_if_someone_waits),
		RIG_TEST(names_that_are_not_spooled_have_no_path),
		RIG_TEST(a_full_spool_lets_go_of_what_a_quorum_has),
		RIG_TEST(a_full_spool_waits_for_a_sender_that_works),
		RIG_TEST(a_full_spool_whose_senders_have_nothing_to_send_fails),
		RIG_TEST(a_stop_ends_the_wait_for_room),
		RIG_TEST(an_object_larger_than_the_limit_still_has_its_turn),
	};

	if (argc == 3)
		return (back_up_in(argv[2]));
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
