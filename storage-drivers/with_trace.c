/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A debug line for each call: endpoint, call, object, bytes, how it ended and
 * how long it took. It changes nothing on the way.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "storage-drivers/store_impl.h"

struct trace {
	struct store store;
	struct store *inner;
};

/* A call under way. */
struct call {
	const char *endpoint, *op, *name;
	uint64_t bytes;
	uint64_t began_ms;
};

static struct store *
inner_of(struct store *s)
{
	return (((struct trace *)s)->inner);
}

static struct call
begin(const struct store *s, const char *op, const char *name)
{
	return ((struct call){ .endpoint = s->name,
	    .op = op,
	    .name = name,
	    .began_ms = clock_ticks_ms() });
}

/* Returns rc. */
static int
end(const struct call *c, int rc, const struct err *e)
{
	log_debug("endpoint %s: %s %s: %llu bytes, %llu ms: %s", c->endpoint,
	    c->op, c->name, (unsigned long long)c->bytes,
	    (unsigned long long)(clock_ticks_ms() - c->began_ms),
	    rc < 0 ? e->text : "done");
	return (rc);
}

static int
trace_prepare(struct store *s, struct err *e)
{
	struct store *inner = inner_of(s);
	const struct call c = begin(s, "prepare", "");

	return (end(&c, inner->ops->prepare(inner, e), e));
}

static int
trace_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct store *inner = inner_of(s);
	struct call c = begin(s, "put", name);

	c.bytes = n;
	return (end(&c, inner->ops->put(inner, name, p, n, flags, e), e));
}

static int
trace_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct store *inner = inner_of(s);
	struct call c = begin(s, "get", name);

	c.bytes = n;
	return (end(&c, inner->ops->get(inner, name, off, p, n, e), e));
}

static int
trace_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	struct store *inner = inner_of(s);
	const struct call c = begin(s, "stat", name);

	return (end(&c, inner->ops->stat(inner, name, bytes, e), e));
}

static int
trace_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct store *inner = inner_of(s);
	const struct call c = begin(s, "list", prefix);

	return (end(&c, inner->ops->list(inner, prefix, each, arg, e), e));
}

static int
trace_drop(struct store *s, const char *name, struct err *e)
{
	struct store *inner = inner_of(s);
	const struct call c = begin(s, "drop", name);

	return (end(&c, inner->ops->drop(inner, name, e), e));
}

static struct store *
trace_inner(struct store *s)
{
	return (inner_of(s));
}

static void
trace_free(struct store *s)
{
	store_free(inner_of(s));
	free(s->name);
	free(s);
}

static const struct store_ops TRACE_OPS = {
	.scheme = "trace",
	.prepare = trace_prepare,
	.put = trace_put,
	.get = trace_get,
	.stat = trace_stat,
	.list = trace_list,
	.drop = trace_drop,
	.inner = trace_inner,
	.free = trace_free,
};

struct store *
store_with_trace(struct store *inner)
{
	struct trace *t = mem_new(sizeof(*t));

	t->store = (struct store){ .ops = &TRACE_OPS,
		.name = mem_string(inner->name) };
	t->inner = inner;
	return (&t->store);
}
