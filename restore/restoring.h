/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One restore: what is asked for and of which backup, the folder
 * <state>/restores/<id> that it works in, and what it reads through. A journal
 * in that folder says how far it came, so that a later run can finish or undo
 * it; a lock there says that it lives.
 */
#ifndef RESTORE_RESTORING_H
#define RESTORE_RESTORING_H

#include "repository/state_claims.h"
#include "restore/contents.h"
#include "restore/remarks.h"
#include "restore/restore.h"

struct restoring {
	struct repo *r;
	const struct catalog_entry *backup;
	const struct manifest *m;
	struct json *facts; /* the manifest's, by json_names_of; owned */
	const struct restore_conf *conf;
	struct remarks *remarks;
	char id[17];
	char *folder;
	int lock;
	int branch_lock;      /* one restore into a branch at a time; or -1 */
	struct state_job job; /* claims what the backup needs */
	struct fetch *fetch;
	struct contents *contents;
	/* what is really to be done */
	bool wants_database, wants_filestore, wants_logs;
};

/* What of it is in the backup and asked for. Fails: ERR_KEY, ERR_USAGE. */
int restoring_wants(struct restoring *j, struct err *e) MUST_USE;
/* Begins: folder, lock, contents. remarks outlives it. Fails: ERR_KEY,
 * ERR_CORRUPT … as contents_open. */
int restoring_open(struct restoring *j, struct repo *r,
    const struct catalog_entry *backup, const struct restore_conf *conf,
    struct remarks *remarks, struct err *e) MUST_USE;
/* One restore into a branch at a time, and nothing else that looks after its
 * replaced databases: returns the lock. Fails: ERR_LOCKED. */
int restoring_lock_branch(
    const struct repo *r, const char *branch, struct err *e) MUST_USE;
/* Is there nothing that the backup lacks though its source had it? */
bool restoring_is_whole(const struct restoring *j);
/* Ends: the folder goes, unless its journal must stay for a later run. */
void restoring_free(struct restoring *j); /* also for SCOPED */

/* What was fetched, warned of and met goes into the result. */
void restoring_tell(
    struct restoring *j, struct restore_result *out, uint64_t ms);

/* "<state>/restores" */
char *restoring_parent(const struct repo *r);

/* --- the journal --- */

enum journal_phase {
	JOURNAL_MAKING,	  /* undo: drop the hidden database, take files back */
	JOURNAL_SWAPPING, /* the hidden database's being there tells */
	JOURNAL_SWAPPED	  /* finish */
};
struct journal {
	char id[17];
	char backup[BACKUP_ID_TEXT];
	char branch[64];
	char hidden[64]; /* database, or "" */
	char replaced[64];
	bool was_open; /* the branch's database let sessions in */
	char filestore[4096];
	char scratch[4096 + 32]; /* without a branch: a file or folder that had
				    not its name yet */
	enum journal_phase phase;
	int64_t swapped; /* when the swap began */
};
int journal_save(
    const char *folder, const struct journal *rec, struct err *e) MUST_USE;
/* *found is false when there is none. Fails: ERR_CORRUPT. */
int journal_load(const char *folder, struct journal *rec, bool *found,
    struct err *e) MUST_USE;
/*
 * For what goes into a folder and into no branch: notes the name, in that
 * folder, under which it is made. It goes when this run dies before
 * journal_remove. Allocated.
 */
char *restoring_scratch(
    struct restoring *j, const char *folder, struct err *e) MUST_USE;
int journal_remove(const char *folder, struct err *e) MUST_USE;

#endif
