/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A repository comes into being, or gets another endpoint. In this order, so
 * that a crash anywhere is mended by running it again: every endpoint is asked
 * whose it is, before anything is touched; the key files get their names, the
 * agent's last; local state learns who writes, with the bytes of config and
 * writers/; the endpoints get these; the audit log says so once a quorum has.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/stage.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/replicate.h"
#include "repository/repo.h"
#include "repository/spool.h"
#include "repository/state_chunks.h"

#define GENERATION 1 /* of the first config */

/* --- whose are the endpoints? --- */

static int
refuse(const char *name, const char *whose, struct err *e)
{
	err_set(e, ERR_REFUSED,
	    "endpoint %s holds %s; nothing was touched anywhere", name, whose);
	return (err_hint(e,
	    "use another place, or, for a machine that lost its keys or "
	    "state, 'triplicate recover'"));
}

/* A config is there. With keys it must be theirs; without, it is someone's. */
static int
judge_config(const struct keys *k, const char *name, const struct buf *config,
    struct init_result *out, size_t i, struct err *e)
{
	struct err why = ERR_INIT;

	if (k == NULL)
		return (refuse(name, "a repository already", e));
	if (config_check(k, config->p, config->n, &why) == 0) {
		out->outcome[i] = INIT_THERE_ALREADY;
		return (0);
	}
	if (why.kind == ERR_KEY)
		return (refuse(name, "another repository", e));
	out->outcome[i] = INIT_FAILED;
	out->error[i] = why;
	return (0);
}

/* An endpoint that is not there yet will be made; one that fails otherwise is
 * left out, and said so. */
static int
ask_endpoint(const struct settings *s, const struct keys *k, size_t i,
    struct init_result *out, struct err *e)
{
	SCOPED(store_freep) struct store *store = NULL;
	SCOPED(buf_free) struct buf config = BUF_INIT;
	struct err why = ERR_INIT;

	store = endpoint_open_store(&s->endpoints[i], s->give_up_after_s, e);
	if (store == NULL)
		return (-1);
	out->outcome[i] = INIT_CREATED;
	if (store_load(store, CONFIG_OBJECT_NAME, CONFIG_MAX, &config, &why) ==
	    0)
		return (
		    judge_config(k, s->endpoints[i].name, &config, out, i, e));
	if (why.kind == ERR_STOPPED) {
		*e = why;
		return (-1);
	}
	if (why.kind == ERR_CORRUPT && k == NULL)
		return (refuse(s->endpoints[i].name, "a damaged config", e));
	if (why.kind != ERR_MISSING) {
		out->outcome[i] = INIT_FAILED;
		out->error[i] = why;
	}
	return (0);
}

static int
ask_endpoints(const struct settings *s, const struct keys *k,
    struct init_result *out, struct err *e)
{
	for (size_t i = 0; i < s->nendpoints; i++)
		if (ask_endpoint(s, k, i, out, e) < 0)
			return (-1);
	return (0);
}

/* --- keys --- */

/* A new key's file until all of them are there: PATH.new */
static char *
unfinished(const char *path)
{
	return (mem_printf("%s.new", path));
}

static struct keys *
load_keys(const char *agent, const char *restore, struct err *e)
{
	SCOPED(keys_freep) struct keys *k = keys_load_agent(agent, e);

	if (k == NULL || keys_add_restore_file(k, restore, e) < 0)
		return (NULL);
	return (TAKE(k));
}

/* restore.key got its name, and then it stopped. */
static struct keys *
finish_keys(const struct settings *s, const char *agent_new, struct err *e)
{
	SCOPED(keys_freep)
	struct keys *k = load_keys(agent_new, s->restore_key, e);

	if (k == NULL || file_rename(agent_new, s->agent_key, e) < 0 ||
	    file_sync_parent(s->agent_key, e) < 0)
		return (NULL);
	return (TAKE(k));
}

/* The keys that are there already, or NULL with e->kind ERR_NONE. */
static struct keys *
existing_keys(const struct settings *s, struct err *e)
{
	SCOPED(scope_free) char *agent_new = unfinished(s->agent_key);
	bool agent = file_exists(s->agent_key);
	bool restore = file_exists(s->restore_key);

	if (!agent && !restore)
		return (NULL);
	if (!agent && file_exists(agent_new))
		return (finish_keys(s, agent_new, e));
	if (agent && restore)
		return (load_keys(s->agent_key, s->restore_key, e));
	err_set(e, ERR_KEY, "%s is missing, while %s is there",
	    agent ? s->restore_key : s->agent_key,
	    agent ? s->agent_key : s->restore_key);
	err_hint(e,
	    "put it back; or, for a new repository, move the other "
	    "one away");
	return (NULL);
}

static int
give_names(const struct settings *s, const char *agent_new,
    const char *restore_new, struct err *e)
{
	if (file_rename(restore_new, s->restore_key, e) < 0 ||
	    file_sync_parent(s->restore_key, e) < 0 ||
	    file_rename(agent_new, s->agent_key, e) < 0)
		return (-1);
	return (file_sync_parent(s->agent_key, e));
}

static struct keys *
make_keys(const struct settings *s, struct err *e)
{
	SCOPED(scope_free) char *agent_new = unfinished(s->agent_key);
	SCOPED(scope_free) char *restore_new = unfinished(s->restore_key);
	SCOPED(keys_freep) struct keys *k = keys_generate();

	/* Left by a crash before either had its name: used by nobody. */
	if (file_remove(agent_new, e) < 0 || file_remove(restore_new, e) < 0 ||
	    file_make_parent(s->agent_key, 0700, e) < 0 ||
	    file_make_parent(s->restore_key, 0700, e) < 0 ||
	    keys_save_agent(k, agent_new, e) < 0 ||
	    keys_save_restore(k, restore_new, e) < 0 ||
	    give_names(s, agent_new, restore_new, e) < 0)
		return (NULL);
	return (TAKE(k));
}

/* --- local state --- */

static bool
is_anywhere(const struct settings *s, const struct init_result *out)
{
	for (size_t i = 0; i < s->nendpoints; i++)
		if (out->outcome[i] == INIT_THERE_ALREADY)
			return (true);
	return (false);
}

static int
refuse_recovered(struct err *e)
{
	err_set(e, ERR_REFUSED,
	    "this repository was recovered here, and is read-only");
	return (err_hint(e, "run 'triplicate recover --take-over'"));
}

/* Config and writer 1, as every endpoint will hold them. */
static int
write_first(struct state *state, const struct keys *k, struct err *e)
{
	SCOPED(buf_free) struct buf config = BUF_INIT, object = BUF_INIT;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct writer w = { .epoch = 1, .started = clock_now() };
	struct state_writer mine = { .epoch = 1, .started = w.started };
	char name[OBJECT_NAME_TEXT];

	random_bytes(w.id, sizeof(w.id));
	memcpy(mine.id, w.id, sizeof(mine.id));
	writer_of_this_machine(k, state_folder(state), &w);
	if (config_encode(k, GENERATION, &config, e) < 0)
		return (-1);
	writer_name(&w, name);
	writer_encode(k, &w, &object);
	if ((t = state_begin(state, e)) == NULL ||
	    state_put_root(t, CONFIG_OBJECT_NAME, config.p, config.n, e) < 0 ||
	    state_put_root(t, name, object.p, object.n, e) < 0 ||
	    state_set_writer(t, &mine, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

static int
prepare_state(const struct settings *s, const struct keys *k,
    const struct init_result *out, struct err *e)
{
	SCOPED(state_freep) struct state *state = NULL;
	SCOPED(scope_free) char *data = file_join(s->state, "db/data.mdb");
	struct state_writer writer;
	uint64_t highest;
	bool rebuilt;

	/* Lost, and not new: repo_open rebuilds it. */
	if (!file_exists(data) && is_anywhere(s, out))
		return (0);
	if (state_create(s->state, keys_repo(k), e) < 0 ||
	    (state = state_open(s->state, keys_repo(k), e)) == NULL ||
	    state_get_writer(state, &writer, e) < 0 ||
	    state_was_rebuilt(state, &rebuilt, e) < 0 ||
	    state_highest(state, &highest, e) < 0)
		return (-1);
	if (writer.epoch != 0 || rebuilt)
		return (0);
	return (highest > 0 ? refuse_recovered(e) : write_first(state, k, e));
}

/* Everything up to an open repository: keys, state, nothing at an endpoint. */
static struct repo *
open_prepared(const struct settings *s, struct init_result *out, struct err *e)
{
	SCOPED(keys_freep) struct keys *k = existing_keys(s, e);

	if (k == NULL && e->kind != ERR_NONE)
		return (NULL);
	if (ask_endpoints(s, k, out, e) < 0)
		return (NULL);
	if (k == NULL) {
		if ((k = make_keys(s, e)) == NULL)
			return (NULL);
		out->new_keys = true;
	}
	if (prepare_state(s, k, out, e) < 0)
		return (NULL);
	return (repo_open(s, REPO_WRITE, REPO_NEEDS_RESTORE_KEY, e));
}

/* --- endpoints --- */

/* Being there with the same bytes is what a lost answer, or an earlier run,
 * leaves behind. */
static int
is_same(struct store *store, const struct state_object *o,
    const struct buf *bytes, struct err *e)
{
	SCOPED(buf_free) struct buf there = BUF_INIT;

	if (store_load(store, o->name, CONFIG_MAX, &there, e) < 0)
		return (-1);
	if (there.n == bytes->n && memcmp(there.p, bytes->p, bytes->n) == 0)
		return (0);
	return (err_set(
	    e, ERR_CORRUPT, "%s is there with other contents", o->name));
}

struct placing {
	struct repo *r;
	struct endpoint *ep;
};

static int
place_root(const struct state_object *o, void *arg, struct err *e)
{
	struct placing *p = arg;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;

	if ((o->pending & (uint32_t)1 << p->ep->number) == 0)
		return (0);
	if (spool_load(p->r->state, o, &bytes, e) < 0)
		return (-1);
	if (store_put(p->ep->store, o->name, bytes.p, bytes.n, STORE_PUT_NEW,
		e) < 0) {
		if (e->kind != ERR_EXISTS)
			return (-1);
		err_clear(e);
		if (is_same(p->ep->store, o, &bytes, e) < 0)
			return (-1);
	}
	return (spool_confirm(p->r->state, o, p->ep->number, e));
}

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	enum state_seen what;

	return (state_listing_entry(arg, entry, &what, e));
}

/* What this endpoint had and has no more becomes pending. */
static int
take_listing(struct repo *r, struct endpoint *ep, struct err *e)
{
	SCOPED(state_listing_freep) struct state_listing *l = NULL;
	struct state_listing_result result;

	if ((l = state_listing_open(r->state, ep->number, e)) == NULL ||
	    store_list(ep->store, "", see, l, e) != 0)
		return (-1);
	return (state_listing_apply(l, &result, e));
}

static int
create_endpoint(struct repo *r, struct endpoint *ep, struct err *e)
{
	struct placing p = { .r = r, .ep = ep };

	if (store_prepare(ep->store, e) < 0 || take_listing(r, ep, e) < 0 ||
	    state_each(r->state, STATE_ROOT, place_root, &p, e) != 0)
		return (-1);
	return (state_note_endpoint(r->state, ep->number, "", e));
}

/* Getting the endpoints ready, one after the other. */
struct settling {
	struct repo *r;
	struct init_result *out;
	int (*may_use)(const struct endpoint_settings *conf,
	    uint64_t give_up_after_s, struct err *e);
};

static int
begin_endpoint(const struct settling *on, struct endpoint *ep, struct err *e)
{
	uint64_t give_up_after_s = on->r->settings->give_up_after_s;

	if (store_prepare(ep->store, e) < 0 ||
	    (on->may_use != NULL &&
		on->may_use(ep->conf, give_up_after_s, e) < 0))
		return (-1);
	return (create_endpoint(on->r, ep, e));
}

/* One of ours: it may lack what a stopped run had still to put there. */
static int
complete_endpoint(struct repo *r, struct endpoint *ep, struct err *e)
{
	if (repo_check_endpoint(r, ep, e) < 0)
		return (-1);
	return (create_endpoint(r, ep, e));
}

static int
settle_endpoint(const struct settling *on, size_t i, struct err *e)
{
	struct endpoint *ep = &on->r->endpoints[i];
	enum init_outcome *outcome = &on->out->outcome[i];
	struct err *why = &on->out->error[i];
	int failed = -1;

	if (*outcome == INIT_CREATED)
		failed = begin_endpoint(on, ep, why);
	else if (*outcome == INIT_THERE_ALREADY)
		failed = complete_endpoint(on->r, ep, why);
	if (failed == 0)
		return (0);
	*outcome = INIT_FAILED;
	if (why->kind == ERR_STOPPED) {
		*e = *why;
		return (-1);
	}
	return (state_note_endpoint(on->r->state, ep->number, why->text, e));
}

static int
settle_endpoints(const struct settling *on, struct err *e)
{
	for (size_t i = 0; i < on->r->nendpoints; i++)
		if (settle_endpoint(on, i, e) < 0)
			return (-1);
	return (0);
}

/* --- the whole --- */

/* is_new: also those that an earlier run made and no entry tells of. */
static int
note_in_audit_log(
    struct repo *r, const struct init_result *out, bool is_new, struct err *e)
{
	SCOPED(json_freep) struct json *created = json_array();
	struct json *detail;

	for (size_t i = 0; i < r->nendpoints; i++)
		if (out->outcome[i] == INIT_CREATED ||
		    (is_new && out->outcome[i] == INIT_THERE_ALREADY))
			json_append_string(created, r->endpoints[i].conf->name);
	if (json_count(created) == 0)
		return (0);
	detail = json_object();
	json_set(detail, "endpoints", TAKE(created));
	return (audit_log_add(r, "init", NULL, NULL, detail, e));
}

/* The entry goes out at once, where an endpoint was ready just now; what does
 * not get there goes with the next run. */
static int
send_audit_log(struct repo *r, const struct init_result *out, struct err *e)
{
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX] = { { 0 } };
	SCOPED(replicate_freep) struct replicate *rep = NULL;
	unsigned ready = 0;

	for (size_t i = 0; i < r->nendpoints; i++)
		if (out->outcome[i] != INIT_FAILED)
			ready |= 1U << i;
	if (ready == 0) /* which would mean all */
		return (0);
	rep = replicate_start(r, ready, REPLICATE_AUDIT_ONLY, e);
	return (rep == NULL ? -1 : replicate_finish(rep, reports, e));
}

/* A new repository that no quorum has is not one yet; run again, it goes on. */
static int
check_quorum(const struct repo *r, const struct init_result *out,
    uint64_t audit_seq, struct err *e)
{
	SCOPED(buf_free) struct buf failures = BUF_INIT;
	unsigned have = 0;
	bool full = true; /* is want of space all that was wrong? */

	for (size_t i = 0; i < r->nendpoints; i++) {
		have += out->outcome[i] != INIT_FAILED;
		if (out->outcome[i] == INIT_FAILED) {
			buf_printf(&failures, "; %s", out->error[i].text);
			full = full && out->error[i].kind == ERR_FULL;
		}
	}
	if (audit_seq > 0 || have >= r->settings->write_quorum)
		return (0);
	err_set(e, full ? ERR_FULL : ERR_QUORUM,
	    "%u of the %u endpoints needed are ready%s", have,
	    r->settings->write_quorum, buf_text(&failures));
	return (err_hint(e,
	    "mend the others and run 'triplicate init' again: "
	    "it goes on from here"));
}

int
repo_init(const struct settings *s,
    int (*may_use)(const struct endpoint_settings *conf,
	uint64_t give_up_after_s, struct err *e),
    struct init_result *out, struct err *e)
{
	struct settling on = { .out = out, .may_use = may_use };
	SCOPED(repo_freep) struct repo *r = NULL;
	struct sha256 head;
	uint64_t seq;

	memset(out, 0, sizeof(*out));
	if (s->restore_key == NULL) {
		err_set(e, ERR_CONFIG,
		    "init needs restore-key in [repository]: where to write "
		    "(or find) it");
		return (err_hint(e, "it can be moved away afterwards"));
	}
	stage_reached("repository to be made");
	if (stop_check(e) < 0)
		return (-1);
	if ((on.r = r = open_prepared(s, out, e)) == NULL ||
	    settle_endpoints(&on, e) < 0 ||
	    audit_log_head(r, &seq, &head, e) < 0 ||
	    check_quorum(r, out, seq, e) < 0 ||
	    note_in_audit_log(r, out, seq == 0, e) < 0)
		return (-1);
	return (send_audit_log(r, out, e));
}
