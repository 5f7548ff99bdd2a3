/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/*
 * Frames that lie: a mode, the length that is promised (u32), then a frame, a
 * part, or a delta on a prefix that the length's low bits cut off the input.
 */
#include <string.h>

#include "repository/compress.h"
#include "repository/delta.h"
#include "tests/fuzz/sealing.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct bytes in = bytes_of(p, n);
	uint8_t mode = bytes_u8(&in);
	size_t plain = bytes_u32(&in), prefix;
	struct err e = ERR_INIT;
	int rc;

	if (in.bad)
		return (0);
	switch (mode % 4) {
	case 0:
	case 1:
		rc = expand_chunk(mode % 4, in.p, in.n, plain, &out, &e);
		if (rc == 0 && out.n != plain)
			abort();
		break;
	case 2:
		plain %= CHUNK_MAX;
		rc = expand_part(in.p, in.n, plain, &out, &e);
		if (rc == 0 && out.n > plain)
			abort();
		break;
	default:
		prefix = in.n == 0 ? 0 : mode / 4 % in.n;
		rc = delta_expand(in.p + prefix, in.n - prefix, in.p, prefix,
		    plain, &out, &e);
		if (rc == 0 && out.n != plain)
			abort();
		break;
	}
	if (out.cap > 2 * CHUNK_MAX || (rc < 0) != (e.kind != ERR_NONE))
		abort();
	return (0);
}
