/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret bytes: in guarded, locked memory of libsodium's, wiped when freed.
 * There is no formatter for them on purpose.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

struct secret {
	uint8_t *p; /* sodium_malloc */
	size_t n;
};
#define SECRET_INIT                                                            \
	{                                                                      \
		.p = NULL                                                      \
	}

/* Must be called once before anything cryptographic; aborts when it fails. */
void secret_start(void);
/* s becomes n zero bytes. */
void secret_new(struct secret *s, size_t n);
void secret_copy(struct secret *s, const void *p, size_t n);
void secret_free(struct secret *s); /* wipes; also a SCOPED releaser */
void secret_wipe(void *p, size_t n);

#endif
