/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* A stream of tree entries: paths that stay in their folder, and bytes that are
 * written as they were read. */
#include <string.h>

#include "repository/tree.h"
#include "tests/fuzz/sealing.h"

static void
check(const struct tree_entry *t)
{
	if (!tree_path_is_safe(t->path) || t->path[0] == '/' ||
	    strstr(t->path, "//") != NULL || strcmp(t->path, "..") == 0 ||
	    strncmp(t->path, "../", 3) == 0 || strstr(t->path, "/../") != NULL)
		abort();
	if (t->kind == TREE_LINK &&
	    (t->extra_bytes == 0 || memchr(t->extra, 0, t->extra_bytes)))
		abort();
	if (t->extra_bytes > TREE_EXTRA_MAX || (t->mode & ~07777U) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct bytes in = bytes_of(p, n);
	struct tree_entry t;
	struct err e = ERR_INIT;
	bool more = false;

	while (in.n > 0) {
		if (tree_decode(&in, &t, &more, &e) < 0 || more)
			break;
		check(&t);
		tree_encode(&t, &out);
	}
	if (out.n > n || (out.n > 0 && memcmp(out.p, p, out.n) != 0))
		abort();
	return (0);
}
