/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header that every object starts with, padding, and the names of objects
 * that more than one file needs. What is checked here is not authenticated
 * yet: who calls it goes on to a hash, a tag or a signature over all of it.
 */
#include "repository/format.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define PACK_PREFIX "packs/"
#define STAMP_TEXT  16 /* YYYYMMDDTHHMMSSZ */

static_assert(sizeof(FORMAT_MAGIC) - 1 == 8, "the magic is eight bytes");

void
format_add_header(
    struct buf *b, enum format_kind kind, const struct repo_id *repo)
{
	buf_add(b, FORMAT_MAGIC, 8);
	buf_add_u8(b, (uint8_t)kind);
	buf_add_u8(b, FORMAT_VERSION);
	buf_add_u16(b, 0);
	buf_add_u32(b, 0);
	buf_add(b, repo->b, REPO_ID_BYTES);
}

/*
 * A higher version, or a required feature bit that this program doesn't know.
 * The bits are named, since a later format's notes list them by number.
 */
static int
check_version(uint8_t version, uint32_t features, struct err *e)
{
	uint32_t unknown = features & FORMAT_REQUIRED_MASK & ~FORMAT_REQUIRED;

	if (version == 0)
		return (err_set(e, ERR_CORRUPT, "format version 0"));
	if (version > FORMAT_VERSION) {
		err_set(e, ERR_VERSION,
		    "needs triplicate with format %u (this one reads up to %d)",
		    version, FORMAT_VERSION);
		return (err_hint(e, "install a newer triplicate"));
	}
	if (unknown != 0) {
		err_set(e, ERR_VERSION,
		    "needs triplicate with format %u and feature bits 0x%04x",
		    version, unknown);
		return (err_hint(e, "install a newer triplicate"));
	}
	return (0);
}

int
format_check_header(struct bytes *b, enum format_kind kind,
    const struct repo_id *repo, struct repo_id *found, struct err *e)
{
	const uint8_t *magic = bytes_take(b, 8);
	uint8_t is_kind = bytes_u8(b), version = bytes_u8(b);
	uint16_t zero = bytes_u16(b);
	uint32_t features = bytes_u32(b);
	struct repo_id id;

	bytes_copy(b, id.b, sizeof(id.b));
	if (b->bad)
		return (err_set(e, ERR_CORRUPT, "shorter than its header"));
	if (memcmp(magic, FORMAT_MAGIC, 8) != 0)
		return (err_set(e, ERR_CORRUPT, "not a triplicate object"));
	if (check_version(version, features, e) < 0)
		return (-1);
	if (is_kind != (uint8_t)kind)
		return (err_set(e, ERR_CORRUPT, "kind %u where %d is expected",
		    is_kind, (int)kind));
	if (zero != 0)
		return (err_set(e, ERR_CORRUPT, "reserved bytes are not zero"));
	if (repo != NULL && memcmp(repo->b, id.b, sizeof(id.b)) != 0) {
		char text[2 * REPO_ID_BYTES + 1];

		hex_of(id.b, sizeof(id.b), text);
		return (
		    err_set(e, ERR_CORRUPT, "of another repository, %s", text));
	}
	if (found != NULL)
		*found = id;
	return (0);
}

static unsigned
floor_log2(uint64_t n)
{
	return (63U - (unsigned)__builtin_clzll(n));
}

uint64_t
format_padme(uint64_t n)
{
	unsigned exponent, kept;
	uint64_t mask;

	if (n < 2)
		return (n);
	exponent = floor_log2(n);
	kept = floor_log2(exponent) + 1;
	mask = ((uint64_t)1 << (exponent - kept)) - 1;
	if (n > UINT64_MAX - mask)
		return (n);
	return ((n + mask) & ~mask);
}

void
format_pad(struct buf *b, size_t outside, uint8_t with)
{
	size_t want = (size_t)format_padme(b->n + outside) - outside - b->n;

	buf_reserve(b, want);
	while (want-- > 0)
		b->p[b->n++] = with;
}

bool
name_equals(const struct name *a, const struct name *b)
{
	return (memcmp(a->b, b->b, NAME_BYTES) == 0);
}

void
format_pack_name(const struct sha256 *h, char out[OBJECT_NAME_TEXT])
{
	char hex[2 * sizeof(h->b) + 1];

	hex_of(h->b, sizeof(h->b), hex);
	snprintf(out, OBJECT_NAME_TEXT, PACK_PREFIX "%.2s/%s", hex, hex);
}

bool
format_parse_pack_name(const char *object, struct sha256 *h)
{
	static const size_t prefix = sizeof(PACK_PREFIX) - 1;
	struct sha256 got;

	if (strncmp(object, PACK_PREFIX, prefix) != 0)
		return (false);
	object += prefix;
	if (strlen(object) != 3 + 2 * sizeof(got.b) || object[2] != '/' ||
	    memcmp(object, object + 3, 2) != 0 ||
	    !hex_parse(object + 3, got.b, sizeof(got.b)))
		return (false);
	*h = got;
	return (true);
}

bool
format_backup_id_is_good(const char *id)
{
	char stamp[STAMP_TEXT + 1];
	uint8_t tail[4];
	int64_t when;

	if (strnlen(id, BACKUP_ID_TEXT) != BACKUP_ID_LENGTH)
		return (false);
	memcpy(stamp, id, STAMP_TEXT);
	stamp[STAMP_TEXT] = '\0';
	/* clock_parse also takes RFC 3339, which has its T elsewhere. */
	if (stamp[8] != 'T' || stamp[15] != 'Z' || id[STAMP_TEXT] != '-')
		return (false);
	return (clock_parse(stamp, &when) &&
	    hex_parse(id + STAMP_TEXT + 1, tail, sizeof(tail)));
}
