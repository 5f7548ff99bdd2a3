/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* An index object, or a body that someone with the index key sealed into one:
 * as a part (odd first byte), or already compressed (every other odd one). */
#include <stdio.h>

#include "repository/compress.h"
#include "repository/index_object.h"
#include "tests/fuzz/sealing.h"

#define NAME "index/1-1-0011223344556677"

static void
seal_body(const struct keys *k, struct bytes in, bool plain, struct buf *object)
{
	SCOPED(buf_free) struct buf part = BUF_INIT;
	char hex[2 * FORMAT_HEADER + 1], context[192];

	format_add_header(object, FORMAT_INDEX, keys_repo(k));
	hex_of(object->p, FORMAT_HEADER, hex);
	(void)snprintf(context, sizeof(context), "index " NAME " %s", hex);
	if (plain)
		compress_part(in.p, in.n, 0, &part);
	else
		buf_add(&part, in.p, in.n);
	seal_index(k, context, part.p, part.n, object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(index_object_free) struct index_object x = INDEX_OBJECT_INIT;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	const struct keys *k = sealing_keys();
	struct bytes in = bytes_of(p, n);
	struct err e = ERR_INIT;
	size_t i;

	if (sealing_is_raw(&in))
		buf_add(&object, in.p, in.n);
	else
		seal_body(k, in, (p[0] & 2) == 0, &object);
	if (index_object_decode(k, NAME, object.p, object.n, &x, &e) < 0)
		return (0);
	for (i = 0; i < x.n; i++)
		if (x.packs[i].bytes > PACK_MAX ||
		    x.packs[i].nslots > PACK_SLOTS_MAX)
			abort();
	return (0);
}
