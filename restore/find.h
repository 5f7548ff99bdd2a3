/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In which backups a file or a table is. Trees are read one after the other,
 * the newest first, through one staging area: a chunk that backups share is
 * fetched once while that has room. What is found is kept in memory, and
 * limited.
 */
#ifndef RESTORE_FIND_H
#define RESTORE_FIND_H

#include "repository/catalog.h"
#include "restore/named.h"
#include "restore/remarks.h"

#define FIND_PLACES_MAX ((size_t)50000)	   /* a match in a backup, each */
#define FIND_BYTES_MAX	((size_t)16 << 20) /* of their names */

struct find_conf {
	struct catalog *catalog; /* what is searched, newest first */
	/*
	 * As find -name: without a '/' it is compared with the last part of a
	 * path, or with a table's name, alone and behind its schema; with a '/'
	 * with the whole path, as in the filestore or as restore --to-dir makes
	 * it, and no '*' is more than one part.
	 */
	const char *pattern;
	struct remarks *remarks; /* outlives the run */
};

/* One table, file, log or stream of a branch. */
struct find_match {
	enum named_kind kind;
	const char *branch;  /* the catalog's */
	char *path;	     /* of a table "schema.name", for people; owned */
	char *schema, *name; /* of a table, else NULL; owned */
	/* As the newest backup has it. */
	uint64_t bytes;
	int64_t rows, modified; /* modified 0: not known */
	unsigned versions; /* how often it differs from the backup before, by
			      size, time and rows; and one */
	size_t n;	   /* backups that have it */
	uint32_t *backups; /* their places in the catalog, newest first; owned
			    */
	/* for the search */
	uint8_t key[NAMED_KEY];
	uint64_t last_bytes;
	int64_t last_rows, last_modified;
	uint32_t last_nsec;
	uint32_t next; /* match of the same bucket, and one; 0: none */
};

struct find_result {
	size_t n;
	struct find_match *v; /* by branch, kind and path; owned */
	size_t searched;      /* backups */
	size_t unread;	      /* backups that are damaged everywhere */
	bool is_cut;	      /* there is more: a limit was met */
};
void find_result_free(struct find_result *f); /* also a SCOPED releaser */

/*
 * Fails: ERR_KEY, ERR_USAGE (an empty pattern), and as fetch_chunk. A backup
 * whose tree can't be read is remarked and left out (unread).
 */
int find_run(struct repo *r, const struct find_conf *conf,
    struct find_result *out, struct err *e) MUST_USE;
/* The rule of find_conf's pattern. */
bool find_matches(
    const char *pattern, const struct tree_entry *t, const struct named *named);

#endif
