/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests: an endpoint that fails on purpose. Each call is held against the
 * rules in their order; the first that matches it and whose turn has come acts,
 * and no later rule sees the call. A rule counts the matching calls that reach
 * it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage-drivers/store_impl.h"

struct rule {
	struct store_fault fault; /* its strings are the two below */
	char *op, *match;
	uint64_t seen; /* matching calls; guarded by the store's lock */
};

struct faults {
	struct store store;
	struct store *inner;
	pthread_mutex_t lock;
	struct rule *rules;
	size_t n;
};

/* A call, and the fault that meets it; NULL: none. */
struct call {
	struct store *inner;
	const char *op, *name;
	const struct store_fault *fault;
};

static bool
matches(const struct store_fault *fault, const char *op, const char *name)
{
	if (fault->action == FAULT_FLIP && strcmp(op, "get") != 0)
		return (false);
	if (fault->action == FAULT_TRUNCATE && strcmp(op, "put") != 0)
		return (false);
	return ((strcmp(fault->op, "*") == 0 || strcmp(fault->op, op) == 0) &&
	    strstr(name, fault->match) != NULL);
}

static struct call
begin(struct store *s, const char *op, const char *name)
{
	struct faults *f = (struct faults *)s;
	struct call c = { .inner = f->inner, .op = op, .name = name };

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n && c.fault == NULL; i++) {
		struct rule *rule = &f->rules[i];
		const struct store_fault *fault = &rule->fault;
		uint64_t turn;

		if (!matches(fault, op, name))
			continue;
		turn = rule->seen++;
		if (turn >= fault->skip && turn - fault->skip < fault->count)
			c.fault = fault;
	}
	pthread_mutex_unlock(&f->lock);
	return (c);
}

static bool
acts(const struct call *c, enum store_fault_action action)
{
	return (c->fault != NULL && c->fault->action == action);
}

static int
fail(const struct call *c, struct err *e)
{
	return (err_set(
	    e, c->fault->kind, "%s %s fails on purpose", c->op, c->name));
}

/* What becomes of a call that was done, with answer rc. */
static int
end(const struct call *c, int rc, struct err *e)
{
	return (rc == 0 && acts(c, FAULT_FAIL_AFTER) ? fail(c, e) : rc);
}

static int
fault_prepare(struct store *s, struct err *e)
{
	const struct call c = begin(s, "prepare", "");

	if (acts(&c, FAULT_FAIL))
		return (fail(&c, e));
	return (end(&c, c.inner->ops->prepare(c.inner, e), e));
}

static int
fault_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	const struct call c = begin(s, "put", name);

	if (acts(&c, FAULT_FAIL))
		return (fail(&c, e));
	if (acts(&c, FAULT_TRUNCATE))
		n /= 2;
	return (end(&c, c.inner->ops->put(c.inner, name, p, n, flags, e), e));
}

static int
fault_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	const struct call c = begin(s, "get", name);
	int rc;

	if (acts(&c, FAULT_FAIL))
		return (fail(&c, e));
	rc = c.inner->ops->get(c.inner, name, off, p, n, e);
	if (rc == 0 && n > 0 && acts(&c, FAULT_FLIP))
		((uint8_t *)p)[n / 2] ^= 0x10;
	return (end(&c, rc, e));
}

static int
fault_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	const struct call c = begin(s, "stat", name);

	if (acts(&c, FAULT_FAIL))
		return (fail(&c, e));
	return (end(&c, c.inner->ops->stat(c.inner, name, bytes, e), e));
}

static int
fault_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	const struct call c = begin(s, "list", prefix);

	if (acts(&c, FAULT_FAIL))
		return (fail(&c, e));
	return (end(&c, c.inner->ops->list(c.inner, prefix, each, arg, e), e));
}

static int
fault_drop(struct store *s, const char *name, struct err *e)
{
	const struct call c = begin(s, "drop", name);

	if (acts(&c, FAULT_FAIL))
		return (fail(&c, e));
	return (end(&c, c.inner->ops->drop(c.inner, name, e), e));
}

static struct store *
fault_inner(struct store *s)
{
	return (((struct faults *)s)->inner);
}

static void
fault_free(struct store *s)
{
	struct faults *f = (struct faults *)s;

	store_free(f->inner);
	for (size_t i = 0; i < f->n; i++) {
		free(f->rules[i].op);
		free(f->rules[i].match);
	}
	free(f->rules);
	pthread_mutex_destroy(&f->lock);
	free(f->store.name);
	free(f);
}

static const struct store_ops FAULT_OPS = {
	.scheme = "fault",
	.prepare = fault_prepare,
	.put = fault_put,
	.get = fault_get,
	.stat = fault_stat,
	.list = fault_list,
	.drop = fault_drop,
	.inner = fault_inner,
	.free = fault_free,
};

struct store *
store_with_faults(
    struct store *inner, const struct store_fault *rules, size_t n)
{
	struct faults *f = mem_new(sizeof(*f));

	f->store = (struct store){ .ops = &FAULT_OPS,
		.name = mem_string(inner->name) };
	f->inner = inner;
	f->rules = mem_array(n + 1, sizeof(*f->rules));
	f->n = n;
	for (size_t i = 0; i < n; i++) {
		struct rule *rule = &f->rules[i];

		rule->fault = rules[i];
		rule->fault.op = rule->op = mem_string(rules[i].op);
		rule->fault.match = rule->match = mem_string(rules[i].match);
	}
	pthread_mutex_init(&f->lock, NULL);
	return (&f->store);
}
