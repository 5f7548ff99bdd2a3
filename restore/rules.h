/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Neutralization rules as data: the text of conf/neutralize/NAME.rules goes
 * in, lists of rules, proofs and known columns come out. Nothing here knows a
 * database; neutralize_plan.h turns a rule into statements. The grammar is in
 * docs/neutralization.md.
 */
#ifndef RESTORE_RULES_H
#define RESTORE_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define RULES_FILE_MAX ((size_t)1 << 20)

/* What one action of a rule, or one check of a proof, does. */
enum rules_kind {
	RULES_UPDATE,	      /* set and clear columns of rows */
	RULES_DELETE,	      /* remove rows */
	RULES_INSERT,	      /* add a row unless there is one like it */
	RULES_PARAMETER,      /* set a system parameter, adding it if need be */
	RULES_FORGET,	      /* remove system parameters */
	RULES_CLEAR_MATCHING, /* clear columns named like credentials */
	RULES_SQL,	      /* a statement as it stands */
	RULES_REPORT,	      /* change nothing, warn when there are rows */
	RULES_NONE,	      /* proof: no such row */
	RULES_SOME	      /* proof: at least one such row */
};

struct rules_words {
	char **p;
	size_t n;
};

/* "set COLUMN = VALUE"; value NULL stands for the column's empty value. */
struct rules_set {
	char *column;
	char *value;
};

/* What has to be in the database, or must not be, for something to apply. */
struct rules_guard {
	struct rules_words needs;   /* TABLE or TABLE.COLUMN */
	struct rules_words lacks;   /* the same */
	struct rules_words modules; /* one of them is installed */
};

struct rules_action {
	enum rules_kind kind;
	unsigned line;
	char *table;		  /* NULL: parameter, forget, sql */
	char *text;		  /* value of parameter; sql; words of report */
	char *where;		  /* or NULL; of insert: its "unless" */
	char *pattern;		  /* clear-matching: own pattern, or NULL */
	struct rules_words words; /* keys of parameter, forget; except */
	struct rules_set *sets;
	size_t nsets;
	bool only_present; /* parameter: never add it */
	struct rules_guard guard;
};

struct rules_rule {
	char *name;
	char *about;
	char *file;
	unsigned line;
	bool is_proof;
	bool must; /* its failure fails the whole run */
	bool last; /* after all others */
	struct rules_guard guard;
	struct rules_action *actions;
	size_t n;
};

struct rules {
	struct rules_rule *rules;
	size_t n;
	struct rules_words keep; /* TABLE.COLUMN with *: known, may stay */
	struct rules_words keep_parameters; /* KEY with * */
};

/* One file as the Makefile embeds it: lines without their ends, NULL last. */
struct rules_file {
	const char *name;
	const char *const *lines;
};
/* Generated from conf/neutralize; a NULL name ends the list. */
extern const struct rules_file rules_data[];

struct rules *rules_new(void);
void rules_free(struct rules *r);
void rules_freep(struct rules **r);

/*
 * Adds the rules of one text; file is only for messages.
 * Fails: ERR_CONFIG "FILE:LINE: …" on anything that the grammar does not have,
 * a name given twice, a file longer than RULES_FILE_MAX.
 * After failure: r may hold a part; it must be freed.
 */
int rules_parse(struct rules *r, const char *file, const char *text, size_t n,
    struct err *e) MUST_USE;
/* Adds what the binary carries. */
int rules_add_embedded(struct rules *r, struct err *e) MUST_USE;

/* True when text matches a pattern in which * stands for any characters. */
bool rules_glob(const char *pattern, const char *text);

#endif
