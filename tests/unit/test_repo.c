/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* A repository comes into being, opens, is locked, and knows its endpoints from
 * those of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "repository/audit_log.h"
#include "repository/config_object.h"
#include "repository/state_chunks.h"
#include "tests/unit/known.h"
#include "tests/unit/rig.h"

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

	rig_open(g, 3);
	*arg = g;
	return (0);
}

static int
teardown(void **arg)
{
	rig_close(*arg);
	free(*arg);
	return (0);
}

static struct init_result
init(struct rig *g)
{
	struct init_result result;
	struct err e = ERR_INIT;

	must(repo_init(&g->settings, NULL, &result, &e), &e);
	return (result);
}

static bool
is_there(struct rig *g, const char *name)
{
	SCOPED(scope_free) char *path = rig_path(g, name);

	return (file_exists(path));
}

static void
remove_there(struct rig *g, const char *name)
{
	SCOPED(scope_free) char *path = rig_path(g, name);
	struct err e = ERR_INIT;

	must(file_remove_tree(path, &e), &e);
}

static void
load_there(struct rig *g, const char *name, struct buf *out)
{
	SCOPED(scope_free) char *path = rig_path(g, name);
	struct err e = ERR_INIT;

	out->n = 0;
	must(file_load(path, CONFIG_MAX, out, &e), &e);
}

static void
save_there(struct rig *g, const char *name, const void *p, size_t n)
{
	SCOPED(scope_free) char *path = rig_path(g, name);
	struct err e = ERR_INIT;

	must(file_make_parent(path, 0700, &e), &e);
	must(file_save(path, 0600, p, n, &e), &e);
}

/* Fails as expected, and e says more. */
static struct err
init_fails(struct rig *g, enum err_kind kind)
{
	struct init_result result;
	struct err e = ERR_INIT;

	assert_int_equal(repo_init(&g->settings, NULL, &result, &e), -1);
	if (e.kind != kind)
		print_error("%s\n", e.text);
	assert_int_equal(e.kind, kind);
	return (e);
}

/* --- init --- */

static void
init_makes_keys_state_and_the_same_config_everywhere(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(buf_free) struct buf first = BUF_INIT, other = BUF_INIT;
	struct init_result result = init(g);
	struct stat st;

	assert_true(result.new_keys);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(result.outcome[i], INIT_CREATED);
	assert_int_equal(stat(g->settings.restore_key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	load_there(g, "e0/config", &first);
	load_there(g, "e2/config", &other);
	assert_int_equal(first.n, other.n);
	assert_memory_equal(first.p, other.p, first.n);
	assert_true(is_there(g, "e1/writers"));
	r = rig_repo(g, REPO_WRITE);
	assert_int_equal(r->epoch, 1);
	assert_int_equal(strlen(r->writer), 16);
	assert_true(keys_have_restore(r->keys));
}

static void
init_again_adds_endpoints_and_leaves_the_others(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	struct init_result result;
	uint64_t seq;
	struct sha256 head;
	struct err e = ERR_INIT;

	g->settings.nendpoints = 2;
	init(g);
	g->settings.nendpoints = 3;
	result = init(g);
	assert_false(result.new_keys);
	assert_int_equal(result.outcome[0], INIT_THERE_ALREADY);
	assert_int_equal(result.outcome[2], INIT_CREATED);
	assert_true(is_there(g, "e2/config"));
	result = init(g);
	assert_int_equal(result.outcome[2], INIT_THERE_ALREADY);
	r = rig_repo(g, REPO_READ);
	must(audit_log_head(r, &seq, &head, &e), &e);
	assert_int_equal(seq, 2); /* the third had nothing to tell */
}

static void
init_fills_an_emptied_endpoint_and_queues_all_for_it(void **arg)
{
	struct rig *g = *arg;
	struct repo *r;
	struct manifest m;
	size_t first;

	init(g);
	r = rig_repo(g, REPO_WRITE);
	rig_backup(r, "production", 1, 100000, &m);
	manifest_free(&m);
	first = rig_send(r, 1);
	assert_true(first >= 5);
	repo_free(r);
	remove_there(g, "e1");
	init(g);
	assert_true(is_there(g, "e1/config"));
	r = rig_repo(g, REPO_WRITE);
	/* And the first entry; that of the second init went at once. */
	assert_int_equal(rig_send(r, 1), first + 1);
	repo_free(r);
}

static void
init_refuses_another_repository_before_anything_is_touched(void **arg)
{
	struct rig *g = *arg;
	SCOPED(keys_freep) struct keys *other = keys_generate();
	SCOPED(buf_free) struct buf config = BUF_INIT;
	struct err e = ERR_INIT;

	must(config_encode(other, 1, &config, &e), &e);
	save_there(g, "e2/config", config.p, config.n);
	e = init_fails(g, ERR_REFUSED);
	assert_non_null(strstr(e.text, "e2"));
	assert_false(is_there(g, "keys"));
	assert_false(is_there(g, "state"));
	assert_false(is_there(g, "e0"));
	/* The same with keys of our own. */
	remove_there(g, "e2");
	init(g);
	remove_there(g, "e0");
	save_there(g, "e2/config", config.p, config.n);
	init_fails(g, ERR_REFUSED);
	assert_false(is_there(g, "e0"));
}

static void
init_needs_a_quorum_and_goes_on_when_run_again(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	struct init_result result;
	struct err e = ERR_INIT;
	uint64_t seq;
	struct sha256 head;

	/* Files where two of the folders should be. */
	save_there(g, "e1", "x", 1);
	save_there(g, "e2", "x", 1);
	e = init_fails(g, ERR_QUORUM);
	assert_non_null(strstr(e.text, "e1"));
	assert_true(is_there(g, "keys/agent.key"));
	remove_there(g, "e1");
	result = init(g);
	assert_false(result.new_keys);
	assert_int_equal(result.outcome[0], INIT_THERE_ALREADY);
	assert_int_equal(result.outcome[1], INIT_CREATED);
	assert_int_equal(result.outcome[2], INIT_FAILED);
	assert_true(result.error[2].kind != ERR_NONE);
	r = rig_repo(g, REPO_READ);
	must(audit_log_head(r, &seq, &head, &e), &e);
	assert_int_equal(seq, 1);
}

static void
init_after_local_state_was_lost_rebuilds_it(void **arg)
{
	struct rig *g = *arg;
	struct init_result result;

	init(g);
	remove_there(g, "state");
	result = init(g);
	assert_false(result.new_keys);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(result.outcome[i], INIT_THERE_ALREADY);
}

static void
init_with_one_key_file_says_which_is_missing(void **arg)
{
	struct rig *g = *arg;
	struct err e;

	init(g);
	remove_there(g, "keys/restore.key");
	e = init_fails(g, ERR_KEY);
	assert_non_null(strstr(e.text, "restore.key is missing"));
}

static void
init_finishes_key_files_that_a_crash_left_half_named(void **arg)
{
	struct rig *g = *arg;
	SCOPED(scope_free) char *agent = rig_path(g, "keys/agent.key.new");
	struct init_result result;
	struct err e = ERR_INIT;

	init(g);
	for (size_t i = 0; i < 3; i++)
		remove_there(g, i == 0 ? "e0" : i == 1 ? "e1" : "e2");
	remove_there(g, "state");
	must(file_rename(g->settings.agent_key, agent, &e), &e);
	result = init(g);
	assert_int_equal(result.outcome[0], INIT_CREATED);
	assert_true(is_there(g, "keys/agent.key"));
	assert_false(is_there(g, "keys/agent.key.new"));
	/* Both unfinished: no one ever used them. */
	remove_there(g, "keys");
	for (size_t i = 0; i < 3; i++)
		remove_there(g, i == 0 ? "e0" : i == 1 ? "e1" : "e2");
	remove_there(g, "state");
	save_there(g, "keys/agent.key.new", "half", 4);
	result = init(g);
	assert_true(result.new_keys);
	assert_false(is_there(g, "keys/agent.key.new"));
}

static void
init_without_a_place_for_the_restore_key_is_a_setting_to_change(void **arg)
{
	struct rig *g = *arg;
	char *path = g->settings.restore_key;

	g->settings.restore_key = NULL;
	init_fails(g, ERR_CONFIG);
	g->settings.restore_key = path;
}

static int
not_the_second(const struct endpoint_settings *conf, uint64_t give_up_after_s,
    struct err *e)
{
	(void)give_up_after_s;
	if (conf->name[1] != '1')
		return (0);
	return (err_set(e, ERR_CONFIG, "its locks can't be trusted"));
}

static void
init_leaves_out_an_endpoint_that_may_not_be_used(void **arg)
{
	struct rig *g = *arg;
	struct init_result result;
	struct err e = ERR_INIT;

	must(repo_init(&g->settings, not_the_second, &result, &e), &e);
	assert_int_equal(result.outcome[0], INIT_CREATED);
	assert_int_equal(result.outcome[1], INIT_FAILED);
	assert_int_equal(result.error[1].kind, ERR_CONFIG);
	assert_false(is_there(g, "e1/config"));
	must(repo_init(&g->settings, NULL, &result, &e), &e);
	assert_int_equal(result.outcome[1], INIT_CREATED);
	assert_true(is_there(g, "e1/config"));
}

/* What the child does that is ended at a step. */
static int
init_in(const char *folder)
{
	struct init_result result;
	struct err e = ERR_INIT;
	struct rig g;
	int failed;

	rig_attach(&g, folder, 3);
	failed = repo_init(&g.settings, NULL, &result, &e);
	rig_detach(&g);
	return (failed < 0 ? 9 : 0);
}

static void
init_killed_at_any_step_is_mended_by_running_it_again(void **arg)
{
	struct rig *g = *arg;
	unsigned step = 1;

	for (bool killed = true; killed; step++) {
		SCOPED(repo_freep) struct repo *r = NULL;

		killed = rig_is_killed(g, "init", step);
		init(g);
		r = rig_repo(g, REPO_WRITE);
		for (size_t i = 0; i < 3; i++) {
			struct err e = ERR_INIT;

			must(repo_check_endpoint(r, &r->endpoints[i], &e), &e);
		}
		for (size_t i = 0; i < 3; i++)
			remove_there(g, i == 0 ? "e0" : i == 1 ? "e1" : "e2");
		remove_there(g, "state");
		remove_there(g, "keys");
	}
	assert_true(step > 20);
}

/* --- open --- */

static enum err_kind
open_fails(struct rig *g, enum repo_mode mode, unsigned flags, struct err *e)
{
	struct repo *r;

	err_clear(e);
	r = repo_open(&g->settings, mode, flags, e);
	assert_null(r);
	return (e->kind);
}

static void
without_init_there_is_no_repository_whatever_keys_there_are(void **arg)
{
	struct rig *g = *arg;
	struct err e = ERR_INIT;

	assert_int_equal(open_fails(g, REPO_READ, 0, &e), ERR_MISSING);
	assert_int_equal(open_fails(g, REPO_WRITE, 0, &e), ERR_MISSING);
	assert_non_null(strstr(e.hint, "init"));
}

static void
a_missing_or_foreign_key_is_said_so(void **arg)
{
	struct rig *g = *arg;
	SCOPED(keys_freep) struct keys *other = keys_generate();
	struct err e = ERR_INIT;

	init(g);
	remove_there(g, "keys/agent.key");
	assert_int_equal(open_fails(g, REPO_READ, 0, &e), ERR_KEY);
	must(keys_save_agent(other, g->settings.agent_key, &e), &e);
	assert_int_equal(open_fails(g, REPO_READ, 0, &e), ERR_KEY);
	assert_non_null(strstr(e.text, "another repository"));
}

static void
a_write_only_host_opens_without_the_restore_key(void **arg)
{
	struct rig *g = *arg;
	struct repo *r;
	char *path = g->settings.restore_key;
	struct err e = ERR_INIT;

	init(g);
	remove_there(g, "keys/restore.key");
	r = rig_repo(g, REPO_WRITE);
	assert_false(keys_have_restore(r->keys));
	repo_free(r);
	assert_int_equal(
	    open_fails(g, REPO_READ, REPO_NEEDS_RESTORE_KEY, &e), ERR_KEY);
	g->settings.restore_key = NULL;
	assert_int_equal(
	    open_fails(g, REPO_READ, REPO_NEEDS_RESTORE_KEY, &e), ERR_KEY);
	assert_non_null(strstr(e.hint, "restore-key"));
	r = rig_repo(g, REPO_WRITE);
	repo_free(r);
	g->settings.restore_key = path;
}

/* LMDB is opened once per process, so the holder is another one. */
static void
a_second_writer_is_told_who_holds_the_lock_and_readers_go_on(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *reader = NULL;
	char expected[32], byte;
	int ready[2], done[2], status;
	struct err e = ERR_INIT;
	pid_t pid;

	init(g);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(done), 0);
	if ((pid = fork()) == 0) {
		struct repo *r = repo_open(&g->settings, REPO_WRITE, 0, &e);

		if (r == NULL || write(ready[1], "x", 1) != 1 ||
		    read(done[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(open_fails(g, REPO_WRITE, 0, &e), ERR_LOCKED);
	snprintf(expected, sizeof(expected), "process %ld", (long)pid);
	assert_non_null(strstr(e.text, expected));
	assert_non_null(strstr(e.text, "since 2"));
	reader = rig_repo(g, REPO_READ);
	assert_int_equal(reader->lock, -1);
	assert_int_equal(write(done[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	repo_free(reader);
	reader = rig_repo(g, REPO_WRITE); /* no stale lock */
	for (size_t i = 0; i < 2; i++) {
		close(ready[i]);
		close(done[i]);
	}
}

static void
a_recovered_repository_is_read_only(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(keys_freep) struct keys *k = NULL;
	SCOPED(state_freep) struct state *s = NULL;
	struct state_txn *t;
	struct state_writer none = { .epoch = 0 };
	struct err e = ERR_INIT;

	init(g);
	k = keys_load_agent(g->settings.agent_key, &e);
	must(k == NULL, &e);
	s = state_open(g->settings.state, keys_repo(k), &e);
	must(s == NULL, &e);
	t = state_begin(s, &e);
	must(state_set_writer(t, &none, &e), &e);
	must(state_commit(&t, &e), &e);
	state_free(s);
	s = NULL;
	assert_int_equal(open_fails(g, REPO_WRITE, 0, &e), ERR_REFUSED);
	assert_non_null(strstr(e.hint, "take-over"));
	r = rig_repo(g, REPO_READ);
	assert_int_equal(r->epoch, 0);
	assert_int_equal(audit_log_add(r, "pin", NULL, NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	repo_free(r);
	r = NULL;
	init_fails(g, ERR_REFUSED);
}

static void
an_endpoint_is_found_by_its_name(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;

	init(g);
	r = rig_repo(g, REPO_READ);
	assert_ptr_equal(repo_endpoint(r, "e1", &e), &r->endpoints[1]);
	assert_null(repo_endpoint(r, "e9", &e));
	assert_int_equal(e.kind, ERR_MISSING);
	assert_non_null(strstr(e.hint, "e0, e1, e2"));
}

/* --- is it ours? --- */

static enum err_kind
check(struct repo *r, size_t i, struct err *e)
{
	err_clear(e);
	(void)!repo_check_endpoint(r, &r->endpoints[i], e);
	return (e->kind);
}

static void
an_endpoint_is_ours_missing_empty_anothers_or_damaged(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(keys_freep) struct keys *other = keys_generate();
	SCOPED(buf_free) struct buf config = BUF_INIT;
	struct err e = ERR_INIT;

	init(g);
	r = rig_repo(g, REPO_WRITE);
	assert_int_equal(check(r, 0, &e), ERR_NONE);
	load_there(g, "e0/config", &config);
	config.p[config.n / 2] ^= 1;
	save_there(g, "e0/config", config.p, config.n);
	assert_int_equal(check(r, 0, &e), ERR_CORRUPT);
	remove_there(g, "e0/config");
	assert_int_equal(check(r, 0, &e), ERR_MISSING);
	assert_non_null(strstr(e.text, "no config"));
	remove_there(g, "e0");
	assert_int_equal(check(r, 0, &e), ERR_MISSING);
	assert_null(strstr(e.text, "no config"));
	config.n = 0;
	must(config_encode(other, 1, &config, &e), &e);
	save_there(g, "e1/config", config.p, config.n);
	assert_int_equal(check(r, 1, &e), ERR_KEY);
	assert_non_null(strstr(e.text, "e1"));
}

static void
put_writer(struct rig *g, struct repo *r, const struct writer *w)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(scope_free) char *path = NULL;
	char name[OBJECT_NAME_TEXT];

	writer_name(w, name);
	writer_encode(r->keys, w, &object);
	path = mem_printf("e0/%s", name);
	save_there(g, path, object.p, object.n);
}

static void
a_later_writer_has_taken_over_an_earlier_one_not(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	struct writer before = {
		.epoch = 1, .id = { 1 }, .started = 5, .host = "old"
	};
	struct writer later = {
		.epoch = 2, .id = { 2 }, .started = 6, .host = "spare.example"
	};
	struct writer twin = { .epoch = 1,
		.id = { 3 },
		.started = clock_now() + 1000,
		.host = "twin" };
	struct err e = ERR_INIT;

	init(g);
	r = rig_repo(g, REPO_WRITE);
	put_writer(g, r, &before);
	assert_int_equal(check(r, 0, &e), ERR_NONE);
	put_writer(g, r, &twin);
	assert_int_equal(check(r, 0, &e), ERR_TAKEN_OVER);
	assert_non_null(strstr(e.text, "twin"));
	put_writer(g, r, &later);
	assert_int_equal(check(r, 0, &e), ERR_TAKEN_OVER);
	assert_non_null(strstr(e.text, "spare.example"));
	assert_non_null(strstr(e.text, "1970-01-01T00:00:06Z"));
	assert_int_equal(check(r, 1, &e), ERR_NONE);
}

static void
an_unsigned_writer_fails_its_endpoint_and_takes_nothing_over(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	struct err e = ERR_INIT;

	init(g);
	r = rig_repo(g, REPO_WRITE);
	save_there(g, "e0/writers/9-0123456789abcdef", "mine now", 8);
	assert_int_equal(check(r, 0, &e), ERR_CORRUPT);
	remove_there(g, "e0/writers/9-0123456789abcdef");
	save_there(g, "e0/writers/notes", "what is this", 12);
	assert_int_equal(check(r, 0, &e), ERR_NONE);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(init_makes_keys_state_and_the_same_config_everywhere),
		RIG_TEST(init_again_adds_endpoints_and_leaves_the_others),
		RIG_TEST(init_fills_an_emptied_endpoint_and_queues_all_for_it),
		RIG_TEST(
		    init_refuses_another_repository_before_anything_is_touched),
		RIG_TEST(init_needs_a_quorum_and_goes_on_when_run_again),
		RIG_TEST(init_after_local_state_was_lost_rebuilds_it),
		RIG_TEST(init_with_one_key_file_says_which_is_missing),
		RIG_TEST(init_finishes_key_files_that_a_crash_left_half_named),
		RIG_TEST(
		    init_without_a_place_for_the_restore_key_is_a_setting_to_change),
		RIG_TEST(init_leaves_out_an_endpoint_that_may_not_be_used),
		RIG_TEST(init_killed_at_any_step_is_mended_by_running_it_again),
		RIG_TEST(
		    without_init_there_is_no_repository_whatever_keys_there_are),
		RIG_TEST(a_missing_or_foreign_key_is_said_so),
		RIG_TEST(a_write_only_host_opens_without_the_restore_key),
		RIG_TEST(
		    a_second_writer_is_told_who_holds_the_lock_and_readers_go_on),
		RIG_TEST(a_recovered_repository_is_read_only),
		RIG_TEST(an_endpoint_is_found_by_its_name),
		RIG_TEST(an_endpoint_is_ours_missing_empty_anothers_or_damaged),
		RIG_TEST(a_later_writer_has_taken_over_an_earlier_one_not),
		RIG_TEST(
		    an_unsigned_writer_fails_its_endpoint_and_takes_nothing_over),
	};

	if (argc == 3)
		return (init_in(argv[2]));
	secret_start();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
