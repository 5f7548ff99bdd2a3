/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that need not be read again. What is remembered goes to local state in
 * batches, since a transaction for each of a million files would sync a million
 * times. Remembering is never wrong: whoever recalls a recipe asks whether its
 * chunks are known before it counts on it.
 *
 * Whose path is there no more is forgotten. Which ones are is kept in a Bloom
 * filter of fixed size: with a million files some 2 in 1,000 of those that
 * went are taken for being there and stay, with ten million most do.
 *
 *   value = branch:u64 size:u64 inode:u64 device:u64 mtime:i64 nsec:u32
 *           matches:u8 recipe
 *   batch = { identity[16] bytes:u32 value }*
 */
#include <string.h>

#include "repository/ingest_impl.h"

/* Keys are hashes, so each may dirty a page of its own: 16 MiB at worst. */
#define BATCH_FILES 4096
#define BATCH_BYTES ((size_t)4 << 20)
#define SEEN_BITS   ((uint64_t)1 << 24)
#define SEEN_MARKS  4 /* bits a path */

static void
identify(
    struct ingest *in, const char *branch, const char *path, uint8_t out[16])
{
	seal_identity(in->r->keys, "memory", branch, path, out);
}

/* Values of one branch begin with it. */
static uint64_t
tag_of(struct ingest *in, const char *branch)
{
	uint8_t identity[16];
	struct bytes b;

	identify(in, branch, "", identity);
	b = bytes_of(identity, sizeof(identity));
	return (bytes_u64(&b));
}

/* Sets an identity's bits. It is a keyed hash: its own bytes are as good as any
 * other. With memory_lock held. */
static void
see(struct ingest *in, const uint8_t identity[16])
{
	struct bytes b = bytes_of(identity, 16);
	uint64_t bit;

	if (in->seen == NULL)
		in->seen = mem_array(SEEN_BITS / 64, sizeof(*in->seen));
	for (size_t i = 0; i < SEEN_MARKS; i++) {
		bit = bytes_u32(&b) % SEEN_BITS;
		in->seen[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

/* Are all of them set? */
static bool
is_seen(const uint64_t *seen, const uint8_t identity[16])
{
	struct bytes b = bytes_of(identity, 16);
	uint64_t bit;

	for (size_t i = 0; i < SEEN_MARKS; i++) {
		bit = bytes_u32(&b) % SEEN_BITS;
		if ((seen[bit / 64] >> bit % 64 & 1) == 0)
			return (false);
	}
	return (true);
}

void
ingest_still_there(struct ingest *in, const char *branch, const char *path)
{
	uint8_t identity[16];

	identify(in, branch, path, identity);
	pthread_mutex_lock(&in->memory_lock);
	see(in, identity);
	pthread_mutex_unlock(&in->memory_lock);
}

struct forgetting {
	const uint64_t *seen; /* NULL: nothing was there */
	uint64_t tag;
};

static bool
is_gone(const uint8_t identity[16], const struct bytes *value, void *arg)
{
	const struct forgetting *x = arg;
	struct bytes b = *value;

	return (bytes_u64(&b) == x->tag &&
	    (x->seen == NULL || !is_seen(x->seen, identity)));
}

int
ingest_forget_others(struct ingest *in, const char *branch, struct err *e)
{
	struct forgetting x = { .tag = tag_of(in, branch) };

	if (ingest_flush_memory(in, e) < 0)
		return (-1);
	x.seen = in->seen; /* whoever calls this has nobody else at work */
	return (state_forget(in->r->state, is_gone, &x, e));
}

bool
ingest_recall(struct ingest *in, const char *branch, const char *path,
    struct file_memory *m, struct recipe *r)
{
	SCOPED(buf_free) struct buf value = BUF_INIT;
	struct err ignored = ERR_INIT;
	uint8_t identity[16];
	struct bytes b;
	bool found, more = false;

	identify(in, branch, path, identity);
	if (state_recall(in->r->state, identity, &value, &found, &ignored) <
		0 ||
	    !found)
		return (false);
	b = bytes_of(value.p, value.n);
	(void)bytes_u64(&b); /* of which branch, the identity says */
	m->size = bytes_u64(&b);
	m->inode = bytes_u64(&b);
	m->device = bytes_u64(&b);
	m->mtime = bytes_i64(&b);
	m->nsec = bytes_u32(&b);
	m->matches_name = bytes_u8(&b) != 0;
	if (!b.bad && recipe_decode(&b, r, &more, &ignored) == 0 && !more)
		return (true);
	recipe_free(r);
	return (false);
}

/* With memory_lock held. */
static int
flush(struct ingest *in, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct bytes b = bytes_of(in->remembered.p, in->remembered.n);

	if (b.n == 0)
		return (0);
	if ((t = state_begin(in->r->state, e)) == NULL)
		return (-1);
	while (b.n > 0) {
		const uint8_t *identity = bytes_take(&b, 16);
		size_t n = bytes_u32(&b);
		const uint8_t *value = bytes_take(&b, n);

		assert(!b.bad); /* our own batch */
		if (state_remember(t, identity, value, n, e) < 0)
			return (-1);
	}
	in->remembered.n = 0;
	in->nremembered = 0;
	return (state_commit(&t, e));
}

int
ingest_flush_memory(struct ingest *in, struct err *e)
{
	int failed;

	pthread_mutex_lock(&in->memory_lock);
	failed = flush(in, e);
	pthread_mutex_unlock(&in->memory_lock);
	return (failed);
}

static void
encode(uint64_t tag, const struct file_memory *m, const struct recipe *r,
    struct buf *out)
{
	buf_add_u64(out, tag);
	buf_add_u64(out, m->size);
	buf_add_u64(out, m->inode);
	buf_add_u64(out, m->device);
	buf_add_i64(out, m->mtime);
	buf_add_u32(out, m->nsec);
	buf_add_u8(out, m->matches_name);
	recipe_encode(r, out);
}

int
ingest_remember(struct ingest *in, const char *branch, const char *path,
    const struct file_memory *m, const struct recipe *r, struct err *e)
{
	SCOPED(buf_free) struct buf value = BUF_INIT;
	uint8_t identity[16];
	int failed = 0;

	identify(in, branch, path, identity);
	encode(tag_of(in, branch), m, r, &value);
	pthread_mutex_lock(&in->memory_lock);
	see(in, identity);
	buf_add(&in->remembered, identity, sizeof(identity));
	buf_add_u32(&in->remembered, (uint32_t)value.n);
	buf_add(&in->remembered, value.p, value.n);
	if (++in->nremembered >= BATCH_FILES || in->remembered.n >= BATCH_BYTES)
		failed = flush(in, e);
	pthread_mutex_unlock(&in->memory_lock);
	return (failed);
}
