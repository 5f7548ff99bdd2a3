/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/*
 * Key files' texts, as they are or (odd first byte) with the check line that
 * fits. What is read is written, and read again the same.
 */
#include <sodium.h>
#include <string.h>

#include "tests/fuzz/sealing.h"

static void
add_check(struct buf *text)
{
	uint8_t sum[32];
	char hex[65];

	(void)crypto_generichash(sum, sizeof(sum), text->p, text->n, NULL, 0);
	hex_of(sum, sizeof(sum), hex);
	buf_printf(text, "check: %.16s\n", hex);
}

static void
try_restore(const struct buf *text)
{
	SCOPED(keys_freep) struct keys *k = NULL, *again = NULL;
	SCOPED(secret_free) struct secret out = SECRET_INIT;
	struct err e = ERR_INIT;

	k = keys_parse_restore((const char *)text->p, text->n, &e);
	if (k == NULL)
		return;
	if (keys_restore_text(k, &out, &e) < 0 ||
	    (again = keys_parse_restore((char *)out.p, out.n, &e)) == NULL ||
	    memcmp(keys_root_public(k), keys_root_public(again), 32) != 0)
		abort();
}

/* An agent key for the known restore key: refused in all other repositories. */
static void
try_agent(const struct buf *text)
{
	static struct secret restore;
	SCOPED(keys_freep) struct keys *k = NULL;
	struct err e = ERR_INIT;

	if (restore.p == NULL &&
	    keys_restore_text(sealing_keys(), &restore, &e) < 0)
		abort();
	k = keys_parse_restore((char *)restore.p, restore.n, &e);
	if (k == NULL)
		abort();
	if (keys_add_agent_text(k, (const char *)text->p, text->n, &e) == 0 &&
	    !keys_have_agent(k))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct bytes in = bytes_of(p, n);
	bool raw = sealing_is_raw(&in);

	(void)sealing_keys();
	buf_add(&text, in.p, in.n);
	if (!raw)
		add_check(&text);
	try_restore(&text);
	try_agent(&text);
	return (0);
}
