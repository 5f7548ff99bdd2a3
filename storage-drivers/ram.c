/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference driver: an endpoint in memory, as plain as the contract can be
 * kept. Tests run against it, and other drivers are measured by it. One lock
 * guards the objects; it is never held while a caller's code runs.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "storage-drivers/store_impl.h"

struct object {
	char *name;
	uint8_t *p;
	size_t n;
	int64_t modified;
};

struct ram {
	struct store store;
	pthread_mutex_t lock;
	struct object *objects; /* guarded by lock, as is n */
	size_t n;
};

/* With unlock, its releaser, the lock is held to the end of a block. */
static struct ram *
lock(struct store *s)
{
	struct ram *r = (struct ram *)s;

	pthread_mutex_lock(&r->lock);
	return (r);
}

static void
unlock(struct ram **r)
{
	pthread_mutex_unlock(&(*r)->lock);
}

/* With the lock held. NULL when there is none. */
static struct object *
find(struct ram *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->objects[i].name, name) == 0)
			return (&r->objects[i]);
	return (NULL);
}

static struct object *
find_or_fail(struct ram *r, const char *name, struct err *e)
{
	struct object *o = find(r, name);

	if (o == NULL)
		err_set(e, ERR_MISSING, "there is no object %s", name);
	return (o);
}

static int
ram_prepare(struct store *s, struct err *e)
{
	(void)s;
	(void)e;
	return (0);
}

static int
ram_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	SCOPED(unlock) struct ram *r = lock(s);
	struct object *o;

	o = find(r, name);
	if (o != NULL && (flags & STORE_PUT_NEW) != 0)
		return (err_set(e, ERR_EXISTS, "%s is there already", name));
	if (o == NULL) {
		r->objects = mem_grow(
		    r->objects, r->n + 1, sizeof(*r->objects));
		o = &r->objects[r->n++];
		*o = (struct object){ .name = mem_string(name) };
	}
	free(o->p);
	o->p = mem_new(n + 1); /* + 1: no special case for an empty one */
	if (n > 0)
		memcpy(o->p, p, n);
	o->n = n;
	o->modified = clock_now();
	return (0);
}

static int
ram_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	SCOPED(unlock) struct ram *r = lock(s);
	const struct object *o;

	if ((o = find_or_fail(r, name, e)) == NULL)
		return (-1);
	if (off > o->n || n > o->n - off)
		return (err_set(e, ERR_CORRUPT,
		    "%s has only %zu bytes, not %zu from %llu", name, o->n, n,
		    (unsigned long long)off));
	if (n > 0)
		memcpy(p, o->p + off, n);
	return (0);
}

static int
ram_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	SCOPED(unlock) struct ram *r = lock(s);
	const struct object *o;

	if ((o = find_or_fail(r, name, e)) == NULL)
		return (-1);
	*bytes = o->n;
	return (0);
}

/* The names as they are now, so that each may put and get as it likes. */
static struct store_entry *
snapshot(struct store *s, const char *prefix, size_t *n)
{
	SCOPED(unlock) struct ram *r = lock(s);
	struct store_entry *entries;

	entries = mem_array(r->n + 1, sizeof(*entries));
	*n = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct object *o = &r->objects[i];
		struct store_entry *entry = &entries[*n];

		if (strncmp(o->name, prefix, strlen(prefix)) != 0)
			continue;
		memcpy(entry->name, o->name, strlen(o->name) + 1);
		entry->bytes = o->n;
		entry->modified = o->modified;
		(*n)++;
	}
	return (entries);
}

static int
ram_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	size_t n;
	SCOPED(scope_free)
	struct store_entry *entries = snapshot(s, prefix, &n);
	int rc;

	for (size_t i = 0; i < n; i++)
		if ((rc = each(&entries[i], arg, e)) != 0)
			return (rc);
	return (0);
}

static int
ram_drop(struct store *s, const char *name, struct err *e)
{
	SCOPED(unlock) struct ram *r = lock(s);
	struct object *o;

	(void)e;
	if ((o = find(r, name)) == NULL)
		return (0);
	free(o->name);
	free(o->p);
	*o = r->objects[--r->n];
	return (0);
}

static void
ram_free(struct store *s)
{
	struct ram *r = (struct ram *)s;

	for (size_t i = 0; i < r->n; i++) {
		free(r->objects[i].name);
		free(r->objects[i].p);
	}
	free(r->objects);
	pthread_mutex_destroy(&r->lock);
	free(r->store.name);
	free(r);
}

static const struct store_ops RAM_OPS = {
	.scheme = "ram",
	.prepare = ram_prepare,
	.put = ram_put,
	.get = ram_get,
	.stat = ram_stat,
	.list = ram_list,
	.drop = ram_drop,
	.free = ram_free,
};

struct store *
store_ram_new(const char *name)
{
	struct ram *r = mem_new(sizeof(*r));

	r->store = (struct store){ .ops = &RAM_OPS, .name = mem_string(name) };
	pthread_mutex_init(&r->lock, NULL);
	return (&r->store);
}
