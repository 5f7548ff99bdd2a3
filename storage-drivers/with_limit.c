/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holds uploads to so many bytes a second, over all threads of a store. An
 * object goes out in one piece, when all that went before it has been paid for
 * at the rate; what was not used is saved up for one second, and no longer.
 * Bytes of puts that failed count too: they may have been sent.
 */
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "storage-drivers/store_impl.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL
#define SAVED_NS  NS_PER_S

struct limit {
	struct store store;
	struct store *inner;
	uint64_t rate; /* bytes a second */
	struct store_clock clock;
	pthread_mutex_t lock;
	uint64_t paid_ns; /* when all bytes so far are paid for; guarded by
			     lock */
};

static struct limit *
limit_of(struct store *s)
{
	return ((struct limit *)s);
}

/* Books n bytes; returns the wait before they may be sent. */
static unsigned
book(struct limit *l, size_t n)
{
	uint64_t now_ns, wait_ms = 0;

	pthread_mutex_lock(&l->lock);
	now_ns = l->clock.ticks_ms() * NS_PER_MS;
	if (l->paid_ns + SAVED_NS < now_ns)
		l->paid_ns = now_ns - SAVED_NS;
	if (l->paid_ns > now_ns)
		wait_ms = (l->paid_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	l->paid_ns += n * NS_PER_S / l->rate; /* n <= 2^26: no overflow */
	pthread_mutex_unlock(&l->lock);
	return (wait_ms < UINT_MAX ? (unsigned)wait_ms : UINT_MAX);
}

static int
limit_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct limit *l = limit_of(s);
	unsigned wait_ms = book(l, n);

	if (wait_ms > 0 && l->clock.sleep_ms(wait_ms, e) < 0)
		return (-1);
	return (l->inner->ops->put(l->inner, name, p, n, flags, e));
}

static int
limit_prepare(struct store *s, struct err *e)
{
	struct limit *l = limit_of(s);

	return (l->inner->ops->prepare(l->inner, e));
}

static int
limit_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct limit *l = limit_of(s);

	return (l->inner->ops->get(l->inner, name, off, p, n, e));
}

static int
limit_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	struct limit *l = limit_of(s);

	return (l->inner->ops->stat(l->inner, name, bytes, e));
}

static int
limit_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct limit *l = limit_of(s);

	return (l->inner->ops->list(l->inner, prefix, each, arg, e));
}

static int
limit_drop(struct store *s, const char *name, struct err *e)
{
	struct limit *l = limit_of(s);

	return (l->inner->ops->drop(l->inner, name, e));
}

static struct store *
limit_inner(struct store *s)
{
	return (limit_of(s)->inner);
}

static void
limit_free(struct store *s)
{
	struct limit *l = limit_of(s);

	store_free(l->inner);
	pthread_mutex_destroy(&l->lock);
	free(l->store.name);
	free(l);
}

static const struct store_ops LIMIT_OPS = {
	.scheme = "limit",
	.prepare = limit_prepare,
	.put = limit_put,
	.get = limit_get,
	.stat = limit_stat,
	.list = limit_list,
	.drop = limit_drop,
	.inner = limit_inner,
	.free = limit_free,
};

struct store *
store_with_limit_by(struct store *inner, uint64_t bytes_per_second,
    const struct store_clock *clock)
{
	struct limit *l = mem_new(sizeof(*l));

	assert(bytes_per_second > 0);
	l->store = (struct store){ .ops = &LIMIT_OPS,
		.name = mem_string(inner->name) };
	l->inner = inner;
	l->rate = bytes_per_second;
	l->clock = *clock;
	pthread_mutex_init(&l->lock, NULL);
	return (&l->store);
}

struct store *
store_with_limit(struct store *inner, uint64_t bytes_per_second)
{
	const struct store_clock clock = { clock_ticks_ms, clock_sleep_ms };

	return (store_with_limit_by(inner, bytes_per_second, &clock));
}
