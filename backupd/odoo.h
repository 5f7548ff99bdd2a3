/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes a database one of Odoo's: its module list, and where its
 * attachments are named. Found in any schema; a database without it is backed
 * up just the same.
 */
#ifndef BACKUPD_ODOO_H
#define BACKUPD_ODOO_H

#include "base/json.h"
#include "base/pg.h"

struct odoo {
	bool is_there;	      /* ir_module_module can be read */
	bool has_attachments; /* ir_attachment can be read whole */
	char *schema;	      /* of both; owned, or NULL */
	char version[24];     /* "17.0", "saas~17.2", or "" */
	unsigned major;	      /* 17, or 0 when not known */
};

/* Fails only when the server does: ERR_DATABASE, ERR_STOPPED. */
int odoo_find(PGconn *c, struct odoo *out, struct err *e) MUST_USE;
void odoo_free(struct odoo *o); /* also a SCOPED releaser */
/* The manifest's facts of Odoo, or JSON null; NULL after failure. */
struct json *odoo_facts(
    PGconn *c, const struct odoo *o, struct err *e) MUST_USE;

/* "17.0" out of "17.0.1.3", "saas~17.2" out of "saas~17.2.1.0". */
bool odoo_parse_version(
    const char *text, char *version, size_t size, unsigned *major);

#endif
