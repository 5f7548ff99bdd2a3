/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* A pack, or a directory that someone with the index key sealed into one. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "repository/pack.h"
#include "tests/fuzz/sealing.h"

/* header, no slots, zeros for as many boxes as the first two bytes say. */
static void
seal_directory(const struct keys *k, struct bytes in, struct buf *object)
{
	size_t boxes = bytes_u16(&in), before;
	uint8_t sum[HASH_SHA256];
	char hex[2 * HASH_SHA256 + 1], context[80];

	format_add_header(object, FORMAT_PACK, keys_repo(k));
	buf_add_u8(object, 0);
	hash_of(HASH_IS_SHA256, object->p, object->n, sum);
	hex_of(sum, sizeof(sum), hex);
	(void)snprintf(context, sizeof(context), "pack %s", hex);
	buf_add_zeros(object, boxes);
	before = object->n;
	seal_index(k, context, in.p, in.n, object);
	buf_add_u32(object, (uint32_t)(object->n - before));
}

/* What was read keeps the rules, whoever wrote it. */
static void
check(const struct directory *d, size_t n)
{
	size_t i;

	if (d->bytes != n || d->n > PACK_RECORDS_MAX)
		abort();
	for (i = 0; i < d->n; i++) {
		const struct placed *at = &d->records[i];

		if ((size_t)at->offset + at->record.box_bytes > n ||
		    at->record.plain_bytes > CHUNK_MAX ||
		    at->record.nbases > BASES_MAX ||
		    (at->record.codec == CODEC_DELTA) !=
			(at->record.nbases > 0))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	const struct keys *k = sealing_keys();
	struct bytes in = bytes_of(p, n);
	struct err e = ERR_INIT;

	if (sealing_is_raw(&in))
		buf_add(&object, in.p, in.n);
	else
		seal_directory(k, in, &object);
	if (pack_read(k, object.p, object.n, NULL, &d, &e) == 0)
		check(&d, object.n);
	else if (e.kind == ERR_NONE)
		abort();
	return (0);
}
