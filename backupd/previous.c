/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An incomplete backup is no measure: were the files that one of them found
 * missing taken as known by the next, a filestore that isn't mounted would be
 * an alarm for one night, and good backups would go from the second on.
 */
#include "backupd/previous.h"

#include <stdlib.h>
#include <string.h>

#include "repository/catalog.h"

static int
by_bytes(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* The list in the private facts, when it is there and whole. */
static void
take_list(const struct json *attachments, struct previous *out)
{
	const struct json *list = json_get(attachments, "missing");
	const char *path;
	size_t n = json_count(list);

	if (list == NULL || n < out->missing)
		return;
	out->paths = mem_array(n + 1, sizeof(*out->paths));
	for (size_t i = 0; i < n; i++) {
		path = json_get_string(json_at(list, i), "path");
		if (path != NULL)
			out->paths[out->n++] = mem_string(path);
	}
	qsort(out->paths, out->n, sizeof(*out->paths), by_bytes);
	out->has_list = true;
}

/* Does it count, and was the filestore part of it? */
static bool
is_measure(const struct manifest *m)
{
	return (strcmp(m->state, "incomplete") != 0 &&
	    json_count(json_get(m->counts, "attachments")) > 0);
}

int
previous_read(
    struct repo *r, const char *branch, struct previous *out, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const struct catalog_entry *found = NULL;
	const struct manifest *m;
	int64_t missing;

	*out = (struct previous){ .newest = 0 };
	if (catalog_read(r, branch, &all, e) < 0)
		return (-1);
	for (size_t i = 0; i < all.n; i++) {
		if (all.v[i].m.started > out->newest)
			out->newest = all.v[i].m.started;
		if (found == NULL && is_measure(&all.v[i].m))
			found = &all.v[i];
	}
	if (found == NULL)
		return (0);
	if (catalog_fill(r, &all, found, e) < 0)
		return (-1);
	m = &found->m;
	out->is_there = true;
	missing = json_get_integer(
	    json_get(m->counts, "attachments"), "missing", 0);
	out->missing = missing > 0 ? (uint64_t)missing : 0;
	if (m->has_private)
		take_list(json_get(m->facts, "attachments"), out);
	return (0);
}

void
previous_free(struct previous *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->paths[i]);
	free(p->paths);
	*p = (struct previous){ .newest = 0 };
}

bool
previous_lacked(const struct previous *p, const char *path)
{
	char *key;
	bool found;

	if (p->n == 0)
		return (false);
	key = mem_string(path);
	found = bsearch(&key, p->paths, p->n, sizeof(*p->paths), by_bytes) !=
	    NULL;
	free(key);
	return (found);
}
