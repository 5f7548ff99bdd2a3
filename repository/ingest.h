/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way in: streams of bytes become chunks, known or stored, and recipes.
 * One ingest is one backup being made; its streams are written by up to
 * settings.jobs threads at once, each of which cuts, names, compresses and
 * seals its own chunks. Full packs go to the spool, from where the senders of
 * replicate.h take them.
 */
#ifndef REPOSITORY_INGEST_H
#define REPOSITORY_INGEST_H

#include "repository/manifest.h"
#include "repository/recipe.h"
#include "repository/repo.h"
#include "repository/tree.h"

struct ingest;
struct stream;

/* What streams of one kind come to: plain, plain of new chunks, and these
 * sealed, without the packs around them. */
struct ingest_share {
	uint64_t bytes_read, bytes_new, bytes_stored;
};
struct ingest_totals {
	uint64_t bytes_read, bytes_new,
	    bytes_stored; /* plain, plain of new chunks, sealed objects of one
			     copy */
	uint64_t chunks, chunks_new, chunks_delta;
	struct ingest_share shares[STREAM_STDIN + 1]; /* by enum stream_kind */
};

struct ingest *ingest_open(struct repo *r, struct err *e) MUST_USE;
/* Abandons what is not committed; packs already in the spool stay and are used
 * by the next backup. */
void ingest_free(struct ingest *in);
void ingest_freep(struct ingest **in);

/*
 * Begins a stream. text is what it is called in its branch
 * ("public.sale_order", "ab/ab12…"); with branch and kind it gives the
 * identity.
 */
struct stream *stream_open(struct ingest *in, enum stream_kind kind,
    const char *branch, const char *text, struct err *e) MUST_USE;
/* Fails: ERR_FULL (spool), ERR_STOPPED, ERR_SYSTEM. After failure only
 * stream_free is allowed. */
int stream_write(
    struct stream *s, const void *p, size_t n, struct err *e) MUST_USE;
/* The next byte begins a new chunk (archive header, end of a section). */
int stream_cut(struct stream *s, struct err *e) MUST_USE;
/* Ends it; r gets its recipe (the caller's to free). s can then only be freed.
 */
int stream_end(struct stream *s, struct recipe *r, struct err *e) MUST_USE;
void stream_free(struct stream *s); /* abandons */
void stream_freep(struct stream **s);

/*
 * A whole stream of one chunk in one call: what most attachments are. n <=
 * CHUNK_MAX.
 */
int ingest_small(struct ingest *in, enum stream_kind kind, const char *branch,
    const char *text, const void *p, size_t n, struct recipe *r,
    struct err *e) MUST_USE;
/* True when every chunk of a recipe is known still (for files that needn't be
 * read again). */
bool ingest_knows(struct ingest *in, const struct recipe *r);
/* Counts a stream that was not read as read and known. */
void ingest_count_known(struct ingest *in, const struct recipe *r);

/* The meta streams, in the order in which streams get their numbers. One
 * thread. */
int ingest_add_recipe(struct ingest *in, const struct recipe *r,
    uint32_t *stream, struct err *e) MUST_USE;
int ingest_add_entry(
    struct ingest *in, const struct tree_entry *t, struct err *e) MUST_USE;
/* A forced boundary in the recipe stream, between sections that change apart.
 */
int ingest_cut_recipes(struct ingest *in, struct err *e) MUST_USE;

void ingest_totals(struct ingest *in, struct ingest_totals *out);

/*
 * Ends the backup: closes meta streams and packs, writes index objects for
 * every pack that none describes yet, then the manifest and an audit entry, all
 * into the spool, durable when this returns. The caller filled m's branch,
 * stage, type, state, zone, comment, started, finished, counts and facts;
 * everything else is filled here (id from started and random digits).
 */
int ingest_commit(
    struct ingest *in, struct manifest *m, struct err *e) MUST_USE;

/* Files that need not be read again: what was known when they were last. */
struct file_memory {
	uint64_t size, inode, device;
	int64_t mtime;
	uint32_t nsec;
	bool matches_name; /* its SHA-1 was checked against its name, and is it
			    */
};
/* True and m, r filled when branch's path was remembered. */
bool ingest_recall(struct ingest *in, const char *branch, const char *path,
    struct file_memory *m, struct recipe *r);
int ingest_remember(struct ingest *in, const char *branch, const char *path,
    const struct file_memory *m, const struct recipe *r,
    struct err *e) MUST_USE;
/* What is remembered of branch's path stays as it is. */
void ingest_still_there(
    struct ingest *in, const char *branch, const char *path);
/* What is remembered of branch, and was neither remembered nor said to be still
 * there in this run, goes (but for a few, by chance). */
int ingest_forget_others(
    struct ingest *in, const char *branch, struct err *e) MUST_USE;

#endif
