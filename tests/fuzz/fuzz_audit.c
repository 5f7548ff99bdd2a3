/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* An audit entry, or a text that someone with the keys sealed into one. */
#include <string.h>

#include "base/hash.h"
#include "repository/audit.h"
#include "tests/fuzz/sealing.h"

static void
seal_text(const struct keys *k, struct bytes in, struct buf *object)
{
	SCOPED(buf_free) struct buf sealed = BUF_INIT;

	format_add_header(object, FORMAT_AUDIT, keys_repo(k));
	buf_add_u32(object, 1);
	buf_add_u64(object, 1);
	buf_add_zeros(object, 32);
	buf_add_i64(object, 0);
	seal_index(k, "audit 1-1", in.p, in.n, &sealed);
	buf_add_u32(object, (uint32_t)sealed.n);
	buf_add(object, sealed.p, sealed.n);
	seal_sign(k, "audit", object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	const struct keys *k = sealing_keys();
	struct bytes in = bytes_of(p, n);
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	audit_entry_init(&a);
	if (sealing_is_raw(&in))
		buf_add(&object, in.p, in.n);
	else
		seal_text(k, in, &object);
	a.epoch = 1;
	a.seq = 1;
	hash_of(HASH_IS_SHA256, object.p, object.n, a.self.b);
	audit_name(&a, name);
	if (audit_decode(k, name, object.p, object.n, &a, &e) < 0)
		return (0);
	if (a.event[0] == '\0')
		abort();
	audit_encode(k, &a, &object); /* what is read can be written */
	return (0);
}
