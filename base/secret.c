/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret bytes live between guard pages, locked out of swap and core dumps as
 * far as the system allows, and are zeroed when let go.
 */
#include "base/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void
secret_start(void)
{
	if (sodium_init() < 0) {
		log_error("libsodium does not start");
		abort();
	}
}

void
secret_new(struct secret *s, size_t n)
{
	secret_free(s);
	s->p = sodium_malloc(n);
	if (s->p == NULL) {
		log_error("no guarded memory for %zu secret bytes", n);
		abort();
	}
	s->n = n;
	sodium_memzero(s->p, n);
}

/* p may lie in s itself: the old bytes go last. */
void
secret_copy(struct secret *s, const void *p, size_t n)
{
	struct secret fresh = SECRET_INIT;

	secret_new(&fresh, n);
	if (n > 0)
		memcpy(fresh.p, p, n);
	secret_free(s);
	*s = fresh;
}

void
secret_free(struct secret *s)
{
	sodium_free(s->p); /* wipes; NULL is allowed */
	s->p = NULL;
	s->n = 0;
}

void
secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}
