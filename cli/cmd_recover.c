/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate recover: a bare machine, one endpoint, and the restore key or a
 * passphrase; after it this machine lists, restores and verifies. What it
 * writes, it writes beside the new configuration, never over anything.
 */
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/passphrase.h"
#include "cli/write_conf.h"
#include "repository/audit_log.h"
#include "repository/endpoint.h"
#include "repository/recover.h"

#define TEXTS_MAX	10 /* of an endpoint that a URL names */
#define TIMEOUT_S	30 /* as in a configuration that doesn't say */
#define LOCK_DAYS	30
#define GIVE_UP_AFTER_S 60

/* What goes where, and the endpoints to read. Owns all of it. */
struct job {
	char *conf, *state, *agent_key, *restore_key;
	bool writes_restore_key;
	size_t n;
	struct endpoint_settings endpoints[SETTINGS_ENDPOINTS_MAX];
	char *owned[SETTINGS_ENDPOINTS_MAX * TEXTS_MAX]; /* of endpoints */
	size_t nowned;
	struct keys *keys;
	bool goes_on; /* with what a run left that was killed */
	bool wrote_conf, wrote_agent, wrote_restore;
};

static void
job_free(struct job *j)
{
	free(j->conf);
	free(j->state);
	free(j->agent_key);
	free(j->restore_key);
	for (size_t i = 0; i < j->nowned; i++)
		free(j->owned[i]);
	keys_free(j->keys);
}

static char *
own(struct job *j, char *text)
{
	if (text != NULL)
		j->owned[j->nowned++] = text;
	return (text);
}

/* Absolute, though the file need not be there yet. */
static char *
absolute(const char *path)
{
	char folder[4096];

	if (path == NULL)
		return (NULL);
	if (path[0] == '/')
		return (mem_string(path));
	if (getcwd(folder, sizeof(folder)) == NULL)
		return (mem_string(path));
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	return (file_join(folder, path));
}

/* --- where from --- */

/* A URL of the command line, with the credentials that stand beside it. */
static void
take_url(const struct cli *c, struct job *j, const char *url)
{
	struct endpoint_settings *p = &j->endpoints[j->n];

	p->name = own(
	    j, mem_printf("recovered%s%.0zu", j->n > 0 ? "-" : "", j->n));
	p->url = own(
	    j, strstr(url, ":/") != NULL ? mem_string(url) : absolute(url));
	p->user = own(j,
	    args_value(&c->args, "--user") != NULL
		? mem_string(args_value(&c->args, "--user"))
		: NULL);
	p->password_file = own(
	    j, absolute(args_value(&c->args, "--password-file")));
	p->identity = own(j, absolute(args_value(&c->args, "--identity")));
	p->known_hosts = own(
	    j, absolute(args_value(&c->args, "--known-hosts")));
	p->ca_file = own(j, absolute(args_value(&c->args, "--ca-file")));
	if (strncmp(url, "s3+", 3) == 0 &&
	    getenv("AWS_ACCESS_KEY_ID") != NULL) {
		p->access_key = own(j, mem_string(getenv("AWS_ACCESS_KEY_ID")));
		p->secret_key_env = own(j, mem_string("AWS_SECRET_ACCESS_KEY"));
	}
	p->timeout_s = TIMEOUT_S;
	p->lock_days = LOCK_DAYS;
	j->n++;
}

static int
fail_no_endpoint(const struct settings *s, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf known = BUF_INIT;

	for (size_t i = 0; i < s->nendpoints; i++)
		buf_printf(
		    &known, "%s%s", i == 0 ? "" : ", ", s->endpoints[i].name);
	(void)err_set(e, ERR_MISSING, "no endpoint '%s' in %s", name, s->path);
	return (err_hint(e, "known endpoints: %s", buf_text(&known)));
}

/* The endpoint of that name in the configuration given by -c. */
static int
take_named(struct cli *c, struct job *j, const char *name, struct err *e)
{
	if (cli_settings(c, e) < 0)
		return (err_within(e, "--from %s", name));
	for (size_t i = 0; i < c->settings->nendpoints; i++)
		if (strcmp(c->settings->endpoints[i].name, name) == 0) {
			j->endpoints[j->n++] = c->settings->endpoints[i];
			return (0);
		}
	return (fail_no_endpoint(c->settings, name, e));
}

static int
take_from(struct cli *c, struct job *j, const char *from, struct err *e)
{
	if (j->n == SETTINGS_ENDPOINTS_MAX)
		return (err_set(e, ERR_USAGE, "--from: too many endpoints"));
	if (strchr(from, '/') == NULL)
		return (take_named(c, j, from, e));
	take_url(c, j, from);
	return (0);
}

static int
take_sources(struct cli *c, struct job *j, struct err *e)
{
	const char *from;

	for (size_t i = 0; (from = args_nth(&c->args, "--from", i)) != NULL;
	     i++)
		if (take_from(c, j, from, e) < 0)
			return (-1);
	for (size_t i = 0; i < c->args.noperands; i++)
		if (take_from(c, j, c->args.operands[i], e) < 0)
			return (-1);
	if (j->n > 0)
		return (0);
	return (err_set(
	    e, ERR_USAGE, "recover: expected --from ENDPOINT or --from URL"));
}

/* --- where to --- */

/* found: NULL while it is not finished. */
static void
conf_text(
    const struct job *j, const struct recover_result *found, struct buf *text)
{
	struct write_conf w = { .state = j->state,
		.agent_key = j->agent_key,
		.restore_key = j->restore_key,
		.finished = found != NULL,
		.nendpoints = j->n,
		.endpoints = j->endpoints };

	if (found != NULL) {
		w.nbranches = found->nbranches;
		w.branches = (const char(*)[64])found->branches;
	}
	write_conf_text(&w, text);
}

/* A configuration that says that this very recovery had not finished, and that
 * nobody has touched since, is ours, and so is what it names. */
static void
look_for_unfinished(struct job *j)
{
	SCOPED(buf_free) struct buf ours = BUF_INIT, there = BUF_INIT;
	struct err why = ERR_INIT;

	conf_text(j, NULL, &ours);
	/* Longer, or not to be read: it is none of ours. */
	if (file_load(j->conf, ours.n, &there, &why) < 0)
		return;
	j->goes_on = there.n == ours.n && memcmp(there.p, ours.p, ours.n) == 0;
}

static int
must_be_free(const char *path, struct err *e)
{
	if (!file_exists(path))
		return (0);
	(void)err_set(e, ERR_REFUSED, "%s is there already", path);
	return (err_hint(e,
	    "if this machine was recovered before, go on with it; else move it "
	    "away, or choose another place with -o"));
}

static int
take_places(struct cli *c, struct job *j, struct err *e)
{
	const char *conf = args_value(&c->args, "-o");
	const char *key = args_value(&c->args, "--key");
	const char *state = args_value(&c->args, "--state");
	SCOPED(scope_free) char *copy = NULL;
	const char *folder;

	if (key != NULL && args_count(&c->args, "--passphrase-file") > 0)
		return (err_set(e, ERR_USAGE,
		    "recover: expected either --key FILE or --passphrase-file FILE"));
	j->conf = absolute(conf != NULL ? conf : "triplicate.conf");
	copy = mem_string(j->conf);
	folder = dirname(copy);
	j->state = state != NULL ? absolute(state) : file_join(folder, "state");
	j->agent_key = file_join(folder, "agent.key");
	if (key == NULL && !passphrase_is_at_hand(c) && c->settings != NULL &&
	    c->settings->restore_key != NULL)
		key = c->settings->restore_key;
	j->writes_restore_key = key == NULL;
	j->restore_key = key != NULL ? absolute(key)
				     : file_join(folder, "restore.key");
	look_for_unfinished(j);
	if (j->goes_on)
		return (recover_discard(j->state, e));
	if (must_be_free(j->conf, e) < 0 || must_be_free(j->agent_key, e) < 0 ||
	    (j->writes_restore_key && must_be_free(j->restore_key, e) < 0))
		return (-1);
	return (file_make_parent(j->conf, 0755, e));
}

/* --- keys --- */

static struct store *
open_store(const struct job *j, size_t i, struct err *e)
{
	return (endpoint_open_store(&j->endpoints[i], GIVE_UP_AFTER_S, e));
}

/*
 * A bucket with Object Lock is read past what was deleted or overwritten there,
 * for which it has to be opened as one. Not asked where a configuration says
 * what it is; the mode is the operator's to choose again.
 */
static void
find_out_locks(struct job *j, size_t i)
{
	struct endpoint_settings *p = &j->endpoints[i];
	struct err ignored = ERR_INIT;
	struct store_facts facts;
	SCOPED(store_freep) struct store *s = NULL;

	if (p->object_lock != NULL || strncmp(p->url, "s3+", 3) != 0 ||
	    (s = open_store(j, i, &ignored)) == NULL)
		return;
	if (store_facts(s, &facts, &ignored) == 0 && facts.locks == STORE_YES)
		p->object_lock = own(j, mem_string("governance"));
}

static int
open_keys(struct cli *c, struct job *j, struct store *s, struct err *e)
{
	SCOPED(secret_free) struct secret passphrase = SECRET_INIT;

	if (!j->writes_restore_key) {
		j->keys = keys_load_restore(j->restore_key, e);
	} else {
		if (passphrase_get(c, false, &passphrase, e) < 0) {
			if (e->kind == ERR_USAGE)
				(void)err_set(e, ERR_KEY,
				    "recover needs the restore key: --key FILE, or --passphrase-file FILE where a slot was made");
			return (e->hint[0] != '\0'
				? -1
				: err_hint(e,
				      "the paper kit that init printed holds the restore key, too"));
		}
		j->keys = recover_keys_by_passphrase(s, &passphrase, e);
	}
	if (j->keys == NULL)
		return (-1);
	return (recover_keys(s, j->keys, e));
}

/* The first endpoint that lets itself be opened. */
static int
open_any(struct cli *c, struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->n; i++)
		find_out_locks(j, i);
	for (size_t i = 0; i < j->n; i++) {
		SCOPED(store_freep) struct store *s = open_store(j, i, e);

		if (s != NULL && open_keys(c, j, s, e) == 0)
			return (0);
		if (e->kind == ERR_KEY || e->kind == ERR_STOPPED ||
		    i + 1 == j->n)
			return (-1);
		say_warning(c, "%s", e->text);
		err_clear(e);
		keys_freep(&j->keys);
	}
	return (-1);
}

/* --- the files of this machine --- */

/* First of all files, as the mark of what is not finished. */
static int
begin_conf(struct job *j, struct err *e)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;

	if (j->goes_on)
		return (0);
	conf_text(j, NULL, &text);
	if (file_save_new(j->conf, 0644, text.p, text.n, e) < 0)
		return (-1);
	j->wrote_conf = true;
	return (0);
}

/* Last of all. */
static int
finish_conf(struct job *j, const struct recover_result *found, struct err *e)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	SCOPED(scope_free) char *whole = mem_printf("%s.whole", j->conf);

	conf_text(j, found, &text);
	if (file_remove(whole, e) < 0 ||
	    file_save_new(whole, 0644, text.p, text.n, e) < 0 ||
	    file_rename(whole, j->conf, e) < 0)
		return (-1);
	return (file_sync_parent(j->conf, e));
}

/* Is a key file there that the killed run wrote? Another repository's is not
 * ours to pass over. */
static int
is_written(const struct job *j, const char *path,
    struct keys *(*load)(const char *, struct err *), bool *written,
    struct err *e)
{
	SCOPED(keys_freep) struct keys *k = NULL;

	*written = false;
	if (!j->goes_on || !file_exists(path))
		return (0);
	if ((k = load(path, e)) == NULL)
		return (-1);
	*written = memcmp(keys_repo(k), keys_repo(j->keys),
		       sizeof(struct repo_id)) == 0;
	return (*written ? 0 : must_be_free(path, e));
}

static int
write_files(struct job *j, struct err *e)
{
	bool written;

	if (begin_conf(j, e) < 0 ||
	    is_written(j, j->agent_key, keys_load_agent, &written, e) < 0 ||
	    (!written && keys_save_agent(j->keys, j->agent_key, e) < 0))
		return (-1);
	j->wrote_agent = !written;
	if (!j->writes_restore_key)
		return (0);
	if (is_written(j, j->restore_key, keys_load_restore, &written, e) < 0 ||
	    (!written && keys_save_restore(j->keys, j->restore_key, e) < 0))
		return (-1);
	j->wrote_restore = !written;
	return (0);
}

/* A recovery that failed leaves nothing that looks like one. */
static void
remove_files(const struct job *j)
{
	struct err ignored = ERR_INIT;

	if ((j->wrote_conf && file_remove(j->conf, &ignored) < 0) ||
	    (j->wrote_agent && file_remove(j->agent_key, &ignored) < 0) ||
	    (j->wrote_restore && file_remove(j->restore_key, &ignored) < 0))
		return;
}

/* --- the answer --- */

static void
answer(struct cli *c, const char *repository, const char *conf,
    const struct recover_result *found)
{
	struct json *j = json_object(), *audit = json_object();
	char head[65], since[CLOCK_TEXT];

	hex_of(found->audit_head.b, sizeof(found->audit_head.b), head);
	clock_text(found->writer_since, since);
	json_set_string(j, "repository", repository);
	json_set_integer(j, "epoch", found->epoch);
	json_set_string(j, "writer", found->writer_host);
	json_set_time(j, "writer_since", found->writer_since);
	json_set_integer(j, "backups", (int64_t)found->backups);
	json_set_string(
	    j, "newest", found->newest[0] != '\0' ? found->newest : NULL);
	json_set_integer(audit, "seq", (int64_t)found->audit_seq);
	json_set_string(audit, "head", head);
	json_set(j, "audit", audit);
	json_set_integer(j, "damaged", (int64_t)found->damaged);
	json_set_string(j, "config", conf);
	json_set(c->answer, "recover", j);
	say(c,
	    "repository %s: %" PRIu64 " backups, newest %s\n"
	    "  writer      epoch %" PRIu32 ", %s since %s\n"
	    "  audit head  entry %" PRIu64 ", %s\n"
	    "  configuration %s\n",
	    repository, found->backups,
	    found->newest[0] != '\0' ? found->newest : "none", found->epoch,
	    found->writer_host, since, found->audit_seq, head, conf);
	if (found->damaged > 0) {
		say_warning(c,
		    "%" PRIu64
		    " object%s could not be read; another endpoint may have the rest",
		    found->damaged, found->damaged == 1 ? "" : "s");
		cli_raise(c, EXIT_LOOK);
	}
}

/* --- the two ways to run --- */

static int
recover(struct cli *c, struct job *j, struct err *e)
{
	SCOPED(recover_result_free)
	struct recover_result found = { .epoch = 0 };
	SCOPED(settings_freep) struct settings *settings = NULL;
	bool wants_it = args_flag(&c->args, "--take-over");
	struct err why = ERR_INIT;
	char id[33];

	if (take_sources(c, j, e) < 0 || take_places(c, j, e) < 0 ||
	    open_any(c, j, e) < 0 || write_files(j, e) < 0 ||
	    (settings = settings_read(j->conf, e)) == NULL ||
	    recover_state(settings, j->keys, c->progress, &found, e) < 0)
		return (-1);
	/* A take-over that fails leaves what was recovered. */
	if (wants_it)
		(void)!recover_take_over(settings, &found, &why);
	if (finish_conf(j, &found, e) < 0)
		return (-1);
	j->wrote_conf = j->wrote_agent = j->wrote_restore = false;
	if (why.kind != ERR_NONE) {
		*e = why;
		return (-1);
	}
	keys_repo_text(j->keys, id);
	answer(c, id, j->conf, &found);
	if (!args_flag(&c->args, "--take-over"))
		say(c,
		    "  read-only until: triplicate -c %s recover --take-over\n",
		    j->conf);
	return (0);
}

/* What this machine knows of the repository that it took over. */
static int
look_at_state(
    struct cli *c, struct recover_result *found, char id[33], struct err *e)
{
	SCOPED(repo_freep)
	struct repo *r = repo_open(c->settings, REPO_READ, 0, e);
	SCOPED(catalog_free) struct catalog all = { .n = 0 };

	if (r == NULL || catalog_read(r, NULL, &all, e) < 0 ||
	    audit_log_head(r, &found->audit_seq, &found->audit_head, e) < 0)
		return (-1);
	found->backups = all.n;
	if (all.n > 0)
		memcpy(found->newest, all.v[0].m.id, sizeof(found->newest));
	keys_repo_text(r->keys, id);
	return (0);
}

/* In a repository that was recovered before. */
static int
take_over(struct cli *c, struct err *e)
{
	SCOPED(recover_result_free)
	struct recover_result found = { .epoch = 0 };
	char id[33];

	if (cli_settings(c, e) < 0 ||
	    recover_take_over(c->settings, &found, e) < 0 ||
	    look_at_state(c, &found, id, e) < 0)
		return (-1);
	answer(c, id, c->settings->path, &found);
	return (0);
}

static int
run(struct cli *c, struct err *e)
{
	struct job j = { .n = 0 };
	int rc;

	c->answer = json_object();
	if (args_flag(&c->args, "--take-over") &&
	    args_count(&c->args, "--from") == 0)
		return (take_over(c, e));
	rc = recover(c, &j, e);
	if (rc < 0)
		remove_files(&j);
	job_free(&j);
	return (rc);
}

static const struct args_option options[] = { { "--from", "ENDPOINT|URL…" },
	{ "--key", "FILE" }, { "--passphrase-file", "FILE" },
	{ "--state", "DIR" }, { "-o", "CONF" }, { "--take-over", NULL },
	{ "--user", "NAME" }, { "--password-file", "FILE" },
	{ "--identity", "FILE" }, { "--known-hosts", "FILE" },
	{ "--ca-file", "FILE" }, { NULL, NULL } };

const struct command cmd_recover = { "recover",
	"--from ENDPOINT|URL… [--key FILE|--passphrase-file F] [--state DIR] [-o CONF] [--take-over]",
	"on a bare machine: reads one endpoint and rebuilds this machine's state\n"
	"The result is read-only (list, restore, verify) until --take-over makes\n"
	"this machine the writer, and stops the one that was.",
	options, 0, SETTINGS_ENDPOINTS_MAX, run };
