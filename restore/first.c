/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pack's name flows in, and each endpoint that keeps versions is asked, until
 * one has the bytes that the name vouches for.
 */
#include "restore/first.h"

#include "base/log.h"
#include "base/stop.h"
#include "repository/object.h"

bool
first_load(struct repo *r, const char *object, struct buf *out)
{
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	if (state_find(r->state, object, &o, &found, &e) < 0 || !found)
		return (false);
	for (size_t i = 0; i < r->nendpoints && !stop_is_requested(); i++) {
		const struct endpoint *ep = &r->endpoints[i];

		err_clear(&e);
		if (object_load_first(r, ep, &o, out, &e) == 0) {
			log_info("endpoint %s: %s is read as it was put first",
			    ep->conf->name, object);
			return (true);
		}
		log_debug("%s", e.text);
	}
	return (false);
}
