/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths flow into a file and, perhaps after a crash, out of it again. The last
 * one may have been cut off; what it names had not begun then.
 */
#include "restore/paths_file.h"

#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "repository/tree.h"

#define PART ((size_t)64 << 10)

int
paths_file_open(const char *file, struct err *e)
{
	return (file_create(file, O_WRONLY | O_CREAT | O_APPEND, 0600, e));
}

int
paths_file_add(int fd, const char *path, struct err *e)
{
	return (file_write(fd, path, strlen(path) + 1, e));
}

/* Gives the whole paths in b to each, and leaves the rest in it. */
static int
give_paths(struct buf *b,
    int (*each)(const char *path, void *arg, struct err *e), void *arg,
    struct err *e)
{
	const uint8_t *at = b->p, *end;
	size_t left = b->n;
	int rc = 0;

	while (rc == 0 && left > 0 && (end = memchr(at, '\0', left)) != NULL) {
		rc = each((const char *)at, arg, e);
		left -= (size_t)(end + 1 - at);
		at = end + 1;
	}
	if (left > 0)
		memmove(b->p, at, left);
	b->n = left;
	return (rc);
}

int
paths_file_each(const char *file,
    int (*each)(const char *path, void *arg, struct err *e), void *arg,
    struct err *e)
{
	SCOPED(scope_close) int fd = file_open(file, O_RDONLY, e);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	ssize_t got;
	int rc;

	if (fd < 0 && e->kind == ERR_MISSING) {
		err_clear(e);
		return (0);
	}
	if (fd < 0)
		return (-1);
	for (;;) {
		buf_reserve(&b, PART);
		if ((got = file_read(fd, b.p + b.n, PART, e)) < 0)
			return (-1);
		if (got == 0)
			return (0);
		b.n += (size_t)got;
		if ((rc = give_paths(&b, each, arg, e)) != 0)
			return (rc);
		if (b.n > TREE_PATH_MAX + 1)
			return (err_set(e, ERR_CORRUPT, "%s is damaged", file));
	}
}
