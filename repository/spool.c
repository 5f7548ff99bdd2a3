/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of the spool: a name for each pack and index object, saved, loaded and
 * checked, let go of. What a crash leaves behind is sorted out in
 * spool_recover.c, when the spool is full in spool_room.c.
 */
#include "repository/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "repository/spool_impl.h"
#include "repository/state_impl.h"

#define READ_BYTES ((size_t)256 << 10)

char *
spool_folder(struct state *s, const char *kind)
{
	return (mem_printf("%s/spool/%s", state_folder(s), kind));
}

char *
spool_path(struct state *s, const char *object)
{
	struct sha256 pack;
	const char *name = strchr(object, '/');

	if (format_parse_pack_name(object, &pack))
		return (mem_printf("%s/spool/packs/%s", state_folder(s),
		    strrchr(object, '/') + 1));
	if (name == NULL || strncmp(object, "index/", 6) != 0 ||
	    name[1] == '.' || strchr(name + 1, '/') != NULL)
		return (NULL);
	return (mem_printf("%s/spool/index/%s", state_folder(s), name + 1));
}

int
spool_save(
    struct state *s, const char *object, const void *p, size_t n, struct err *e)
{
	SCOPED(scope_free) char *path = spool_path(s, object);

	if (path == NULL)
		return (err_set(e, ERR_SYSTEM, "%s is not spooled", object));
	if (file_save(path, 0600, p, n, e) == 0)
		return (0);
	if (e->kind == ERR_MISSING) { /* the first one ever */
		err_clear(e);
		if (file_make_parent(path, 0700, e) == 0 &&
		    file_save(path, 0600, p, n, e) == 0)
			return (0);
	}
	if (e->kind == ERR_FULL)
		err_hint(e, "the disk of the state folder is full");
	return (err_within(e, "spool"));
}

int
spool_set_aside(
    struct state *s, const char *path, const char *why, struct err *e)
{
	const char *name = strrchr(path, '/');
	SCOPED(scope_free) char *folder = spool_folder(s, "damaged");
	SCOPED(scope_free)
	char *to = file_join(folder, name == NULL ? path : name + 1);

	log_warning("spool: %s: %s; moved to %s", path, why, folder);
	if (file_make_folders(folder, 0700, e) < 0)
		return (-1);
	return (file_rename(path, to, e));
}

/* The file of an object that should have one is damaged. Returns -1 and leaves
 * what e says. */
static int
give_up_file(struct state *s, const struct state_object *o, const char *path,
    struct err *e)
{
	struct err second = ERR_INIT;

	if (spool_set_aside(s, path, e->text, &second) < 0)
		log_warning("spool: %s", second.text);
	err_clear(&second);
	if (state_set_spooled(s, o->number, false, &second) < 0)
		log_warning("spool: %s", second.text);
	return (-1);
}

/* The file is not there: let go by the writer a moment ago, or lost. */
static int
give_up_missing(struct state *s, const struct state_object *o, struct err *e)
{
	struct err second = ERR_INIT;
	struct state_object now;

	if (state_get(s, o->number, &now, &second) == 0 && now.spooled &&
	    state_set_spooled(s, o->number, false, &second) == 0)
		log_warning("spool: the file of %s is gone", o->name);
	return (err_set(e, ERR_MISSING, "%s is not in the spool", o->name));
}

static int
check_sum(const struct state_object *o, const struct sha256 *sha, uint64_t n,
    struct err *e)
{
	if (n == o->bytes && memcmp(sha, &o->sha, sizeof(*sha)) == 0)
		return (0);
	return (err_set(e, ERR_CORRUPT,
	    "%s: this machine's copy is not what was stored", o->name));
}

int
spool_check_bytes(
    const struct state_object *o, const struct buf *b, struct err *e)
{
	struct sha256 sha = { { 0 } };

	hash_of(HASH_IS_SHA256, b->p, b->n, sha.b);
	return (check_sum(o, &sha, b->n, e));
}

static int
load_file(struct state *s, const struct state_object *o, struct buf *out,
    struct err *e)
{
	SCOPED(scope_free) char *path = spool_path(s, o->name);

	if (path == NULL)
		return (
		    err_set(e, ERR_MISSING, "%s is not in the spool", o->name));
	if (file_load(path, STORE_OBJECT_MAX, out, e) < 0) {
		if (e->kind == ERR_MISSING)
			return (give_up_missing(s, o, e));
		if (e->kind == ERR_CORRUPT)
			return (give_up_file(s, o, path, e));
		return (-1);
	}
	if (spool_check_bytes(o, out, e) < 0)
		return (give_up_file(s, o, path, e));
	return (0);
}

int
spool_load(struct state *s, const struct state_object *o, struct buf *out,
    struct err *e)
{
	out->n = 0;
	if (o->class == STATE_PACK || o->class == STATE_INDEX)
		return (load_file(s, o, out, e));
	if (state_body(s, o->number, out, e) < 0)
		return (-1);
	return (spool_check_bytes(o, out, e));
}

/* The file's bytes are those that were stored? Read, and not only mapped: a
 * disk that can't read its own bytes says so here, where that is an error. */
static int
check_file(int fd, const struct state_object *o, struct err *e)
{
	SCOPED(hash_freep) struct hash *h = hash_new(HASH_IS_SHA256);
	SCOPED(scope_free) uint8_t *part = mem_new(READ_BYTES);
	struct sha256 sha;
	uint64_t total = 0;
	ssize_t got;

	while ((got = file_read(fd, part, READ_BYTES, e)) > 0) {
		hash_add(h, part, (size_t)got);
		total += (uint64_t)got;
	}
	if (got < 0)
		return (-1);
	hash_end(h, sha.b);
	return (check_sum(o, &sha, total, e));
}

static int
view_file(struct state *s, const struct state_object *o, struct spool_view *out,
    struct err *e)
{
	SCOPED(scope_free) char *path = spool_path(s, o->name);
	SCOPED(scope_close) int fd = -1;

	if (path == NULL)
		return (
		    err_set(e, ERR_MISSING, "%s is not in the spool", o->name));
	if ((fd = file_open(path, O_RDONLY, e)) < 0)
		return (e->kind == ERR_MISSING ? give_up_missing(s, o, e) : -1);
	if (check_file(fd, o, e) < 0)
		return (
		    e->kind == ERR_CORRUPT ? give_up_file(s, o, path, e) : -1);
	out->bytes.p = file_map(fd, (size_t)o->bytes, e);
	if (out->bytes.p == NULL)
		return (err_within(e, "%s", path));
	out->bytes.n = out->mapped = (size_t)o->bytes;
	return (0);
}

int
spool_view(struct state *s, const struct state_object *o,
    struct spool_view *out, struct err *e)
{
	*out = (struct spool_view){ .bytes = BUF_INIT };
	if (state_object_has_file(o) && o->bytes > 0)
		return (view_file(s, o, out, e));
	return (spool_load(s, o, &out->bytes, e));
}

void
spool_view_free(struct spool_view *v)
{
	if (v->mapped > 0)
		file_unmap(v->bytes.p, v->mapped);
	else
		buf_free(&v->bytes);
	*v = (struct spool_view){ .bytes = BUF_INIT };
}

int
spool_remove(struct state *s, const char *object, struct err *e)
{
	SCOPED(scope_free) char *path = spool_path(s, object);

	return (path == NULL ? 0 : file_remove(path, e));
}

int
spool_confirm(struct state *s, const struct state_object *o, uint8_t endpoint,
    struct err *e)
{
	bool let_go;

	if (state_confirm(s, o->number, endpoint, &let_go, e) < 0)
		return (-1);
	return (let_go ? spool_remove(s, o->name, e) : 0);
}

static int
sweep_object(const struct state_object *o, void *arg, struct err *e)
{
	struct state *s = arg;
	bool let_go;

	if (!o->spooled || o->confirmed == 0 ||
	    (o->class != STATE_PACK && o->class != STATE_INDEX))
		return (0);
	if (state_let_go(s, o->number, 1, 0, &let_go, e) < 0)
		return (-1);
	return (let_go ? spool_remove(s, o->name, e) : 0);
}

int
spool_sweep(struct state *s, struct err *e)
{
	return (state_each(s, -1, sweep_object, s, e) == 0 ? 0 : -1);
}
