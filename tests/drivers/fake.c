/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stand-ins for time and for an endpoint, so that what depends on them is
 * tested exactly and at once.
 */
#include "tests/drivers/fake.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "tests/drivers/suite.h"

static atomic_ullong now_ms;
static atomic_uint sleeps;
static atomic_uint slept[FAKE_SLEEPS];
static atomic_uint stop_at;

static uint64_t
ticks_ms(void)
{
	return (atomic_load(&now_ms));
}

static int
sleep_ms(unsigned wait_ms, struct err *e)
{
	unsigned which = atomic_fetch_add(&sleeps, 1);

	if (which == atomic_load(&stop_at))
		return (err_set(e, ERR_STOPPED, "interrupted"));
	if (which < FAKE_SLEEPS)
		atomic_store(&slept[which], wait_ms);
	atomic_fetch_add(&now_ms, wait_ms);
	return (0);
}

const struct store_clock FAKE_CLOCK = { ticks_ms, sleep_ms };

void
fake_clock_reset(void)
{
	atomic_store(&now_ms, FAKE_BEGIN);
	atomic_store(&sleeps, 0);
	atomic_store(&stop_at, UINT32_MAX);
}

uint64_t
fake_clock_ms(void)
{
	return (atomic_load(&now_ms) - FAKE_BEGIN);
}

unsigned
fake_clock_sleeps(void)
{
	return (atomic_load(&sleeps));
}

unsigned
fake_clock_slept(unsigned which)
{
	return (atomic_load(&slept[which]));
}

void
fake_clock_stop_at(unsigned sleep)
{
	atomic_store(&stop_at, sleep);
}

/* --- the endpoint -------------------------------------------------------- */

struct fake {
	struct store store;
	struct fake_script *script;
};

static int
answer(struct store *s, struct err *e)
{
	struct fake_script *script = ((struct fake *)s)->script;
	const struct fake_answer *a = NULL;

	if (script->calls < script->n)
		a = &script->answers[script->calls];
	script->calls++;
	if (a == NULL)
		return (0);
	atomic_fetch_add(&now_ms, a->takes_ms);
	if (a->kind == ERR_NONE)
		return (0);
	err_set(e, a->kind, "%s", a->text);
	e->sys = 7;
	return (a->hint == NULL ? -1 : err_hint(e, "%s", a->hint));
}

static int
fake_prepare(struct store *s, struct err *e)
{
	(void)s;
	(void)e;
	return (0);
}

static int
fake_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	(void)name;
	(void)p;
	(void)n;
	(void)flags;
	return (answer(s, e));
}

static int
fake_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	(void)name;
	(void)off;
	(void)p;
	(void)n;
	return (answer(s, e));
}

static int
fake_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	(void)name;
	*bytes = 1;
	return (answer(s, e));
}

/* Fails after it has handed everything out, which is the worst. */
static int
fake_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	const struct fake_script *script = ((struct fake *)s)->script;
	int rc;

	(void)prefix;
	for (size_t i = 0; i < script->n_entries; i++)
		if ((rc = each(&script->entries[i], arg, e)) != 0)
			return (rc);
	return (answer(s, e));
}

static int
fake_drop(struct store *s, const char *name, struct err *e)
{
	(void)name;
	return (answer(s, e));
}

static void
fake_free(struct store *s)
{
	free(s->name);
	free(s);
}

static const struct store_ops FAKE_OPS = {
	.scheme = "fake",
	.prepare = fake_prepare,
	.put = fake_put,
	.get = fake_get,
	.stat = fake_stat,
	.list = fake_list,
	.drop = fake_drop,
	.free = fake_free,
};

struct store *
fake_store(struct fake_script *script)
{
	struct fake *f = mem_new(sizeof(*f));

	f->store = (struct store){ .ops = &FAKE_OPS,
		.name = mem_string(SUITE_ENDPOINT) };
	f->script = script;
	script->calls = 0;
	return (&f->store);
}
