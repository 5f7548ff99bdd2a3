/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Neutralization of a staging database where it is.
 */
#include "base/pg.h"
#include "restore/neutralize.h"
#include "restore/restore.h"

int
restore_neutralize_branch(const struct branch_settings *branch, bool check_only,
    struct neutralize_report *report, struct err *e)
{
	const struct neutralize_conf conf = {
		.mail_catcher = branch->mail_catcher,
		.base_url = branch->base_url,
		.addons_path = branch->addons_path,
	};
	SCOPED(pg_closep) PGconn *c = NULL;

	neutralize_report_init(report);
	if (branch->stage == STAGE_PRODUCTION)
		return (err_set(e, ERR_REFUSED,
		    "branch %s is a production branch: it is never neutralized",
		    branch->name));
	if (branch->database == NULL)
		return (err_set(
		    e, ERR_USAGE, "branch %s has no database", branch->name));
	if ((c = pg_connect(branch->database, NULL, e)) == NULL) {
		/* It is a failure, not a wrong name. */
		if (e->kind == ERR_MISSING)
			e->kind = ERR_DATABASE;
		return (err_within(e, "branch %s", branch->name));
	}
	if (!check_only && neutralize_run(c, &conf, report, e) < 0)
		return (-1);
	return (neutralize_prove(c, &conf, report, e));
}
