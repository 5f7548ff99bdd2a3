/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/*
 * config, writers and slots. The first byte chooses the object and whether it
 * is taken as it is, or signed (a writer's text: sealed and signed) first.
 */
#include <string.h>

#include "repository/config_object.h"
#include "tests/fuzz/sealing.h"

#define WRITER "writers/1-0011223344556677"

/* header, then the input, then the root's signature. */
static void
sign_rest(const struct keys *k, enum format_kind kind, const char *domain,
    struct bytes in, struct buf *object)
{
	struct err e = ERR_INIT;

	format_add_header(object, kind, keys_repo(k));
	buf_add(object, in.p, in.n);
	if (seal_sign_root(k, domain, object, &e) < 0)
		abort();
}

static void
seal_writer(const struct keys *k, struct bytes in, struct buf *object)
{
	SCOPED(buf_free) struct buf sealed = BUF_INIT;

	format_add_header(object, FORMAT_WRITER, keys_repo(k));
	buf_add_u32(object, 1);
	buf_add(object, "\x00\x11\x22\x33\x44\x55\x66\x77", 8);
	buf_add_i64(object, 0);
	seal_index(k, "writer " WRITER, in.p, in.n, &sealed);
	buf_add_u32(object, (uint32_t)sealed.n);
	buf_add(object, sealed.p, sealed.n);
	seal_sign(k, "writer", object);
}

static void
try_config(const struct keys *k, struct bytes in, bool raw)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;

	if (raw)
		buf_add(&object, in.p, in.n);
	else
		sign_rest(k, FORMAT_CONFIG, "config", in, &object);
	if (config_check(k, object.p, object.n, &e) < 0 && e.kind == ERR_NONE)
		abort();
}

static void
try_writer(const struct keys *k, struct bytes in, bool raw)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct writer w;
	struct err e = ERR_INIT;

	if (raw)
		buf_add(&object, in.p, in.n);
	else
		seal_writer(k, in, &object);
	if (writer_decode(k, WRITER, object.p, object.n, &w, &e) == 0 &&
	    strlen(w.host) >= sizeof(w.host))
		abort();
}

/* Not slot_open: each try would cost 64 MiB and more. */
static void
try_slot(const struct keys *k, struct bytes in, bool raw)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;

	if (raw)
		buf_add(&object, in.p, in.n);
	else
		sign_rest(k, FORMAT_SLOT, "slot", in, &object);
	if (slot_check(k, "main", object.p, object.n, &e) < 0 &&
	    e.kind == ERR_NONE)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct keys *k = sealing_keys();
	struct bytes in = bytes_of(p, n);
	bool raw = sealing_is_raw(&in);

	switch (n == 0 ? 0 : p[0] / 2 % 3) {
	case 0: try_config(k, in, raw); break;
	case 1: try_writer(k, in, raw); break;
	default: try_slot(k, in, raw); break;
	}
	return (0);
}
