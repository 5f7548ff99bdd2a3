/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes of one stream flow in, its recipe flows out; new chunks go to the packs
 * on the way. All work on a chunk (cut, name, compress, seal) is done by the
 * thread that writes the stream, in a workspace that it borrows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"
#include "repository/ingest_impl.h"

/* --- workspaces --- */

static struct workspace *
borrow(struct ingest *in)
{
	struct workspace *ws;

	pthread_mutex_lock(&in->lock);
	if ((ws = in->pool) != NULL)
		in->pool = ws->next;
	pthread_mutex_unlock(&in->lock);
	if (ws == NULL) {
		ws = mem_new(sizeof(*ws));
		ws->compressor = compressor_new(in->r->settings->compression);
	}
	ws->next = NULL;
	ws->plain.n = 0;
	return (ws);
}

static void
give_back(struct ingest *in, struct workspace *ws)
{
	if (ws == NULL)
		return;
	pthread_mutex_lock(&in->lock);
	ws->next = in->pool;
	in->pool = ws;
	pthread_mutex_unlock(&in->lock);
}

void
workspace_free_all(struct workspace *pool)
{
	while (pool != NULL) {
		struct workspace *ws = pool;

		pool = ws->next;
		compressor_free(ws->compressor);
		buf_free(&ws->plain);
		buf_free(&ws->packed);
		buf_free(&ws->box);
		free(ws);
	}
}

/* --- one chunk --- */

/* kind: enum stream_kind. */
static void
count(struct ingest *in, const struct lane *lane, uint8_t kind, size_t n,
    bool is_new)
{
	if (lane->record_kind != RECORD_DATA)
		return;
	pthread_mutex_lock(&in->lock);
	in->totals.bytes_read += n;
	in->totals.shares[kind].bytes_read += n;
	in->totals.chunks++;
	if (is_new) {
		in->totals.bytes_new += n;
		in->totals.shares[kind].bytes_new += n;
		in->totals.chunks_new++;
	}
	pthread_mutex_unlock(&in->lock);
}

static void
count_stored(struct ingest *in, const struct lane *lane, uint8_t kind, size_t n)
{
	if (lane->record_kind != RECORD_DATA)
		return;
	pthread_mutex_lock(&in->lock);
	in->totals.shares[kind].bytes_stored += n;
	pthread_mutex_unlock(&in->lock);
}

static int
store_chunk(struct ingest *in, const struct lane *lane, struct workspace *ws,
    const struct name *name, const struct bytes *plain, struct err *e)
{
	struct record r = { .name = *name,
		.kind = lane->record_kind,
		.slot = lane->slot,
		.plain_bytes = (uint32_t)plain->n };

	r.codec = (uint8_t)compress_chunk(
	    ws->compressor, plain->p, plain->n, &ws->packed);
	ws->box.n = 0;
	seal_box(
	    in->r->keys, in->key, &r, ws->packed.p, ws->packed.n, &ws->box);
	return (ingest_add_box(in, lane->pack, &r, ws->box.p, e));
}

/* One chunk of a stream: name it, and store it unless it is known. */
static int
take_chunk(struct ingest *in, const struct lane *lane, struct workspace *ws,
    struct bytes plain, struct recipe *recipe, struct err *e)
{
	struct state_use use;
	struct name name;
	bool known;

	if (stop_check(e) < 0)
		return (-1);
	if (recipe->n == RECIPE_PARTS_MAX)
		return (err_set(e, ERR_SOURCE, "a stream of too many chunks"));
	seal_name(in->r->keys, plain.p, plain.n, &name);
	recipe_add(recipe, &name, plain.n);
	if (!ingest_claim(in, &name, lane->record_kind)) {
		count(in, lane, recipe->kind, plain.n, false);
		return (ingest_check(in, e));
	}
	if (state_knows(
		in->r->state, &name, lane->record_kind, &use, &known, e) < 0 ||
	    (known && ingest_use(in, &use, &known, e) < 0)) {
		ingest_release(in, &name, lane->record_kind);
		return (-1);
	}
	count(in, lane, recipe->kind, plain.n, !known);
	if (!known) {
		if (store_chunk(in, lane, ws, &name, &plain, e) < 0)
			return (-1);
		count_stored(in, lane, recipe->kind, ws->box.n);
		return (0);
	}
	ingest_release(in, &name, lane->record_kind);
	return (0);
}

/* --- a stream --- */

static struct stream *
new_stream(struct ingest *in, const struct lane *lane)
{
	struct stream *s = mem_new(sizeof(*s));

	s->in = in;
	s->lane = lane;
	s->chunker = lane->start;
	s->ws = borrow(in);
	return (s);
}

struct stream *
stream_open_meta(struct ingest *in, int lane)
{
	return (new_stream(in, &in->lanes[lane]));
}

static const char *
kind_text(enum stream_kind kind)
{
	switch (kind) {
	case STREAM_ARCHIVE: return ("archive");
	case STREAM_TABLE: return ("table");
	case STREAM_FILE: return ("file");
	case STREAM_LOG: return ("log");
	case STREAM_STDIN: break;
	}
	return ("stdin");
}

static void
begin_recipe(struct ingest *in, enum stream_kind kind, const char *branch,
    const char *text, struct recipe *r)
{
	memset(r, 0, sizeof(*r));
	r->kind = (uint8_t)kind;
	seal_identity(in->r->keys, kind_text(kind), branch, text, r->identity);
}

struct stream *
stream_open(struct ingest *in, enum stream_kind kind, const char *branch,
    const char *text, struct err *e)
{
	struct stream *s;

	if (ingest_check(in, e) < 0)
		return (NULL);
	s = new_stream(in, &in->lanes[LANE_DATA]);
	begin_recipe(in, kind, branch, text, &s->recipe);
	return (s);
}

/* The growing chunk is whole. The sum over the stream begins with its second
 * chunk: a single chunk's name is the sum already. */
static int
end_chunk(struct stream *s, struct err *e)
{
	struct buf *plain = &s->ws->plain;

	if (plain->n == 0)
		return (0);
	if (take_chunk(s->in, s->lane, s->ws, bytes_of(plain->p, plain->n),
		&s->recipe, e) < 0)
		return (-1);
	plain->n = 0;
	return (0);
}

static void
sum_up(struct stream *s, const void *p, size_t n)
{
	if (s->sum == NULL)
		s->sum = seal_sum_new(s->in->r->keys);
	seal_sum_add(s->sum, p, n);
}

int
stream_write(struct stream *s, const void *p, size_t n, struct err *e)
{
	const uint8_t *at = p;

	while (n > 0) {
		bool cut = false;
		size_t part = chunker_next(&s->chunker, at, n, &cut);

		buf_add(&s->ws->plain, at, part);
		at += part;
		n -= part;
		if (!cut)
			continue;
		sum_up(s, s->ws->plain.p, s->ws->plain.n);
		if (end_chunk(s, e) < 0)
			return (-1);
	}
	return (0);
}

int
stream_cut(struct stream *s, struct err *e)
{
	chunker_reset(&s->chunker);
	if (s->ws->plain.n > 0)
		sum_up(s, s->ws->plain.p, s->ws->plain.n);
	return (end_chunk(s, e));
}

int
stream_end(struct stream *s, struct recipe *r, struct err *e)
{
	/* The last chunk belongs to the sum, unless it is the only one. */
	if (s->recipe.n > 0 && s->ws->plain.n > 0)
		sum_up(s, s->ws->plain.p, s->ws->plain.n);
	if (end_chunk(s, e) < 0)
		return (-1);
	if (s->recipe.n == 1)
		s->recipe.checksum = s->recipe.parts[0].name;
	else {
		sum_up(s, "", 0);
		seal_sum_end(s->sum, &s->recipe.checksum);
	}
	*r = s->recipe;
	memset(&s->recipe, 0, sizeof(s->recipe));
	return (0);
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	give_back(s->in, s->ws);
	seal_sum_free(s->sum);
	recipe_free(&s->recipe);
	free(s);
}

void
stream_freep(struct stream **s)
{
	stream_free(*s);
	*s = NULL;
}

int
/* NOLINTNEXTLINE(readability-function-size): a whole stream in one call */
ingest_small(struct ingest *in, enum stream_kind kind, const char *branch,
    const char *text, const void *p, size_t n, struct recipe *r, struct err *e)
{
	SCOPED(stream_freep) struct stream *s = NULL;

	assert(n <= CHUNK_MAX);
	if ((s = stream_open(in, kind, branch, text, e)) == NULL)
		return (-1);
	if (n > 0 &&
	    take_chunk(in, s->lane, s->ws, bytes_of(p, n), &s->recipe, e) < 0)
		return (-1);
	return (stream_end(s, r, e));
}
