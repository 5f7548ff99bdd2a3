/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pack's directory leads from box to box; each must open, expand to its
 * declared length and hash to its name. A delta's bases are read first, as
 * full copies, one box at a time.
 */
#include "repository/open_pack.h"

#include <string.h>

#include "base/log.h"
#include "base/stop.h"

static int
read_copy(const struct endpoint *ep, struct opener *o, const struct copy *copy,
    struct buf *out, struct err *e)
{
	SCOPED(buf_free) struct buf box = BUF_INIT;
	char object[OBJECT_NAME_TEXT];

	format_pack_name(&copy->pack, object);
	buf_reserve(&box, copy->record.box_bytes);
	if (store_get(ep->store, object, copy->offset, box.p,
		copy->record.box_bytes, e) < 0)
		return (-1);
	return (opener_open(o, copy, box.p, NULL, out, e));
}

struct copies {
	struct copy v[LOOKUP_COPIES_MAX];
	int n;
};

/* True when endpoint i gave one of the full copies. */
static bool
read_at(struct repo *r, size_t i, struct opener *o, const struct copies *copies,
    struct buf *out)
{
	for (int k = 0; k < copies->n; k++) {
		const struct copy *copy = &copies->v[k];
		struct err why = ERR_INIT;

		if (copy->record.codec == CODEC_DELTA ||
		    (copy->endpoints & (1U << i)) == 0)
			continue;
		out->n = 0;
		if (read_copy(&r->endpoints[i], o, copy, out, &why) == 0)
			return (true);
		log_debug("a delta's base: %s", why.text);
	}
	return (false);
}

/*
 * The plaintext of a base: from a full copy at the endpoint that is checked,
 * else from another one. A base's own damage is found in its own pack, and is
 * no fault of the delta's.
 */
static int
load_base(struct repo *r, const struct endpoint *ep, struct opener *o,
    const struct name *name, struct buf *out, struct err *e)
{
	struct copies copies;
	size_t own = (size_t)(ep - r->endpoints);

	if ((copies.n = lookup_copies(r, name, copies.v, e)) < 0)
		return (-1);
	if (read_at(r, own, o, &copies, out))
		return (0);
	for (size_t i = 0; i < r->nendpoints; i++)
		if (i != own && read_at(r, i, o, &copies, out))
			return (0);
	if (stop_check(e) < 0)
		return (-1);
	return (
	    err_set(e, ERR_CORRUPT, "a delta's base has no whole full copy"));
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
