/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An endpoint: does it answer, is it ours, a round trip, and its locks. Nothing
 * is put where another repository is, or another machine has taken over.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/doctor.h"
#include "repository/config_object.h"
#include "repository/endpoint.h"
#include "retention/lock_probe.h"
#include "retention/round_trip.h"
#include "storage-drivers/url.h"

/* --- files with secrets -------------------------------------------------- */

static void
look_at_secret(struct doctor *d, const char *setting, const char *path)
{
	SCOPED(scope_free) char *hint = NULL;
	struct stat st;

	/* One that is missing shows with the login. */
	if (path == NULL || stat(path, &st) < 0 || (st.st_mode & 077) == 0)
		return;
	hint = mem_printf("run: chmod 600 %s", path);
	findings_warning(&d->f, setting, hint,
	    "%s can be read by others than its owner (mode %04o)", path,
	    (unsigned)(st.st_mode & 07777));
}

static void
look_at_secrets(struct doctor *d, const struct endpoint_settings *conf)
{
	look_at_secret(d, "password-file", conf->password_file);
	look_at_secret(d, "secret-key-file", conf->secret_key_file);
	look_at_secret(d, "session-token-file", conf->session_token_file);
	look_at_secret(d, "identity", conf->identity);
	look_at_secret(d, "delete-password-file", conf->delete_password_file);
	look_at_secret(
	    d, "delete-secret-key-file", conf->delete_secret_key_file);
	look_at_secret(d, "delete-identity", conf->delete_identity);
}

/* --- whose is it? -------------------------------------------------------- */

/* Is there a folder or bucket yet? Before init it need not be. */
static int
fail_reach(struct doctor *d, const struct endpoint_settings *conf,
    const struct err *why, struct err *e)
{
	SCOPED(scope_free) char *folder = NULL;
	struct err ignored = ERR_INIT;
	char *slash;

	if (!d->is_new || why->kind != ERR_MISSING)
		return (doctor_failure(d, FINDING_ERROR, ROUND_TRIP_REACH, why,
		    round_trip_advice(why), e));
	folder = url_is_local(conf->url) ? url_folder(conf->url, &ignored)
					 : NULL;
	if (folder != NULL && (slash = strrchr(folder, '/')) != NULL &&
	    slash != folder) {
		*slash = '\0';
		if (!file_exists(folder)) {
			findings_error(&d->f, ROUND_TRIP_REACH,
			    "mount it, or make it",
			    "the folder above it, %s, is missing", folder);
			return (0);
		}
	}
	findings_note(&d->f, ROUND_TRIP_REACH,
	    "'triplicate init' makes a folder; a bucket is yours to make (docs/endpoints.md)",
	    "it is not there yet: %s", why->text);
	return (0);
}

/* Without a repository of ours there should be none. */
static int
check_empty(struct store *s, struct err *e)
{
	uint64_t bytes;

	if (store_stat(s, CONFIG_OBJECT_NAME, &bytes, e) == 0) {
		err_set(e, ERR_KEY,
		    "it holds a repository already, and there are no keys here");
		return (err_hint(e,
		    "'triplicate recover' for a machine that lost its own; else use another place"));
	}
	if (e->kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	return (0);
}

/* What is known of whose it is: 0 it may be tried out, 1 it may not. */
static int
look_whose(struct doctor *d, struct store *s, size_t i, struct err *e)
{
	struct err why = ERR_INIT;
	int rc;

	if (d->r != NULL)
		rc = repo_check_endpoint(d->r, &d->r->endpoints[i], &why);
	else if (d->keys != NULL)
		rc = endpoint_check_owner(s, d->keys, &why);
	else if (d->is_new)
		rc = check_empty(s, &why);
	else
		return (1); /* there is a key that can't be read */
	if (rc == 0 && d->is_new)
		findings_note(
		    &d->f, "repository", "run 'triplicate init'", "none yet");
	else if (rc == 0)
		findings_ok(&d->f, "repository", "it is ours");
	else if (doctor_failure(d, FINDING_ERROR, "repository", &why,
		     "'triplicate verify --repair' heals what is damaged",
		     e) < 0)
		return (-1);
	return (why.kind == ERR_KEY || why.kind == ERR_TAKEN_OVER);
}

/* --- trying it out ------------------------------------------------------- */

static void
set_measure(struct json *j, const char *key, bool is_known, int64_t v)
{
	if (is_known)
		json_set_integer(j, key, v);
	else
		json_set_null(j, key);
}

static void
set_answer(struct json *j, const char *key, enum store_answer answer)
{
	if (answer == STORE_UNKNOWN)
		json_set_null(j, key);
	else
		json_set_bool(j, key, answer == STORE_YES);
}

static void
add_measures(struct doctor *d, const char *name, const struct round_trip *t)
{
	struct json *j = json_object();

	set_measure(j, "latency_ms", t->latency_ms >= 0, t->latency_ms);
	set_measure(
	    j, "upload_bytes_s", t->upload_bytes_s >= 0, t->upload_bytes_s);
	set_measure(j, "download_bytes_s", t->download_bytes_s >= 0,
	    t->download_bytes_s);
	set_measure(j, "clock_skew_s", t->knows_skew, t->clock_skew_s);
	set_answer(j, "versions", t->versions);
	set_answer(j, "object_lock", t->object_lock);
	set_answer(j, "can_delete", t->can_delete);
	set_answer(j, "deleter_can_delete", t->deleter_can_delete);
	json_set(d->endpoints, name, j);
}

static int
look_at_locks(
    struct doctor *d, const struct endpoint_settings *conf, struct err *e)
{
	struct err why = ERR_INIT;

	if (!endpoint_locks(conf))
		return (0);
	if (lock_probe_endpoint(conf, d->s.give_up_after_s, &why) < 0)
		return (doctor_failure(d, FINDING_ERROR, "locks", &why,
		    round_trip_advice(&why), e));
	findings_ok(&d->f, "locks",
	    "what is locked stays as it is, and can't be deleted");
	return (0);
}

static int
try_out(struct doctor *d, const struct endpoint_settings *conf,
    struct store *writer, struct round_trip *trip, struct err *e)
{
	SCOPED(store_freep) struct store *deleter = NULL;
	struct round_trip_conf how = { .writer = writer,
		.locks = endpoint_locks(conf) };
	struct err why = ERR_INIT;

	if (endpoint_has_deleter(conf) &&
	    (deleter = endpoint_open_deleter(
		 conf, d->s.give_up_after_s, &why)) == NULL)
		return (doctor_failure(d, FINDING_ERROR, "delete login", &why,
		    round_trip_advice(&why), e));
	how.deleter = deleter;
	if (round_trip(&how, &d->f, trip, e) < 0)
		return (-1);
	/* That nothing can be locked there is said already. */
	return (trip->object_lock == STORE_NO ? 0 : look_at_locks(d, conf, e));
}

static int
look(struct doctor *d, size_t i, struct round_trip *trip, struct err *e)
{
	const struct endpoint_settings *conf = &d->s.endpoints[i];
	SCOPED(store_freep) struct store *writer = NULL;
	struct err why = ERR_INIT;
	int rc;

	writer = endpoint_open_unlocked(conf, d->s.give_up_after_s, &why);
	if (writer == NULL || store_probe(writer, &why) < 0)
		return (fail_reach(d, conf, &why, e));
	findings_ok(&d->f, ROUND_TRIP_REACH, "it answers");
	if ((rc = look_whose(d, writer, i, e)) != 0)
		return (rc < 0 ? -1 : 0);
	return (try_out(d, conf, writer, trip, e));
}

int
doctor_endpoint(struct doctor *d, size_t i, struct err *e)
{
	const char *name = d->s.endpoints[i].name;
	SCOPED(scope_free) char *subject = mem_printf("endpoint %s", name);
	struct round_trip trip = {
		.latency_ms = -1, .upload_bytes_s = -1, .download_bytes_s = -1
	};
	int rc;

	d->f.subject = subject;
	look_at_secrets(d, &d->s.endpoints[i]);
	rc = look(d, i, &trip, e);
	add_measures(d, name, &trip);
	d->f.subject = NULL;
	return (rc);
}
