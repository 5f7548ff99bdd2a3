/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer is filled first. If the source ends in it, it is one chunk, cut by
 * nothing but its end, so that a small file is known by its contents wherever
 * it comes from; else what is in it begins a stream.
 */
#include "backupd/file_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "backupd/run.h"
#include "base/stage.h"

#define PIECE ((size_t)1 << 20)

struct file_reader {
	struct run *run;
	struct hash *sha1;
	uint8_t block[CHUNK_MAX];
};

struct file_reader *
file_reader_new(struct run *run)
{
	struct file_reader *r = mem_new(sizeof(*r));

	r->run = run;
	r->sha1 = hash_new(HASH_IS_SHA1);
	return (r);
}

void
file_reader_free(struct file_reader *r)
{
	if (r == NULL)
		return;
	hash_free(r->sha1);
	free(r);
}

void
file_reader_freep(struct file_reader **r)
{
	file_reader_free(*r);
	*r = NULL;
}

/* One read. Returns its count, 0 at the end, or -1. */
static ssize_t
read_some(struct file_reader *r, const struct file_source *from, uint8_t *p,
    size_t n, struct err *e)
{
	ssize_t got;

	do {
		if ((from->may_block ? run_wait_readable(r->run, from->fd, e)
				     : run_check(r->run, e)) < 0)
			return (-1);
		got = read(from->fd, p, n < PIECE ? n : PIECE);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		(void)err_errno(e, "read");
		e->kind = ERR_SOURCE;
	}
	return (got);
}

/* Fills the block as far as limit or the source go; *n tells how far. */
static int
fill(struct file_reader *r, const struct file_source *from, size_t limit,
    size_t *n, struct err *e)
{
	ssize_t got = 1;

	for (*n = 0; *n < limit && got != 0; *n += (size_t)got) {
		got = read_some(r, from, r->block + *n, limit - *n, e);
		if (got < 0)
			return (-1);
	}
	progress_add(r->run->progress, *n, *n, 0);
	return (0);
}

static size_t
piece_of(uint64_t left)
{
	return (left < CHUNK_MAX ? (size_t)left : CHUNK_MAX);
}

/* A source that is more than one block, of which n bytes are in it. */
static int
read_stream(struct file_reader *r, const struct file_source *from, size_t n,
    struct recipe *out, struct err *e)
{
	SCOPED(stream_freep) struct stream *to = NULL;
	uint64_t left = from->most;

	to = stream_open(
	    r->run->in, from->kind, r->run->branch->name, from->text, e);
	if (to == NULL)
		return (-1);
	while (n > 0) {
		if (from->wants_sha1)
			hash_add(r->sha1, r->block, n);
		if (stream_write(to, r->block, n, e) < 0)
			return (-1);
		left -= n;
		stage_reached("part of a file read");
		if (fill(r, from, piece_of(left), &n, e) < 0)
			return (-1);
	}
	return (stream_end(to, out, e));
}

int
file_reader_read(struct file_reader *r, const struct file_source *from,
    struct recipe *out, uint8_t sha1[HASH_SHA1], struct err *e)
{
	uint8_t unused[HASH_SHA1];
	size_t n;
	int rc;

	hash_end(r->sha1, unused); /* a read that failed may have left some */
	if (fill(r, from, piece_of(from->most), &n, e) < 0)
		return (-1);
	if (n == CHUNK_MAX && from->most > CHUNK_MAX) {
		rc = read_stream(r, from, n, out, e);
	} else {
		if (from->wants_sha1)
			hash_add(r->sha1, r->block, n);
		rc = ingest_small(r->run->in, from->kind, r->run->branch->name,
		    from->text, r->block, n, out, e);
	}
	if (rc == 0 && from->wants_sha1)
		hash_end(r->sha1, sha1);
	return (rc);
}
