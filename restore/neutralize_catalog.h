/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a database has: its ordinary tables and their columns, the schemas that
 * hold an Odoo and its installed modules. A rule applies where the catalog says
 * that its tables and columns are, and never by version.
 */
#ifndef RESTORE_NEUTRALIZE_CATALOG_H
#define RESTORE_NEUTRALIZE_CATALOG_H

#include "base/pg.h"
#include "restore/rules.h"

/* As much of a column's type as clearing and counting must know. */
enum neutralize_class {
	CLASS_TEXT,
	CLASS_JSON,
	CLASS_JSONB,
	CLASS_BYTES,
	CLASS_ARRAY, /* of text */
	CLASS_BOOL,
	CLASS_NUMBER,
	CLASS_TIME,
	CLASS_UUID,
	CLASS_OTHER
};

struct neutralize_column {
	char *name;
	enum neutralize_class class;
	bool not_null;
	bool generated; /* cannot be set */
};

struct neutralize_table {
	char *schema;
	char *name;
	bool transient; /* of a wizard: Odoo empties it by itself */
	struct neutralize_column *columns; /* by name */
	size_t n;
};

/* One schema that holds ir_module_module. */
struct neutralize_odoo {
	char *schema;
	struct rules_words modules; /* installed, by name */
};

struct neutralize_catalog {
	struct neutralize_table *tables; /* by schema and name */
	size_t n;
	struct neutralize_odoo *odoos;
	size_t nodoos;
};

/* Reads it. Fails: ERR_DATABASE. */
struct neutralize_catalog *neutralize_catalog_read(
    PGconn *c, struct err *e) MUST_USE;
void neutralize_catalog_free(struct neutralize_catalog *cat);
void neutralize_catalog_freep(struct neutralize_catalog **cat);

/* NULL when it is not there. */
const struct neutralize_table *neutralize_catalog_table(
    const struct neutralize_catalog *cat, const char *schema, const char *name);
const struct neutralize_column *neutralize_catalog_column(
    const struct neutralize_table *t, const char *name);
bool neutralize_catalog_has_module(
    const struct neutralize_odoo *odoo, const char *name);

/*
 * Whether a name holds a fragment: in any place and case, "_" in front of the
 * fragment standing for the start of a word and "$" at its end for the end of
 * the name; "." and "-" in the name count as "_".
 */
bool neutralize_name_holds(const char *name, const char *fragment);
/* Whether it holds one of these, or, with NULL, one of those that credentials
 * are named by. */
bool neutralize_name_matches(
    const char *name, const struct rules_words *fragments);
/* Whether a column of this type could hold a credential at all. */
bool neutralize_class_holds_secrets(enum neutralize_class class);

/* Appends a condition that is true where column t."name" holds something. */
void neutralize_add_filled(
    struct buf *sql, const struct neutralize_column *column);
/* The value, as SQL, that a column has when it holds nothing. */
const char *neutralize_empty(const struct neutralize_column *column);

#endif
