/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Old packs flow in one by one, their needed boxes flow into new packs. New
 * packs lie in the spool before local state knows them; they, their index
 * object and what it replaces become known in one transaction. Memory: an old
 * pack and a new one, and the directories of a group.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/stage.h"
#include "base/stop.h"
#include "repository/index_object.h"
#include "repository/object.h"
#include "repository/spool.h"
#include "repository/state_backups.h"
#include "repository/state_chunks.h"
#include "repository/state_replaced.h"
#include "retention/repack_impl.h"

#define ID_BYTES 8
/* One index object: with one old pack it fits in any case. */
#define GROUP_BYTES   (4 * (uint64_t)PACK_TARGET)
#define GROUP_RECORDS (INDEX_BODY_TARGET / 2 / (44 + BASES_MAX * NAME_BYTES))

/* Old packs that share new ones, and one index object. */
struct group {
	struct repo *r;
	const struct live *live;
	size_t nslots;
	uint8_t slots[PACK_SLOTS_MAX][SEAL_KEY_SLOT];
	struct pack *open;
	size_t n;
	struct directory *packs; /* written; owned */
	size_t nold;
	struct sha256 *old; /* moved wholly; owned */
};

static void
group_free(struct group *g)
{
	pack_free(g->open);
	for (size_t i = 0; i < g->n; i++)
		directory_free(&g->packs[i]);
	free(g->packs);
	free(g->old);
}

/* --- key slots ---------------------------------------------------------------
 */

/* The place of a slot among the group's, where it gets one if there is room; -1
 * else. */
static int
place_of(struct group *g, const uint8_t slot[SEAL_KEY_SLOT])
{
	for (size_t i = 0; i < g->nslots; i++)
		if (memcmp(g->slots[i], slot, SEAL_KEY_SLOT) == 0)
			return ((int)i);
	if (g->nslots == PACK_SLOTS_MAX || g->open != NULL)
		return (-1);
	memcpy(g->slots[g->nslots], slot, SEAL_KEY_SLOT);
	return ((int)g->nslots++);
}

/* Do the key slots of a pack fit into the group? Then they are in it. */
static int
take_slots(struct group *g, uint64_t pack, bool *fits, struct err *e)
{
	size_t had = g->nslots;

	*fits = true;
	for (unsigned i = 0; i < PACK_SLOTS_MAX && *fits; i++) {
		uint8_t slot[SEAL_KEY_SLOT];

		if (state_slot(g->r->state, pack, (uint8_t)i, slot, e) < 0) {
			if (e->kind != ERR_MISSING)
				return (-1);
			err_clear(e);
			break;
		}
		*fits = place_of(g, slot) >= 0;
	}
	if (!*fits)
		g->nslots = had;
	return (0);
}

/* --- boxes -------------------------------------------------------------------
 */

static int
end_pack(struct group *g, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	char object[OBJECT_NAME_TEXT];
	struct directory *d;

	if (g->open == NULL)
		return (0);
	g->packs = mem_grow(g->packs, g->n + 1, sizeof(*g->packs));
	d = &g->packs[g->n];
	*d = (struct directory)DIRECTORY_INIT;
	pack_end(g->open, &bytes, d);
	g->n++;
	pack_freep(&g->open);
	g->open = NULL;
	format_pack_name(&d->pack, object);
	if (spool_wait_room(g->r, bytes.n, e) < 0)
		return (-1);
	return (spool_save(g->r->state, object, bytes.p, bytes.n, e));
}

static int
move_box(struct group *g, const struct directory *d, const struct placed *p,
    const struct buf *pack, struct err *e)
{
	struct record r = p->record;
	int slot;

	if (r.slot != SEAL_BY_INDEX_KEY) {
		slot = place_of(g, d->slots[r.slot]);
		if (slot < 0)
			return (err_set(e, ERR_CORRUPT,
			    "a pack has another key slot than its index object says"));
		r.slot = (uint8_t)slot;
	}
	if (g->open != NULL && pack_is_full(g->open) && end_pack(g, e) < 0)
		return (-1);
	if (g->open == NULL)
		g->open = pack_new_for_moved(g->r->keys, PACK_DATA,
		    (const uint8_t(*)[SEAL_KEY_SLOT])g->slots, g->nslots);
	pack_add(g->open, &r, pack->p + p->offset);
	return (0);
}

/* All that is needed of one old pack. */
static int
move_pack(struct group *g, const struct thin *thin, struct err *e)
{
	SCOPED(buf_free) struct buf pack = BUF_INIT;
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;
	struct state_object o;

	if (stop_check(e) < 0 ||
	    state_get(g->r->state, thin->number, &o, e) < 0 ||
	    object_find(g->r, &o, STATE_ENDPOINTS_MAX, &pack, NULL, e) < 0 ||
	    pack_read(g->r->keys, pack.p, pack.n, &o.sha, &d, e) < 0)
		return (-1);
	for (size_t i = 0; i < d.n; i++)
		if (name_filter_has(
			g->live->names, &d.records[i].record.name) &&
		    move_box(g, &d, &d.records[i], &pack, e) < 0)
			return (err_within(e, "%s", o.name));
	g->old = mem_grow(g->old, g->nold + 1, sizeof(*g->old));
	g->old[g->nold++] = o.sha;
	return (0);
}

/* --- it becomes known
 * ---------------------------------------------------------- */

static int
next_sequence(struct repo *r, uint64_t *sequence, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(r->state, e);
	struct state_manifest_head head;

	if (t == NULL || state_manifest_head(t, &head, e) < 0)
		return (-1);
	*sequence = head.sequence + 1;
	return (0);
}

static int
make_known(struct group *g, const char *object, const struct buf *bytes,
    const struct index_replaced *replaced, struct err *e)
{
	SCOPED(scope_free)
	uint64_t *packs = mem_array(g->n + 1, sizeof(*packs));
	SCOPED(state_abortp) struct state_txn *t = state_begin(g->r->state, e);
	struct sha256 sha;
	uint64_t index;

	if (t == NULL)
		return (-1);
	for (size_t i = 0; i < g->n; i++)
		if (state_add_pack(t, &g->packs[i], true, false, &packs[i], e) <
		    0)
			return (-1);
	hash_of(HASH_IS_SHA256, bytes->p, bytes->n, sha.b);
	if (state_add_index(
		t, object, &sha, bytes->n, true, packs, g->n, &index, e) < 0 ||
	    state_add_replaced(t, index, replaced, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* The group's index object. Nothing is replaced before it is known. */
static int
end_group(struct group *g, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	const struct index_replaced replaced = { .npacks = g->nold,
		.packs = g->old,
		.nbackups = g->live->n,
		.backups = g->live->ids };
	char id[2 * ID_BYTES + 1], object[OBJECT_NAME_TEXT];
	uint64_t sequence;

	if (end_pack(g, e) < 0 || next_sequence(g->r, &sequence, e) < 0)
		return (-1);
	random_hex(id, ID_BYTES);
	index_object_name(g->r->epoch, sequence, id, object);
	index_object_encode(
	    g->r->keys, object, g->packs, g->n, &replaced, &bytes);
	stage_reached("packs written anew");
	if (spool_wait_room(g->r, bytes.n, e) < 0 ||
	    spool_save(g->r->state, object, bytes.p, bytes.n, e) < 0)
		return (-1);
	return (make_known(g, object, &bytes, &replaced, e));
}

/* As many of v as go together; *taken gets how many. Key slots are settled
 * before the first box, since they stand in front. */
static int
write_group(struct repo *r, const struct live *live, const struct thin *v,
    size_t n, size_t *taken, struct err *e)
{
	SCOPED(group_free) struct group g = { .r = r, .live = live };
	uint64_t bytes = 0, records = 0;
	bool fits = true;

	for (*taken = 0; *taken < n; (*taken)++) {
		bytes += v[*taken].live;
		records += v[*taken].records;
		if (*taken > 0 &&
		    (bytes > GROUP_BYTES || records > GROUP_RECORDS))
			break;
		if (take_slots(&g, v[*taken].number, &fits, e) < 0)
			return (-1);
		if (!fits)
			break;
	}
	for (size_t i = 0; i < *taken; i++)
		if (move_pack(&g, &v[i], e) < 0)
			return (-1);
	return (end_group(&g, e));
}

int
repack_write(struct repo *r, const struct live *live, const struct thin *v,
    size_t n, size_t *done, bool *is_full, struct err *e)
{
	*is_full = false;
	for (*done = 0; *done < n;) {
		size_t taken;

		if (write_group(r, live, v + *done, n - *done, &taken, e) < 0) {
			*is_full = e->kind == ERR_FULL;
			if (!*is_full)
				return (-1);
			err_clear(e);
			return (0);
		}
		if (taken == 0)
			return (err_set(
			    e, ERR_CORRUPT, "a pack with too many key slots"));
		*done += taken;
	}
	return (0);
}
