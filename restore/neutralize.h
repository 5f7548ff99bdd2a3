/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A production database becomes one that can reach nobody: rules as data
 * (conf/neutralize) are applied in one transaction, then a proof looks at what
 * is there, then what looks like a credential and is known to no rule is
 * listed. A database without an Odoo gets the PostgreSQL part alone.
 * docs/neutralization.md says what each rule prevents.
 */
#ifndef RESTORE_NEUTRALIZE_H
#define RESTORE_NEUTRALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pg.h"

struct json;

struct neutralize_conf {
	const char *mail_catcher; /* host:port; NULL: mail leads nowhere */
	const char *base_url;	  /* NULL: http://localhost:8069 */
	const char *addons_path;  /* comma list; NULL: no modules' own SQL */
	/* Of the backup, to prove that they are others now; or NULL. */
	const char *source_uuid;
	const char *source_secret;
	const char *source_base_url;
};

enum neutralize_state {
	NEUTRALIZE_ABSENT, /* nothing in this database for it */
	NEUTRALIZE_APPLIED,
	NEUTRALIZE_FAILED
};

struct neutralize_rule {
	char *name;
	enum neutralize_state state;
	int64_t rows;  /* really changed */
	char *message; /* why it failed, or NULL */
};

struct neutralize_check {
	char *name;
	bool ok;
	int64_t found; /* how many things speak against it */
	char *detail;  /* which, or NULL; never values */
};

/* A filled column, or system parameter, that looks like a credential. */
struct neutralize_unknown {
	char *module; /* "" when nobody claims it */
	char *table;
	char *column; /* of ir_config_parameter: the key */
	int64_t count;
};

/* Owns everything in it. */
struct neutralize_report {
	struct neutralize_rule *rules;
	size_t nrules;
	struct neutralize_check *proof;
	size_t nproof;
	struct neutralize_unknown *unknown;
	size_t nunknown;
	char **warnings;
	size_t nwarnings;
};

#define NEUTRALIZE_REPORT_INIT                                                 \
	{                                                                      \
		.nrules = 0                                                    \
	}

void neutralize_report_init(struct neutralize_report *r);
void neutralize_report_free(struct neutralize_report *r); /* empty after it */
/* {"rules":[…],"proof":[…],"unknown_modules":[…]} as in CLI.md. */
struct json *neutralize_report_json(const struct neutralize_report *r);
/* True when there was a proof and all of it held. */
bool neutralize_report_ok(const struct neutralize_report *r);

/*
 * Applies all rules in one transaction of its own on c, which must be in none.
 * Done again, it changes nothing. out->rules and out->warnings are filled.
 * Fails: ERR_REFUSED, naming the rule and the cause, when a "must" rule fails;
 * ERR_CONFIG for a bad mail_catcher; ERR_DATABASE; ERR_STOPPED.
 * After failure: the database is as it was, unless a module's own script ended
 * the transaction (then it must not be used); out tells how far it came.
 */
int neutralize_run(PGconn *c, const struct neutralize_conf *conf,
    struct neutralize_report *out, struct err *e) MUST_USE;
/*
 * Looks, in a read-only transaction, whether the database is neutralized, and
 * fills out->proof and out->unknown (replacing earlier ones); warnings are
 * added. conf must say what it said to neutralize_run.
 * Fails: ERR_REFUSED naming the checks that failed; ERR_CONFIG, ERR_DATABASE.
 * After failure: with ERR_REFUSED the report is complete.
 */
int neutralize_prove(PGconn *c, const struct neutralize_conf *conf,
    struct neutralize_report *out, struct err *e) MUST_USE;

/*
 * Whether an entry of an archive's list (one line of pg_restore -l) must be
 * left out, because it would connect to other servers as soon as it is made:
 * 1 with the reason in words in *reason (static), else 0. Pure.
 */
int neutralize_filter_entry(const char *line, const char **reason);

#endif
