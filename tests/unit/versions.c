/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Newest versions are inner's objects. Beside them stand two stores in memory:
 * what was first of each name that was overwritten or deleted, and the newest
 * version of each that is hidden.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "storage-drivers/store_drop.h"
#include "storage-drivers/store_impl.h"
#include "tests/unit/versions.h"

struct versions {
	struct store store;
	struct store *inner, *firsts, *hidden;
	bool denies;
};

static struct versions *
of(struct store *s)
{
	return ((struct versions *)s);
}

static bool
has(struct store *s, const char *name)
{
	struct err ignored = ERR_INIT;
	uint64_t bytes;

	return (store_stat(s, name, &bytes, &ignored) == 0);
}

static int
copy(struct store *from, struct store *to, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	if (store_load(from, name, STORE_OBJECT_MAX, &b, e) < 0)
		return (-1);
	return (store_put(to, name, b.p, b.n, 0, e));
}

/* Before it is overwritten or hidden. */
static int
keep_first(struct versions *v, const char *name, struct err *e)
{
	if (has(v->firsts, name) || !has(v->inner, name))
		return (0);
	return (copy(v->inner, v->firsts, name, e));
}

static int
versions_prepare(struct store *s, struct err *e)
{
	return (store_prepare(of(s)->inner, e));
}

static int
versions_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct versions *v = of(s);

	if (keep_first(v, name, e) < 0 || store_drop(v->hidden, name, e) < 0)
		return (-1);
	return (store_put(v->inner, name, p, n, flags, e));
}

static int
versions_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	return (store_get(of(s)->inner, name, off, p, n, e));
}

static int
versions_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	return (store_stat(of(s)->inner, name, bytes, e));
}

struct listing {
	int (*each)(const struct store_entry *entry, void *arg, struct err *e);
	void *arg;
};

static int
list_hidden(const struct store_entry *entry, void *arg, struct err *e)
{
	const struct listing *l = arg;
	struct store_entry hidden = *entry;

	hidden.is_hidden = true;
	return (l->each(&hidden, l->arg, e));
}

static int
versions_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct listing l = { each, arg };
	int rc = store_list(of(s)->inner, prefix, each, arg, e);

	if (rc != 0)
		return (rc);
	return (store_list(of(s)->hidden, prefix, list_hidden, &l, e));
}

static int
versions_drop(struct store *s, const char *name, struct err *e)
{
	(void)s;
	return (err_set(e, ERR_LOCKED, "%s is locked until 2030", name));
}

static int
versions_lock(struct store *s, const char *name, int64_t until, struct err *e)
{
	uint64_t bytes;

	(void)until;
	return (store_stat(of(s)->inner, name, &bytes, e));
}

static int
versions_load_first(struct store *s, const char *name, size_t limit,
    struct buf *out, struct err *e)
{
	struct versions *v = of(s);

	return (store_load(
	    has(v->firsts, name) ? v->firsts : v->inner, name, limit, out, e));
}

static int
versions_unhide(struct store *s, const char *name, struct err *e)
{
	struct versions *v = of(s);

	if (v->denies)
		return (err_set(e, ERR_DENIED, "unhiding %s is denied", name));
	if (copy(v->hidden, v->inner, name, e) < 0)
		return (-1);
	return (store_drop(v->hidden, name, e));
}

static void
versions_free(struct store *s)
{
	struct versions *v = of(s);

	store_free(v->inner);
	store_free(v->firsts);
	store_free(v->hidden);
	free(v->store.name);
	free(v);
}

static const struct store_ops VERSIONS_OPS = {
	.scheme = "versions",
	.parallel = 4,
	.prepare = versions_prepare,
	.put = versions_put,
	.get = versions_get,
	.stat = versions_stat,
	.list = versions_list,
	.drop = versions_drop,
	.lock = versions_lock,
	.load_first = versions_load_first,
	.unhide = versions_unhide,
	.free = versions_free,
};

struct store *
versions_new(struct store *inner)
{
	struct versions *v = mem_new(sizeof(*v));

	v->store = (struct store){ .ops = &VERSIONS_OPS,
		.name = mem_string(inner->name) };
	v->inner = inner;
	v->firsts = store_ram_new(inner->name);
	v->hidden = store_ram_new(inner->name);
	return (&v->store);
}

void
versions_hide(struct store *s, const char *name)
{
	struct versions *v = of(s);
	struct err e = ERR_INIT;

	assert_int_equal(keep_first(v, name, &e), 0);
	assert_int_equal(copy(v->inner, v->hidden, name, &e), 0);
	assert_int_equal(store_drop(v->inner, name, &e), 0);
}

bool
versions_are_hidden(struct store *s, const char *name)
{
	return (has(of(s)->hidden, name));
}

void
versions_deny_unhide(struct store *s)
{
	of(s)->denies = true;
}
