/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proof of a filestore: every file that ir_attachment names in the snapshot
 * is there, of its size, and is what its name says. The database's list and the
 * walk through the folder come in the same order and are compared side by side,
 * whatever their number.
 */
#ifndef BACKUPD_PROOF_H
#define BACKUPD_PROOF_H

#include "backupd/odoo.h"
#include "backupd/previous.h"

struct run;

#define PROOF_LIST_MAX 10000 /* of names kept of each kind */
#define PROOF_NAME_MAX 64    /* "ab/ab12…" and a NUL */

struct proof_missing {
	char path[PROOF_NAME_MAX];
	int64_t size;	 /* as the database has it, -1: it does not say */
	bool is_deleted; /* its row is gone meanwhile */
	bool is_known;	 /* the earlier backup lacked it as well */
	bool is_found;	 /* stored all the same, from an earlier backup */
};
struct proof {
	PGconn *c; /* the leader's; NULL: there is nothing to prove */
	char *schema;
	PGresult *page; /* of the list, or NULL before the first */
	int row;
	bool has_ended;
	uint64_t referenced, present, missing, mismatched, orphaned;
	uint64_t deleted, found; /* of the missing: see above */
	uint64_t external;	 /* kept elsewhere by an add-on */
	uint64_t bytes;		 /* of all, as the database has it */
	uint64_t missing_bytes, orphaned_bytes; /* met so far */
	size_t n;
	struct proof_missing *list; /* the first PROOF_LIST_MAX; owned */
	struct json *mismatches, *orphans, *links;
	bool links_cut;	    /* there are more than the list has */
	struct err unasked; /* why nobody could say what was deleted */
};

/*
 * In the snapshot: makes the list, which outlives the transaction, so that the
 * tables need not be held while files are read. Without Odoo's attachments it
 * does nothing.
 */
int proof_open(PGconn *c, const struct odoo *odoo, struct proof *out,
    struct err *e) MUST_USE;
void proof_free(struct proof *p); /* also a SCOPED releaser */

/* One file, by and by in the order of paths. sha1 is NULL where the contents
 * are what the name says, or the name says nothing. */
int proof_see(struct proof *p, const char *path, uint64_t size,
    const char *sha1, struct err *e) MUST_USE;
/* A link where a file or folder of the filestore would be. */
void proof_note_link(struct proof *p, const char *path);
/* Is path one of those links, or below one? */
bool proof_is_linked(const struct proof *p, const char *path);
/* After the last file: the rest of the list is missing; of what is missing, was
 * it deleted meanwhile? Where the live table can't be asked, nothing counts as
 * deleted. Ends the list; c is free for others. */
int proof_end(struct proof *p, struct err *e) MUST_USE;
/* Which are known; counts those that are not (judge_new_missing). */
uint64_t proof_count_new(struct proof *p, const struct previous *previous);

/* What there is to read, as far as it is known by now; 0: nobody knows. */
uint64_t proof_bytes_there(const struct proof *p);

/* facts "attachments", and counts "attachments". */
struct json *proof_facts(const struct proof *p);
struct json *proof_counts(const struct proof *p);

/* "ab/" or "abc/" and 40 hex digits: a file of the filestore by its SHA-1. */
bool proof_is_hash_path(const char *path);

#endif
