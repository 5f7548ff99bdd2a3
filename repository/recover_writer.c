/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recovered machine becomes the writer: the highest epoch flows in from the
 * endpoints, our claim to the next one flows out to them. It is true once a
 * quorum holds it; local state says so only then.
 */
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "repository/audit_log.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/recover_impl.h"
#include "repository/replicate.h"
#include "repository/state.h"

/* Ours, and answering? That it has a later writer than us is why we are here.
 */
static int
check_endpoint(struct repo *r, struct endpoint *ep, struct err *e)
{
	if (repo_check_endpoint(r, ep, e) == 0)
		return (0);
	if (e->kind != ERR_TAKEN_OVER)
		return (-1);
	err_clear(e);
	return (0);
}

/* So many that whoever reaches a quorum of its own meets one of them. */
static unsigned
claims_needed(const struct repo *r)
{
	unsigned quorum = r->settings->write_quorum;
	unsigned meets = (unsigned)r->nendpoints - quorum + 1;

	return (meets > quorum ? meets : quorum);
}

/*
 * The writer of the highest epoch that any endpoint, or our own state, knows.
 * Only signed ones count: else one endpoint could use all numbers up. *usable
 * gets a bit for each endpoint that is ours.
 */
static int
newest_writer(
    struct repo *r, struct writer *newest, uint32_t *usable, struct err *e)
{
	struct err last = ERR_INIT;
	unsigned answered = 0;

	*newest = (struct writer){ .epoch = r->epoch };
	*usable = 0;
	for (size_t i = 0; i < r->nendpoints; i++) {
		struct endpoint *ep = &r->endpoints[i];
		struct writer found;

		err_clear(&last);
		if (check_endpoint(r, ep, &last) < 0 ||
		    endpoint_newest_signed_writer(
			ep->store, r->keys, &found, &last) < 0) {
			log_warning("%s", last.text);
			continue;
		}
		answered++;
		*usable |= 1U << i;
		if (found.epoch > newest->epoch)
			*newest = found;
	}
	if (newest->epoch == UINT32_MAX)
		return (err_set(e, ERR_REFUSED, "no writer epoch is left"));
	if (answered >= claims_needed(r))
		return (0);
	return (err_set(e, ERR_QUORUM,
	    "take-over needs %u endpoints, %u answered%s%s", claims_needed(r),
	    answered, last.kind != ERR_NONE ? "; last: " : "", last.text));
}

/* Being there already is what a lost answer leaves: nobody else has our id. */
static bool
claim_at(struct endpoint *ep, const char *name, const struct buf *object,
    struct err *last)
{
	err_clear(last);
	return (store_put(ep->store, name, object->p, object->n, STORE_PUT_NEW,
		    last) == 0 ||
	    last->kind == ERR_EXISTS);
}

/* Our claim at every endpoint that can be reached; a quorum makes it true. */
static int
put_writer(
    struct repo *r, const struct writer *w, uint32_t usable, struct err *e)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	char name[OBJECT_NAME_TEXT];
	unsigned stored = 0;
	struct err last = ERR_INIT;
	struct state_writer mine = { .epoch = w->epoch, .started = w->started };

	writer_name(w, name);
	writer_encode(r->keys, w, &object);
	for (size_t i = 0; i < r->nendpoints; i++)
		if ((usable & (1U << i)) != 0)
			stored += claim_at(
			    &r->endpoints[i], name, &object, &last);
	if (stored < claims_needed(r))
		return (err_set(e, ERR_QUORUM,
		    "take-over reached %u endpoints of %u; last: %s", stored,
		    claims_needed(r), last.text));
	memcpy(mine.id, w->id, sizeof(mine.id));
	if ((t = state_begin(r->state, e)) == NULL ||
	    state_put_root(t, name, object.p, object.n, e) < 0 ||
	    state_set_writer(t, &mine, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* The claim stands; an entry that does not get out now goes with the next run.
 */
static int
note_in_audit_log(struct repo *r, const struct writer *w, struct err *e)
{
	struct json *detail = json_object();
	struct err later = ERR_INIT;

	r->epoch = w->epoch;
	hex_of(w->id, sizeof(w->id), r->writer);
	json_set_integer(detail, "epoch", w->epoch);
	json_set_string(detail, "host", w->host);
	if (audit_log_add(r, "take-over", NULL, NULL, detail, e) < 0)
		return (-1);
	if (replicate_audit(r, 0, &later) < 0)
		log_debug("%s", later.text);
	return (0);
}

/* With the writer's lock held: no job of this machine goes on meanwhile. */
static int
claim(struct repo *r, uint32_t after, uint32_t usable, struct writer *w,
    struct err *e)
{
	*w = (struct writer){ .epoch = after + 1, .started = clock_now() };
	random_bytes(w->id, sizeof(w->id));
	writer_of_this_machine(r->keys, r->settings->state, w);
	if (put_writer(r, w, usable, e) < 0)
		return (-1);
	return (note_in_audit_log(r, w, e));
}

static int
take_over(struct repo *r, struct recover_result *out, struct err *e)
{
	struct writer newest, w;
	uint32_t usable;

	if (newest_writer(r, &newest, &usable, e) < 0 ||
	    claim(r, newest.epoch, usable, &w, e) < 0)
		return (-1);
	out->epoch = w.epoch;
	out->writer_since = w.started;
	memcpy(out->writer_host, w.host, sizeof(w.host));
	return (recover_fill_result(r, out, e));
}

int
recover_take_over(
    const struct settings *s, struct recover_result *out, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = repo_open(s, REPO_READ, 0, e);
	SCOPED(scope_free) char *path = file_join(s->state, "lock");
	SCOPED(scope_close) int lock = -1;

	if (r == NULL)
		return (-1);
	if ((lock = file_lock(path, e)) < 0)
		return (e->kind == ERR_LOCKED ? repo_fail_locked(s, e) : -1);
	return (take_over(r, out, e));
}

static int
refuse_to_resume(const struct writer *newest, struct err *e)
{
	char since[CLOCK_TEXT];

	clock_text(newest->started, since);
	err_set(e, ERR_REFUSED,
	    "local state was lost, and the writer is %s since %s, which may be "
	    "another machine",
	    newest->host, since);
	return (err_hint(e,
	    "run 'triplicate recover --take-over' to make this machine the "
	    "writer"));
}

int
recover_resume(struct repo *r, struct err *e)
{
	struct writer newest, w = { .epoch = 0 };
	uint32_t usable;

	if (newest_writer(r, &newest, &usable, e) < 0)
		return (-1);
	writer_of_this_machine(r->keys, r->settings->state, &w);
	if (memcmp(w.machine, newest.machine, sizeof(w.machine)) != 0)
		return (refuse_to_resume(&newest, e));
	if (claim(r, newest.epoch, usable, &w, e) < 0)
		return (-1);
	log_warning(
	    "this machine was the writer, and goes on as writer %u", w.epoch);
	return (0);
}
