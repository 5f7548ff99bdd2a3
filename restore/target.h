/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server that a branch's database is on, seen from its maintenance
 * database: who we are there, what is there already, and the few commands on
 * whole databases that a restore is made of. One thread.
 */
#ifndef RESTORE_TARGET_H
#define RESTORE_TARGET_H

#include "base/pg.h"
#include "repository/settings.h"
#include "restore/remarks.h"

struct json;

#define TARGET_NAME_MAX 63 /* bytes of a name, as the server takes it */
#define TARGET_TEMPLATE "triplicate_template"

struct target {
	const struct branch_settings *branch;
	PGconn *c;	   /* the maintenance database */
	char *maintenance; /* its name */
	char *name;	   /* of the branch's database */
	char *role;	   /* ours */
	bool superuser, createdb;
	int major;
	/* the branch's database as it is */
	bool exists, open; /* open: it lets sessions in */
	bool ours;	   /* we are its owner, or a member of it */
	char *old_owner, *old_acl, *old_comment; /* or NULL */
	int old_limit;				 /* connections, -1 none */
	/* the role that the new one will belong to */
	char *owner;
};

/*
 * Connects, looks, and finds out whose the new database will be: the branch's
 * owner setting, else the owner of what is there, else ourselves.
 * Fails: ERR_DATABASE, ERR_DENIED, ERR_CONFIG (no such owner role).
 */
int target_open(struct target *t, const struct branch_settings *branch,
    struct err *e) MUST_USE;
/* After the connection was lost, for what is to be undone: another one. 0 when
 * it works still. */
int target_connect_again(struct target *t, struct err *e) MUST_USE;
void target_free(struct target *t); /* also for SCOPED */

/*
 * A production branch gets its source's owner back, unless the setting says
 * otherwise: when that role is there and ours to give to, it becomes the owner.
 * Fails: ERR_DATABASE.
 */
int target_take_owner(
    struct target *t, const char *source_owner, struct err *e) MUST_USE;

/* May what is there be replaced? Fails: ERR_REFUSED (another role's, unless
 * force), ERR_DENIED (we may not make databases). */
int target_check_rights(
    const struct target *t, bool force, struct err *e) MUST_USE;

/* A database's locale as the manifest's facts tell it. */
struct target_locale {
	const char *encoding, *collate, *ctype, *icu_locale;
	char provider; /* 'c', 'i', 'b' */
};
void target_locale_of(const struct json *facts, struct target_locale *out);

/* Is there a template that a superuser prepared for databases of this locale?
 */
int target_has_template(struct target *t, const struct target_locale *l,
    bool *has, struct err *e) MUST_USE;
/*
 * Makes an empty database. A locale that this server doesn't have is replaced
 * by the nearest, which is remarked.
 * Fails: ERR_DATABASE, ERR_DENIED, ERR_FULL.
 */
int target_create(struct target *t, const char *name,
    const struct target_locale *l, bool from_template, struct remarks *remarks,
    struct err *e) MUST_USE;
/* No session gets in any more. */
int target_shut(struct target *t, const char *name, struct err *e) MUST_USE;
int target_reopen(struct target *t, const char *name, struct err *e) MUST_USE;
/*
 * Ends all client sessions in a database but those of pids, and waits until
 * they are gone. Fails: ERR_DENIED when one isn't ours to end.
 */
int target_clear(struct target *t, const char *name, size_t npids,
    const int *pids, struct err *e) MUST_USE;
int target_drop(struct target *t, const char *name, struct err *e) MUST_USE;
int target_has_database(
    struct target *t, const char *name, bool *has, struct err *e) MUST_USE;

/* "NAME_replaced_20261122T023000Z", NAME cut so that it fits. */
void target_replaced_name(
    const char *name, int64_t when, char out[TARGET_NAME_MAX + 1]);
/* Is text such a name of a database called name? Tells when. */
bool target_parse_replaced(const char *text, const char *name, int64_t *when);
/*
 * In one transaction: the branch's database (when there is one) becomes
 * replaced, hidden takes its name and lets sessions in. Nobody may be connected
 * to either.
 */
int target_swap(struct target *t, const char *hidden, const char *replaced,
    int limit, struct err *e) MUST_USE;

#endif
