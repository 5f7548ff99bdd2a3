/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree entry flows in, its kind, name and key flow out. What always holds:
 * two entries of one backup have one key only when a file system or a database
 * could not have both.
 */
#include "restore/named.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

const char *
named_text(enum named_kind kind)
{
	static const char *const texts[] = { "table", "file", "log", "stream",
		"definitions", "folder" };

	return (texts[kind]);
}

const char *
named_place(enum named_kind kind)
{
	switch (kind) {
	case NAMED_FILE:
	case NAMED_FOLDER: return ("filestore/");
	case NAMED_LOG: return ("logs/");
	case NAMED_STREAM: return ("streams/");
	case NAMED_TABLE:
	case NAMED_DEFINITIONS: break;
	}
	return ("");
}

static enum named_kind
kind_of(const struct tree_entry *t)
{
	switch (t->kind) {
	case TREE_ARCHIVE: return (NAMED_DEFINITIONS);
	case TREE_TABLE: return (NAMED_TABLE);
	case TREE_LOG: return (NAMED_LOG);
	case TREE_STDIN: return (NAMED_STREAM);
	case TREE_FOLDER: return (NAMED_FOLDER);
	default: return (NAMED_FILE);
	}
}

int
named_read(const struct tree_entry *t, struct named *out, struct err *e)
{
	out->kind = kind_of(t);
	if (out->kind == NAMED_TABLE) {
		if ((out->facts = contents_table_facts(t, e)) == NULL)
			return (-1);
		out->schema = json_get_string(out->facts, "schema");
		out->name = json_get_string(out->facts, "name");
		out->rows = json_get_integer(out->facts, "rows", 0);
	}
	return (0);
}

void
named_free(struct named *n)
{
	json_freep(&n->facts);
	n->schema = n->name = NULL;
}

void
named_key(
    const struct tree_entry *t, const struct named *n, uint8_t out[NAMED_KEY])
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t sha[HASH_SHA256];

	static_assert(NAMED_KEY <= HASH_SHA256, "a key is a part of a hash");
	buf_add_u8(&b, (uint8_t)n->kind);
	if (n->kind == NAMED_TABLE) {
		buf_add(&b, n->schema, strlen(n->schema) + 1);
		buf_add_string(&b, n->name);
	} else if (n->kind != NAMED_DEFINITIONS) /* there is one */
		buf_add_string(&b, t->path);
	hash_of(HASH_IS_SHA256, b.p, b.n, sha);
	memcpy(out, sha, NAMED_KEY);
}
