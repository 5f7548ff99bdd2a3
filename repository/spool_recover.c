/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool after a crash: files flow in, and each is either the file of an
 * object that local state knows, or becomes one (a pack reads itself), or goes.
 * An index object that state does not know goes: the packs it would describe
 * are still without one, and the next backup writes another.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "repository/pack.h"
#include "repository/spool_impl.h"
#include "repository/state_chunks.h"

#define TEMPORARY ".tmp-" /* base/file.c's */

static int
take_in(struct repo *r, const struct directory *d, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	uint64_t number;

	if ((t = state_begin(r->state, e)) == NULL ||
	    state_add_pack(t, d, true, true, &number, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* A pack that was spooled and never made known. */
static int
adopt_pack(
    struct repo *r, const char *path, const struct sha256 *sha, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct err why = ERR_INIT;

	if (file_load(path, PACK_MAX, &bytes, &why) < 0 ||
	    pack_read(r->keys, bytes.p, bytes.n, sha, &d, &why) < 0)
		return (spool_set_aside(r->state, path, why.text, e));
	log_info("spool: taking in %s, left by an earlier run", path);
	return (take_in(r, &d, e));
}

/* A file whose object is known, but not as spooled: removed when no one waits
 * for it, else the object's again. */
static int
settle_file(struct repo *r, const char *path, const struct state_object *o,
    struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct err why = ERR_INIT;

	if (o->pending == 0)
		return (file_remove(path, e));
	if (file_load(path, STORE_OBJECT_MAX, &bytes, &why) < 0 ||
	    spool_check_bytes(o, &bytes, &why) < 0)
		return (spool_set_aside(r->state, path, why.text, e));
	return (state_set_spooled(r->state, o->number, true, e));
}

/* True, and *answer what to return, when the file is no object's. */
static bool
is_litter(struct repo *r, const char *path, const char *name, int *answer,
    struct err *e)
{
	struct stat st;

	*answer = 0;
	if (strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0) {
		*answer = file_remove(path, e);
		return (true);
	}
	if (file_stat(path, &st, e) < 0) {
		*answer = -1;
		return (true);
	}
	if (!S_ISREG(st.st_mode)) {
		*answer = spool_set_aside(r->state, path, "no file", e);
		return (true);
	}
	return (false);
}

static int
look_at_pack(const char *name, void *arg, struct err *e)
{
	struct repo *r = arg;
	SCOPED(scope_free) char *folder = spool_folder(r->state, "packs");
	SCOPED(scope_free) char *path = file_join(folder, name);
	char object[OBJECT_NAME_TEXT];
	struct state_object o;
	struct sha256 sha;
	bool known;
	int answer;

	if (is_litter(r, path, name, &answer, e))
		return (answer);
	if (strlen(name) != 2 * sizeof(sha.b) ||
	    !hex_parse(name, sha.b, sizeof(sha.b)))
		return (spool_set_aside(r->state, path, "not a pack", e));
	format_pack_name(&sha, object);
	if (state_find(r->state, object, &o, &known, e) < 0)
		return (-1);
	if (!known)
		return (adopt_pack(r, path, &sha, e));
	return (o.spooled ? 0 : settle_file(r, path, &o, e));
}

static int
look_at_index(const char *name, void *arg, struct err *e)
{
	struct repo *r = arg;
	SCOPED(scope_free) char *folder = spool_folder(r->state, "index");
	SCOPED(scope_free) char *path = file_join(folder, name);
	SCOPED(scope_free) char *object = mem_printf("index/%s", name);
	struct state_object o;
	bool known;
	int answer;

	if (is_litter(r, path, name, &answer, e))
		return (answer);
	if (state_find(r->state, object, &o, &known, e) < 0)
		return (-1);
	if (!known)
		return (file_remove(path, e));
	return (o.spooled ? 0 : settle_file(r, path, &o, e));
}

static int
each_file(struct repo *r, const char *kind,
    int (*look)(const char *name, void *arg, struct err *e), struct err *e)
{
	SCOPED(scope_free) char *folder = spool_folder(r->state, kind);

	if (!file_exists(folder))
		return (0);
	return (file_each(folder, look, r, e) == 0 ? 0 : -1);
}

/* An object that counts as spooled: is its file there, and of its length? (Its
 * bytes are checked when they are sent.) */
static int
look_for_file(const struct state_object *o, void *arg, struct err *e)
{
	struct repo *r = arg;
	SCOPED(scope_free) char *path = NULL;
	struct err why = ERR_INIT;
	struct stat st;

	if (!o->spooled || (path = spool_path(r->state, o->name)) == NULL)
		return (0);
	if (file_stat(path, &st, &why) == 0) {
		if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == o->bytes)
			return (0);
		if (spool_set_aside(r->state, path, "of another length", e) < 0)
			return (-1);
	} else if (why.kind == ERR_MISSING)
		log_warning("spool: the file of %s is gone", o->name);
	else
		return (err_set(e, why.kind, "spool: %s", why.text));
	return (state_set_spooled(r->state, o->number, false, e));
}

/* What is known to nobody is litter, or a repack's that runs just now: while
 * one may, the files are left for the next time. */
static int
look_at_files(struct repo *r, struct err *e)
{
	SCOPED(scope_free)
	char *path = file_join(r->settings->state, REPO_PRUNE_LOCK);
	SCOPED(scope_close) int lock = file_lock(path, e);

	if (lock < 0 && e->kind != ERR_LOCKED)
		return (-1);
	if (lock < 0) {
		err_clear(e);
		return (0);
	}
	return (each_file(r, "packs", look_at_pack, e) < 0
		? -1
		: each_file(r, "index", look_at_index, e));
}

int
spool_recover(struct repo *r, struct err *e)
{
	if (look_at_files(r, e) < 0 ||
	    state_each(r->state, STATE_PACK, look_for_file, r, e) != 0 ||
	    state_each(r->state, STATE_INDEX, look_for_file, r, e) != 0)
		return (-1);
	return (spool_sweep(r->state, e));
}
