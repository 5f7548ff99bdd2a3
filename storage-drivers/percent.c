/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes flow in, their spelling flows out, and back. */
#include "storage-drivers/percent.h"

#include <string.h>

static void
add_escaped(struct buf *out, const char *text, const char *plain)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-._~";

	for (; *text != '\0'; text++)
		if (strchr(unreserved, *text) != NULL ||
		    strchr(plain, *text) != NULL)
			buf_add_u8(out, (uint8_t)*text);
		else
			buf_printf(out, "%%%02X", (unsigned)(uint8_t)*text);
}

void
percent_add_path(struct buf *out, const char *path)
{
	add_escaped(out, path, "/");
}

void
percent_add_value(struct buf *out, const char *value)
{
	add_escaped(out, value, "");
}

static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (digit - 'a' + 10);
	if (digit >= 'A' && digit <= 'F')
		return (digit - 'A' + 10);
	return (-1);
}

bool
percent_decode(const char *text, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (text[i] != '%') {
			buf_add_u8(out, (uint8_t)text[i]);
			continue;
		}
		if (n - i < 3 || (high = hex_value(text[i + 1])) < 0 ||
		    (low = hex_value(text[i + 2])) < 0 || (high | low) == 0)
			return (false);
		buf_add_u8(out, (uint8_t)(high << 4 | low));
		i += 2;
	}
	return (true);
}
