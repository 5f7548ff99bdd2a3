/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way back: a backup becomes a branch again, or plain files. A database is
 * made anew in the dark (hidden, closed), checked against the manifest,
 * neutralized and proven, and only then takes the branch's name, in one
 * transaction; a failed restore leaves the branch as it was. What goes wrong at
 * one endpoint is read from the next, and said.
 *
 * The order of calls: restore_check, then the command line's own questions and
 * the backup of what a production target holds, then restore_run. The
 * repository is open in REPO_READ (or REPO_WRITE) with the restore key; whoever
 * has it open for writing adds the audit entry.
 */
#ifndef RESTORE_RESTORE_H
#define RESTORE_RESTORE_H

#include "base/json.h"
#include "repository/catalog.h"
#include "repository/repo.h"

struct neutralize_report; /* restore/neutralize.h */

/* What is asked for. Strings and arrays are the caller's. */
struct restore_conf {
	const struct branch_settings *to; /* unused by restore_to_dir */
	bool only_database, only_filestore,
	    only_logs; /* none: database and filestore, what there is of them */
	size_t ntables;
	const char *const *tables; /* --table: "sale_order" or
				      "public.sale_order"; then nothing else is
				      restored */
	size_t npaths; /* of restore_to_dir: what to write, relative to dir */
	const char *const *paths;
	bool force; /* go on where only a safety limit objects */
};

/* Everything that CLI.md's "restore" object says. */
struct restore_result {
	char backup[BACKUP_ID_TEXT];
	char target[64]; /* the branch; "" for restore_to_dir */
	double seconds;
	uint64_t bytes_fetched; /* from endpoints */
	uint64_t bytes_reused;	/* of files that the target had already */
	size_t nendpoints;
	struct {
		char name[64];
		uint64_t bytes_fetched;
	} endpoints[SETTINGS_ENDPOINTS_MAX];
	unsigned away; /* of them, those that last failed to answer: a bit each
			*/
	bool has_database;
	char database[256]; /* its name */
	char schema[64];    /* of side tables, "restored_…", or "" */
	char replaced[256]; /* the name under which the old database is kept, or
			       "" */
	uint64_t tables, rows;
	bool has_files;
	uint64_t files, files_fetched, files_reused;
	bool neutralized;
	struct neutralize_report *neutralization; /* owned; NULL: none */
	struct json *warnings;	   /* array of sentences; owned */
	bool something_to_look_at; /* exit 3 */
	bool damage_met; /* some object was damaged or missing somewhere; all
			    was read from elsewhere */
};
void restore_result_init(struct restore_result *out);
void restore_result_free(struct restore_result *out); /* also for SCOPED */
/* The value of CLI.md's key "restore"; the caller's to free. */
struct json *restore_result_json(const struct restore_result *out);

/*
 * Everything that can refuse before work starts: the restore key, the tables
 * asked for, the target server, its role's rights and the owner of what would
 * be replaced, client programs, extensions, altered extension functions, space.
 * Reads, changes nothing. Warnings (a locale that will be replaced, roles that
 * are not there) are appended to the array warnings, which may be NULL.
 * Fails: ERR_REFUSED (target owned by another role), ERR_MISSING (a table),
 * ERR_KEY, ERR_FULL, ERR_DATABASE, ERR_DENIED, ERR_USAGE (the backup has not
 * what is asked for).
 */
int restore_check(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, struct json *warnings,
    struct err *e) MUST_USE;

/*
 * Restores into a branch; begins with restore_cleanup and restore_check. Never
 * asks: --confirm, --yes and the pre-restore backup are the caller's. A
 * production target is not neutralized, and what it replaces is kept.
 * out was initialized; it holds what was done and warned of also after a
 * failure.
 * Fails: as restore_check; ERR_CORRUPT when no endpoint has an object intact;
 * ERR_REFUSED when the neutralization could not be proven (out->neutralization
 * says why); ERR_STOPPED.
 * After failure: the branch is as it was, unless the text says that it was
 * replaced already.
 */
int restore_run(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, struct restore_result *out,
    struct err *e) MUST_USE;

/*
 * Plain files below dir (made when missing): database/, filestore/, logs/,
 * streams/. conf's paths (relative to dir, a file or a folder each) select;
 * none: all that conf's only_* asks for, and logs and streams too when it asks
 * for nothing. A file that is there already is left when it is equal. out was
 * initialized.
 * Fails: ERR_EXISTS when it is not; ERR_MISSING for a path that selects
 * nothing.
 */
int restore_to_dir(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, const char *dir,
    struct restore_result *out, struct err *e) MUST_USE;

/* What restore_run would have to do, for --dry-run. */
struct plan_totals {
	uint64_t bytes;	  /* to fetch from endpoints */
	uint64_t objects; /* packs they are in */
	uint64_t reused;  /* bytes of files that the target has already */
	double seconds;	  /* estimated */
	struct json *overwrites; /* array of what would be replaced, in words */
	struct json *warnings;	 /* array, as restore_check's */
};
void plan_totals_init(struct plan_totals *t);
void plan_totals_free(struct plan_totals *t); /* also for SCOPED */
/* The value of CLI.md's key "plan"; the caller's to free. */
struct json *plan_totals_json(const struct plan_totals *t);
/* Begins with restore_check. Changes nothing at the target. out was
 * initialized.
 */
int restore_plan(struct repo *r, const struct catalog_entry *backup,
    const struct restore_conf *conf, struct plan_totals *out,
    struct err *e) MUST_USE;

/*
 * Finishes or undoes what restores that died left behind: hidden databases,
 * temporary files, records in the state folder. What it did is logged. Cheap
 * when there is nothing. Restores that are running are left alone.
 */
int restore_cleanup(struct repo *r, struct err *e) MUST_USE;
/* Appends the branches (or files) into which a restore died and that
 * restore_cleanup has still to see to. Changes nothing. */
int restore_interrupted(
    const struct repo *r, struct json *branches, struct err *e) MUST_USE;

/* Drops the replaced databases of a branch that its keep-replaced lets go now,
 * and forgets the files kept for them. dropped counts them. */
int restore_drop_replaced(struct repo *r, const struct branch_settings *branch,
    unsigned *dropped, struct err *e) MUST_USE;

/*
 * Neutralizes a staging or development branch's database where it is, in one
 * transaction, or (check_only) only proves that it is neutralized. report is
 * initialized here and the caller's to free, whatever is returned.
 * Fails: ERR_REFUSED for a production branch, or when the proof fails.
 */
int restore_neutralize_branch(const struct branch_settings *branch,
    bool check_only, struct neutralize_report *report, struct err *e) MUST_USE;

#endif
