/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders, settings and short ways, for tests of the engine. Whatever fails
 * here fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/rig.h"

#include "base/clock.h"
#include "base/file.h"
#include "repository/spool.h"
#include "repository/state_backups.h"
#include "tests/unit/known.h"
#include "tests/unit/place.h"

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

char *
rig_path(const struct rig *g, const char *name)
{
	return (file_join(g->folder, name));
}

void
rig_attach(struct rig *g, const char *folder, size_t n)
{
	static char names[RIG_ENDPOINTS][3] = { "e0", "e1", "e2" };

	secret_start();
	memset(g, 0, sizeof(*g));
	g->folder = mem_string(folder);
	g->settings.path = rig_path(g, "triplicate.conf");
	g->settings.state = rig_path(g, "state");
	g->settings.agent_key = rig_path(g, "keys/agent.key");
	g->settings.restore_key = rig_path(g, "keys/restore.key");
	g->settings.write_quorum = (unsigned)(n / 2 + 1);
	g->settings.jobs = 2;
	g->settings.transfers = 3;
	g->settings.compression = 3;
	g->settings.spool_limit = (uint64_t)1 << 30;
	g->settings.memory = (uint64_t)256 << 20;
	g->settings.nendpoints = n;
	g->settings.endpoints = g->endpoints;
	g->settings.branches = g->branches;
	for (size_t i = 0; i < RIG_ENDPOINTS; i++) {
		g->endpoints[i].name = names[i];
		g->endpoints[i].url = rig_path(g, names[i]);
		g->endpoints[i].timeout_s = 30;
	}
}

void
rig_open(struct rig *g, size_t n)
{
	SCOPED(scope_free) char *folder = place_new();

	rig_attach(g, folder, n);
}

/* Spawned, not forked: a sanitizer's page tables take long to copy. */
bool
rig_is_killed(const struct rig *g, const char *work, unsigned step)
{
	SCOPED(scope_free) char *what = mem_string(work);
	char name[] = "test", text[16];
	char *argv[] = { name, what, g->folder, NULL };
	int status = 0;
	pid_t pid;

	snprintf(text, sizeof(text), "%u", step);
	/* NOLINTBEGIN(concurrency-mt-unsafe): the test has one thread */
	setenv("TRIPLICATE_CRASH_AT", text, 1);
	assert_int_equal(
	    posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
	unsetenv("TRIPLICATE_CRASH_AT");
	/* NOLINTEND(concurrency-mt-unsafe) */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status)) {
		assert_int_equal(WEXITSTATUS(status), 0);
		return (false);
	}
	assert_int_equal(WTERMSIG(status), SIGKILL);
	return (true);
}

void
rig_open_repository(struct rig *g, size_t n)
{
	struct init_result result;
	struct err e = ERR_INIT;

	rig_open(g, n);
	must(repo_init(&g->settings, NULL, &result, &e), &e);
}

void
rig_detach(struct rig *g)
{
	free(g->folder);
	free(g->settings.path);
	free(g->settings.state);
	free(g->settings.agent_key);
	free(g->settings.restore_key);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++)
		free(g->endpoints[i].url);
}

void
rig_close(struct rig *g)
{
	struct err e = ERR_INIT;

	must(file_remove_tree(g->folder, &e), &e);
	rig_detach(g);
}

struct repo *
rig_repo(const struct rig *g, enum repo_mode mode)
{
	struct err e = ERR_INIT;
	struct repo *r = repo_open(
	    &g->settings, mode, REPO_TRIES_RESTORE_KEY, &e);

	must(r == NULL, &e);
	return (r);
}

void
rig_ingest(struct ingest *in, const char *text, const uint8_t *p, size_t n,
    struct recipe *r)
{
	SCOPED(stream_freep) struct stream *s = NULL;
	struct err e = ERR_INIT;
	size_t step = 1000;

	s = stream_open(in, STREAM_TABLE, "production", text, &e);
	must(s == NULL, &e);
	for (size_t done = 0; done < n; done += step, step = step * 2 % 65521) {
		if (step > n - done)
			step = n - done;
		must(stream_write(s, p + done, step, &e), &e);
	}
	must(stream_end(s, r, &e), &e);
}

void
rig_add(struct ingest *in, const struct recipe *r, const char *path)
{
	struct tree_entry *t = mem_new(sizeof(*t));
	struct err e = ERR_INIT;

	t->kind = TREE_TABLE;
	t->size = r->bytes;
	strncpy(t->path, path, sizeof(t->path) - 1);
	must(ingest_add_recipe(in, r, &t->stream, &e), &e);
	must(ingest_add_entry(in, t, &e), &e);
	free(t);
}

void
rig_commit(
    struct ingest *in, const char *branch, int64_t started, struct manifest *m)
{
	struct err e = ERR_INIT;

	manifest_init(m);
	strncpy(m->branch, branch, sizeof(m->branch) - 1);
	memcpy(m->stage, "production", sizeof("production"));
	memcpy(m->type, "manual", sizeof("manual"));
	memcpy(m->state, "complete", sizeof("complete"));
	m->started = started != 0 ? started : clock_now();
	m->finished = m->started + 1;
	m->counts = json_object();
	m->facts = json_object();
	must(ingest_commit(in, m, &e), &e);
}

void
rig_backup(struct repo *r, const char *branch, uint32_t seed, size_t n,
    struct manifest *m)
{
	SCOPED(ingest_freep) struct ingest *in = NULL;
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	SCOPED(scope_free) uint8_t *p = mem_new(n + 1);
	struct err e = ERR_INIT;

	in = ingest_open(r, &e);
	must(in == NULL, &e);
	known_noise(p, n, seed);
	rig_ingest(in, "public.noise", p, n, &recipe);
	rig_add(in, &recipe, "public.noise");
	rig_commit(in, branch, 0, m);
}

size_t
rig_send(struct repo *r, size_t i)
{
	const struct endpoint *ep = &r->endpoints[i];
	struct state_object o, *after = NULL, held;
	struct err e = ERR_INIT;
	size_t sent = 0;
	bool found;

	for (;;) {
		SCOPED(buf_free) struct buf bytes = BUF_INIT;
		uint64_t missing = 0;

		must(state_next_pending(
			 r->state, ep->number, after, &o, &found, &e),
		    &e);
		if (!found)
			return (sent);
		if (o.class == STATE_MANIFEST)
			must(state_closure_missing(
				 r->state, o.number, ep->number, &missing, &e),
			    &e);
		if (missing > 0 || !o.spooled) {
			held = o;
			after = &held;
			continue;
		}
		must(spool_load(r->state, &o, &bytes, &e), &e);
		must(store_put(ep->store, o.name, bytes.p, bytes.n, 0, &e), &e);
		must(spool_confirm(r->state, &o, ep->number, &e), &e);
		sent++;
	}
}

static int
count_one(const struct state_object *o, void *arg, struct err *e)
{
	(void)o;
	(void)e;
	(*(size_t *)arg)++;
	return (0);
}

size_t
rig_count(struct repo *r, int class)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	must(state_each(r->state, class, count_one, &n, &e), &e);
	return (n);
}

static int
count_file(const char *name, void *arg, struct err *e)
{
	(void)name;
	(void)e;
	(*(size_t *)arg)++;
	return (0);
}

size_t
rig_files(const char *folder)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	if (!file_exists(folder))
		return (0);
	must(file_each(folder, count_file, &n, &e), &e);
	return (n);
}
