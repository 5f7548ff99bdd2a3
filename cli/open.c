/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The repository for a command. Whoever may write also settles what a restore
 * that was killed left behind: its branch may be shut, which a backup of it
 * would run into, and nobody may come to restore again.
 */
#include "base/log.h"
#include "cli/cli.h"
#include "repository/repo.h"
#include "restore/restore.h"

struct repo *
cli_open_writer(struct cli *c, unsigned flags, struct err *e)
{
	SCOPED(repo_freep)
	struct repo *r = repo_open(c->settings, REPO_WRITE, flags, e);
	struct err why = ERR_INIT;

	if (r == NULL)
		return (NULL);
	r->progress = c->progress;
	if (restore_cleanup(r, &why) == 0)
		return (TAKE(r));
	if (why.kind == ERR_STOPPED) {
		*e = why;
		return (NULL);
	}
	log_warning("interrupted restores are left for later: %s", why.text);
	return (TAKE(r));
}
