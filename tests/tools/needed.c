/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * What the backups of an endpoint need, read from its bytes alone and from no
 * local state: whatever else lies there below index/ and packs/ is too much.
 *   needed AGENT-KEY FOLDER
 * FOLDER is that of a file endpoint. Prints names of index objects and packs;
 * some of them more than once. A pack that a repack has written anew is not
 * needed where the new ones are. Fails, with what it could not read, when a
 * manifest or an index object is missing or damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "repository/index_object.h"
#include "repository/manifest.h"

#define REPLACED_DEPTH 16

struct index_file {
	char name[OBJECT_NAME_TEXT];
	struct index_object x;
};
struct endpoint_folder {
	struct keys *keys;
	const char *path;
	size_t n;
	struct index_file *indexes; /* all that lie there; owned */
};

static void
endpoint_free(struct endpoint_folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		index_object_free(&f->indexes[i].x);
	free(f->indexes);
	keys_free(f->keys);
}

static int
load(const struct endpoint_folder *f, const char *name, size_t limit,
    struct buf *out, struct err *e)
{
	SCOPED(scope_free) char *path = file_join(f->path, name);

	return (file_load(path, limit, out, e));
}

static int
read_index(const char *leaf, void *arg, struct err *e)
{
	struct endpoint_folder *f = arg;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	struct index_file *it;

	f->indexes = mem_grow(f->indexes, f->n + 1, sizeof(*f->indexes));
	it = &f->indexes[f->n++];
	*it = (struct index_file){ .x = INDEX_OBJECT_INIT };
	(void)snprintf(it->name, sizeof(it->name), "index/%s", leaf);
	if (load(f, it->name, INDEX_MAX, &bytes, e) < 0 ||
	    index_object_decode(
		f->keys, it->name, bytes.p, bytes.n, &it->x, e) < 0)
		return (err_within(e, "%s", it->name));
	return (0);
}

static bool
is_there(const struct endpoint_folder *f, const struct sha256 *pack)
{
	char name[OBJECT_NAME_TEXT];
	SCOPED(scope_free) char *path = NULL;

	format_pack_name(pack, name);
	path = file_join(f->path, name);
	return (file_exists(path));
}

/* Does an index object say that its packs stand for this one? */
static bool
stands_for(const struct index_replaced *r, const struct sha256 *pack,
    const char *backup)
{
	bool has_pack = false, has_backup = false;

	for (size_t i = 0; i < r->npacks && !has_pack; i++)
		has_pack = memcmp(&r->packs[i], pack, sizeof(*pack)) == 0;
	for (size_t i = 0; i < r->nbackups && has_pack && !has_backup; i++)
		has_backup = strcmp(r->backups[i], backup) == 0;
	return (has_backup);
}

static bool print_pack(const struct endpoint_folder *f,
    const struct sha256 *pack, const char *backup, unsigned depth);

/* False when what would stand for the pack is not all there. */
static bool
print_replacement(const struct endpoint_folder *f, const struct index_file *it,
    const char *backup, unsigned depth)
{
	bool all = true;

	(void)puts(it->name);
	for (size_t i = 0; i < it->x.n; i++)
		all = print_pack(f, &it->x.packs[i].pack, backup, depth + 1) &&
		    all;
	return (all);
}

/* What a backup needs of a pack; false when that is not all there. */
static bool
print_pack(const struct endpoint_folder *f, const struct sha256 *pack,
    const char *backup, unsigned depth)
{
	char name[OBJECT_NAME_TEXT];

	for (size_t i = f->n; i-- > 0 && depth < REPLACED_DEPTH;)
		if (stands_for(&f->indexes[i].x.replaced, pack, backup) &&
		    print_replacement(f, &f->indexes[i], backup, depth))
			return (true);
	format_pack_name(pack, name);
	(void)puts(name);
	return (is_there(f, pack));
}

static bool
is_used(const struct index_ref *ref, size_t i)
{
	return (
	    i / 8 < ref->used.n && (ref->used.p[i / 8] >> (i % 8) & 1) != 0);
}

static int
print_need(const struct endpoint_folder *f, const struct index_ref *ref,
    const char *backup, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct index_file *it = &f->indexes[i];

		if (strcmp(it->name, ref->object) != 0)
			continue;
		(void)puts(it->name);
		for (size_t j = 0; j < it->x.n; j++)
			if (is_used(ref, j))
				(void)print_pack(
				    f, &it->x.packs[j].pack, backup, 0);
		return (0);
	}
	return (err_set(e, ERR_MISSING, "there is no %s", ref->object));
}

static int
print_backup(const char *id, void *arg, struct err *e)
{
	const struct endpoint_folder *f = arg;
	SCOPED(manifest_free) struct manifest m;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	char name[OBJECT_NAME_TEXT];

	manifest_init(&m);
	if (!format_backup_id_is_good(id))
		return (0);
	manifest_name(id, name);
	if (load(f, name, MANIFEST_MAX, &bytes, e) < 0 ||
	    manifest_decode_summary(f->keys, id, bytes.p, bytes.n, &m, e) < 0)
		return (err_within(e, "%s", name));
	for (size_t i = 0; i < m.nindexes; i++)
		if (print_need(f, &m.indexes[i], id, e) < 0)
			return (err_within(e, "%s", name));
	return (0);
}

int
main(int argc, char **argv)
{
	SCOPED(endpoint_free) struct endpoint_folder f = { .n = 0 };
	SCOPED(scope_free) char *indexes = NULL;
	SCOPED(scope_free) char *backups = NULL;
	struct err e = ERR_INIT;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: needed AGENT-KEY FOLDER\n");
		return (2);
	}
	secret_start();
	f.path = argv[2];
	indexes = file_join(f.path, "index");
	backups = file_join(f.path, "backups");
	if ((f.keys = keys_load_agent(argv[1], &e)) == NULL ||
	    file_each(indexes, read_index, &f, &e) != 0 ||
	    file_each(backups, print_backup, &f, &e) != 0) {
		(void)fprintf(stderr, "needed: %s\n", e.text);
		return (1);
	}
	return (0);
}
