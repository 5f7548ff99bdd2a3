/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes go in, printable UTF-8 comes out. Error messages hold file names,
 * servers' answers and children's last words: all of them can carry terminal
 * escapes. What leaves text_clean has none, and is valid UTF-8.
 */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

#define CONTROL_LAST   0x1f
#define CONTROL_DELETE 0x7f
#define C1_LEAD	       0xc2
#define C1_LAST	       0x9f
#define WORD_MOST      64
#define UTF8_LONGEST   4
#define ARMOR_BYTES    4 /* U+10FF80 to U+10FFFF: F4 8F BE 80 to F4 8F BF BF */
#define ARMOR_LEAD     "\xf4\x8f"
#define ARMOR_LOW      0xbeU /* third byte, for 80 to BF */
#define ARMOR_HIGH     0xbfU /* for C0 to FF, less ARMOR_STEP */
#define ARMOR_STEP     0x40U
#define IS_TAIL(byte)  (((byte)&0xc0U) == 0x80U)
#define IS_LEAD(byte)  ((byte) >= 0xc0U)

/* The length that a first byte promises, and the least code point that may be
 * written at this length (shorter ones would be a second spelling). */
static size_t
promised(uint8_t lead, uint32_t *least)
{
	if (lead < 0x80) {
		*least = 0;
		return (1);
	}
	if (lead >= 0xc2 && lead <= 0xdf) {
		*least = 0x80;
		return (2);
	}
	if (lead >= 0xe0 && lead <= 0xef) {
		*least = 0x800;
		return (3);
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		*least = 0x10000;
		return (4);
	}
	return (0);
}

size_t
text_sequence(const uint8_t *p, size_t n)
{
	static const uint8_t lead_bits[UTF8_LONGEST + 1] = { 0, 0x7f, 0x1f,
		0x0f, 0x07 };
	uint32_t code, least = 0;
	size_t length, i;

	if (n == 0 || (length = promised(p[0], &least)) == 0 || length > n)
		return (0);
	code = p[0] & lead_bits[length];
	for (i = 1; i < length; i++) {
		if (!IS_TAIL(p[i]))
			return (0);
		code = (code << 6) | (p[i] & 0x3fU);
	}
	if (code < least || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return (0);
	return (length);
}

void
text_clean(char *text)
{
	uint8_t *p = (uint8_t *)text;
	size_t left = strlen(text), length;

	while (left > 0) {
		length = text_sequence(p, left);
		if (length == 0) {
			*p = '?';
			length = 1;
		} else if (p[0] <= CONTROL_LAST || p[0] == CONTROL_DELETE) {
			*p = '?';
		} else if (length == 2 && p[0] == C1_LEAD && p[1] <= C1_LAST) {
			p[0] = '?';
			p[1] = '?';
		}
		p += length;
		left -= length;
	}
}

bool
text_is_valid(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text), length;

	while (left > 0) {
		if ((length = text_sequence(p, left)) == 0)
			return (false);
		p += length;
		left -= length;
	}
	return (true);
}

/* A sequence that moves the cursor, colours, or turns the line around: a
 * control character, or one of U+200E, 200F, 2028-202E, 2066-2069. */
static bool
is_control(const uint8_t *p, size_t length)
{
	if (length == 1)
		return (p[0] <= CONTROL_LAST || p[0] == CONTROL_DELETE);
	if (length == 2)
		return (p[0] == C1_LEAD && p[1] <= C1_LAST);
	if (length != 3 || p[0] != 0xe2)
		return (false);
	return ((p[1] == 0x80 &&
		    ((p[2] >= 0x8e && p[2] <= 0x8f) ||
			(p[2] >= 0xa8 && p[2] <= 0xae))) ||
	    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

bool
text_is_plain(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text), length;

	while (left > 0) {
		length = text_sequence(p, left);
		if (length == 0 || is_control(p, length))
			return (false);
		p += length;
		left -= length;
	}
	return (true);
}

static void
add_escaped(struct buf *out, uint8_t byte)
{
	static const char *const known[] = {
		['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r"
	};

	if (byte < sizeof(known) / sizeof(known[0]) && known[byte] != NULL)
		buf_add_string(out, known[byte]);
	else
		buf_printf(out, "\\x%02x", byte);
}

char *
text_escaped(const char *text)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text), length, i;

	while (left > 0) {
		length = text_sequence(p, left);
		if (length == 0 || is_control(p, length)) {
			length = length == 0 ? 1 : length;
			for (i = 0; i < length; i++)
				add_escaped(&out, p[i]);
		} else if (*p == '\\') {
			buf_add_string(&out, "\\\\");
		} else {
			buf_add(&out, p, length);
		}
		p += length;
		left -= length;
	}
	return (mem_string(buf_text(&out)));
}

void
text_mend_end(char *text)
{
	uint8_t *p = (uint8_t *)text;
	size_t n = strlen(text), back;

	for (back = 1; back <= n && back < UTF8_LONGEST; back++) {
		if (IS_TAIL(p[n - back]))
			continue;
		if (IS_LEAD(p[n - back]) &&
		    text_sequence(p + n - back, back) == 0)
			p[n - back] = '\0';
		return;
	}
}

static bool
is_armor(const uint8_t *p, size_t n)
{
	return (n >= ARMOR_BYTES && memcmp(p, ARMOR_LEAD, 2) == 0 &&
	    (p[2] == ARMOR_LOW || p[2] == ARMOR_HIGH) && IS_TAIL(p[3]));
}

static void
add_armored(struct buf *out, uint8_t byte)
{
	bool is_high = IS_LEAD(byte);

	buf_add_string(out, ARMOR_LEAD);
	buf_add_u8(out, is_high ? ARMOR_HIGH : ARMOR_LOW);
	buf_add_u8(out, (uint8_t)(is_high ? byte - ARMOR_STEP : byte));
}

char *
text_armor(const char *bytes)
{
	const uint8_t *p = (const uint8_t *)bytes;
	size_t left = strlen(bytes), length;
	struct buf out = BUF_INIT;

	buf_reserve(&out, left + 1);
	for (; left > 0; p += length, left -= length) {
		length = is_armor(p, left) ? 0 : text_sequence(p, left);
		if (length > 0) {
			buf_add(&out, p, length);
			continue;
		}
		/* Of armor, the lead goes alone: its tails follow suit. */
		add_armored(&out, *p);
		length = 1;
	}
	buf_add_u8(&out, 0);
	return ((char *)out.p);
}

void
text_unarmor(char *text)
{
	uint8_t *to = (uint8_t *)text;
	const uint8_t *p = to;
	size_t left = strlen(text), length;

	for (; left > 0; p += length, left -= length) {
		length = is_armor(p, left) ? ARMOR_BYTES : 1;
		*to++ = length == 1	 ? p[0]
		    : p[2] == ARMOR_HIGH ? (uint8_t)(p[3] + ARMOR_STEP)
					 : p[3];
	}
	*to = '\0';
}

static size_t
least(size_t a, size_t b)
{
	return (a < b ? a : b);
}

size_t
text_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MOST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t na = strlen(a), nb = strlen(b), i, j;

	if (na > WORD_MOST || nb > WORD_MOST)
		return (TEXT_FAR);
	for (j = 0; j <= nb; j++) {
		before[j] = 0;
		above[j] = j;
	}
	for (i = 1; i <= na; i++) {
		row[0] = i;
		for (j = 1; j <= nb; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
			    above[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return (above[nb]);
}

char *
text_one_line(const char *text)
{
	SCOPED(buf_free) struct buf line = BUF_INIT;
	size_t n;

	while (*text != '\0') {
		n = strcspn(text, "\r\n\t");
		buf_add(&line, text, n);
		text += n;
		text += strspn(text, "\r\n\t");
		if (*text != '\0' && line.n > 0)
			buf_add_string(&line, " ");
	}
	return (mem_string(buf_text(&line)));
}
