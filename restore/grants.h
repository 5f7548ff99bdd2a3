/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Privileges as pg_dump writes them, a statement each, and as pg_database keeps
 * them, without what would fail here because a role is not there. Pure.
 */
#ifndef RESTORE_GRANTS_H
#define RESTORE_GRANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct grants_conf {
	/* May privileges be given to, or taken from, this role? */
	bool (*knows)(const char *role, void *arg);
	/* A statement was left out because of this role. */
	void (*left_out)(const char *role, void *arg);
	void *arg;
	bool other_grantors; /* SET SESSION AUTHORIZATION is possible */
};

/* Appends the statements of an SQL text that can be run to out. */
void grants_filter(
    const char *sql, size_t n, const struct grants_conf *conf, struct buf *out);

/*
 * A database's ACL ("{=Tc/odoo,odoo=CTc/odoo}") as statements about database
 * name, appended to out; NULL (the default privileges) gives none. Where it
 * says old_owner, owner is meant.
 */
void grants_of_database(const char *acl, const char *name,
    const char *old_owner, const char *owner, const struct grants_conf *conf,
    struct buf *out);

/* One "name=value" of pg_db_role_setting as ALTER DATABASE name SET …, or with
 * role ALTER ROLE role IN DATABASE name SET …, appended to out. */
void grants_add_setting(
    const char *name, const char *role, const char *setting, struct buf *out);

#endif
