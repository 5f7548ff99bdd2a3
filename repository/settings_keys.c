/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration file flows in, fields of structs flow out. Each kind of
 * section has one table of its keys, from which both the list of known keys and
 * the filling of the struct are made, so that no key can be known and not read.
 */
#include "repository/settings_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/file.h"
#include "repository/settings.h"
#include "repository/settings_value.h"

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

struct conf *
settings_keys_read(const char *path, struct err *e)
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
check_key(const struct settings_reading *in, size_t section,
    const struct key *key, struct err *e)
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
fill_key(const struct settings_reading *in, size_t section,
    const struct key *key, void *target, struct err *e)
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

static const struct key *
keys_of(const char *kind)
{
	size_t i = 0;

	while (strcmp(sections[i].kind, kind) != 0)
		i++; /* conf_read let no other through */
	return (sections[i].keys);
}

int
settings_keys_fill(const struct settings_reading *in, size_t section,
    void *target, struct err *e)
{
	const struct key *keys = keys_of(conf_section_kind(in->conf, section));

	for (; keys->name != NULL; keys++)
		if (fill_key(in, section, keys, target, e) < 0)
			return (-1);
	return (0);
}

int
settings_keys_check(
    const struct settings_reading *in, size_t section, struct err *e)
{
	const struct key *keys = keys_of(conf_section_kind(in->conf, section));

	for (; keys->name != NULL; keys++)
		if (check_key(in, section, keys, e) < 0)
			return (-1);
	return (0);
}

void
settings_keys_free(const char *kind, void *target)
{
	for (const struct key *keys = keys_of(kind); keys->name != NULL; keys++)
		if (keys->shape == TEXT || keys->shape == PATH ||
		    keys->shape == PATHS || keys->shape == URL)
			free(*(char **)(void *)((char *)target + keys->offset));
}
