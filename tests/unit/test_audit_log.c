/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* The audit log is one chain, whoever writes to it at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "repository/audit_log.h"
#include "repository/state_backups.h"
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

	rig_open_repository(g, 1);
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

/* What is true of every chain: numbers without gaps, each with the hash of the
 * one before. */
struct chain {
	uint64_t n;
	struct sha256 last;
	char events[200];
	char text[64]; /* of the last detail's "text" */
};

static int
link_entry(const struct audit_entry *a, void *arg, struct err *e)
{
	struct chain *chain = arg;
	const char *text = json_get_string(a->detail, "text");

	(void)e;
	assert_int_equal(a->seq, ++chain->n);
	assert_memory_equal(&a->previous, &chain->last, sizeof(chain->last));
	assert_non_null(strchr(a->actor, '@'));
	chain->last = a->self;
	if (strlen(chain->events) + strlen(a->event) + 2 <
	    sizeof(chain->events)) {
		strcat(chain->events, a->event);
		strcat(chain->events, " ");
	}
	chain->text[0] = '\0';
	if (text != NULL)
		strncat(chain->text, text, sizeof(chain->text) - 1);
	return (0);
}

static struct chain
walk(struct repo *r)
{
	struct chain chain = { .n = 0 };
	struct sha256 head;
	struct err e = ERR_INIT;
	uint64_t seq;

	must(audit_log_each(r, link_entry, &chain, &e), &e);
	must(audit_log_head(r, &seq, &head, &e), &e);
	assert_int_equal(seq, chain.n);
	assert_memory_equal(&head, &chain.last, sizeof(head));
	return (chain);
}

static void
entries_are_chained_signed_and_pending(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct json *detail = json_object();
	struct chain chain;
	struct manifest m;
	struct err e = ERR_INIT;

	assert_int_equal(walk(r).n, 1);
	json_set_string(detail, "text", "before the move");
	must(audit_log_add(r, "comment", "20261122T020000Z-00000001",
		 "production", detail, &e),
	    &e);
	assert_string_equal(walk(r).text, "before the move");
	rig_backup(r, "production", 1, 1000, &m);
	manifest_free(&m);
	must(audit_log_add(r, "pin", NULL, NULL, NULL, &e), &e);
	chain = walk(r);
	assert_string_equal(chain.events, "init comment backup pin ");
	assert_int_equal(rig_count(r, STATE_AUDIT), 4);
	/* Three entries (init's is there), and the backup's own objects. */
	assert_int_equal(rig_send(r, 0), 3 + 4);
}

static void
the_writers_machine_adds_entries_also_when_it_reads(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	struct err e = ERR_INIT;

	must(audit_log_add(r, "restore", NULL, NULL, NULL, &e), &e);
	assert_string_equal(walk(r).events, "init restore ");
}

struct adding {
	struct repo *r;
	unsigned failed;
};

static void *
add_many(void *arg)
{
	struct adding *adding = arg;
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < 20; i++)
		adding->failed += audit_log_add(adding->r, "login", NULL, NULL,
				      NULL, &e) < 0;
	return (NULL);
}

/* What the other process does. */
static int
add_in(const char *folder)
{
	struct adding adding = { .failed = 0 };
	struct rig g;

	rig_attach(&g, folder, 1);
	adding.r = rig_repo(&g, REPO_READ);
	add_many(&adding);
	repo_free(adding.r);
	rig_detach(&g);
	return (adding.failed > 0);
}

static void
threads_and_processes_take_turns(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = NULL;
	struct adding adding[3];
	pthread_t threads[3];
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(add_in(g->folder));
	r = rig_repo(g, REPO_WRITE);
	for (size_t i = 0; i < 3; i++) {
		adding[i] = (struct adding){ .r = r };
		assert_int_equal(
		    pthread_create(&threads[i], NULL, add_many, &adding[i]), 0);
	}
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(adding[i].failed, 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(walk(r).n, 81);
}

static void
a_damaged_entry_in_local_state_is_found_by_the_walk(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	struct audit_entry forged;
	struct state_txn *t;
	struct chain chain = { .n = 0 };
	struct err e = ERR_INIT;

	audit_entry_init(&forged);
	forged.epoch = 1;
	forged.seq = 2;
	t = state_begin(r->state, &e);
	must(state_add_audit(t, &forged, "forged", 6, &e), &e);
	must(state_commit(&t, &e), &e);
	assert_int_equal(audit_log_each(r, link_entry, &chain, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(chain.n, 1);
}

static int
stop_at_once(const struct audit_entry *a, void *arg, struct err *e)
{
	(void)a;
	(void)arg;
	(void)e;
	return (7);
}

static void
a_walk_ends_when_it_is_told_to(void **arg)
{
	struct rig *g = *arg;
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_READ);
	struct err e = ERR_INIT;

	assert_int_equal(audit_log_each(r, stop_at_once, NULL, &e), 7);
}

#define RIG_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(entries_are_chained_signed_and_pending),
		RIG_TEST(the_writers_machine_adds_entries_also_when_it_reads),
		RIG_TEST(threads_and_processes_take_turns),
		RIG_TEST(a_damaged_entry_in_local_state_is_found_by_the_walk),
		RIG_TEST(a_walk_ends_when_it_is_told_to),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
