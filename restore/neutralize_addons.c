/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module's script is looked up where Odoo would find the module: in the
 * first folder of the addons path that has it. Only a plain file inside that
 * folder counts, whatever links stand on the way.
 */
#include "restore/neutralize_addons.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "restore/neutralize_report.h"

static bool
is_module_name(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '_')
			return (false);
	return (*name != '\0');
}

/* One folder of the path, without blanks around it; allocated, or NULL at the
 * end. */
static char *
next_folder(const char **path)
{
	const char *start = *path;
	size_t n;

	start += strspn(start, " \t,");
	if (*start == '\0')
		return (NULL);
	n = strcspn(start, ",");
	*path = start + n;
	while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\t'))
		n--;
	return (mem_printf("%.*s", (int)n, start));
}

/*
 * The real place of folder/module/data/neutralize.sql, allocated, when it is
 * inside the folder. NULL with ERR_MISSING when there is none, with
 * ERR_REFUSED when it leads out.
 */
static char *
script_place(const char *folder, const char *module, struct err *e)
{
	SCOPED(scope_free)
	char *path = mem_printf("%s/%s/data/neutralize.sql", folder, module);
	SCOPED(scope_free) char *home = realpath(folder, NULL);
	SCOPED(scope_free) char *real = realpath(path, NULL);
	size_t n = home != NULL ? strlen(home) : 0;

	if (home == NULL || real == NULL) {
		(void)err_errno(e, "%s", path);
		return (NULL);
	}
	if (strncmp(real, home, n) != 0 || real[n] != '/') {
		(void)err_set(e, ERR_REFUSED, "%s leads out of %s", path, home);
		return (NULL);
	}
	return (TAKE(real));
}

static int
load_from(
    const char *folder, const char *module, struct buf *sql, struct err *e)
{
	SCOPED(scope_free) char *place = script_place(folder, module, e);
	struct stat st;

	if (place == NULL || file_stat(place, &st, e) < 0)
		return (-1);
	if (!S_ISREG(st.st_mode))
		return (err_set(e, ERR_REFUSED, "%s is no plain file", place));
	return (file_load(place, NEUTRALIZE_SQL_MAX, sql, e));
}

/* Fails: ERR_MISSING when the module has no script, which is normal. */
static int
load_script(
    const char *addons_path, const char *module, struct buf *sql, struct err *e)
{
	for (;;) {
		SCOPED(scope_free) char *folder = next_folder(&addons_path);
		SCOPED(scope_free) char *home = NULL;
		struct stat st;

		if (folder == NULL)
			return (err_set(e, ERR_MISSING, "no such module"));
		home = file_join(folder, module);
		if (stat(home, &st) == 0 && S_ISDIR(st.st_mode))
			return (load_from(folder, module, sql, e));
	}
}

/* Rows that the transaction has changed so far, whoever counted them. */
static int
changed_so_far(struct neutralize_job *job, int64_t *rows, struct err *e)
{
	return (neutralize_job_count(job,
	    "SELECT COALESCE(pg_catalog.sum(n_tup_ins + n_tup_upd + n_tup_del),"
	    " 0) FROM pg_catalog.pg_stat_xact_user_tables",
	    rows, 1, e));
}

/* Names in the script are found in Odoo's schema, as Odoo finds them. */
static int
run_in_schema(struct neutralize_job *job, const char *schema, const char *sql,
    struct err *e)
{
	SCOPED(buf_free) struct buf path = BUF_INIT;

	buf_add_string(&path, "SET LOCAL search_path = ");
	pg_add_name(&path, schema);
	if (pg_exec(job->c, e, "%s", buf_text(&path)) < 0 ||
	    pg_exec(job->c, e, "%s", sql) < 0)
		return (-1);
	return (pg_exec(job->c, e, "RESET ROLE; SET LOCAL search_path = ''"));
}

/* Fails: ERR_REFUSED when this is not the transaction any more that has the
 * given number. */
static int
check_transaction(
    struct neutralize_job *job, const char *name, int64_t number, struct err *e)
{
	int64_t now = 0;

	if (PQtransactionStatus(job->c) == PQTRANS_INTRANS &&
	    neutralize_job_count(
		job, "SELECT pg_catalog.txid_current()", &now, 1, e) < 0)
		return (-1);
	if (now != number)
		return (err_set(e, ERR_REFUSED,
		    "%s ended the transaction that it ran in", name));
	return (0);
}

/* One script, in a savepoint. Fails only when the whole run must end. */
static int
run_script(struct neutralize_job *job, const char *schema, const char *name,
    const char *sql, struct err *e)
{
	struct neutralize_rule *rule = neutralize_report_rule(job->out, name);
	struct err cause = ERR_INIT;
	int64_t number, before, after;
	bool failed;

	if (neutralize_job_count(
		job, "SELECT pg_catalog.txid_current()", &number, 1, e) < 0 ||
	    changed_so_far(job, &before, e) < 0 ||
	    neutralize_job_mark(job, e) < 0)
		return (-1);
	failed = run_in_schema(job, schema, sql, &cause) < 0;
	if (failed && neutralize_job_is_over(job, &cause)) {
		*e = cause;
		return (-1);
	}
	if ((failed ? neutralize_job_forget(job, e)
		    : neutralize_job_keep(job, e)) < 0 ||
	    check_transaction(job, name, number, e) < 0)
		return (err_set(e, ERR_REFUSED,
		    "%s ended the transaction that it ran in", name));
	if (failed) {
		neutralize_report_outcome(
		    rule, NEUTRALIZE_FAILED, 0, cause.text);
		neutralize_report_warn(
		    job->out, "%s failed: %s", name, cause.text);
		return (0);
	}
	if (changed_so_far(job, &after, e) < 0)
		return (-1);
	neutralize_report_outcome(
	    rule, NEUTRALIZE_APPLIED, after - before, NULL);
	return (0);
}

int
neutralize_addons_run(struct neutralize_job *job,
    const struct neutralize_odoo *odoo, struct err *e)
{
	for (size_t i = 0; i < odoo->modules.n; i++) {
		const char *module = odoo->modules.p[i];
		SCOPED(buf_free) struct buf sql = BUF_INIT;
		SCOPED(scope_free) char *name = NULL;
		struct err cause = ERR_INIT;

		if (!is_module_name(module))
			continue;
		name = mem_printf("odoo:%s", module);
		if (load_script(job->conf->addons_path, module, &sql, &cause) ==
		    0) {
			if (run_script(
				job, odoo->schema, name, buf_text(&sql), e) < 0)
				return (-1);
		} else if (cause.kind != ERR_MISSING) {
			neutralize_report_outcome(
			    neutralize_report_rule(job->out, name),
			    NEUTRALIZE_FAILED, 0, cause.text);
			neutralize_report_warn(
			    job->out, "%s not run: %s", name, cause.text);
		}
	}
	return (0);
}
