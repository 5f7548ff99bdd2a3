/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of ingest*.c share. One struct ingest, used by all threads of
 * a backup; what each thread needs for itself is in a workspace, which streams
 * borrow one after the other.
 */
#ifndef REPOSITORY_INGEST_IMPL_H
#define REPOSITORY_INGEST_IMPL_H

#include <pthread.h>

#include "repository/chunk.h"
#include "repository/compress.h"
#include "repository/ingest.h"
#include "repository/name_set.h"
#include "repository/number_bits.h"
#include "repository/pack.h"
#include "repository/state_chunks.h"
#include "repository/state_claims.h"

/* A chunk on its way: as read, compressed, sealed. At most about 13 MiB, and
 * zstd's own working memory. */
struct workspace {
	struct workspace *next; /* in the pool */
	struct compressor *compressor;
	struct buf plain, packed, box;
};

/* How a stream's chunks are cut, sealed and packed. */
struct lane {
	struct chunker start; /* copied for each stream */
	uint8_t record_kind;  /* enum record_kind */
	uint8_t slot;
	enum pack_kind pack;
};
enum { LANE_DATA, LANE_RECIPES, LANE_TREE };
#define LANES 3
#define PACKS 2 /* PACK_DATA and PACK_META are filled side by side */

struct ingest {
	struct repo *r;
	struct state_job job;
	struct pack_key *key;
	struct lane lanes[LANES];

	pthread_mutex_t lock;
	pthread_cond_t moved; /* a pack was taken out, or finished */
	/* guarded by lock, down to failed */
	struct workspace *pool;
	struct pack *open[PACKS];
	struct name_set on_way;	    /* sealed or being sealed, not committed */
	bool finishing;		    /* one full pack at a time is written */
	struct number_bits used;    /* packs of the closure */
	struct number_bits claimed; /* packs that no sweep takes from us */
	struct ingest_totals totals;
	struct err failed; /* why nothing can be stored any more */

	/* the meta streams: one thread */
	struct stream *recipes, *tree;
	uint64_t streams, entries;

	pthread_mutex_t memory_lock;
	struct buf remembered; /* guarded by memory_lock; entries to write */
	size_t nremembered;
	uint64_t *seen; /* guarded by memory_lock; see ingest_memory.c; owned */
};

struct stream {
	struct ingest *in;
	const struct lane *lane;
	struct chunker chunker;
	struct workspace *ws;
	struct seal_sum *sum; /* of the whole; NULL while within one chunk */
	struct recipe recipe;
};

/* --- ingest_stream.c --- */

struct stream *stream_open_meta(struct ingest *in, int lane);
void workspace_free_all(struct workspace *pool);

/* --- ingest_pack.c --- */

/* Has the chunk been sealed in this run, and is its pack not committed? If not,
 * it is the caller's to seal now. */
bool ingest_claim(struct ingest *in, const struct name *name, uint8_t kind);
/* It was known after all. */
void ingest_release(struct ingest *in, const struct name *name, uint8_t kind);
bool ingest_is_on_way(struct ingest *in, const struct name *name, uint8_t kind);
/* Claims the packs of a chunk that is known, for the closure. *got is false
 * when a sweep was faster: it is not known then. */
int ingest_use(struct ingest *in, const struct state_use *use, bool *got,
    struct err *e) MUST_USE;
/* Adds a sealed box to the open pack; writes the pack when it is full. */
int ingest_add_box(struct ingest *in, enum pack_kind kind,
    const struct record *r, const void *box, struct err *e) MUST_USE;
/* Writes what is in the open packs. */
int ingest_close_packs(struct ingest *in, struct err *e) MUST_USE;
int ingest_check(struct ingest *in, struct err *e) MUST_USE;

/* --- ingest_closure.c --- */

/* Writes index objects for all packs that none describes. */
int ingest_write_indexes(
    struct ingest *in, uint64_t sequence, struct err *e) MUST_USE;
/* Fills m's indexes, closure_packs and closure_bytes from what was used. */
int ingest_fill_closure(
    struct ingest *in, struct manifest *m, struct err *e) MUST_USE;

/* --- ingest_memory.c --- */

int ingest_flush_memory(struct ingest *in, struct err *e) MUST_USE;

#endif
