/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes out (struct buf grows as needed) and bytes in (struct bytes fails once
 * and stays failed). Integers are little-endian, put together byte by byte, so
 * neither alignment nor the machine's order matters.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_LEAST ((size_t)64)

void
buf_free(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = 0;
	b->cap = 0;
}

void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

void
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;

	if (b->p != NULL && more <= b->cap - b->n)
		return;
	if (__builtin_add_overflow(b->n, more, &need))
		need = SIZE_MAX; /* mem_grow ends the process */
	cap = b->cap < SIZE_MAX / 2 ? b->cap * 2 : SIZE_MAX;
	if (cap < need)
		cap = need;
	if (cap < BUF_LEAST)
		cap = BUF_LEAST;
	b->p = mem_grow(b->p, cap, 1);
	b->cap = cap;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

/* The n low bytes of v, lowest first. */
static void
add_little(struct buf *b, uint64_t v, size_t n)
{
	size_t i;

	buf_reserve(b, n);
	for (i = 0; i < n; i++) {
		b->p[b->n++] = (uint8_t)(v & 0xff);
		v >>= 8;
	}
}

void
buf_add_u8(struct buf *b, uint8_t v)
{
	add_little(b, v, sizeof(v));
}

void
buf_add_u16(struct buf *b, uint16_t v)
{
	add_little(b, v, sizeof(v));
}

void
buf_add_u32(struct buf *b, uint32_t v)
{
	add_little(b, v, sizeof(v));
}

void
buf_add_u64(struct buf *b, uint64_t v)
{
	add_little(b, v, sizeof(v));
}

void
buf_add_i64(struct buf *b, int64_t v)
{
	add_little(b, (uint64_t)v, sizeof(v));
}

void
buf_add_string(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	buf_reserve(b, (size_t)n + 1);
	va_start(ap, fmt);
	n = vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	b->n += (size_t)n;
}

void
buf_add_zeros(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	buf_reserve(b, n);
	memset(b->p + b->n, 0, n);
	b->n += n;
}

const char *
buf_text(struct buf *b)
{
	buf_reserve(b, 1);
	b->p[b->n] = '\0';
	return ((const char *)b->p);
}

struct bytes
bytes_of(const void *p, size_t n)
{
	static const uint8_t nothing[1]; /* taking 0 bytes gives no NULL */
	struct bytes b = { .p = p != NULL ? p : nothing, .n = n };

	return (b);
}

const uint8_t *
bytes_take(struct bytes *b, size_t n)
{
	const uint8_t *p = b->p;

	if (b->bad || n > b->n) {
		b->bad = true;
		return (NULL);
	}
	if (n > 0)
		b->p += n;
	b->n -= n;
	return (p);
}

void
bytes_copy(struct bytes *b, void *out, size_t n)
{
	const uint8_t *p = bytes_take(b, n);

	if (n == 0)
		return;
	if (p == NULL)
		memset(out, 0, n);
	else
		memcpy(out, p, n);
}

/* A little-endian integer of n bytes; 0 when there are fewer. */
static uint64_t
take_little(struct bytes *b, size_t n)
{
	const uint8_t *p = bytes_take(b, n);
	uint64_t v = 0;

	if (p == NULL)
		return (0);
	while (n-- > 0)
		v = (v << 8) | p[n];
	return (v);
}

uint8_t
bytes_u8(struct bytes *b)
{
	return ((uint8_t)take_little(b, sizeof(uint8_t)));
}

uint16_t
bytes_u16(struct bytes *b)
{
	return ((uint16_t)take_little(b, sizeof(uint16_t)));
}

uint32_t
bytes_u32(struct bytes *b)
{
	return ((uint32_t)take_little(b, sizeof(uint32_t)));
}

uint64_t
bytes_u64(struct bytes *b)
{
	return (take_little(b, sizeof(uint64_t)));
}

int64_t
bytes_i64(struct bytes *b)
{
	return ((int64_t)take_little(b, sizeof(uint64_t)));
}

bool
bytes_done(const struct bytes *b)
{
	return (!b->bad && b->n == 0);
}

void
hex_of(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 0x0f];
	}
	out[2 * n] = '\0';
}

/* The value of a lower-case hex digit, or -1. */
static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

bool
hex_parse(const char *text, uint8_t *out, size_t n)
{
	size_t i;
	int high, low;

	for (i = 0; i < n; i++) {
		if ((high = digit_of(text[2 * i])) < 0)
			return (false);
		if ((low = digit_of(text[2 * i + 1])) < 0)
			return (false);
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (text[2 * n] == '\0');
}
