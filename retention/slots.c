/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slot's name flows in; its object goes from every endpoint, then (the caller
 * has written into the audit log what was done) from local state, so that a
 * crash between leaves something to do again, never a slot that nobody knows
 * of.
 */
#include "retention/slots.h"

#include "repository/config_object.h"
#include "repository/state.h"
#include "storage-drivers/store_drop.h"

static int
remove_at(
    struct endpoint *ep, const char *object, bool *was_there, struct err *e)
{
	uint64_t bytes;

	*was_there = store_stat(ep->store, object, &bytes, e) == 0;
	if (!*was_there && e->kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	if (!*was_there)
		return (store_probe(ep->store, e));
	return (store_drop(ep->store, object, e));
}

int
slots_forget(struct repo *r, const char *name, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(r->state, e);
	char object[OBJECT_NAME_TEXT];

	slot_object(name, object);
	if (t == NULL || state_forget_root(t, object, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

static int
fail_no_slot(const char *name, struct err *e)
{
	err_set(e, ERR_MISSING, "no endpoint has a slot '%s'", name);
	return (err_hint(e, "'triplicate key show' lists them"));
}

int
slots_remove(
    struct repo *r, const char *name, struct slot_removal *out, struct err *e)
{
	char object[OBJECT_NAME_TEXT];
	struct state_object o;
	bool away = false, known;

	*out = (struct slot_removal){ .removed = 0 };
	if (!slot_name_is_good(name))
		return (err_set(e, ERR_USAGE,
		    "'%s' is no name of a slot: expected 1-32 of a-z, 0-9 and '-'",
		    name));
	slot_object(name, object);
	if (state_find(r->state, object, &o, &known, e) < 0)
		return (-1);
	for (size_t i = 0; i < r->nendpoints; i++) {
		bool was_there = false;

		if (remove_at(&r->endpoints[i], object, &was_there,
			&out->error[i]) < 0)
			away = true;
		else
			out->removed += was_there;
	}
	/* Known here and nowhere there: an earlier run died before it forgot
	 * it. Left so, the next backup would bring it back. */
	if (out->removed == 0 && !away && !known)
		return (fail_no_slot(name, e));
	return (0);
}
