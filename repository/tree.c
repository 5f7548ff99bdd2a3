/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tree entries to bytes and back. A path that comes back can be joined to a
 * folder without leaving it: the decoder refuses any other.
 */
#include "repository/tree.h"

#include <string.h>

#define FIXED_BYTES 46 /* kind to extralen, without path and extra */
#define ENTRY_MAX   (FIXED_BYTES + TREE_PATH_MAX + TREE_EXTRA_MAX)
#define MODE_BITS   07777U
#define NSEC_MAX    999999999

/* How many parts it has; 0 when one of them is empty, "." or "..". */
static size_t
count_parts(const char *path)
{
	const char *end;
	size_t n, parts = 1;

	for (;; path = end + 1, parts++) {
		end = strchrnul(path, '/');
		n = (size_t)(end - path);
		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return (0);
		if (*end == '\0')
			return (parts);
	}
}

bool
tree_path_stays_inside(const char *path)
{
	return (count_parts(path) > 0);
}

bool
tree_path_is_safe(const char *path)
{
	size_t parts;

	if (strnlen(path, TREE_PATH_MAX + 1) > TREE_PATH_MAX)
		return (false);
	parts = count_parts(path);
	return (parts > 0 && parts <= TREE_PARTS_MAX);
}

void
tree_encode(const struct tree_entry *t, struct buf *out)
{
	size_t path = strlen(t->path);

	assert(path <= TREE_PATH_MAX && t->extra_bytes <= TREE_EXTRA_MAX);
	buf_add_u32(out, (uint32_t)(FIXED_BYTES + path + t->extra_bytes));
	buf_add_u8(out, t->kind);
	buf_add_zeros(out, 3);
	buf_add_u32(out, t->stream);
	buf_add_u64(out, t->size);
	buf_add_i64(out, t->mtime);
	buf_add_u32(out, t->nsec);
	buf_add_u32(out, t->mode & MODE_BITS);
	buf_add_u32(out, t->uid);
	buf_add_u32(out, t->gid);
	buf_add_u16(out, (uint16_t)path);
	buf_add(out, t->path, path);
	buf_add_u32(out, (uint32_t)t->extra_bytes);
	buf_add(out, t->extra, t->extra_bytes);
}

static int
check_numbers(const struct tree_entry *t, const uint8_t *zeros, struct err *e)
{
	bool no_stream = t->stream == TREE_NO_STREAM;

	if (t->kind < TREE_ARCHIVE || t->kind > TREE_LINK)
		return (err_set(e, ERR_CORRUPT,
		    "a tree entry of unknown kind %u", t->kind));
	if (zeros[0] != 0 || zeros[1] != 0 || zeros[2] != 0)
		return (err_set(e, ERR_CORRUPT,
		    "a tree entry whose reserved bytes are not zero"));
	if (!no_stream && t->stream >= RECIPE_STREAMS_MAX)
		return (err_set(
		    e, ERR_CORRUPT, "a tree entry of stream %u", t->stream));
	if ((t->kind == TREE_FOLDER || t->kind == TREE_LINK) && !no_stream)
		return (err_set(
		    e, ERR_CORRUPT, "a folder or link that has a stream"));
	/* A table's rows may have been out of reach, a file's bytes not. */
	if (no_stream && t->kind < TREE_FOLDER && t->kind != TREE_TABLE)
		return (
		    err_set(e, ERR_CORRUPT, "a file or log without a stream"));
	if (t->nsec > NSEC_MAX || (t->mode & ~MODE_BITS) != 0)
		return (err_set(e, ERR_CORRUPT,
		    "a tree entry with %u ns and mode 0%o", t->nsec, t->mode));
	return (0);
}

/* The path's bytes to text; one with a NUL in it is refused. */
static int
take_path(struct bytes *b, struct tree_entry *t, struct err *e)
{
	size_t n = bytes_u16(b);
	const uint8_t *p = bytes_take(b, n);

	if (p == NULL || n > TREE_PATH_MAX)
		return (err_set(e, ERR_CORRUPT,
		    "a tree entry with a path of %zu bytes", n));
	memcpy(t->path, p, n);
	t->path[n] = '\0';
	if (strlen(t->path) != n || !tree_path_is_safe(t->path))
		return (err_set(e, ERR_CORRUPT,
		    "a tree entry whose path could leave its folder"));
	return (0);
}

/* What follows the path. */
static int
take_extra(struct bytes *b, struct tree_entry *t, struct err *e)
{
	size_t n;

	t->extra_bytes = n = bytes_u32(b);
	t->extra = bytes_take(b, n);
	if (!bytes_done(b) || n > TREE_EXTRA_MAX)
		return (err_set(
		    e, ERR_CORRUPT, "a tree entry with %zu extra bytes", n));
	if (t->kind == TREE_LINK &&
	    (n == 0 || n > TREE_PATH_MAX || memchr(t->extra, 0, n) != NULL))
		return (err_set(e, ERR_CORRUPT,
		    "a link to a target of %zu bytes, or with a NUL", n));
	return (0);
}

/* b holds exactly one entry, without its length. */
static int
decode_entry(struct bytes b, struct tree_entry *t, struct err *e)
{
	const uint8_t *zeros;

	t->kind = bytes_u8(&b);
	zeros = bytes_take(&b, 3);
	t->stream = bytes_u32(&b);
	t->size = bytes_u64(&b);
	t->mtime = bytes_i64(&b);
	t->nsec = bytes_u32(&b);
	t->mode = bytes_u32(&b);
	t->uid = bytes_u32(&b);
	t->gid = bytes_u32(&b);
	if (b.bad || zeros == NULL)
		return (err_set(e, ERR_CORRUPT, "a tree entry is cut off"));
	if (check_numbers(t, zeros, e) < 0 || take_path(&b, t, e) < 0)
		return (-1);
	return (take_extra(&b, t, e));
}

int
tree_decode(struct bytes *b, struct tree_entry *t, bool *more, struct err *e)
{
	struct bytes at = *b;
	size_t n = bytes_u32(&at);
	const uint8_t *p;

	*more = false;
	if (!at.bad && (n < FIXED_BYTES || n > ENTRY_MAX))
		return (
		    err_set(e, ERR_CORRUPT, "a tree entry of %zu bytes", n));
	if ((p = bytes_take(&at, n)) == NULL) {
		*more = true;
		return (0);
	}
	if (decode_entry(bytes_of(p, n), t, e) < 0)
		return (-1);
	*b = at;
	return (0);
}
