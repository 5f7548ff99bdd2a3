/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/*
 * A manifest, or two JSON texts (split at a NUL) that someone with the keys
 * sealed into one. What is read is written and read again.
 */
#include <string.h>

#include "repository/compress.h"
#include "repository/manifest.h"
#include "tests/fuzz/sealing.h"

#define ID "20261122T023000Z-0a1b2c3d"

static void
seal_parts(const struct keys *k, struct bytes in, struct buf *object)
{
	SCOPED(buf_free) struct buf part = BUF_INIT, sealed = BUF_INIT;
	const uint8_t *end = in.n > 0 ? memchr(in.p, '\0', in.n) : NULL;
	size_t first = end == NULL ? in.n : (size_t)(end - in.p);

	format_add_header(object, FORMAT_MANIFEST, keys_repo(k));
	buf_add_string(object, ID);
	compress_part(in.p, first, 0, &part);
	seal_index(k, "summary " ID, part.p, part.n, &sealed);
	buf_add_u32(object, (uint32_t)sealed.n);
	buf_add(object, sealed.p, sealed.n);
	sealed.n = 0;
	if (end == NULL)
		compress_part(NULL, 0, 0, &part);
	else
		compress_part(end + 1, in.n - first - 1, 0, &part);
	seal_private(k, "private " ID, part.p, part.n, &sealed);
	buf_add_u32(object, (uint32_t)sealed.n);
	buf_add(object, sealed.p, sealed.n);
	seal_sign(k, "manifest", object);
}

static void
read_again(const struct keys *k, const struct manifest *m)
{
	SCOPED(manifest_free) struct manifest again;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;

	manifest_init(&again);
	if (manifest_encode(k, m, &object, &e) < 0)
		return; /* over a limit that the input's form stays below */
	if (manifest_decode(k, m->id, object.p, object.n, &again, &e) < 0 ||
	    again.recipes.n != m->recipes.n || again.tree.n != m->tree.n ||
	    again.nindexes != m->nindexes || again.sequence != m->sequence ||
	    strcmp(again.comment, m->comment) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(manifest_free) struct manifest m;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	const struct keys *k = sealing_keys();
	struct bytes in = bytes_of(p, n);
	struct err e = ERR_INIT;

	manifest_init(&m);
	if (sealing_is_raw(&in))
		buf_add(&object, in.p, in.n);
	else
		seal_parts(k, in, &object);
	if (manifest_decode(k, ID, object.p, object.n, &m, &e) == 0)
		read_again(k, &m);
	else if (e.kind == ERR_NONE)
		abort();
	return (0);
}
