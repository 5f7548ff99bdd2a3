/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backup holds: its recipes by number, its tree from beginning to end,
 * both read through fetch in parts, so that memory does not grow with the
 * number of files. Tables are listed whole: a database has thousands of them,
 * not millions.
 */
#ifndef RESTORE_CONTENTS_H
#define RESTORE_CONTENTS_H

#include "repository/manifest.h"
#include "repository/recipe.h"
#include "repository/tree.h"
#include "restore/fetch.h"

#define CONTENTS_TABLES_MAX  ((size_t)1 << 20)
#define CONTENTS_COLUMNS_MAX 2000

struct contents;

/* A table of the backup. Owned by the contents. */
struct stored_table {
	char *schema, *name;
	char **columns; /* those copied, in order */
	size_t ncolumns;
	int64_t rows;
	int64_t oid; /* at the source */
	uint64_t bytes;
	uint32_t stream;
	bool unreadable; /* its rows could not be copied */
};

/*
 * Reads the recipes of m, whose private part is there, into a file without a
 * name in folder. Fails: ERR_KEY when the private part is not open,
 * ERR_CORRUPT, and as fetch_chunk.
 */
struct contents *contents_open(struct fetch *f, const struct manifest *m,
    const char *folder, struct err *e) MUST_USE;
void contents_free(struct contents *c);
void contents_freep(struct contents **c);

/* A stream's recipe. Thread: any. Fails: ERR_CORRUPT. */
int contents_recipe(const struct contents *c, uint32_t stream,
    struct recipe *out, struct err *e) MUST_USE;
/*
 * Calls each for every entry of the tree, in its order; a non-zero answer ends
 * it and is returned. An entry is valid during the call. One thread at a time.
 */
int contents_each(struct contents *c,
    int (*each)(const struct tree_entry *t, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

/* The same without the recipes, of a backup that was not opened. m's private
 * part is there. */
int contents_walk(struct fetch *f, const struct manifest *m,
    int (*each)(const struct tree_entry *t, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;
/* What an entry of a table says of it ("schema", "name", "rows" …), by
 * json_names_of; the caller's to free. Fails: ERR_CORRUPT, also when it has no
 * name. */
struct json *contents_table_facts(
    const struct tree_entry *t, struct err *e) MUST_USE;

/* The tables, largest first. Read at the first call. */
int contents_tables(struct contents *c, const struct stored_table **tables,
    size_t *n, struct err *e) MUST_USE;
/* The archive's stream; false when there is none. As contents_tables. */
int contents_archive(
    struct contents *c, uint32_t *stream, bool *found, struct err *e) MUST_USE;

#endif
