/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growable byte buffer, and the two ways through bytes: append little-endian
 * values to a buffer, and read them back from hostile input with a cursor that
 * fails once and stays failed, so a parser checks at its end, not at each step.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/scope.h"

/* {0} is an empty buffer. Owns p; released by buf_free. */
struct buf {
	uint8_t *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
};
#define BUF_INIT                                                               \
	{                                                                      \
		.p = NULL                                                      \
	}

void buf_free(struct buf *b); /* also a SCOPED releaser; b is empty after it */
void buf_wipe(struct buf *b); /* the same, zeroing the memory first */
void buf_reserve(struct buf *b, size_t more); /* room for n + more bytes */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_u8(struct buf *b, uint8_t v);
void buf_add_u16(struct buf *b, uint16_t v);
void buf_add_u32(struct buf *b, uint32_t v);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
void buf_add_string(struct buf *b, const char *text); /* without the NUL */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_add_zeros(struct buf *b, size_t n);
/* A NUL-terminated view of the contents; the NUL is not counted in n. */
const char *buf_text(struct buf *b);

/* A cursor over bytes that it does not own. */
struct bytes {
	const uint8_t *p;
	size_t n; /* what is left */
	bool bad; /* a read went past the end; all later reads give zero */
};

struct bytes bytes_of(const void *p, size_t n);
uint8_t bytes_u8(struct bytes *b);
uint16_t bytes_u16(struct bytes *b);
uint32_t bytes_u32(struct bytes *b);
uint64_t bytes_u64(struct bytes *b);
int64_t bytes_i64(struct bytes *b);
/* The next n bytes in place, or NULL (and bad) when fewer are left. */
const uint8_t *bytes_take(struct bytes *b, size_t n);
/* Copies n bytes to out; zeros when fewer are left. */
void bytes_copy(struct bytes *b, void *out, size_t n);
/* True when everything was read and nothing went wrong. */
bool bytes_done(const struct bytes *b);

/* Lower-case hex. out takes 2 * n + 1 bytes. */
void hex_of(const uint8_t *p, size_t n, char *out);
/* Parses exactly 2 * n lower-case hex digits; false on anything else. */
bool hex_parse(const char *text, uint8_t *out, size_t n);

#endif
