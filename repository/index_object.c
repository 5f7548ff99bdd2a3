/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of packs flow in, a sealed object flows out, and back. A large
 * backup's packs are dealt to several objects, so that reading one never takes
 * more than its limit of memory.
 */
#include "repository/index_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repository/compress.h"

#define BODY_VERSION  2
#define BODY_REPLACES 2 /* from this version on */
#define ID_BYTES      (BACKUP_ID_TEXT - 1)
#define ENTRY_BYTES   46 /* sha256 to nslots, pack kind, count */
#define RECORD_BYTES  44 /* without bases */
#define CONTEXT_TEXT  (OBJECT_NAME_TEXT + 8 + 2 * FORMAT_HEADER)
#define FRONT_BYTES   (FORMAT_HEADER + 1)
#define OUTSIDE_BYTES (FORMAT_HEADER + SEAL_INDEX_OVERHEAD)

static_assert(PACK_TARGET + BOX_MAX <= INDEX_BODY_MAX,
    "any one pack's directory fits into an index object");

void
index_replaced_free(struct index_replaced *x)
{
	free(x->packs);
	free(x->backups);
	*x = (struct index_replaced){ .npacks = 0 };
}

void
index_object_free(struct index_object *x)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		directory_free(&x->packs[i]);
	free(x->packs);
	index_replaced_free(&x->replaced);
	*x = (struct index_object)INDEX_OBJECT_INIT;
}

void
index_object_name(
    uint32_t epoch, uint64_t seq, const char *id, char out[OBJECT_NAME_TEXT])
{
	snprintf(out, OBJECT_NAME_TEXT, "index/%u-%llu-%s", epoch,
	    (unsigned long long)seq, id);
}

/* What the body is bound to: the object's name and its header's bytes. */
static void
context_of(
    const char *object_name, const uint8_t *header, char out[CONTEXT_TEXT])
{
	char hex[2 * FORMAT_HEADER + 1];

	hex_of(header, FORMAT_HEADER, hex);
	snprintf(out, CONTEXT_TEXT, "index %s %s", object_name, hex);
}

/* --- writing ------------------------------------------------------------- */

static size_t
entry_bytes(const struct directory *d)
{
	size_t i, bytes = ENTRY_BYTES + d->nslots * SEAL_KEY_SLOT;

	for (i = 0; i < d->n; i++)
		bytes += RECORD_BYTES +
		    (size_t)d->records[i].record.nbases * NAME_BYTES;
	return (bytes);
}

size_t
index_object_fits(const struct directory *packs, size_t n)
{
	size_t i, bytes = 0;

	for (i = 0; i < n && i < INDEX_PACKS_MAX; i++) {
		bytes += entry_bytes(&packs[i]);
		if (i > 0 && bytes > INDEX_BODY_TARGET)
			break;
	}
	return (i);
}

static void
add_replaced(const struct index_replaced *x, struct buf *body)
{
	buf_add_u32(body, (uint32_t)x->npacks);
	buf_add(body, x->packs, x->npacks * sizeof(*x->packs));
	buf_add_u32(body, (uint32_t)x->nbackups);
	for (size_t i = 0; i < x->nbackups; i++)
		buf_add(body, x->backups[i], ID_BYTES);
}

void
index_object_encode(const struct keys *k, const char *object_name,
    const struct directory *packs, size_t n,
    const struct index_replaced *replaced, struct buf *out)
{
	SCOPED(buf_free) struct buf body = BUF_INIT, part = BUF_INIT;
	char context[CONTEXT_TEXT];
	size_t i;

	assert(n == index_object_fits(packs, n));
	buf_add_u8(&body, replaced == NULL ? 1 : BODY_REPLACES);
	buf_add_u32(&body, (uint32_t)n);
	for (i = 0; i < n; i++) {
		buf_add(&body, packs[i].pack.b, sizeof(packs[i].pack.b));
		buf_add_u64(&body, packs[i].bytes);
		buf_add_u8(&body, (uint8_t)packs[i].nslots);
		buf_add(&body, packs[i].slots, packs[i].nslots * SEAL_KEY_SLOT);
		directory_encode(&packs[i], &body);
	}
	if (replaced != NULL)
		add_replaced(replaced, &body);
	compress_part(body.p, body.n, OUTSIDE_BYTES, &part);
	out->n = 0;
	format_add_header(out, FORMAT_INDEX, keys_repo(k));
	context_of(object_name, out->p, context);
	seal_index(k, context, part.p, part.n, out);
	assert(out->n <= INDEX_MAX);
}

/* --- reading ------------------------------------------------------------- */

/* The boxes and the least possible directory lie within the pack. */
static bool
places_are_good(const struct directory *d, size_t front)
{
	const struct placed *last;
	uint64_t end = front;

	if (d->n > 0) {
		last = &d->records[d->n - 1];
		end = (uint64_t)last->offset + last->record.box_bytes;
	}
	return (d->bytes <= PACK_MAX &&
	    end + SEAL_INDEX_OVERHEAD + sizeof(uint32_t) <= d->bytes);
}

static int
decode_entry(struct bytes *b, struct directory *d, struct err *e)
{
	const uint8_t *slots;
	size_t front;

	bytes_copy(b, d->pack.b, sizeof(d->pack.b));
	d->bytes = bytes_u64(b);
	d->nslots = bytes_u8(b);
	slots = bytes_take(b, d->nslots * SEAL_KEY_SLOT);
	if (slots == NULL || d->nslots > PACK_SLOTS_MAX)
		return (err_set(
		    e, ERR_CORRUPT, "a pack with %zu key slots", d->nslots));
	if (d->nslots > 0) {
		d->slots = mem_array(d->nslots, SEAL_KEY_SLOT);
		memcpy(d->slots, slots, d->nslots * SEAL_KEY_SLOT);
	}
	front = FRONT_BYTES + d->nslots * SEAL_KEY_SLOT;
	if (directory_decode(b, (uint32_t)front, d, e) < 0)
		return (-1);
	if (!places_are_good(d, front))
		return (err_set(e, ERR_CORRUPT,
		    "a pack's records don't fit into its length"));
	return (0);
}

static int
decode_replaced(struct bytes *b, struct index_replaced *x, struct err *e)
{
	uint32_t n = bytes_u32(b);

	if (b->bad || n > b->n / sizeof(*x->packs))
		return (err_set(
		    e, ERR_CORRUPT, "an index object that replaces too much"));
	x->packs = mem_array(n + 1, sizeof(*x->packs));
	for (x->npacks = 0; x->npacks < n; x->npacks++)
		bytes_copy(b, x->packs[x->npacks].b, sizeof(x->packs->b));
	n = bytes_u32(b);
	if (b->bad || n > b->n / ID_BYTES)
		return (err_set(
		    e, ERR_CORRUPT, "an index object for too many backups"));
	x->backups = mem_array(n + 1, sizeof(*x->backups));
	for (x->nbackups = 0; x->nbackups < n; x->nbackups++) {
		bytes_copy(b, x->backups[x->nbackups], ID_BYTES);
		if (!format_backup_id_is_good(x->backups[x->nbackups]))
			return (err_set(
			    e, ERR_CORRUPT, "an index object for no backup"));
	}
	return (0);
}

static int
decode_body(struct bytes *b, struct index_object *x, struct err *e)
{
	uint8_t version = bytes_u8(b);
	uint32_t count = bytes_u32(b);

	if (version > BODY_VERSION)
		return (err_set(e, ERR_VERSION,
		    "needs a triplicate that knows index objects %u", version));
	if (b->bad || version == 0 || count > INDEX_PACKS_MAX ||
	    count > b->n / ENTRY_BYTES)
		return (err_set(e, ERR_CORRUPT,
		    "an index object of %u packs in %zu bytes", count, b->n));
	x->packs = mem_array(count > 0 ? count : 1, sizeof(*x->packs));
	while (x->n < count)
		if (decode_entry(b, &x->packs[x->n++], e) < 0)
			return (-1);
	if (version >= BODY_REPLACES && decode_replaced(b, &x->replaced, e) < 0)
		return (-1);
	if (!bytes_done(b))
		return (err_set(
		    e, ERR_CORRUPT, "bytes after the last pack's directory"));
	return (0);
}

int
index_object_decode(const struct keys *k, const char *object_name,
    const void *p, size_t n, struct index_object *x, struct err *e)
{
	SCOPED(index_object_free)
	struct index_object got = INDEX_OBJECT_INIT;
	SCOPED(buf_free) struct buf part = BUF_INIT, body = BUF_INIT;
	struct bytes b = bytes_of(p, n);
	char context[CONTEXT_TEXT];

	if (n > INDEX_MAX)
		return (err_set(e, ERR_CORRUPT, "%zu bytes are no index", n));
	if (format_check_header(&b, FORMAT_INDEX, keys_repo(k), NULL, e) < 0)
		return (-1);
	context_of(object_name, p, context);
	if (unseal_index(k, context, b.p, b.n, &part, e) < 0 ||
	    expand_part(part.p, part.n, INDEX_BODY_MAX, &body, e) < 0)
		return (-1);
	b = bytes_of(body.p, body.n);
	if (decode_body(&b, &got, e) < 0)
		return (-1);
	index_object_free(x);
	*x = got;
	got = (struct index_object)INDEX_OBJECT_INIT;
	return (0);
}
