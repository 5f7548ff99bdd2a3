/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person calls an entry of a tree, so that it can be looked for in other
 * backups: a table by schema and name, everything else by its path, and a short
 * key for both. Folders have no name here: they hold nothing of their own.
 */
#ifndef RESTORE_NAMED_H
#define RESTORE_NAMED_H

#include "restore/contents.h"

enum named_kind {
	NAMED_TABLE,
	NAMED_FILE, /* of the filestore; links too */
	NAMED_LOG,
	NAMED_STREAM,
	NAMED_DEFINITIONS, /* what pg_dump holds beside the rows */
	NAMED_FOLDER
};
/* "table", "file", "log", "stream", "definitions", "folder" */
const char *named_text(enum named_kind kind);
/* Where restore --to-dir puts it: "filestore/", "logs/", "streams/", "" for the
 * others. */
const char *named_place(enum named_kind kind);

#define NAMED_KEY 16

struct named {
	enum named_kind kind;
	struct json *facts;	   /* of a table; owned */
	const char *schema, *name; /* of a table, else NULL; in facts */
	int64_t rows;		   /* of a table, else 0 */
};
/* out was zeroed. Fails: ERR_CORRUPT. */
int named_read(
    const struct tree_entry *t, struct named *out, struct err *e) MUST_USE;
void named_free(struct named *n); /* also a SCOPED releaser */
/* A hash of kind and name. */
void named_key(
    const struct tree_entry *t, const struct named *n, uint8_t out[NAMED_KEY]);

#endif
