/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* A stream of recipes, whole, and in two parts: the same comes out. */
#include <string.h>

#include "repository/recipe.h"
#include "tests/fuzz/sealing.h"

/* Reads recipes until the end, more, or a failure; writes them to out. */
static void
read_all(struct bytes *in, struct buf *out, bool *bad)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct err e = ERR_INIT;
	bool more = false;

	while (!*bad && in->n > 0) {
		*bad = recipe_decode(in, &r, &more, &e) < 0;
		if (*bad || more)
			return;
		recipe_encode(&r, out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(buf_free) struct buf whole = BUF_INIT, parts = BUF_INIT;
	struct bytes in = bytes_of(p, n);
	bool bad = false, bad_parts = false;
	size_t cut = n == 0 ? 0 : p[0] % n;

	read_all(&in, &whole, &bad);
	/* Recipes are written in one way only. */
	if (whole.n > n || (whole.n > 0 && memcmp(whole.p, p, whole.n) != 0))
		abort();
	in = bytes_of(p, cut);
	read_all(&in, &parts, &bad_parts);
	in = bytes_of(in.p, n - (cut - in.n));
	read_all(&in, &parts, &bad_parts);
	if (bad != bad_parts || whole.n != parts.n)
		abort();
	return (0);
}
