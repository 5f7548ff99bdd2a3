/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings flow in, an open store flows out; and the one question that is
 * asked of an endpoint before anything is written there.
 */
#include "repository/endpoint.h"

#include <string.h>

#include "repository/object.h"

/* NULL: objects are not locked. "yes" is the mode that nobody can end. */
static const char *
lock_mode(const struct endpoint_settings *conf)
{
	if (conf->object_lock == NULL || strcmp(conf->object_lock, "no") == 0)
		return (NULL);
	return (strcmp(conf->object_lock, "governance") == 0 ? "governance"
							     : "compliance");
}

bool
endpoint_locks(const struct endpoint_settings *conf)
{
	return (lock_mode(conf) != NULL);
}

static struct store_conf
store_conf_of(const struct endpoint_settings *conf, uint64_t give_up_after_s)
{
	return ((struct store_conf){ .name = conf->name,
	    .url = conf->url,
	    .user = conf->user,
	    .password_file = conf->password_file,
	    .access_key = conf->access_key,
	    .secret_key_file = conf->secret_key_file,
	    .secret_key_env = conf->secret_key_env,
	    .session_token_file = conf->session_token_file,
	    .addressing = conf->addressing,
	    .region = conf->region,
	    .identity = conf->identity,
	    .known_hosts = conf->known_hosts,
	    .host_key = conf->host_key,
	    .ca_file = conf->ca_file,
	    .upload_limit = &conf->upload_limit,
	    .timeout_s = conf->timeout_s,
	    .lock_mode = lock_mode(conf),
	    .lock_days = conf->lock_days,
	    .give_up_after_s = (unsigned)give_up_after_s });
}

struct store *
endpoint_open_store(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e)
{
	const struct store_conf sc = store_conf_of(conf, give_up_after_s);

	return (store_open(&sc, e));
}

struct store *
endpoint_open_unlocked(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e)
{
	struct store_conf sc = store_conf_of(conf, give_up_after_s);

	sc.lock_mode = NULL;
	return (store_open(&sc, e));
}

bool
endpoint_has_deleter(const struct endpoint_settings *conf)
{
	return (conf->delete_access_key != NULL ||
	    conf->delete_identity != NULL || conf->delete_user != NULL ||
	    conf->delete_password_file != NULL);
}

/* Of a pair, what is not given stays as it is: one user, two passwords. */
struct store *
endpoint_open_deleter(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e)
{
	struct store_conf sc = store_conf_of(conf, give_up_after_s);

	if (conf->delete_access_key != NULL) {
		sc.access_key = conf->delete_access_key;
		sc.secret_key_file = conf->delete_secret_key_file;
		sc.secret_key_env = NULL;
		sc.session_token_file = NULL;
	}
	if (conf->delete_identity != NULL)
		sc.identity = conf->delete_identity;
	if (conf->delete_user != NULL)
		sc.user = conf->delete_user;
	if (conf->delete_password_file != NULL)
		sc.password_file = conf->delete_password_file;
	return (store_open(&sc, e));
}

/* Our id with a few bytes changed is ours; another one shares next to none. */
static bool
is_anothers(const struct repo_id *whose, const struct repo_id *ours)
{
	unsigned differ = 0;

	for (size_t i = 0; i < sizeof(ours->b); i++)
		differ += whose->b[i] != ours->b[i];
	return (differ > sizeof(ours->b) / 2);
}

/* A config that is cut or changed still says in its first bytes whose it was.
 */
static int
judge_config(const struct keys *k, const struct buf *config, struct err *e)
{
	struct err damaged = ERR_INIT;
	struct bytes b = bytes_of(config->p, config->n);
	struct repo_id whose;

	if (config_check(k, config->p, config->n, &damaged) == 0)
		return (0);
	if (damaged.kind == ERR_KEY) {
		*e = damaged;
		return (-1);
	}
	err_clear(&damaged);
	if (format_check_header(&b, FORMAT_CONFIG, NULL, &whose, &damaged) ==
		0 &&
	    is_anothers(&whose, keys_repo(k)))
		return (err_set(e, ERR_KEY,
		    "config is damaged, and names another repository"));
	return (0);
}

int
endpoint_check_owner(struct store *s, const struct keys *k, struct err *e)
{
	SCOPED(buf_free) struct buf config = BUF_INIT;

	if (store_load(s, CONFIG_OBJECT_NAME, CONFIG_MAX, &config, e) < 0) {
		if (e->kind != ERR_MISSING && e->kind != ERR_CORRUPT)
			return (-1);
		err_clear(e);
		return (store_probe(s, e));
	}
	if (judge_config(k, &config, e) < 0)
		return (err_within(e, "endpoint %s", store_name(s)));
	return (0);
}

/* --- writers --- */

struct writer_reading {
	const struct store *store;
	const struct keys *keys;
	const char *name;
	struct writer *out;
};

static int
decode_writer(void *arg, const struct buf *bytes, struct err *e)
{
	const struct writer_reading *r = arg;

	if (writer_decode(r->keys, r->name, bytes->p, bytes->n, r->out, e) < 0)
		return (err_within(
		    e, "endpoint %s: %s", store_name(r->store), r->name));
	return (0);
}

int
endpoint_read_writer(struct store *s, const struct keys *k, const char *name,
    struct writer *out, struct err *e)
{
	struct writer_reading reading = { s, k, name, out };
	bool first;

	return (object_load_or_first(
	    s, name, WRITER_MAX, decode_writer, &reading, &first, e));
}

struct newest {
	struct store *store;
	const struct keys *keys;
	struct writer of_all; /* by name, when it could not be read */
	struct writer proven; /* by our keys */
};

/* Only those are read that may be the newest. */
static int
see_writer(const struct store_entry *entry, void *arg, struct err *e)
{
	struct newest *newest = arg;
	struct writer found = { .host = "unknown" };

	if (!writer_parse_name(entry->name, &found.epoch, found.id) ||
	    found.epoch <= newest->proven.epoch)
		return (0);
	if (endpoint_read_writer(
		newest->store, newest->keys, entry->name, &found, e) == 0)
		newest->proven = found;
	else if (e->kind != ERR_MISSING && e->kind != ERR_CORRUPT &&
	    e->kind != ERR_VERSION)
		return (-1);
	err_clear(e);
	if (found.epoch > newest->of_all.epoch)
		newest->of_all = found;
	return (0);
}

int
endpoint_newest_writer(
    struct store *s, const struct keys *k, struct writer *out, struct err *e)
{
	struct newest newest = { .store = s, .keys = k };

	if (store_list(s, "writers/", see_writer, &newest, e) < 0)
		return (-1);
	*out = newest.of_all;
	return (0);
}

int
endpoint_newest_signed_writer(
    struct store *s, const struct keys *k, struct writer *out, struct err *e)
{
	struct newest newest = { .store = s, .keys = k };

	if (store_list(s, "writers/", see_writer, &newest, e) < 0)
		return (-1);
	*out = newest.proven;
	return (0);
}
