/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open repository: settings flow in; keys, local state, the lock and the
 * endpoints' stores come out, or nothing. No endpoint is reached for here but
 * in the two questions at the end: is it ours, and who writes?
 */
#include "repository/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/recover.h"
#include "repository/spool.h"
#include "repository/state.h"

#define AHEAD_MS  10000 /* for so long an answer holds */
#define LOCK_TEXT 128	/* all that is ever in the lock file */

/* --- keys --- */

static int
open_restore_key(struct repo *r, unsigned flags, struct err *e)
{
	const char *path = r->settings->restore_key;
	struct err why = ERR_INIT;

	if ((flags & (REPO_NEEDS_RESTORE_KEY | REPO_TRIES_RESTORE_KEY)) == 0)
		return (0);
	if (path == NULL) {
		if ((flags & REPO_NEEDS_RESTORE_KEY) == 0)
			return (0);
		err_set(e, ERR_KEY,
		    "this needs the restore key, and restore-key is not set");
		return (err_hint(e,
		    "set restore-key in [repository] of %s to where restore.key "
		    "is",
		    r->settings->path == NULL ? "the configuration"
					      : r->settings->path));
	}
	if (keys_add_restore_file(r->keys, path, &why) == 0)
		return (0);
	if ((flags & REPO_NEEDS_RESTORE_KEY) != 0) {
		*e = why;
		return (-1);
	}
	if (file_exists(path))
		log_warning("going on without the restore key: %s", why.text);
	return (0);
}

/* Without local state and without a key, nothing is here yet: to say so helps
 * more than to name the key. */
static int
open_keys(struct repo *r, unsigned flags, struct err *e)
{
	SCOPED(scope_free)
	char *data = file_join(r->settings->state, "db/data.mdb");
	SCOPED(state_freep) struct state *none = NULL;

	r->keys = keys_load_agent(r->settings->agent_key, e);
	if (r->keys != NULL)
		return (open_restore_key(r, flags, e));
	if (file_exists(r->settings->agent_key) || file_exists(data))
		return (-1);
	err_clear(e);
	none = state_open(r->settings->state, NULL, e);
	return (-1);
}

/* --- the lock --- */

/* Who holds it is what the holder wrote into the file. */
int
repo_fail_locked(const struct settings *s, struct err *e)
{
	SCOPED(scope_free) char *path = file_join(s->state, "lock");
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;

	err_set(e, ERR_LOCKED, "another job holds the repository");
	if (file_load(path, LOCK_TEXT, &text, &ignored) == 0) {
		while (text.n > 0 && text.p[text.n - 1] <= ' ')
			text.n--;
		err_set(e, ERR_LOCKED, "another job holds the repository: %s",
		    buf_text(&text));
	}
	return (err_hint(e, "wait for it, or end it; nothing is left behind"));
}

/* Always the same length, so that nothing of an older text remains. */
static int
take_lock(struct repo *r, struct err *e)
{
	SCOPED(scope_free) char *path = file_join(r->settings->state, "lock");
	char now[CLOCK_TEXT], text[LOCK_TEXT];
	int n;

	r->lock = file_lock(path, e);
	if (r->lock < 0)
		return (e->kind == ERR_LOCKED ? repo_fail_locked(r->settings, e)
					      : -1);
	clock_text(clock_now(), now);
	memset(text, ' ', sizeof(text));
	n = snprintf(
	    text, sizeof(text), "process %ld, since %s", (long)getpid(), now);
	text[n] = ' ';
	text[sizeof(text) - 1] = '\n';
	if (file_write(r->lock, text, sizeof(text), e) < 0)
		return (err_within(e, "%s", path));
	return (0);
}

/* --- endpoints --- */

static int
open_endpoints(struct repo *r, bool settle, struct err *e)
{
	const struct settings *s = r->settings;
	const char *names[SETTINGS_ENDPOINTS_MAX];
	uint8_t numbers[SETTINGS_ENDPOINTS_MAX];

	for (size_t i = 0; i < s->nendpoints; i++)
		names[i] = s->endpoints[i].name;
	if (state_configure(
		r->state, names, s->nendpoints, settle, numbers, e) < 0)
		return (-1);
	r->endpoints = mem_array(s->nendpoints + 1, sizeof(*r->endpoints));
	for (size_t i = 0; i < s->nendpoints; i++) {
		struct endpoint *ep = &r->endpoints[i];

		ep->conf = &s->endpoints[i];
		(void)pthread_mutex_init(&ep->asking, NULL);
		ep->number = numbers[i];
		ep->store = endpoint_open_store(
		    ep->conf, s->give_up_after_s, e);
		if (ep->store == NULL)
			return (-1);
		r->nendpoints++;
	}
	return (0);
}

struct endpoint *
repo_endpoint(const struct repo *r, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf known = BUF_INIT;

	for (size_t i = 0; i < r->nendpoints; i++)
		if (strcmp(r->endpoints[i].conf->name, name) == 0)
			return (&r->endpoints[i]);
	for (size_t i = 0; i < r->nendpoints; i++)
		buf_printf(&known, "%s%s", i == 0 ? "" : ", ",
		    r->endpoints[i].conf->name);
	err_set(e, ERR_MISSING, "no endpoint is called '%s'", name);
	err_hint(e, "the configuration has: %s", buf_text(&known));
	return (NULL);
}

/* --- open and close --- */

/* Without config, it was made and never filled. */
static int
open_local_state(struct repo *r, struct err *e)
{
	struct state_object config;
	bool found;

	r->state = state_open(r->settings->state, keys_repo(r->keys), e);
	if (r->state == NULL ||
	    state_find(r->state, CONFIG_OBJECT_NAME, &config, &found, e) < 0)
		return (-1);
	if (found)
		return (0);
	err_set(e, ERR_MISSING, "no repository here (%s)", r->settings->state);
	return (err_hint(e, "run 'triplicate init' or 'triplicate recover'"));
}

/* It is a cache: with keys and endpoints at hand, its loss is mended here. */
static int
open_or_rebuild(struct repo *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (open_local_state(r, &why) == 0)
		return (0);
	state_freep(&r->state);
	if (why.kind != ERR_CORRUPT && why.kind != ERR_MISSING) {
		*e = why;
		return (-1);
	}
	if (recover_rebuild(r->settings, r->keys, &why, e) < 0)
		return (e->kind == ERR_LOCKED ? repo_fail_locked(r->settings, e)
					      : -1);
	return (open_local_state(r, e));
}

static int
open_state(struct repo *r, enum repo_mode mode, struct err *e)
{
	struct state_writer writer;
	bool rebuilt;

	if (open_or_rebuild(r, e) < 0 ||
	    state_get_writer(r->state, &writer, e) < 0 ||
	    state_was_rebuilt(r->state, &rebuilt, e) < 0)
		return (-1);
	r->epoch = writer.epoch;
	hex_of(writer.id, sizeof(writer.id), r->writer);
	if (mode == REPO_READ)
		return (0);
	if (r->epoch == 0 && !rebuilt) {
		err_set(e, ERR_REFUSED,
		    "this repository was recovered here, and is read-only");
		return (err_hint(e,
		    "run 'triplicate recover --take-over' to make this machine "
		    "the writer"));
	}
	return (take_lock(r, e));
}

/* What only the writer does before it begins. */
static int
prepare_writer(struct repo *r, struct err *e)
{
	if (r->epoch == 0 && recover_resume(r, e) < 0)
		return (-1);
	return (spool_recover(r, e));
}

struct repo *
repo_open(const struct settings *s, enum repo_mode mode, unsigned flags,
    struct err *e)
{
	SCOPED(repo_freep) struct repo *r = mem_new(sizeof(*r));

	r->settings = s;
	r->lock = -1;
	if (open_keys(r, flags, e) < 0 || open_state(r, mode, e) < 0 ||
	    open_endpoints(r, mode == REPO_WRITE, e) < 0)
		return (NULL);
	if (mode == REPO_WRITE && prepare_writer(r, e) < 0)
		return (NULL);
	return (TAKE(r));
}

void
repo_free(struct repo *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->nendpoints; i++)
		store_free(r->endpoints[i].store);
	free(r->endpoints);
	state_free(r->state);
	keys_free(r->keys);
	scope_close(&r->lock);
	free(r);
}

void
repo_freep(struct repo **r)
{
	repo_free(*r);
	*r = NULL;
}

/* --- questions to an endpoint --- */

/* Is a later than b? Of one epoch, the one that began last, then the greater
 * id: whoever asks, on whichever machine, gets the same answer. */
static bool
is_later(const struct writer *a, const struct writer *b)
{
	if (a->epoch != b->epoch)
		return (a->epoch > b->epoch);
	if (a->started != b->started)
		return (a->started > b->started);
	return (memcmp(a->id, b->id, sizeof(a->id)) > 0);
}

struct writer_search {
	struct repo *r;
	struct endpoint *ep;
	struct writer me;
	bool trusts_own;      /* our record was found whole in this job */
	struct writer newest; /* ours, until there is a later one */
};

/* Epochs before ours are not read. One that is no writer of ours stops this
 * endpoint, not this machine: anyone there could have put it. */
static int
look_at_writer(const struct store_entry *entry, void *arg, struct err *e)
{
	struct writer_search *search = arg;
	struct endpoint *ep = search->ep;
	struct writer found;
	uint32_t epoch;
	uint8_t id[8];

	if (!writer_parse_name(entry->name, &epoch, id) ||
	    epoch < search->me.epoch ||
	    (search->trusts_own && epoch == search->me.epoch &&
		memcmp(id, search->me.id, sizeof(id)) == 0))
		return (0);
	if (endpoint_read_writer(
		ep->store, search->r->keys, entry->name, &found, e) < 0)
		return (-1);
	if (is_later(&found, &search->newest))
		search->newest = found;
	return (0);
}

static int
check_config(struct repo *r, struct endpoint *ep, struct err *e)
{
	SCOPED(buf_free) struct buf config = BUF_INIT;

	if (store_load(ep->store, CONFIG_OBJECT_NAME, CONFIG_MAX, &config, e) ==
	    0) {
		if (config_check(r->keys, config.p, config.n, e) == 0)
			return (0);
		return (err_within(e, "endpoint %s", ep->conf->name));
	}
	if (e->kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	if (store_probe(ep->store, e) < 0)
		return (-1);
	err_set(e, ERR_MISSING,
	    "endpoint %s: it holds no repository (no config)", ep->conf->name);
	return (err_hint(e, "'triplicate sync' fills an empty endpoint again"));
}

static int
fail_taken_over(const struct endpoint *ep, const struct writer *by,
    uint32_t mine, struct err *e)
{
	char since[CLOCK_TEXT];

	clock_text(by->started, since);
	err_set(e, ERR_TAKEN_OVER,
	    "endpoint %s: %s took this repository over on %s (writer %u, this "
	    "machine is writer %u)",
	    ep->conf->name, by->host, since, by->epoch, mine);
	return (err_hint(e,
	    "this machine may not write any more; to make it the writer again, "
	    "recover here and take over"));
}

/* A read-only machine is nobody's rival. */
static int
check_writers(
    struct repo *r, struct endpoint *ep, bool trusts_own, struct err *e)
{
	struct writer_search search = { .r = r,
		.ep = ep,
		.me = { .epoch = r->epoch },
		.trusts_own = trusts_own };
	struct state_writer mine;

	if (r->epoch == 0)
		return (0);
	if (state_get_writer(r->state, &mine, e) < 0)
		return (-1);
	search.me.started = mine.started;
	memcpy(search.me.id, mine.id, sizeof(search.me.id));
	search.newest = search.me;
	if (store_list(ep->store, "writers/", look_at_writer, &search, e) != 0)
		return (-1);
	if (is_later(&search.newest, &search.me))
		return (fail_taken_over(ep, &search.newest, r->epoch, e));
	return (0);
}

int
repo_check_endpoint(struct repo *r, struct endpoint *ep, struct err *e)
{
	return (
	    check_config(r, ep, e) < 0 ? -1 : check_writers(r, ep, false, e));
}

int
repo_check_again(struct repo *r, struct endpoint *ep, struct err *e)
{
	return (check_writers(r, ep, true, e));
}

int
repo_check_ahead(struct repo *r, struct endpoint *ep, struct err *e)
{
	int rc;

	(void)pthread_mutex_lock(&ep->asking);
	rc = repo_check_endpoint(r, ep, e);
	ep->checked_ms = rc == 0 ? clock_ticks_ms() : 0;
	(void)pthread_mutex_unlock(&ep->asking);
	return (rc);
}

int
repo_check_once(struct repo *r, struct endpoint *ep, struct err *e)
{
	bool is_known;

	(void)pthread_mutex_lock(&ep->asking);
	is_known = ep->checked_ms != 0 &&
	    clock_ticks_ms() - ep->checked_ms < AHEAD_MS;
	ep->checked_ms = 0;
	(void)pthread_mutex_unlock(&ep->asking);
	return (is_known ? 0 : repo_check_endpoint(r, ep, e));
}
