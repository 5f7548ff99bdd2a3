/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of what will be wanted flow in; sums for each pack flow out, from which
 * the staging area sees what to bring whole, and in which order. What always
 * holds: a chunk is counted once, however often it is wanted.
 */
#include "restore/fetch_impl.h"

/* Counts one copy's box against its pack. */
static void
expect_copy(struct fetch *f, const struct copy *c)
{
	struct staged *p;

	if (c->in_spool)
		return;
	p = staging_hold(f->with.staging, &c->pack, c->pack_bytes);
	staging_expect(f->with.staging, p, c->record.box_bytes, c->endpoints);
	staging_let_go(f->with.staging, p);
}

static int
expect_one(struct fetch *f, const struct name *name, bool base, struct err *e)
{
	struct copy copies[LOOKUP_COPIES_MAX];
	unsigned i;
	bool is_new;

	if (keyset_add(f->expected, keyset_key(name->b, sizeof(name->b)),
		&is_new, e) < 0)
		return (-1);
	if (!is_new)
		return (0);
	if (fetch_copies(f, name, base, copies, e) < 0)
		return (-1);
	expect_copy(f, &copies[0]);
	if (base || copies[0].record.codec != CODEC_DELTA)
		return (0);
	for (i = 0; i < copies[0].record.nbases && i < BASES_MAX; i++)
		if (expect_one(f, &copies[0].record.bases[i], true, e) < 0)
			return (-1);
	return (0);
}

int
fetch_expect(struct fetch *f, const struct name *names, size_t n, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (expect_one(f, &names[i], false, e) < 0)
			return (-1);
	return (0);
}

int
fetch_expect_recipe(struct fetch *f, const struct recipe *r, struct err *e)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (expect_one(f, &r->parts[i].name, false, e) < 0)
			return (-1);
	return (0);
}

static void
count_pack(const struct sha256 *pack, uint64_t to_fetch, void *arg)
{
	struct fetch_totals *t = arg;

	(void)pack;
	t->objects++;
	t->to_fetch += to_fetch;
}

void
fetch_ahead(struct fetch *f)
{
	ahead_go(f->ahead);
}

void
fetch_totals(struct fetch *f, struct fetch_totals *out)
{
	*out = (struct fetch_totals){ .objects = 0 };
	endpoints_fetched(f->with.endpoints, out->fetched, &out->away);
	staging_each(f->with.staging, count_pack, out);
}
