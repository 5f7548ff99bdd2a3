/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration file flows in, typed settings flow out: what a key says as it
 * stands by way of settings_keys.c, the others here. Whatever contradicts
 * itself is found (settings_check.c) before anything is opened.
 */
#include "repository/settings.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/pg.h"
#include "repository/format.h"
#include "repository/settings_check.h"
#include "repository/settings_keys.h"
#include "storage-drivers/url.h"

#define GIB	       ((uint64_t)1 << 30)
#define NAME_MAX_      63
#define SPOOL_LEAST    ((uint64_t)PACK_MAX) /* else no pack fits */
#define SPOOL_EXPECTED "a size of at least 32M, which is the largest pack"
#define MEMORY_MOST    ((uint64_t)1 << 40)
#define REMOVAL_MOST   9999

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
check_name(const struct settings_reading *in, size_t section, struct err *e)
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
fill_limit(const struct settings_reading *in, size_t section,
    struct endpoint_settings *p, struct err *e)
{
	const char *text = conf_get(in->conf, section, "upload-limit");

	if (text == NULL || rate_parse(text, &p->upload_limit))
		return (0);
	return (conf_bad(in->conf, section, "upload-limit", RATE_EXPECTED, e));
}

static int
fill_endpoint(const struct settings_reading *in, size_t section,
    struct settings *s, struct err *e)
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
	if (settings_keys_fill(in, section, p, e) < 0 ||
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
find_place(const struct settings_reading *in, size_t section,
    struct branch_settings *b, struct err *e)
{
	if (b->database == NULL ||
	    (b->place = pg_place_of(b->database, e)) != NULL)
		return (0);
	return (
	    err_within(e, "%s:%u: [branch %s]: database", conf_path(in->conf),
		conf_line(in->conf, section, "database"), b->name));
}

static int
fill_branch(const struct settings_reading *in, size_t section,
    struct settings *s, struct err *e)
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
	if (settings_keys_fill(in, section, b, e) < 0)
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
fill_restore_cache(const struct settings_reading *in, size_t section,
    struct settings *s, struct err *e)
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
fill_size_or_no(const struct settings_reading *in, size_t section,
    const char *key, uint64_t *bytes, struct err *e)
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
fill_removal(const struct settings_reading *in, size_t section,
    struct settings *s, struct err *e)
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
fill_repository(const struct settings_reading *in, size_t section,
    struct settings *s, struct err *e)
{
	const char *level = conf_get(in->conf, section, "compression");
	unsigned zstd = (unsigned)s->compression;

	if (settings_keys_fill(in, section, s, e) < 0 ||
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
fill_section(const struct settings_reading *in, size_t section,
    struct settings *s, struct err *e)
{
	const char *kind = conf_section_kind(in->conf, section);

	if (strcmp(kind, "repository") == 0)
		return (fill_repository(in, section, s, e));
	if (strcmp(kind, "endpoint") == 0)
		return (fill_endpoint(in, section, s, e));
	if (strcmp(kind, "branch") == 0)
		return (fill_branch(in, section, s, e));
	return (settings_keys_check(in, section, e)); /* web, notify */
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
	struct settings_reading in;

	if (full == NULL) {
		(void)err_errno(e, "configuration %s", path);
		e->kind = ERR_CONFIG;
		(void)err_hint(e,
		    "name it with -c FILE or TRIPLICATE_CONF, or write one: conf/triplicate.conf is a sample");
		return (NULL);
	}
	if ((conf = settings_keys_read(full, e)) == NULL)
		return (NULL);
	copy = mem_string(full);
	in = (struct settings_reading){ .conf = conf, .folder = dirname(copy) };
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

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nendpoints; i++) {
		free(s->endpoints[i].name);
		settings_keys_free("endpoint", &s->endpoints[i]);
	}
	for (size_t i = 0; i < s->nbranches; i++) {
		free(s->branches[i].name);
		free(s->branches[i].place);
		settings_keys_free("branch", &s->branches[i]);
	}
	settings_keys_free("repository", s);
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
