/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only place that tries again. A call that fails with a transient error is
 * repeated, with growing waits and jitter so that many clients of one endpoint
 * don't come back all at once, until it goes well, fails for good, would take
 * longer than give-up-after, or the program is stopped. An endpoint that was
 * given up is asked once a call from then on, until it answers: a circuit
 * breaker, so that its users needn't be told and nothing storms it. Failures
 * that are alike are told once: "503 Slow Down (4 times in 31 s)". A listing is
 * handed out only when it is whole, so that no name comes twice; it costs some
 * 100 bytes of memory a name.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "storage-drivers/store_impl.h"

#define WAIT_LEAST_MS 200
#define WAIT_MOST_MS  10000
#define TEXT_MAX      440 /* of a failure, so that the count fits behind it */

struct retry {
	struct store store;
	struct store *inner;
	uint64_t give_up_ms;
	struct store_clock clock;
	atomic_bool is_open; /* the breaker: it was given up */
};

/* The tries of one call. */
struct tries {
	struct retry *r;
	const char *op, *name;
	uint64_t began_ms;
	uint64_t alike_ms; /* since when the failures are alike */
	unsigned failed;
	unsigned alike; /* how many of them, at the end, are alike */
	char text[sizeof(((struct err *)NULL)->text)]; /* of the latest */
};

static struct retry *
retry_of(struct store *s)
{
	return ((struct retry *)s);
}

/* --- trying again -------------------------------------------------------- */

static struct tries
begin(struct retry *r, const char *op, const char *name)
{
	return ((struct tries){
	    .r = r, .op = op, .name = name, .began_ms = r->clock.ticks_ms() });
}

static void
count(struct tries *t, const struct err *e, uint64_t now_ms)
{
	if (t->failed == 0 || strcmp(t->text, e->text) != 0) {
		t->alike_ms = t->failed == 0 ? t->began_ms : now_ms;
		t->alike = 0;
		memcpy(t->text, e->text, sizeof(t->text));
	}
	t->failed++;
	t->alike++;
}

/* Adds to the last failure how often it came, and how many others before. */
static void
fold(const struct tries *t, struct err *e, uint64_t now_ms)
{
	struct err last = *e;
	unsigned others = t->failed - t->alike;
	unsigned long long alike_s = (now_ms - t->alike_ms + 500) / 1000;
	unsigned long long all_s = (now_ms - t->began_ms + 500) / 1000;

	if (t->failed == 1)
		return;
	if (others == 0)
		err_set(e, last.kind, "%.*s (%u times in %llu s)", TEXT_MAX,
		    last.text, t->alike, alike_s);
	else if (t->alike == 1)
		err_set(e, last.kind,
		    "%.*s (after %u other failures in %llu s)", TEXT_MAX,
		    last.text, others, all_s);
	else
		err_set(e, last.kind,
		    "%.*s (%u times, after %u other failures, in %llu s)",
		    TEXT_MAX, last.text, t->alike, others, all_s);
	e->sys = last.sys;
	memcpy(e->hint, last.hint, sizeof(e->hint));
}

/* Between half and all of 400 ms, doubled with each failure. */
static unsigned
wait_after(unsigned failed)
{
	unsigned most = 2 * WAIT_LEAST_MS;

	while (--failed > 0 && most < WAIT_MOST_MS)
		most *= 2;
	if (most > WAIT_MOST_MS)
		most = WAIT_MOST_MS;
	return (most / 2 + random_below(most / 2 + 1));
}

/* Any answer closes the breaker, a call that is given up opens it. */
static bool
is_worth_it(struct retry *r, const struct err *e, uint64_t spent_ms)
{
	if (!err_is_transient(e)) {
		atomic_store(&r->is_open, false);
		return (false);
	}
	if (!atomic_load(&r->is_open) &&
	    spent_ms + WAIT_LEAST_MS <= r->give_up_ms)
		return (true);
	atomic_store(&r->is_open, true);
	return (false);
}

/*
 * A try has failed with e. True after a wait: try again. False: e is what the
 * call fails with. The last wait is cut so that the last try comes just when
 * the time is up.
 */
static bool
again(struct tries *t, struct err *e)
{
	const struct store_clock *clock = &t->r->clock;
	uint64_t now_ms = clock->ticks_ms();
	uint64_t spent_ms = now_ms - t->began_ms;
	unsigned wait_ms;

	if (e->kind == ERR_STOPPED)
		return (false);
	count(t, e, now_ms);
	if (!is_worth_it(t->r, e, spent_ms)) {
		fold(t, e, now_ms);
		return (false);
	}
	wait_ms = wait_after(t->failed);
	if (wait_ms > t->r->give_up_ms - spent_ms)
		wait_ms = (unsigned)(t->r->give_up_ms - spent_ms);
	log_debug("endpoint %s: %s %s: %s; again in %u ms", t->r->store.name,
	    t->op, t->name, e->text, wait_ms);
	err_clear(e);
	return (clock->sleep_ms(wait_ms, e) == 0);
}

/* The call went well; if not at once, that is worth a line. Returns 0. */
static int
done(const struct tries *t)
{
	atomic_store(&t->r->is_open, false);
	if (t->failed > 0)
		log_info("endpoint %s: %s %s went well after %u failures, "
			 "the last: %s",
		    t->r->store.name, t->op, t->name, t->failed, t->text);
	return (0);
}

/* --- the calls ----------------------------------------------------------- */

static int
retry_prepare(struct store *s, struct err *e)
{
	struct retry *r = retry_of(s);
	struct tries t = begin(r, "prepare", "");

	while (r->inner->ops->prepare(r->inner, e) < 0)
		if (!again(&t, e))
			return (-1);
	return (done(&t));
}

static int
retry_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct retry *r = retry_of(s);
	struct tries t = begin(r, "get", name);

	while (r->inner->ops->get(r->inner, name, off, p, n, e) < 0)
		if (!again(&t, e))
			return (-1);
	return (done(&t));
}

static int
retry_stat(struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	struct retry *r = retry_of(s);
	struct tries t = begin(r, "stat", name);

	while (r->inner->ops->stat(r->inner, name, bytes, e) < 0)
		if (!again(&t, e))
			return (-1);
	return (done(&t));
}

static int
retry_drop(struct store *s, const char *name, struct err *e)
{
	struct retry *r = retry_of(s);
	struct tries t = begin(r, "drop", name);

	while (r->inner->ops->drop(r->inner, name, e) < 0)
		if (!again(&t, e))
			return (-1);
	return (done(&t));
}

/*
 * The name was free, the answer to our put was lost, and now the name is taken:
 * by ourselves, if the bytes are ours. 0 then; else -1, with e as it was or
 * with what kept us from looking.
 */
static int
taken_by_us(
    struct store *s, const char *name, const void *p, size_t n, struct err *e)
{
	const struct err taken = *e;
	SCOPED(scope_free) uint8_t *there = NULL;
	uint64_t bytes;

	err_clear(e);
	if (retry_stat(s, name, &bytes, e) < 0)
		return (-1);
	if (bytes == n) {
		there = mem_new(n + 1);
		if (retry_get(s, name, 0, there, n, e) < 0)
			return (-1);
		if (n == 0 || memcmp(there, p, n) == 0)
			return (0);
	}
	*e = taken;
	return (-1);
}

static int
retry_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct retry *r = retry_of(s);
	struct tries t = begin(r, "put", name);

	while (r->inner->ops->put(r->inner, name, p, n, flags, e) < 0) {
		if (e->kind == ERR_EXISTS && t.failed > 0)
			return (taken_by_us(s, name, p, n, e));
		if (!again(&t, e))
			return (-1);
	}
	return (done(&t));
}

/* Puts an entry of a listing by: size, time, whether hidden, name with
 * its NUL. */
static int
keep_entry(const struct store_entry *entry, void *arg, struct err *e)
{
	struct buf *kept = arg;

	(void)e;
	buf_add_u64(kept, entry->bytes);
	buf_add_i64(kept, entry->modified);
	buf_add_u8(kept, entry->is_hidden);
	buf_add(kept, entry->name, strlen(entry->name) + 1);
	return (0);
}

static int
retry_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct retry *r = retry_of(s);
	struct tries t = begin(r, "list", prefix);
	SCOPED(buf_free) struct buf kept = BUF_INIT;
	struct bytes left;
	int rc;

	while (
	    r->inner->ops->list(r->inner, prefix, keep_entry, &kept, e) < 0) {
		kept.n = 0;
		if (!again(&t, e))
			return (-1);
	}
	(void)done(&t);
	for (left = bytes_of(kept.p, kept.n); left.n > 0;) {
		struct store_entry entry = { .bytes = bytes_u64(&left) };

		entry.modified = bytes_i64(&left);
		entry.is_hidden = bytes_u8(&left) != 0;
		bytes_copy(&left, entry.name,
		    strnlen((const char *)left.p, left.n) + 1);
		if ((rc = each(&entry, arg, e)) != 0)
			return (rc);
	}
	return (0);
}

/* --- versions, where what is wrapped keeps some --- */

static int
no_versions(const char *name, struct err *e)
{
	return (err_set(e, ERR_CONFIG, "%s: no versions of it are kept", name));
}

static int
retry_lock(struct store *s, const char *name, int64_t until, struct err *e)
{
	struct retry *r = retry_of(s);
	struct store *v = store_with_versions(r->inner);
	struct tries t = begin(r, "lock", name);

	if (v == NULL)
		return (no_versions(name, e));
	while (v->ops->lock(v, name, until, e) < 0)
		if (!again(&t, e))
			return (-1);
	return (done(&t));
}

static int
retry_load_first(struct store *s, const char *name, size_t limit,
    struct buf *out, struct err *e)
{
	struct retry *r = retry_of(s);
	struct store *v = store_with_versions(r->inner);
	struct tries t = begin(r, "load first", name);

	if (v == NULL) {
		(void)no_versions(name, e);
		e->kind = ERR_MISSING;
		return (-1);
	}
	while (v->ops->load_first(v, name, limit, out, e) < 0)
		if (!again(&t, e))
			return (-1);
	return (done(&t));
}

static int
retry_unhide(struct store *s, const char *name, struct err *e)
{
	struct retry *r = retry_of(s);
	struct store *v = store_with_versions(r->inner);
	struct tries t = begin(r, "unhide", name);

	if (v == NULL) {
		(void)no_versions(name, e);
		e->kind = ERR_MISSING;
		return (-1);
	}
	while (v->ops->unhide(v, name, e) < 0)
		if (!again(&t, e))
			return (-1);
	return (done(&t));
}

static struct store *
retry_inner(struct store *s)
{
	return (retry_of(s)->inner);
}

static void
retry_free(struct store *s)
{
	struct retry *r = (struct retry *)s;

	store_free(r->inner);
	free(r->store.name);
	free(r);
}

static const struct store_ops RETRY_OPS = {
	.scheme = "retry",
	.prepare = retry_prepare,
	.put = retry_put,
	.get = retry_get,
	.stat = retry_stat,
	.list = retry_list,
	.drop = retry_drop,
	.lock = retry_lock,
	.load_first = retry_load_first,
	.unhide = retry_unhide,
	.inner = retry_inner,
	.free = retry_free,
};

struct store *
store_with_retry_by(struct store *inner, unsigned give_up_after_s,
    const struct store_clock *clock)
{
	struct retry *r = mem_new(sizeof(*r));

	r->store = (struct store){ .ops = &RETRY_OPS,
		.name = mem_string(inner->name) };
	r->inner = inner;
	r->give_up_ms = (uint64_t)give_up_after_s * 1000;
	r->clock = *clock;
	return (&r->store);
}

struct store *
store_with_retry(struct store *inner, unsigned give_up_after_s)
{
	const struct store_clock clock = { clock_ticks_ms, clock_sleep_ms };

	return (store_with_retry_by(inner, give_up_after_s, &clock));
}
