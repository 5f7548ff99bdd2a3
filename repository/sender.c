/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint's thread: it checks that the endpoint is ours, sends its scout
 * to look around (sender_scout.c), and sends. A failed call (the driver has
 * retried it already) sets the endpoint aside: nobody waits for it, and it is
 * asked now and then whether it is well again, for as long as there may be more
 * to send.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "repository/endpoint.h"
#include "repository/object.h"
#include "repository/replicate_impl.h"
#include "repository/spool.h"

#define PROBE_LEAST_MS 5000
#define PROBE_MOST_MS  60000

static int
put_root(const struct state_object *o, void *arg, struct err *e)
{
	struct sender *s = arg;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct repo *r = s->rep->repo;

	if (spool_load(r->state, o, &bytes, e) < 0)
		return (-1);
	return (object_store(r, s->ep, o, &bytes, e));
}

/*
 * Is the endpoint there, and ours? With REPLICATE_PREPARE an empty one is taken
 * and a damaged config, writer or slot is written again; another repository's
 * never is. Asked again afterwards: a later writer may have been hidden behind
 * the damage.
 */
static int
prepare_endpoint(struct sender *s, struct err *e)
{
	struct repo *r = s->rep->repo;
	bool prepare = (s->rep->flags & REPLICATE_PREPARE) != 0;

	if (prepare && store_prepare(s->ep->store, e) < 0)
		return (-1);
	if (repo_check_once(r, s->ep, e) == 0)
		return (0);
	if (!prepare || (e->kind != ERR_CORRUPT && e->kind != ERR_MISSING))
		return (-1);
	err_clear(e);
	if (endpoint_check_owner(s->ep->store, r->keys, e) < 0 ||
	    state_each(r->state, STATE_ROOT, put_root, s, e) != 0)
		return (-1);
	return (repo_check_endpoint(r, s->ep, e));
}

/* Packs are sent while the scout looks around. A sender that fails does not
 * wait for more than the call in which its scout is. */
static int
work(struct sender *s, struct err *e)
{
	bool audit_only = (s->rep->flags & REPLICATE_AUDIT_ONLY) != 0;
	int rc;

	if (prepare_endpoint(s, e) < 0 || sender_scout_start(s, e) < 0)
		return (-1);
	s->report.reached = true;
	rc = sender_send_all(s, e);
	if (sender_scout_join(s, e) < 0 || rc < 0)
		return (-1);
	return (audit_only ? 0 : sender_renew_locks(s, e));
}

/* --- set aside, and asked again ------------------------------------------ */

/* Nobody waits for it from now on. */
static void
set_aside(struct sender *s, const struct err *why)
{
	struct repo *r = s->rep->repo;
	struct err ignored = ERR_INIT;

	s->report.error = *why;
	if (why->kind == ERR_TAKEN_OVER) {
		(void)pthread_mutex_lock(&s->rep->lock);
		s->rep->overtaken = *why;
		(void)pthread_mutex_unlock(&s->rep->lock);
		atomic_store(&s->rep->taken_over, true);
	}
	if (state_note_endpoint(r->state, s->ep->number, why->text, &ignored) <
	    0)
		log_debug("%s", ignored.text);
	spool_sender(r, s->ep, false);
	sender_count_out(s);
	sender_set_listed(s);
}

/* Failures that the endpoint, or its operator, may mend while we go on. */
static bool
may_come_back(const struct err *why)
{
	return (err_is_transient(why) || why->kind == ERR_MISSING ||
	    why->kind == ERR_FULL);
}

/* Waits so long. False: nothing more is coming, it is not worth waiting. */
static bool
wait_on(struct sender *s, unsigned wait_ms)
{
	struct state *state = s->rep->repo->state;
	uint64_t until = clock_ticks_ms() + wait_ms, now;
	struct err stopped = ERR_INIT;

	while ((now = clock_ticks_ms()) < until) {
		uint64_t seen = state_changes(state);

		if (atomic_load(&s->rep->finishing) ||
		    state_wait(state, seen, (unsigned)(until - now), &stopped) <
			0)
			return (false);
	}
	return (!atomic_load(&s->rep->finishing));
}

/* Asks an endpoint that is aside now and then, each time with one small call.
 * True: it answers. */
static bool
probe(struct sender *s, unsigned *wait_ms)
{
	struct err away = ERR_INIT;

	while (wait_on(s, *wait_ms / 2 + random_below(*wait_ms / 2 + 1))) {
		if (*wait_ms < PROBE_MOST_MS)
			*wait_ms *= 2;
		err_clear(&away);
		if (store_probe(s->ep->store, &away) == 0)
			return (true);
		log_debug("still set aside: %s", away.text);
	}
	return (false);
}

/* Back to work where probing found it well; a failure without anything sent
 * since then is waited on for longer. */
static bool
come_back(struct sender *s, const struct err *why, unsigned *wait_ms)
{
	if (s->report.bytes_sent > s->sent_before)
		*wait_ms = PROBE_LEAST_MS;
	s->sent_before = s->report.bytes_sent;
	if (!may_come_back(why) || atomic_load(&s->rep->finishing))
		return (false);
	log_info("set aside, and asked again now and then: %s", why->text);
	if (!probe(s, wait_ms))
		return (false);
	log_info("endpoint %s answers again", s->ep->conf->name);
	spool_sender(s->rep->repo, s->ep, true);
	return (true);
}

void *
sender_run(void *arg)
{
	struct sender *s = arg;
	struct repo *r = s->rep->repo;
	unsigned wait_ms = PROBE_LEAST_MS;
	struct err e = ERR_INIT, ignored = ERR_INIT;

	spool_sender(r, s->ep, true);
	while (work(s, &e) < 0) {
		set_aside(s, &e);
		if (!come_back(s, &e, &wait_ms))
			return (NULL);
		err_clear(&e);
	}
	if (state_note_endpoint(r->state, s->ep->number,
		s->report.error.kind != ERR_NONE ? s->report.error.text : "",
		&ignored) < 0)
		log_debug("%s", ignored.text);
	spool_sender(r, s->ep, false);
	sender_count_out(s);
	return (NULL);
}
