/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * What the backups of an endpoint need, read from its bytes alone and from no
 * local state: whatever else lies there below index/ and packs/ is too much.
 *   needed AGENT-KEY FOLDER
 * FOLDER is that of a file endpoint. Prints the name of each index object and
 * pack once, sorted by "sort -u" of the caller's. Fails, with what it could not
 * read, when a manifest or an index object is missing or damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "repository/index_object.h"
#include "repository/manifest.h"

struct endpoint_folder {
	struct keys *keys;
	const char *path;
};

static int
load(const struct endpoint_folder *f, const char *name, size_t limit,
    struct buf *out, struct err *e)
{
	SCOPED(scope_free) char *path = file_join(f->path, name);

	return (file_load(path, limit, out, e));
}

static bool
is_used(const struct index_ref *ref, size_t i)
{
	return (
	    i / 8 < ref->used.n && (ref->used.p[i / 8] >> (i % 8) & 1) != 0);
}

static int
print_index(
    const struct endpoint_folder *f, const struct index_ref *ref, struct err *e)
{
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	char name[OBJECT_NAME_TEXT];

	if (load(f, ref->object, INDEX_MAX, &bytes, e) < 0 ||
	    index_object_decode(f->keys, ref->object, bytes.p, bytes.n, &x, e) <
		0)
		return (-1);
	(void)puts(ref->object);
	for (size_t i = 0; i < x.n; i++) {
		if (!is_used(ref, i))
			continue;
		format_pack_name(&x.packs[i].pack, name);
		(void)puts(name);
	}
	return (0);
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
		if (print_index(f, &m.indexes[i], e) < 0)
			return (err_within(e, "%s", name));
	return (0);
}

int
main(int argc, char **argv)
{
	SCOPED(keys_freep) struct keys *keys = NULL;
	SCOPED(scope_free) char *backups = NULL;
	struct endpoint_folder f = { .keys = NULL };
	struct err e = ERR_INIT;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: needed AGENT-KEY FOLDER\n");
		return (2);
	}
	secret_start();
	backups = file_join(argv[2], "backups");
	f.path = argv[2];
	keys = f.keys = keys_load_agent(argv[1], &e);
	if (keys == NULL || file_each(backups, print_backup, &f, &e) != 0) {
		(void)fprintf(stderr, "needed: %s\n", e.text);
		return (1);
	}
	return (0);
}
