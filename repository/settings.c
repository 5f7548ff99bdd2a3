/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration file flows in, typed settings flow out. Each section has one
 * table of its keys, from which both the list of known keys and the filling of
 * the struct are made, so that no key can be known and not read. Whatever
 * contradicts itself is found here, before anything is opened.
 */
#include "repository/settings.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/file.h"
#include "base/pg.h"
#include "repository/format.h"
#include "repository/settings_check.h"
#include "repository/settings_value.h"
#include "storage-drivers/url.h"

#define GIB	       ((uint64_t)1 << 30)
#define NAME_MAX_      63
#define SPOOL_LEAST    ((uint64_t)PACK_MAX) /* else no pack fits */
#define SPOOL_EXPECTED "a size of at least 32M, which is the largest pack"
#define MEMORY_MOST    ((uint64_t)1 << 40)
#define REMOVAL_MOST   9999

/* What a key's text becomes. A PATH, and each of PATHS (joined by commas), is
 * relative to the file's folder. */
enum shape { TEXT, PATH, PATHS, URL, SIZE, DURATION, ELSEWHERE };

struct key {
	const char *name;
	enum shape shape;
	size_t offset; /* in the section's struct; unused for ELSEWHERE */
};

#define REPO(field)   offsetof(struct settings, field)
#define END_(field)   offsetof(struct endpoint_settings, field)
#define BRANCH(field) offsetof(struct branch_settings, field)

static const struct key repository_keys[] = {
	{ "state", PATH, REPO(state) },
	{ "agent-key", PATH, REPO(agent_key) },
	{ "restore-key", PATH, REPO(restore_key) },
	{ "give-up-after", DURATION, REPO(give_up_after_s) },
	{ "prune-grace", DURATION, REPO(prune_grace_s) },
	{ "yield-to-ddl", DURATION, REPO(yield_to_ddl_s) },
	{ "spool-limit", SIZE, REPO(spool_limit) },
	{ "memory", SIZE, REPO(memory) },
	{ "write-quorum", ELSEWHERE, 0 },
	{ "base-cache", ELSEWHERE, 0 },
	{ "restore-cache", ELSEWHERE, 0 },
	{ "lock-days", ELSEWHERE, 0 },
	{ "removal-limit", ELSEWHERE, 0 },
	{ "removal-floor", ELSEWHERE, 0 },
	{ "repack-limit", ELSEWHERE, 0 },
	{ "compression", ELSEWHERE, 0 },
	{ "jobs", ELSEWHERE, 0 },
	{ NULL, ELSEWHERE, 0 },
};
static const struct key endpoint_keys[] = {
	{ "url", URL, END_(url) },
	{ "region", TEXT, END_(region) },
	{ "access-key", TEXT, END_(access_key) },
	{ "secret-key-file", PATH, END_(secret_key_file) },
	{ "secret-key-env", TEXT, END_(secret_key_env) },
	{ "session-token-file", PATH, END_(session_token_file) },
	{ "addressing", TEXT, END_(addressing) },
	{ "identity", PATH, END_(identity) },
	{ "known-hosts", PATH, END_(known_hosts) },
	{ "host-key", TEXT, END_(host_key) },
	{ "user", TEXT, END_(user) },
	{ "password-file", PATH, END_(password_file) },
	{ "ca-file", PATH, END_(ca_file) },
	{ "delete-access-key", TEXT, END_(delete_access_key) },
	{ "delete-secret-key-file", PATH, END_(delete_secret_key_file) },
	{ "delete-identity", PATH, END_(delete_identity) },
	{ "delete-user", TEXT, END_(delete_user) },
	{ "delete-password-file", PATH, END_(delete_password_file) },
	{ "object-lock", TEXT, END_(object_lock) },
	{ "upload-limit", ELSEWHERE, 0 },
	{ "timeout", ELSEWHERE, 0 },
	{ NULL, ELSEWHERE, 0 },
};
static const struct key branch_keys[] = {
	{ "database", TEXT, BRANCH(database) },
	{ "filestore", PATH, BRANCH(filestore) },
	{ "logs", PATHS, BRANCH(logs) },
	{ "schedule", TEXT, BRANCH(schedule) },
	{ "zone", TEXT, BRANCH(zone) },
	{ "keep", TEXT, BRANCH(keep) },
	{ "addons-path", PATHS, BRANCH(addons_path) },
	{ "maintenance-database", TEXT, BRANCH(maintenance_database) },
	{ "owner", TEXT, BRANCH(owner) },
	{ "keep-replaced", TEXT, BRANCH(keep_replaced) },
	{ "base-url", TEXT, BRANCH(base_url) },
	{ "mail-catcher", TEXT, BRANCH(mail_catcher) },
	{ "drill", TEXT, BRANCH(drill) },
	{ "keep-within", DURATION, BRANCH(keep_within_s) },
	{ "keep-manual", DURATION, BRANCH(keep_manual_s) },
	{ "keep-update", DURATION, BRANCH(keep_update_s) },
	{ "keep-pre-restore", DURATION, BRANCH(keep_pre_restore_s) },
	{ "keep-pre-upgrade", DURATION, BRANCH(keep_pre_upgrade_s) },
	{ "jitter", DURATION, BRANCH(jitter_s) },
	{ "stage", ELSEWHERE, 0 },
	{ NULL, ELSEWHERE, 0 },
};
/* Read by the daemon; known here so that one file serves both programs. */
static const struct key web_keys[] = {
	{ "listen", ELSEWHERE, 0 },
	{ "users", ELSEWHERE, 0 },
	{ "certificate", ELSEWHERE, 0 },
	{ "private-key", ELSEWHERE, 0 },
	{ NULL, ELSEWHERE, 0 },
};
static const struct key notify_keys[] = {
	{ "on-failure", ELSEWHERE, 0 },
	{ "heartbeat", ELSEWHERE, 0 },
	{ NULL, ELSEWHERE, 0 },
};

static const struct {
	const char *kind;
	bool named;
	const struct key *keys;
} sections[] = {
	{ "repository", false, repository_keys },
	{ "endpoint", true, endpoint_keys },
	{ "branch", true, branch_keys },
	{ "web", false, web_keys },
	{ "notify", false, notify_keys },
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))
#define KEYS_MAX 24

/* What is read while the struct is filled. */
struct reading {
	const struct conf *conf;
	const char *folder; /* of the file */
};

static struct conf *
read_conf(const char *path, struct err *e)
{
	const char *names[SECTIONS][KEYS_MAX + 1] = { { NULL } };
	struct conf_section_def known[SECTIONS + 1] = { { NULL, false, NULL } };

	for (size_t i = 0; i < SECTIONS; i++) {
		size_t n = 0;

		for (; n < KEYS_MAX && sections[i].keys[n].name != NULL; n++)
			names[i][n] = sections[i].keys[n].name;
		known[i].kind = sections[i].kind;
		known[i].named = sections[i].named;
		known[i].keys = names[i];
	}
	return (conf_read(path, known, e));
}

static char *
absolute(const char *folder, const char *path)
{
	return (path[0] == '/' ? mem_string(path) : file_join(folder, path));
}

/* A local endpoint may be given as a path relative to the file's folder. */
static char *
absolute_url(const char *folder, const char *url)
{
	return (strstr(url, ":/") != NULL ? mem_string(url)
					  : absolute(folder, url));
}

/* Each of a list that commas join. */
static char *
absolute_list(const char *folder, const char *list)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;
	size_t n;

	while (*(list += strspn(list, ", \t")) != '\0') {
		SCOPED(scope_free) char *one = NULL, *path = NULL;

		n = strcspn(list, ",");
		one = mem_printf("%.*s", (int)n, list);
		list += n;
		while (n > 0 && (one[n - 1] == ' ' || one[n - 1] == '\t'))
			one[--n] = '\0';
		path = absolute(folder, one);
		buf_printf(&out, "%s%s", out.n > 0 ? ", " : "", path);
	}
	return (mem_string(buf_text(&out)));
}

/* Is the key's value, where it is given, one that it takes? */
static int
check_key(const struct reading *in, size_t section, const struct key *key,
    struct err *e)
{
	const char *text = conf_get(in->conf, section, key->name), *expected;

	if (text == NULL)
		return (0);
	if (*text == '\0')
		return (conf_bad(in->conf, section, key->name, "a value", e));
	if (!settings_value_is_good(key->name, text, &expected))
		return (conf_bad(in->conf, section, key->name, expected, e));
	return (0);
}

static int
fill_key(const struct reading *in, size_t section, const struct key *key,
    void *target, struct err *e)
{
	const char *text = conf_get(in->conf, section, key->name);
	char *field = (char *)target + key->offset;

	if (check_key(in, section, key, e) < 0)
		return (-1);
	if (text == NULL || key->shape == ELSEWHERE)
		return (0);
	switch (key->shape) {
	case TEXT: *(char **)(void *)field = mem_string(text); return (0);
	case PATH:
		*(char **)(void *)field = absolute(in->folder, text);
		return (0);
	case PATHS:
		*(char **)(void *)field = absolute_list(in->folder, text);
		return (0);
	case URL:
		*(char **)(void *)field = absolute_url(in->folder, text);
		return (0);
	case SIZE:
		return (conf_get_size(in->conf, section, key->name,
		    (uint64_t *)(void *)field, e));
	case DURATION:
		return (conf_get_duration(in->conf, section, key->name,
		    (uint64_t *)(void *)field, e));
	case ELSEWHERE: break;
	}
	return (0);
}

static int
fill_keys(const struct reading *in, size_t section, const struct key *keys,
    void *target, struct err *e)
{
	for (; keys->name != NULL; keys++)
		if (fill_key(in, section, keys, target, e) < 0)
			return (-1);
	return (0);
}

/* Those that another program reads. */
static int
check_keys(const struct reading *in, size_t section, const struct key *keys,
    struct err *e)
{
	for (; keys->name != NULL; keys++)
		if (check_key(in, section, keys, e) < 0)
			return (-1);
	return (0);
}

static bool
name_is_good(const char *name)
{
	size_t n = strlen(name);

	return (n > 0 && n <= NAME_MAX_ && name[0] != '.' && name[0] != '-' &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._-") == n);
}

/* Names of endpoints and branches appear in paths, JSON keys and messages. */
static int
check_name(const struct reading *in, size_t section, struct err *e)
{
	const char *name = conf_section_name(in->conf, section);

	if (name_is_good(name))
		return (0);
	return (err_set(e, ERR_CONFIG,
	    "%s:%u: [%s %s]: expected a name of 1-%d letters, digits, '.', '_' or '-'",
	    conf_path(in->conf), conf_section_line(in->conf, section),
	    conf_section_kind(in->conf, section), name, NAME_MAX_));
}

static int
fill_limit(const struct reading *in, size_t section,
    struct endpoint_settings *p, struct err *e)
{
	const char *text = conf_get(in->conf, section, "upload-limit");

	if (text == NULL || rate_parse(text, &p->upload_limit))
		return (0);
	return (conf_bad(in->conf, section, "upload-limit", RATE_EXPECTED, e));
}

static int
fill_endpoint(
    const struct reading *in, size_t section, struct settings *s, struct err *e)
{
	struct endpoint_settings *p;
	uint64_t timeout = 30;

	if (check_name(in, section, e) < 0)
		return (-1);
	if (s->nendpoints == SETTINGS_ENDPOINTS_MAX)
		return (err_set(e, ERR_CONFIG, "%s:%u: more than %d endpoints",
		    conf_path(in->conf), conf_section_line(in->conf, section),
		    SETTINGS_ENDPOINTS_MAX));
	p = &s->endpoints[s->nendpoints++];
	p->name = mem_string(conf_section_name(in->conf, section));
	p->line = conf_line(in->conf, section, "url");
	if (fill_keys(in, section, endpoint_keys, p, e) < 0 ||
	    conf_get_duration(in->conf, section, "timeout", &timeout, e) < 0)
		return (-1);
	if (p->url == NULL)
		return (err_set(e, ERR_CONFIG,
		    "%s:%u: [endpoint %s] has no url: expected url = s3+https://…, sftp://…, davs://… or /a/folder",
		    conf_path(in->conf), conf_section_line(in->conf, section),
		    p->name));
	if (url_check(p->url, e) < 0)
		return (err_within(e, "%s:%u: [endpoint %s]",
		    conf_path(in->conf), p->line, p->name));
	if (timeout == 0 || timeout > 3600)
		return (conf_bad(in->conf, section, "timeout", "1s to 1h", e));
	p->timeout_s = (unsigned)timeout;
	return (fill_limit(in, section, p, e));
}

/* Where the branch's database is. */
static int
find_place(const struct reading *in, size_t section, struct branch_settings *b,
    struct err *e)
{
	if (b->database == NULL ||
	    (b->place = pg_place_of(b->database, e)) != NULL)
		return (0);
	return (
	    err_within(e, "%s:%u: [branch %s]: database", conf_path(in->conf),
		conf_line(in->conf, section, "database"), b->name));
}

static int
fill_branch(
    const struct reading *in, size_t section, struct settings *s, struct err *e)
{
	struct branch_settings *b;
	const char *stage = conf_get(in->conf, section, "stage");

	if (check_name(in, section, e) < 0)
		return (-1);
	if (s->nbranches == SETTINGS_BRANCHES_MAX)
		return (err_set(e, ERR_CONFIG, "%s:%u: more than %d branches",
		    conf_path(in->conf), conf_section_line(in->conf, section),
		    SETTINGS_BRANCHES_MAX));
	b = &s->branches[s->nbranches++];
	b->name = mem_string(conf_section_name(in->conf, section));
	b->line = conf_section_line(in->conf, section);
	b->keep_manual_s = SETTINGS_KEEP_MANUAL_S;
	b->keep_update_s = SETTINGS_KEEP_UPDATE_S;
	b->keep_pre_restore_s = SETTINGS_KEEP_PRE_RESTORE_S;
	b->keep_pre_upgrade_s = SETTINGS_KEEP_PRE_UPGRADE_S;
	if (stage == NULL)
		return (err_set(e, ERR_CONFIG,
		    "%s:%u: [branch %s] has no stage: expected stage = production, staging or development",
		    conf_path(in->conf), b->line, b->name));
	if (!stage_parse(stage, &b->stage))
		return (conf_bad(in->conf, section, "stage",
		    "production, staging or development", e));
	if (fill_keys(in, section, branch_keys, b, e) < 0)
		return (-1);
	return (find_place(in, section, b, e));
}

/* "10%" or "10 %", and nothing else. */
static bool
is_percent(const char *text, unsigned least, unsigned most, unsigned *out)
{
	size_t digits = strspn(text, "0123456789");
	const char *rest = text + digits;

	if (digits == 0 || digits > 3)
		return (false);
	*out = (unsigned)strtoul(text, NULL, 10);
	rest += strspn(rest, " \t");
	return (strcmp(rest, "%") == 0 && *out >= least && *out <= most);
}

/* "10%" or a size. */
static int
fill_restore_cache(
    const struct reading *in, size_t section, struct settings *s, struct err *e)
{
	const char *text = conf_get(in->conf, section, "restore-cache");
	unsigned percent;

	if (text == NULL)
		return (0);
	if (conf_parse_size(text, &s->restore_cache)) {
		s->restore_cache_percent = 0;
		return (0);
	}
	if (!is_percent(text, 1, 90, &percent))
		return (conf_bad(in->conf, section, "restore-cache",
		    "1% to 90%, or a size such as 20G", e));
	s->restore_cache_percent = percent;
	return (0);
}

/* A size, or no, which is 0. */
static int
fill_size_or_no(const struct reading *in, size_t section, const char *key,
    uint64_t *bytes, struct err *e)
{
	const char *text = conf_get(in->conf, section, key);

	if (text != NULL && strcmp(text, "no") == 0) {
		*bytes = 0;
		return (0);
	}
	return (conf_get_size(in->conf, section, key, bytes, e));
}

/* What retention may do at once. */
static int
fill_removal(
    const struct reading *in, size_t section, struct settings *s, struct err *e)
{
	const char *text = conf_get(in->conf, section, "removal-limit");
	unsigned percent = s->removal_percent;

	if (text != NULL && !is_percent(text, 0, 100, &percent))
		return (conf_bad(in->conf, section, "removal-limit",
		    "0 % to 100 %, like 50 %", e));
	s->removal_percent = percent;
	if (conf_get_count(in->conf, section, "removal-floor", 0, REMOVAL_MOST,
		&s->removal_floor, e) < 0)
		return (-1);
	return (
	    fill_size_or_no(in, section, "repack-limit", &s->repack_limit, e));
}

static int
fill_repository(
    const struct reading *in, size_t section, struct settings *s, struct err *e)
{
	const char *level = conf_get(in->conf, section, "compression");
	unsigned zstd = (unsigned)s->compression;

	if (fill_keys(in, section, repository_keys, s, e) < 0 ||
	    fill_restore_cache(in, section, s, e) < 0 ||
	    fill_removal(in, section, s, e) < 0 ||
	    fill_size_or_no(in, section, "base-cache", &s->base_cache, e) < 0 ||
	    conf_get_count(in->conf, section, "write-quorum", 1,
		SETTINGS_ENDPOINTS_MAX, &s->write_quorum, e) < 0 ||
	    conf_get_count(in->conf, section, "lock-days", 1, 3650,
		&s->lock_days, e) < 0 ||
	    conf_get_count(in->conf, section, "jobs", 1, 64, &s->jobs, e) < 0)
		return (-1);
	s->quorum_line = conf_line(in->conf, section, "write-quorum");
	s->memory_line = conf_line(in->conf, section, "memory");
	s->state_line = conf_line(in->conf, section, "state");
	s->agent_key_line = conf_line(in->conf, section, "agent-key");
	s->restore_key_line = conf_line(in->conf, section, "restore-key");
	if (s->spool_limit < SPOOL_LEAST)
		return (conf_bad(
		    in->conf, section, "spool-limit", SPOOL_EXPECTED, e));
	if (s->memory > MEMORY_MOST)
		return (conf_bad(
		    in->conf, section, "memory", "a size of up to 1T", e));
	if (level == NULL || strcmp(level, "auto") == 0)
		return (0);
	if (conf_get_count(in->conf, section, "compression", 1, 19, &zstd, e) <
	    0)
		return (conf_bad(in->conf, section, "compression",
		    "a whole number from 1 to 19, or auto", e));
	s->compression = (int)zstd;
	return (0);
}

static int
fill_section(
    const struct reading *in, size_t section, struct settings *s, struct err *e)
{
	const char *kind = conf_section_kind(in->conf, section);

	if (strcmp(kind, "repository") == 0)
		return (fill_repository(in, section, s, e));
	if (strcmp(kind, "endpoint") == 0)
		return (fill_endpoint(in, section, s, e));
	if (strcmp(kind, "branch") == 0)
		return (fill_branch(in, section, s, e));
	if (strcmp(kind, "web") == 0)
		return (check_keys(in, section, web_keys, e));
	return (check_keys(in, section, notify_keys, e));
}

static struct settings *
with_defaults(char *path)
{
	struct settings *s = mem_new(sizeof(*s));

	s->path = path;
	s->endpoints = mem_array(SETTINGS_ENDPOINTS_MAX, sizeof(*s->endpoints));
	s->branches = mem_array(SETTINGS_BRANCHES_MAX, sizeof(*s->branches));
	s->jobs = 4;
	s->compression = 3;
	s->give_up_after_s = 60;
	s->prune_grace_s = 2 * SETTINGS_DAY_S;
	s->yield_to_ddl_s = 300;
	s->base_cache = 20 * GIB;
	s->spool_limit = 20 * GIB;
	s->memory = 256 << 20;
	s->restore_cache_percent = 10;
	s->lock_days = 30;
	s->removal_percent = 50;
	s->removal_floor = 3;
	s->repack_limit = GIB;
	return (s);
}

struct settings *
settings_read(const char *path, struct err *e)
{
	SCOPED(settings_freep) struct settings *s = NULL;
	SCOPED(conf_freep) struct conf *conf = NULL;
	SCOPED(scope_free) char *full = realpath(path, NULL);
	SCOPED(scope_free) char *copy = NULL;
	struct reading in;

	if (full == NULL) {
		(void)err_errno(e, "configuration %s", path);
		e->kind = ERR_CONFIG;
		(void)err_hint(e,
		    "name it with -c FILE or TRIPLICATE_CONF, or write one: conf/triplicate.conf is a sample");
		return (NULL);
	}
	if ((conf = read_conf(full, e)) == NULL)
		return (NULL);
	copy = mem_string(full);
	in = (struct reading){ .conf = conf, .folder = dirname(copy) };
	s = with_defaults(mem_string(full));
	for (size_t i = 0; i < conf_sections(conf); i++)
		if (fill_section(&in, i, s, e) < 0)
			return (NULL);
	for (size_t i = 0; i < s->nendpoints; i++)
		s->endpoints[i].lock_days = s->lock_days;
	if (settings_check(s, e) < 0)
		return (NULL);
	return (TAKE(s));
}

static void
free_texts(void *target, const struct key *keys)
{
	for (; keys->name != NULL; keys++)
		if (keys->shape == TEXT || keys->shape == PATH ||
		    keys->shape == PATHS || keys->shape == URL)
			free(*(char **)(void *)((char *)target + keys->offset));
}

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nendpoints; i++) {
		free(s->endpoints[i].name);
		free_texts(&s->endpoints[i], endpoint_keys);
	}
	for (size_t i = 0; i < s->nbranches; i++) {
		free(s->branches[i].name);
		free(s->branches[i].place);
		free_texts(&s->branches[i], branch_keys);
	}
	free_texts(s, repository_keys);
	free(s->endpoints);
	free(s->branches);
	free(s->path);
	free(s);
}

void
settings_freep(struct settings **s)
{
	settings_free(*s);
	*s = NULL;
}

const struct branch_settings *
settings_branch(const struct settings *s, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf known = BUF_INIT;

	for (size_t i = 0; i < s->nbranches; i++) {
		if (strcmp(s->branches[i].name, name) == 0)
			return (&s->branches[i]);
		buf_printf(
		    &known, "%s%s", i == 0 ? "" : ", ", s->branches[i].name);
	}
	(void)err_set(e, ERR_MISSING, "no branch '%s' in %s", name, s->path);
	(void)err_hint(
	    e, "known branches: %s", known.n == 0 ? "none" : buf_text(&known));
	return (NULL);
}

const struct branch_settings *
settings_only_production(const struct settings *s, struct err *e)
{
	const struct branch_settings *found = NULL;

	for (size_t i = 0; i < s->nbranches; i++) {
		if (s->branches[i].stage != STAGE_PRODUCTION)
			continue;
		if (found != NULL) {
			(void)err_set(e, ERR_USAGE,
			    "several production branches (%s, %s): name the one you mean",
			    found->name, s->branches[i].name);
			return (NULL);
		}
		found = &s->branches[i];
	}
	if (found == NULL)
		(void)err_set(e, ERR_USAGE,
		    "no production branch in %s: name a branch", s->path);
	return (found);
}

static const char *const stages[] = { "production", "staging", "development" };

const char *
stage_text(enum stage stage)
{
	return (stages[stage]);
}

bool
stage_parse(const char *text, enum stage *stage)
{
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, stages[i]) == 0) {
			*stage = (enum stage)i;
			return (true);
		}
	return (false);
}
