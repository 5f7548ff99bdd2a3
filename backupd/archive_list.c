/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The archive comes in parts of any size. What is not a whole head or entry yet
 * waits in a buffer and is looked at again with the next part, so that the
 * parsers below are plain functions over bytes; a cursor that runs dry means
 * "more", a length that can't be means ERR_CORRUPT. Formats 1.12 to 1.16 are
 * those of pg_dump 9.0 to 18; of a newer one nothing is read but its version.
 */
#include "backupd/archive_list.h"

#include <string.h>

#define MAGIC	       "PGDMP"
#define MAGIC_BYTES    5
#define FORMAT_CUSTOM  1
#define TIME_INTS      7 /* second … year, daylight saving */
#define MINOR_LEAST    12
#define MINOR_METHOD   14 /* table access method in entries */
#define MINOR_CODEC    15 /* compression is one byte */
#define MINOR_RELKIND  16 /* kind of relation in entries */
#define MINOR_MOST     16
#define INT_BYTES_MAX  8
#define OFF_BYTES_MAX  16
#define ENTRIES_MAX    ((uint64_t)1 << 28)
#define DEPENDENCY_MAX ((size_t)1 << 20)

/* A cursor over an archive: what bytes.h gives, and the archive's own ints. */
struct cursor {
	struct bytes b;
	size_t int_bytes;
	bool is_wrong; /* a value that no archive holds */
};

static int64_t
take_int(struct cursor *c)
{
	bool negative = bytes_u8(&c->b) != 0;
	const uint8_t *p = bytes_take(&c->b, c->int_bytes);
	uint64_t v = 0;

	if (p == NULL)
		return (0);
	for (size_t i = 0; i < c->int_bytes; i++) {
		if (i < sizeof(uint32_t))
			v |= (uint64_t)p[i] << (8 * i);
		else if (p[i] != 0)
			c->is_wrong = true;
	}
	return (negative ? -(int64_t)v : (int64_t)v);
}

/* Steps over a string; text (of size bytes, may be NULL) gets its beginning.
 * False when there is none. */
static bool
take_string(struct cursor *c, char *text, size_t size)
{
	int64_t n = take_int(c);
	const uint8_t *p;

	if (text != NULL)
		text[0] = '\0';
	if (n < 0 || c->b.bad)
		return (false);
	if ((uint64_t)n > ARCHIVE_LIST_STRING_MAX) {
		c->is_wrong = true;
		return (false);
	}
	if ((p = bytes_take(&c->b, (size_t)n)) == NULL)
		return (false);
	if (text != NULL) {
		if ((size_t)n >= size)
			n = (int64_t)size - 1;
		memcpy(text, p, (size_t)n);
		text[n] = '\0';
	}
	return (true);
}

static int
fail(struct err *e)
{
	return (err_set(e, ERR_CORRUPT, "this is no archive of pg_dump's"));
}

/* Has the parser run dry (0), met nonsense (-1), or read on (1)? */
static int
verdict(const struct cursor *c, struct err *e)
{
	if (c->is_wrong)
		return (fail(e));
	return (c->b.bad ? 0 : 1);
}

static struct cursor
cursor_of(const struct archive_list *l)
{
	return ((struct cursor){
	    .b = bytes_of(l->rest.p + l->at, l->rest.n - l->at),
	    .int_bytes = l->int_bytes });
}

static void
keep_place(struct archive_list *l, const struct cursor *c)
{
	l->at = l->rest.n - c->b.n;
}

/* Gives the bytes that were read back, before more are added. */
static void
drop_read(struct archive_list *l)
{
	if (l->at == 0)
		return;
	memmove(l->rest.p, l->rest.p + l->at, l->rest.n - l->at);
	l->rest.n -= l->at;
	l->at = 0;
}

/* Up to the end of the time. */
static int
read_head(struct archive_list *l, struct err *e)
{
	struct cursor c = cursor_of(l);
	const uint8_t *magic = bytes_take(&c.b, MAGIC_BYTES);
	int rc;

	if (magic == NULL)
		return (0);
	if (memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
		return (fail(e));
	l->major = bytes_u8(&c.b);
	l->minor = bytes_u8(&c.b);
	(void)bytes_u8(&c.b); /* revision */
	c.int_bytes = l->int_bytes = bytes_u8(&c.b);
	l->offset_bytes = bytes_u8(&c.b);
	c.is_wrong = bytes_u8(&c.b) != FORMAT_CUSTOM;
	if (c.b.bad)
		return (0);
	if (l->major != 1 || l->minor < MINOR_LEAST || l->minor > MINOR_MOST) {
		l->phase = ARCHIVE_LIST_UNKNOWN;
		return (1);
	}
	if (l->int_bytes == 0 || l->int_bytes > INT_BYTES_MAX ||
	    l->offset_bytes == 0 || l->offset_bytes > OFF_BYTES_MAX)
		return (fail(e));
	if (l->minor >= MINOR_CODEC)
		(void)bytes_u8(&c.b);
	else
		(void)take_int(&c);
	for (unsigned i = 0; i < TIME_INTS; i++)
		(void)take_int(&c);
	if ((rc = verdict(&c, e)) != 1)
		return (rc);
	l->head_end = l->rest.n - c.b.n;
	keep_place(l, &c);
	l->phase = ARCHIVE_LIST_NAMES;
	return (1);
}

static int
read_names(struct archive_list *l, struct err *e)
{
	struct cursor c = cursor_of(l);
	int64_t n;
	int rc;

	(void)take_string(&c, NULL, 0); /* database */
	(void)take_string(&c, NULL, 0); /* server's version */
	(void)take_string(&c, l->dump_version, sizeof(l->dump_version));
	n = take_int(&c);
	if (n < 0 || (uint64_t)n > ENTRIES_MAX)
		c.is_wrong = true;
	if ((rc = verdict(&c, e)) != 1)
		return (rc);
	keep_place(l, &c);
	l->entries = l->left = (uint64_t)n;
	l->phase = n > 0 ? ARCHIVE_LIST_ENTRIES : ARCHIVE_LIST_DONE;
	return (1);
}

int
archive_list_feed(
    struct archive_list *l, const void *p, size_t n, size_t *cut, struct err *e)
{
	size_t before;
	int rc = 1;

	*cut = SIZE_MAX;
	if (l->phase >= ARCHIVE_LIST_DONE)
		return (0);
	drop_read(l);
	before = l->rest.n;
	buf_add(&l->rest, p, n);
	if (l->phase == ARCHIVE_LIST_HEAD) {
		rc = read_head(l, e);
		/* Before it nothing was dropped: offsets are the archive's. */
		if (rc == 1 && l->phase == ARCHIVE_LIST_NAMES)
			*cut = (size_t)l->head_end - before;
	}
	if (rc == 1 && l->phase == ARCHIVE_LIST_NAMES)
		rc = read_names(l, e);
	if (l->phase >= ARCHIVE_LIST_DONE)
		buf_free(&l->rest);
	return (rc < 0 ? -1 : 0);
}

/* An oid is written as text. */
static uint32_t
take_oid(struct cursor *c)
{
	char text[16];
	uint64_t v = 0;

	(void)take_string(c, text, sizeof(text));
	for (const char *s = text; *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	return (v > UINT32_MAX ? 0 : (uint32_t)v);
}

static void
take_entry(
    const struct archive_list *l, struct cursor *c, struct archive_entry *out)
{
	size_t n = 0;

	(void)take_int(c); /* dump id */
	(void)take_int(c); /* has data */
	(void)take_oid(c); /* of the catalog */
	out->oid = take_oid(c);
	(void)take_string(c, out->tag, sizeof(out->tag));
	(void)take_string(c, out->what, sizeof(out->what));
	(void)take_int(c);	       /* section */
	(void)take_string(c, NULL, 0); /* definition */
	(void)take_string(c, NULL, 0); /* drop */
	(void)take_string(c, NULL, 0); /* COPY */
	(void)take_string(c, out->schema, sizeof(out->schema));
	(void)take_string(c, NULL, 0); /* tablespace */
	if (l->minor >= MINOR_METHOD)
		(void)take_string(c, NULL, 0);
	if (l->minor >= MINOR_RELKIND)
		(void)take_int(c);
	(void)take_string(c, NULL, 0);	/* owner */
	(void)take_string(c, NULL, 0);	/* with oids */
	while (take_string(c, NULL, 0)) /* dependencies */
		if (++n > DEPENDENCY_MAX)
			c->is_wrong = true;
	(void)bytes_u8(&c->b); /* place of the data, and whether it is known */
	(void)bytes_take(&c->b, l->offset_bytes);
}

int
archive_list_next(
    struct archive_list *l, struct archive_entry *out, struct err *e)
{
	struct cursor c;
	int rc;

	if (l->phase != ARCHIVE_LIST_ENTRIES)
		return (0);
	c = cursor_of(l);
	take_entry(l, &c, out);
	if ((rc = verdict(&c, e)) != 1)
		return (rc);
	keep_place(l, &c);
	if (--l->left == 0) {
		l->phase = ARCHIVE_LIST_DONE;
		buf_free(&l->rest);
	}
	return (1);
}

void
archive_list_free(struct archive_list *l)
{
	buf_free(&l->rest);
}
