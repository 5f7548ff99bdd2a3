/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the configuration file means: the typed settings of repository,
 * endpoints and branches (CLI.md, "Configuration"), with defaults filled in and
 * everything checked that can be without reaching for anything.
 */
#ifndef REPOSITORY_SETTINGS_H
#define REPOSITORY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "storage-drivers/rate.h"

#define SETTINGS_ENDPOINTS_MAX 16
#define SETTINGS_BRANCHES_MAX  256

/* How long what fills no slot is kept where a branch says nothing. */
#define SETTINGS_DAY_S		    ((uint64_t)86400)
#define SETTINGS_KEEP_MANUAL_S	    (7 * SETTINGS_DAY_S)
#define SETTINGS_KEEP_UPDATE_S	    (30 * SETTINGS_DAY_S)
#define SETTINGS_KEEP_PRE_RESTORE_S (30 * SETTINGS_DAY_S)
#define SETTINGS_KEEP_PRE_UPGRADE_S (90 * SETTINGS_DAY_S)

enum stage { STAGE_PRODUCTION, STAGE_STAGING, STAGE_DEVELOPMENT };

struct endpoint_settings {
	char *name, *url, *region, *access_key, *secret_key_file,
	    *secret_key_env, *session_token_file, *addressing, *identity,
	    *known_hosts, *host_key, *user, *password_file, *ca_file;
	char *delete_access_key, *delete_secret_key_file, *delete_identity,
	    *delete_user, *delete_password_file;
	struct rate upload_limit;
	unsigned timeout_s, lock_days;
	char *object_lock; /* NULL or no, yes, compliance, governance */
	unsigned line;	   /* of its url */
};

struct branch_settings {
	char *name;
	enum stage stage;
	char *database;	 /* conninfo, or NULL */
	char *place;	 /* where that is, for comparing, or NULL */
	char *filestore; /* folder, or NULL */
	char *logs;	 /* glob patterns, comma separated, or NULL */
	char *schedule, *zone, *keep, *addons_path, *maintenance_database,
	    *owner, *keep_replaced, *base_url, *mail_catcher,
	    *drill; /* or NULL */
	uint64_t keep_manual_s, keep_update_s, keep_pre_restore_s,
	    keep_pre_upgrade_s, jitter_s;
	uint64_t keep_within_s; /* 0: no */
	unsigned line;		/* of its section */
};

struct settings {
	char *path;	   /* of the file, absolute */
	char *state;	   /* folder */
	char *agent_key;   /* file */
	char *restore_key; /* file, or NULL on a write-only host */
	unsigned write_quorum, quorum_line, memory_line;
	unsigned state_line, agent_key_line, restore_key_line;
	unsigned jobs;	    /* at a time; no more than memory allows */
	unsigned transfers; /* objects in memory for endpoints at a time */
	int compression;    /* zstd level */
	uint64_t give_up_after_s, prune_grace_s, yield_to_ddl_s;
	uint64_t base_cache, spool_limit, memory; /* bytes; base_cache 0: no */
	uint64_t restore_cache; /* bytes, when restore_cache_percent is 0 */
	unsigned restore_cache_percent;
	unsigned lock_days;
	unsigned removal_percent; /* of a branch's backups that count */
	unsigned removal_floor;	  /* so many of them have to be left */
	uint64_t repack_limit;	  /* bytes of one prune, 0: no */
	size_t nendpoints;
	struct endpoint_settings *endpoints;
	size_t nbranches;
	struct branch_settings *branches;
};

/*
 * Reads a configuration. Relative paths in it are relative to its folder.
 * Fails: ERR_CONFIG with file, line and what is expected (unknown keys name the
 * nearest; values that mean nothing; two branches with one filestore or
 * database; folders inside one another; write-quorum above the number of
 * endpoints; no endpoint).
 */
struct settings *settings_read(const char *path, struct err *e) MUST_USE;
void settings_free(struct settings *s);
void settings_freep(struct settings **s);

/* The branch of that name. Fails: ERR_MISSING naming the known ones. */
const struct branch_settings *settings_branch(
    const struct settings *s, const char *name, struct err *e) MUST_USE;
/* The only production branch. Fails: ERR_USAGE when there is none or several.
 */
const struct branch_settings *settings_only_production(
    const struct settings *s, struct err *e) MUST_USE;
const char *stage_text(enum stage stage);
bool stage_parse(const char *text, enum stage *stage);

#endif
