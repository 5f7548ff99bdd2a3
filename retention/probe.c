/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes: made here, compared with what came back, and swept when they are old.
 */
#include "retention/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "storage-drivers/store_drop.h"

#define SWEEP_MAX 100 /* in one run */

void
probe_new(struct probe *p, size_t n)
{
	char hex[17];

	random_hex(hex, 8);
	(void)snprintf(p->name, sizeof(p->name), PROBE_FOLDER "%s", hex);
	p->n = n;
	p->p = mem_new(n);
	random_bytes(p->p, n);
}

void
probe_free(struct probe *p)
{
	free(p->p);
	p->p = NULL;
}

int
probe_compare(struct store *s, const struct probe *p, struct err *e)
{
	SCOPED(buf_free) struct buf there = BUF_INIT;

	if (store_load(s, p->name, p->n, &there, e) < 0)
		return (-1);
	if (there.n == p->n && memcmp(there.p, p->p, p->n) == 0)
		return (0);
	return (err_set(e, ERR_CORRUPT,
	    "endpoint %s: %s has other bytes than were put there",
	    store_name(s), p->name));
}

struct sweep {
	int64_t now;
	struct buf names; /* each with its NUL */
	size_t n;
};

static int
note_old(const struct store_entry *entry, void *arg, struct err *e)
{
	struct sweep *sweep = arg;

	(void)e;
	if (strlen(entry->name) != PROBE_NAME - 1 ||
	    entry->modified == STORE_NO_TIME ||
	    entry->modified > sweep->now - PROBE_OLD_S)
		return (0);
	buf_add(&sweep->names, entry->name, PROBE_NAME);
	return (++sweep->n == SWEEP_MAX);
}

size_t
probe_sweep(struct store *lister, struct store *deleter, int64_t now)
{
	struct sweep sweep = { .now = now, .names = BUF_INIT };
	struct err ignored = ERR_INIT;
	size_t gone = 0;

	if (store_list(lister, PROBE_FOLDER, note_old, &sweep, &ignored) < 0)
		log_debug("old probes are not listed: %s", ignored.text);
	for (size_t i = 0; i < sweep.n; i++) {
		const char *name = (const char *)sweep.names.p + i * PROBE_NAME;

		err_clear(&ignored);
		if (store_drop(deleter, name, &ignored) == 0)
			gone++;
		else
			log_debug("an old probe stays: %s", ignored.text);
	}
	buf_free(&sweep.names);
	return (gone);
}
