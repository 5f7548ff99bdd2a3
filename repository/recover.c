/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bare machine: keys come out of an endpoint's config or a passphrase slot,
 * local state out of what all endpoints hold (recover_read.c).
 */
#include "repository/recover_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "repository/catalog.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "repository/object.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_sweep.h"

#define SLOT_NAMES_MAX 64

/* --- keys --- */

static int
open_config(void *arg, const struct buf *bytes, struct err *e)
{
	return (config_open(arg, bytes->p, bytes->n, e));
}

int
recover_keys(struct store *s, struct keys *k, struct err *e)
{
	bool first;

	if (object_load_or_first(s, CONFIG_OBJECT_NAME, CONFIG_MAX, open_config,
		k, &first, e) == 0)
		return (0);
	if (e->kind == ERR_MISSING)
		(void)err_hint(e,
		    "is this the folder or bucket that holds 'config' and 'packs/'?");
	return (-1);
}

struct slot_names {
	size_t n;
	char v[SLOT_NAMES_MAX][OBJECT_NAME_TEXT];
};

static int
take_slot(const struct store_entry *entry, void *arg, struct err *e)
{
	struct slot_names *names = arg;

	(void)e;
	if (names->n < SLOT_NAMES_MAX && strlen(entry->name) < OBJECT_NAME_TEXT)
		memcpy(
		    names->v[names->n++], entry->name, strlen(entry->name) + 1);
	return (0);
}

struct opening {
	const char *name;
	const struct secret *passphrase;
	struct keys *keys;
	struct err refused; /* why a whole slot does not open */
};

/* That the passphrase is another one is no damage to the slot: what was first
 * under its name may be a slot that this one took the place of. */
static int
open_slot(void *arg, const struct buf *bytes, struct err *e)
{
	struct opening *o = arg;

	o->keys = slot_open(o->name, bytes->p, bytes->n, o->passphrase, e);
	if (o->keys != NULL)
		return (0);
	if (e->kind != ERR_KEY)
		return (-1);
	o->refused = *e;
	err_clear(e);
	return (0);
}

/* A slot that this passphrase does not open is passed over; e says why. */
static struct keys *
try_slot(struct store *s, const char *object, const struct secret *passphrase,
    struct err *e)
{
	struct opening o = { .name = object + strlen("keys/"),
		.passphrase = passphrase };
	bool first;

	if (object_load_or_first(
		s, object, SLOT_MAX, open_slot, &o, &first, e) < 0)
		return (NULL);
	if (o.keys == NULL)
		*e = o.refused;
	return (o.keys);
}

struct keys *
recover_keys_by_passphrase(
    struct store *s, const struct secret *passphrase, struct err *e)
{
	SCOPED(scope_free) struct slot_names *names = mem_new(sizeof(*names));

	if (store_list(s, "keys/", take_slot, names, e) < 0)
		return (NULL);
	if (names->n == 0) {
		(void)err_set(e, ERR_KEY,
		    "endpoint %s holds no passphrase slot", store_name(s));
		(void)err_hint(e, "use --key with the restore key");
		return (NULL);
	}
	for (size_t i = 0; i < names->n; i++) {
		struct keys *k;

		err_clear(e);
		if ((k = try_slot(s, names->v[i], passphrase, e)) != NULL)
			return (k);
		if (e->kind != ERR_KEY && !recover_is_objects_fault(e))
			return (NULL);
		log_debug("%s: %s", names->v[i], e->text);
	}
	e->kind = ERR_KEY;
	return (NULL);
}

/* --- the whole --- */

static void
close_endpoints(struct repo *r)
{
	for (size_t i = 0; i < r->nendpoints; i++)
		store_free(r->endpoints[i].store);
	free(r->endpoints);
}

static int
open_endpoints(struct repo *r, const struct settings *s, struct err *e)
{
	const char *names[SETTINGS_ENDPOINTS_MAX];
	uint8_t numbers[SETTINGS_ENDPOINTS_MAX];

	for (size_t i = 0; i < s->nendpoints; i++)
		names[i] = s->endpoints[i].name;
	if (state_configure(r->state, names, s->nendpoints, true, numbers, e) <
	    0)
		return (-1);
	r->endpoints = mem_array(s->nendpoints, sizeof(*r->endpoints));
	for (size_t i = 0; i < s->nendpoints; i++) {
		r->endpoints[i].conf = &s->endpoints[i];
		(void)pthread_mutex_init(&r->endpoints[i].asking, NULL);
		r->endpoints[i].number = numbers[i];
		r->nendpoints = i + 1;
		if ((r->endpoints[i].store = endpoint_open_store(
			 &s->endpoints[i], s->give_up_after_s, e)) == NULL)
			return (-1);
	}
	return (0);
}

static int
recover_endpoints(struct repo *r, struct recover_result *out,
    struct bad_copies *bad, struct err *e)
{
	unsigned answered = 0;
	struct err last = ERR_INIT, worst = ERR_INIT;

	for (size_t i = 0; i < r->nendpoints; i++) {
		struct recovery v = { .repo = r,
			.bad = bad,
			.ep = &r->endpoints[i],
			.out = out };

		err_clear(&last);
		if (recover_endpoint(&v, &last) == 0) {
			answered++;
			continue;
		}
		if (last.kind == ERR_STOPPED || last.kind == ERR_FULL) {
			*e = last;
			return (-1);
		}
		log_warning("%s", last.text);
		/* Having none says less than not answering. */
		if (worst.kind == ERR_NONE || worst.kind == ERR_MISSING)
			worst = last;
	}
	if (answered > 0)
		return (0);
	*e = worst;
	return (-1);
}

int
recover_mark_bad(struct repo *r, const struct bad_copies *bad, struct err *e)
{
	for (size_t i = 0; i < bad->n; i++) {
		struct state_object o;
		bool found;

		if (state_find(r->state, bad->v[i].name, &o, &found, e) < 0 ||
		    (found &&
			state_mark(r->state, o.number, bad->v[i].endpoint,
			    STATE_DAMAGED, e) < 0))
			return (-1);
	}
	return (0);
}

struct index_check {
	struct repo *repo;
	const struct bad_copies *bad;
	struct recover_result *out;
};

/* An index object that a manifest names and no endpoint listed. */
static int
count_unlisted(const struct state_object *o, void *arg, struct err *e)
{
	struct index_check *check = arg;
	SCOPED(scope_free) uint64_t *packs = NULL;
	size_t n;

	if (state_index_packs(check->repo->state, o->number, &packs, &n, e) < 0)
		return (-1);
	if (n > 0)
		return (0);
	for (size_t i = 0; i < check->bad->n; i++)
		if (strcmp(check->bad->v[i].name, o->name) == 0)
			return (0);
	log_warning("%s is nowhere: a backup needs it", o->name);
	check->out->damaged++;
	return (0);
}

int
recover_fill_result(struct repo *r, struct recover_result *out, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct state_audit_head head;

	if (state_read_audit_head(r->state, &head, e) < 0 ||
	    catalog_read(r, NULL, &all, e) < 0)
		return (-1);
	out->backups = all.n;
	out->newest[0] = '\0';
	if (all.n > 0)
		memcpy(out->newest, all.v[0].m.id, sizeof(out->newest));
	out->audit_seq = head.seq;
	out->audit_head = head.sha;
	return (0);
}

static int
fill_state(struct repo *r, struct recover_result *out, struct err *e)
{
	SCOPED(recover_bad_free) struct bad_copies bad = { .n = 0 };
	struct index_check check = { r, &bad, out };

	if (recover_endpoints(r, out, &bad, e) < 0 ||
	    recover_mark_bad(r, &bad, e) < 0 ||
	    state_each(r->state, STATE_INDEX, count_unlisted, &check, e) < 0 ||
	    state_drop_absent(r->state, clock_now(), e) < 0)
		return (-1);
	return (recover_fill_result(r, out, e));
}

static int
rebuild(const struct settings *s, struct keys *k, struct progress *progress,
    struct recover_result *out, struct err *e)
{
	struct repo r = {
		.settings = s, .keys = k, .lock = -1, .progress = progress
	};
	int rc = -1;

	if (state_create(s->state, keys_repo(k), e) == 0 &&
	    (r.state = state_open(s->state, keys_repo(k), e)) != NULL &&
	    open_endpoints(&r, s, e) == 0)
		rc = fill_state(&r, out, e);
	close_endpoints(&r);
	state_free(r.state);
	return (rc);
}

static int
any_name(const char *name, void *arg, struct err *e)
{
	(void)name;
	(void)arg;
	(void)e;
	return (1);
}

/* Missing, or a folder with nothing in it: what is made here may be removed. */
static int
check_is_free(const char *folder, struct err *e)
{
	int answer;

	if (!file_exists(folder))
		return (0);
	if ((answer = file_each(folder, any_name, NULL, e)) < 0)
		return (err_within(e, "the state folder %s", folder));
	if (answer == 0)
		return (0);
	(void)err_set(
	    e, ERR_REFUSED, "the state folder %s is not empty", folder);
	return (err_hint(e,
	    "move it away first; it may hold backups that no endpoint has yet"));
}

static int
is_part_of_state(const char *name, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return (strcmp(name, "db") == 0 || strcmp(name, "lock") == 0 ? 0 : 1);
}

int
recover_discard(const char *folder, struct err *e)
{
	SCOPED(scope_free) char *db = file_join(folder, "db");
	SCOPED(scope_free) char *lock = file_join(folder, "lock");
	int answer;

	if (!file_exists(folder))
		return (0);
	if ((answer = file_each(folder, is_part_of_state, NULL, e)) < 0)
		return (err_within(e, "the state folder %s", folder));
	if (answer > 0)
		return (err_set(e, ERR_REFUSED,
		    "the state folder %s holds more than an unfinished "
		    "recovery leaves",
		    folder));
	if (file_exists(db) && file_remove_tree(db, e) < 0)
		return (-1);
	return (file_remove(lock, e));
}

int
recover_state(const struct settings *s, struct keys *k,
    struct progress *progress, struct recover_result *out, struct err *e)
{
	struct err ignored = ERR_INIT;

	*out = (struct recover_result){ .epoch = 0 };
	if (check_is_free(s->state, e) < 0)
		return (-1);
	if (rebuild(s, k, progress, out, e) == 0)
		return (0);
	/* A half rebuilt state must not pass for a whole one. */
	if (file_remove_tree(s->state, &ignored) < 0)
		log_warning("%s", ignored.text);
	return (-1);
}

void
recover_result_free(struct recover_result *r)
{
	free(r->branches);
	*r = (struct recover_result){ .epoch = 0 };
}
