/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies and needed names flow in, a list of thin packs flows out, emptiest
 * first.
 */
#include "retention/repack.h"

#include <stdlib.h>

#include "base/stage.h"
#include "base/stop.h"
#include "repository/audit_log.h"
#include "repository/state_chunks.h"
#include "repository/state_sweep.h"
#include "retention/repack_impl.h"

/* Of a pack's boxes; data alone: recipes and trees lie in packs of their own,
 * and which trees are needed only the restore key could tell. */
struct weight {
	uint32_t live, all, records;
	bool has_other;
};

struct weighing {
	const struct live *live;
	struct weight *v; /* by pack number; owned */
	uint64_t last;
};

static void
weighing_free(struct weighing *w)
{
	free(w->v);
}

static int
weigh(const struct state_copy *c, void *arg, struct err *e)
{
	struct weighing *w = arg;
	struct weight *at;

	if (c->pack > w->last) /* it came meanwhile */
		return (0);
	at = &w->v[c->pack];
	at->has_other |= c->record.kind != RECORD_DATA;
	at->all += c->record.box_bytes;
	if (name_filter_has(w->live->names, &c->record.name)) {
		at->live += c->record.box_bytes;
		at->records++;
	}
	return (stop_check(e));
}

/* --- which ------------------------------------------------------------------
 */

struct choosing {
	struct repo *r;
	const struct weighing *w;
	uint32_t configured;
	size_t n;
	struct thin *v; /* owned */
};

static void
choosing_free(struct choosing *c)
{
	free(c->v);
}

/* It is whole at every endpoint, some index object describes it, and it does
 * not go by itself. */
static int
may_be_moved(struct repo *r, const struct state_object *o, uint32_t configured,
    bool *may, struct err *e)
{
	uint64_t index;
	bool condemned;

	*may = false;
	if (o->is_going || o->pending != 0 || o->damaged != 0 ||
	    o->missing != 0 || (o->confirmed & configured) != configured)
		return (0);
	if (state_described_by(r->state, o->number, &index, e) < 0 ||
	    state_is_condemned(r->state, o->number, &condemned, e) < 0)
		return (-1);
	*may = index != 0 && !condemned;
	return (0);
}

static int
choose(const struct state_object *o, void *arg, struct err *e)
{
	struct choosing *c = arg;
	const struct weight *w;
	bool may;

	if (o->number > c->w->last)
		return (0);
	w = &c->w->v[o->number];
	if (w->has_other || w->live == 0 || w->live >= w->all / 2)
		return (0);
	if (may_be_moved(c->r, o, c->configured, &may, e) < 0)
		return (-1);
	if (!may)
		return (0);
	c->v = mem_grow(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = (struct thin){ o->number, w->live, w->records,
		o->bytes };
	return (0);
}

/* Most freed for each byte that is copied. */
static int
emptiest_first(const void *left, const void *right)
{
	const struct thin *a = left, *b = right;

	if (a->live != b->live)
		return (a->live < b->live ? -1 : 1);
	return (a->number < b->number ? -1 : a->number > b->number);
}

/* How many of them stay within the limit. */
static size_t
within(const struct thin *v, size_t n, uint64_t limit)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		sum += v[i].live;
		if (sum > limit)
			break;
	}
	return (i);
}

static int
find_thin(struct repo *r, const struct live *live, struct choosing *out,
    struct err *e)
{
	SCOPED(weighing_free) struct weighing w = { .live = live };

	if (state_highest(r->state, &w.last, e) < 0)
		return (-1);
	w.v = mem_array((size_t)w.last + 1, sizeof(*w.v));
	*out = (struct choosing){ .r = r, .w = &w };
	if (state_configured(r->state, &out->configured, e) < 0 ||
	    state_each_copy(r->state, weigh, &w, e) != 0 ||
	    state_each(r->state, STATE_PACK, choose, out, e) != 0)
		return (-1);
	out->w = NULL;
	if (out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), emptiest_first);
	return (0);
}

/* --- all of it ---------------------------------------------------------------
 */

static int
record(struct repo *r, const struct repack_result *out, struct err *e)
{
	struct json *detail = json_object();

	json_set_integer(detail, "packs", (int64_t)out->packs);
	json_set_integer(detail, "bytes_saved", (int64_t)out->bytes_saved);
	return (audit_log_add(r, "repack", NULL, NULL, detail, e));
}

static int
write_thin(struct repo *r, const struct live *live, struct choosing *c,
    struct repack_result *out, struct err *e)
{
	size_t n = within(c->v, c->n, r->settings->repack_limit), done = 0;
	bool is_full = false;

	stage_reached("before the repack");
	if (n == 0)
		return (0);
	if (repack_write(r, live, c->v, n, &done, &is_full, e) < 0)
		return (-1);
	for (size_t i = 0; i < done; i++)
		out->bytes_saved += c->v[i].bytes - c->v[i].live;
	out->packs = done;
	return (done > 0 ? record(r, out, e) : 0);
}

int
repack(struct repo *r, struct repack_result *out, struct err *e)
{
	SCOPED(live_free) struct live live = { .n = 0 };
	SCOPED(choosing_free) struct choosing c = { .n = 0 };
	uint64_t removed;

	*out = (struct repack_result){ .packs = 0 };
	if (r->settings->repack_limit == 0)
		return (0);
	if (state_removed_since(r->state, &removed, e) < 0)
		return (-1);
	if (removed == 0)
		return (0);
	progress_phase(r->progress, "repack", 0);
	if (live_read(r, &live, e) < 0 || find_thin(r, &live, &c, e) < 0 ||
	    write_thin(r, &live, &c, out, e) < 0)
		return (-1);
	/* What the limit left is looked at again next time. */
	return (out->packs < c.n
		? 0
		: state_looked_at_removed(r->state, removed, e));
}
