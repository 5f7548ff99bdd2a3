/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pack's directory leads from box to box; each must open, expand to its
 * declared length and hash to its name. A delta's bases are read first, as
 * full copies, one box at a time.
 */
#include "repository/open_pack.h"

#include <string.h>

/* The plaintext of a base: its full copy, by a range of its pack. */
static int
load_base(struct repo *r, const struct endpoint *ep, struct opener *o,
    const struct name *name, struct buf *out, struct err *e)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	SCOPED(buf_free) struct buf box = BUF_INIT;
	char object[OBJECT_NAME_TEXT];
	int n = lookup_copies(r, name, copies, e);

	if (n < 0)
		return (-1);
	if (n == 0 || copies[0].record.codec == CODEC_DELTA)
		return (
		    err_set(e, ERR_CORRUPT, "a delta's base has no full copy"));
	format_pack_name(&copies[0].pack, object);
	buf_reserve(&box, copies[0].record.box_bytes);
	if (store_get(ep->store, object, copies[0].offset, box.p,
		copies[0].record.box_bytes, e) < 0)
		return (-1);
	return (opener_open(o, &copies[0], box.p, NULL, out, e));
}

static int
load_bases(struct repo *r, const struct endpoint *ep, struct opener *o,
    const struct record *record, struct buf *joined, struct err *e)
{
	for (unsigned i = 0; i < record->nbases; i++) {
		SCOPED(buf_free) struct buf base = BUF_INIT;

		if (load_base(r, ep, o, &record->bases[i], &base, e) < 0)
			return (-1);
		buf_add(joined, base.p, base.n);
	}
	return (0);
}

static int
check_record(struct repo *r, const struct endpoint *ep, struct opener *o,
    const struct directory *d, size_t i, const struct buf *pack, struct err *e)
{
	const struct placed *at = &d->records[i];
	SCOPED(buf_free) struct buf plain = BUF_INIT, bases = BUF_INIT;
	struct copy copy = { .record = at->record,
		.pack = d->pack,
		.pack_bytes = d->bytes,
		.offset = at->offset };

	if (at->record.slot != SEAL_BY_INDEX_KEY)
		memcpy(copy.slot, d->slots[at->record.slot], SEAL_KEY_SLOT);
	if (load_bases(r, ep, o, &at->record, &bases, e) < 0)
		return (-1);
	return (opener_open(o, &copy, pack->p + at->offset,
	    at->record.nbases > 0 ? &bases : NULL, &plain, e));
}

int
open_pack_check(struct repo *r, const struct endpoint *ep, struct opener *o,
    const struct buf *pack, struct err *e)
{
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;

	if (pack_read(r->keys, pack->p, pack->n, NULL, &d, e) < 0)
		return (-1);
	for (size_t i = 0; i < d.n; i++) {
		char hex[2 * NAME_BYTES + 1];

		if (check_record(r, ep, o, &d, i, pack, e) == 0)
			continue;
		hex_of(d.records[i].record.name.b, NAME_BYTES, hex);
		return (err_within(e, "chunk %s", hex));
	}
	return (0);
}
