/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow of a backup, read aloud: the senders start, the sources are read
 * one after the other, what was found is judged, the manifest is committed, and
 * the senders bring it to the endpoints. Up to the commit a failure leaves
 * nothing but packs in the spool, which the next backup uses.
 */
#include "backupd/backup.h"

#include <string.h>
#include <unistd.h>

#include "backupd/database.h"
#include "backupd/fence.h"
#include "backupd/files.h"
#include "backupd/judge.h"
#include "backupd/logs.h"
#include "backupd/run.h"
#include "backupd/stdin.h"
#include "backupd/zone.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stage.h"
#include "base/text.h"
#include "repository/catalog.h"
#include "retention/policy_log.h"

#define CLOCK_STEP_MOST_S 5 /* a clock that is further behind was set back */
#define NAP_MS		  50
#define HOST_TEXT	  256

struct flow {
	struct run run;
	const struct backup_conf *conf;
	struct manifest *m; /* the result's */
	struct previous previous;
	struct replicate *senders;
	struct fence *fence;
	struct database db;
	struct json *facts; /* until they are the manifest's */
	struct files_totals files;
	uint64_t missing_new;
};

static void
flow_free(struct flow *f)
{
	database_free(&f->db);
	/* Senders first: they end at once, whatever they wait for. */
	replicate_freep(&f->senders);
	fence_freep(&f->fence);
	ingest_freep(&f->run.in);
	previous_free(&f->previous);
	json_freep(&f->facts);
	run_free(&f->run);
}

int
backup_check(const struct backup_conf *conf, struct err *e)
{
	const struct manifest *m = NULL; /* for its sizes */
	const struct branch_settings *b = conf->branch;

	if (b->database == NULL && b->filestore == NULL && b->logs == NULL &&
	    conf->stdin_name == NULL)
		return (err_set(e, ERR_USAGE,
		    "branch %s has neither database, filestore nor logs, and there is no --stdin",
		    b->name));
	if (strlen(b->name) >= sizeof(m->branch) ||
	    strlen(conf->type) >= sizeof(m->type))
		return (err_set(e, ERR_USAGE,
		    "branch %s, type %s: a name is too long", b->name,
		    conf->type));
	if (conf->comment != NULL &&
	    strlen(conf->comment) >= sizeof(m->comment))
		return (err_set(e, ERR_USAGE,
		    "--comment: expected at most %zu bytes",
		    sizeof(m->comment) - 1));
	if (conf->comment != NULL && !text_is_plain(conf->comment))
		return (err_set(e, ERR_USAGE,
		    "--comment: expected one line of UTF-8 text"));
	if (conf->stdin_name == NULL)
		return (0);
	return (stdin_check_name(conf->stdin_name, e));
}

/* A branch's backups begin one after the other, by the second: retention
 * counts none that doesn't. */
static int
choose_start(struct flow *f, struct err *e)
{
	int64_t newest = f->previous.newest;

	while (
	    clock_now() <= newest && clock_now() > newest - CLOCK_STEP_MOST_S)
		if (clock_sleep_ms(NAP_MS, e) < 0)
			return (-1);
	f->m->started = clock_now();
	if (f->m->started <= newest)
		run_warn(&f->run,
		    "the clock says that this backup begins before the newest one of the branch: retention won't count it");
	return (0);
}

static int
begin(struct flow *f, struct repo *r, struct err *e)
{
	const struct branch_settings *b = f->conf->branch;

	if (backup_check(f->conf, e) < 0 ||
	    previous_read(r, b->name, &f->previous, e) < 0 ||
	    choose_start(f, e) < 0 || (f->run.in = ingest_open(r, e)) == NULL ||
	    (f->fence = fence_start(r, e)) == NULL ||
	    fence_check(f->fence, e) < 0)
		return (-1);
	f->senders = replicate_start(r, 0, REPLICATE_FROM_OTHERS, e);
	return (f->senders == NULL ? -1 : 0);
}

/* --- the sources, in the order of their recipes --- */

static int
read_database(struct flow *f, struct err *e)
{
	if (f->conf->branch->database == NULL)
		return (0);
	if (database_copy(&f->run, &f->db, f->facts, e) == 0)
		return (0);
	/* The operator's settings name it, so it is not a wrong name. */
	if (e->kind == ERR_MISSING)
		e->kind = ERR_DATABASE;
	return (-1);
}

static int
prove_files(struct flow *f, struct err *e)
{
	struct proof *p = &f->db.proof;

	stage_reached("files read");
	if (proof_end(p, e) < 0)
		return (-1);
	progress_total(f->run.progress, proof_bytes_there(p));
	if (files_add_deleted(&f->run, p, &f->files, e) < 0)
		return (-1);
	f->missing_new = proof_count_new(p, &f->previous);
	if (p->unasked.kind != ERR_NONE)
		run_warn(&f->run,
		    "nobody knows whether missing attachments were deleted while the backup ran: %s",
		    p->unasked.text);
	if (p->external > 0)
		run_warn(&f->run,
		    "%llu attachments are kept outside of the filestore by an add-on: they are not in this backup",
		    (unsigned long long)p->external);
	if (p->found > 0)
		run_warn(&f->run,
		    "%llu attachments were deleted while the backup ran, and taken from an earlier backup",
		    (unsigned long long)p->found);
	return (0);
}

static int
read_files(struct flow *f, struct err *e)
{
	if (f->conf->branch->filestore == NULL)
		return (0);
	if (files_copy(&f->run, &f->db.proof, &f->files, e) < 0 ||
	    prove_files(f, e) < 0)
		return (-1);
	return (ingest_cut_recipes(f->run.in, e));
}

static int
read_sources(struct flow *f, struct err *e)
{
	if (read_database(f, e) < 0 || fence_check(f->fence, e) < 0 ||
	    read_files(f, e) < 0)
		return (-1);
	database_release(&f->db);
	stage_reached("logs to be read");
	if (f->conf->branch->logs != NULL && logs_copy(&f->run, e) < 0)
		return (-1);
	if (f->conf->stdin_name != NULL && stdin_copy(&f->run, e) < 0)
		return (-1);
	return (run_check(&f->run, e));
}

/* --- what is said about it --- */

static void
add_source_facts(const struct flow *f, struct json *facts)
{
	const struct branch_settings *b = f->conf->branch;
	struct json *source = json_object();
	char host[HOST_TEXT] = "";

	(void)gethostname(host, sizeof(host) - 1);
	json_set_string(source, "database", f->db.name);
	json_set_string(source, "filestore", b->filestore);
	json_set_string(source, "logs", b->logs);
	json_set_string(source, "host", host);
	json_set(facts, "source", source);
}

static struct json *
count_files(const struct flow *f)
{
	struct json *j = json_object();

	json_set_integer(j, "count", (int64_t)f->files.count);
	json_set_integer(j, "new", (int64_t)f->files.fresh);
	json_set_integer(j, "bytes", (int64_t)f->files.bytes);
	return (j);
}

/* The byte and chunk counts are filled by ingest_commit. */
static struct json *
count(struct flow *f, const char *reason)
{
	struct json *j = json_object();
	struct ingest_totals totals;

	ingest_totals(f->run.in, &totals);
	json_set_integer(j, "seconds", f->m->finished - f->m->started);
	json_set_integer(j, "bytes_logical", (int64_t)totals.bytes_read);
	json_set(j, "database",
	    f->conf->branch->database != NULL ? database_counts(&f->db)
					      : json_null());
	json_set(j, "files", count_files(f));
	json_set(j, "attachments", proof_counts(&f->db.proof));
	json_set_string(j, "reason", *reason != '\0' ? reason : NULL);
	json_set(j, "warnings", json_ref(f->run.warnings));
	return (j);
}

static const char *
judge(struct flow *f, char reason[JUDGE_REASON])
{
	const struct proof *p = &f->db.proof;
	const struct judgement j = { .unreadable = f->run.unreadable,
		.worst = f->run.worst,
		.referenced = p->referenced,
		.missing = p->missing - p->found,
		.missing_new = f->missing_new,
		.deleted = p->deleted - p->found,
		.mismatched = p->mismatched,
		.is_accepted = f->conf->accept_missing };

	return (judge_state(&j, reason));
}

static void
fill_manifest(struct flow *f)
{
	struct manifest *m = f->m;
	const struct branch_settings *b = f->conf->branch;
	char reason[JUDGE_REASON];

	(void)snprintf(m->branch, sizeof(m->branch), "%s", b->name);
	(void)snprintf(m->stage, sizeof(m->stage), "%s", stage_text(b->stage));
	(void)snprintf(m->type, sizeof(m->type), "%s", f->conf->type);
	(void)snprintf(m->state, sizeof(m->state), "%s", judge(f, reason));
	(void)snprintf(m->comment, sizeof(m->comment), "%s",
	    f->conf->comment != NULL ? f->conf->comment : "");
	zone_of_branch(b, m->zone);
	m->finished = clock_now();
	if (reason[0] != '\0' && f->run.unreadable == 0)
		run_warn(&f->run, "%s", reason);
	add_source_facts(f, f->facts);
	json_set(f->facts, "attachments", proof_facts(&f->db.proof));
	m->counts = count(f, reason);
	m->facts = TAKE(f->facts);
}

/* What went from the filestore needn't be remembered any more. (After an
 * incomplete backup it may only be out of reach.) That it can't be forgotten
 * harms nobody. */
static void
forget_files(struct flow *f)
{
	const struct branch_settings *b = f->conf->branch;
	struct err why = ERR_INIT;

	if (b->filestore == NULL || strcmp(f->m->state, "incomplete") == 0)
		return;
	if (ingest_forget_others(f->run.in, b->name, &why) < 0)
		log_info("remembered files: %s", why.text);
}

static int
commit(struct flow *f, struct err *e)
{
	if (fence_wait(f->fence, e) < 0 ||
	    replicate_wait_known(f->senders, e) < 0 ||
	    policy_log_note(f->run.repo, POLICY_LOG_SEEN, e) < 0)
		return (-1);
	progress_phase(f->run.progress, "commit", 0);
	fill_manifest(f);
	stage_reached("backup to be committed");
	if (ingest_commit(f->run.in, f->m, e) < 0)
		return (-1);
	stage_reached("backup committed");
	forget_files(f);
	return (0);
}

/* --- after the commit --- */

/* At how many endpoints is it, and is that enough? */
static void
count_copies(
    const struct repo *r, const struct catalog *all, struct backup_result *out)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].m.id, out->m.id) == 0) {
			out->stored = all->v[i].stored;
			out->pending = all->v[i].pending;
		}
	for (size_t i = 0; i < r->nendpoints; i++)
		if (!out->reports[i].up_to_date)
			out->endpoint_behind = true;
}

static int
deliver(
    struct flow *f, struct repo *r, struct backup_result *out, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };

	out->pending = true;
	out->endpoint_behind = true;
	if (replicate_finish(f->senders, out->reports, e) < 0)
		return (err_within(e, "backup %s is in the spool", f->m->id));
	for (size_t i = 0; i < r->nendpoints; i++)
		if (out->reports[i].error.kind == ERR_TAKEN_OVER) {
			*e = out->reports[i].error;
			return (-1);
		}
	if (catalog_read(r, f->m->branch, &all, e) < 0)
		return (-1);
	out->pending = out->endpoint_behind = false;
	count_copies(r, &all, out);
	return (0);
}

int
backup_run(struct repo *r, const struct backup_conf *conf,
    struct backup_result *out, struct err *e)
{
	SCOPED(flow_free) struct flow f = { .conf = conf, .m = &out->m };

	*out = (struct backup_result){ .stored = 0 };
	manifest_init(&out->m);
	run_init(&f.run, r, conf);
	f.facts = json_object();
	if (begin(&f, r, e) < 0 || read_sources(&f, e) < 0 || commit(&f, e) < 0)
		return (-1);
	log_info(
	    "%s: backup %s is %s", conf->branch->name, out->m.id, out->m.state);
	return (deliver(&f, r, out, e));
}

void
backup_result_free(struct backup_result *b)
{
	manifest_free(&b->m);
}
