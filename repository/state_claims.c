/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs flow in, claims under a job's number flow out. What always holds: a
 * pack that is claimed by a living job is neither condemned nor going when the
 * claim's transaction ends, and so is its index object.
 */
#include "repository/state_claims.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "repository/state_backups.h"
#include "repository/state_impl.h"

#define CLAIM_KEY   ((size_t)2 * NUMBER_KEY)
#define JOB_DIGITS  16
#define JOBS_FOLDER "jobs"

/* --- jobs --- */

static char *
job_path(struct state *s, uint64_t id)
{
	return (mem_printf("%s/" JOBS_FOLDER "/%016llx", state_folder(s),
	    (unsigned long long)id));
}

/* Who cleans up may have taken the file for a dead job's, and removed it. */
static bool
is_still_there(int fd, const char *path)
{
	struct err ignored = ERR_INIT;
	struct stat named, held;

	return (file_stat(path, &named, &ignored) == 0 &&
	    fstat(fd, &held) == 0 && named.st_ino == held.st_ino &&
	    named.st_dev == held.st_dev);
}

int
state_job_begin(struct state *s, struct state_job *out, struct err *e)
{
	SCOPED(scope_free)
	char *folder = file_join(state_folder(s), JOBS_FOLDER);

	*out = (struct state_job){ .s = s, .lock = -1 };
	if (file_make_folders(folder, 0700, e) < 0)
		return (-1);
	while (out->lock < 0) {
		random_bytes(&out->id, sizeof(out->id));
		free(out->path);
		out->path = job_path(s, out->id);
		out->lock = file_lock(out->path, e);
		if (out->lock < 0 && e->kind != ERR_LOCKED)
			return (-1);
		err_clear(e);
		if (out->lock >= 0 && !is_still_there(out->lock, out->path))
			scope_close(&out->lock);
	}
	return (0);
}

static void
make_key(uint64_t job, uint64_t pack, uint8_t key[CLAIM_KEY])
{
	state_number_key(job, key);
	state_number_key(pack, key + NUMBER_KEY);
}

/* The next claim of a job after w's key. */
static int
next_claim(
    struct state_txn *t, struct state_walk *w, bool *found, struct err *e)
{
	if (state_db_next(t, w, found, e) < 0)
		return (-1);
	if (*found && w->key.n != CLAIM_KEY)
		return (state_damaged(e, "a claim"));
	return (0);
}

static int
drop_claims(struct state *s, uint64_t job, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_CLAIMS };
	uint8_t key[CLAIM_KEY];
	bool found;

	if (t == NULL)
		return (-1);
	make_key(job, 0, key); /* numbers begin at 1 */
	buf_add(&w.key, key, sizeof(key));
	for (;;) {
		if (next_claim(t, &w, &found, e) < 0)
			return (-1);
		if (!found || state_key_number(w.key.p) != job)
			return (state_commit(&t, e));
		if (state_db_drop(t, DB_CLAIMS, w.key.p, w.key.n, e) < 0)
			return (-1);
	}
}

void
state_job_end(struct state_job *job)
{
	struct err e = ERR_INIT;

	if (job->path == NULL)
		return;
	if (job->lock >= 0 &&
	    (drop_claims(job->s, job->id, &e) < 0 ||
		file_remove(job->path, &e) < 0))
		log_debug("claims of a job that ended: %s", e.text);
	scope_close(&job->lock);
	free(job->path);
	*job = (struct state_job)STATE_JOB_INIT;
}

/* --- claiming --- */

static int
put_claim(struct state_txn *t, uint64_t job, uint64_t number, struct err *e)
{
	uint8_t key[CLAIM_KEY];

	make_key(job, number, key);
	if (state_db_put(t, DB_CLAIMS, key, sizeof(key), "", 0, e) < 0)
		return (-1);
	return (
	    state_db_drop(t, DB_CONDEMNED, key + NUMBER_KEY, NUMBER_KEY, e));
}

static int
is_there(struct state_txn *t, uint64_t number, bool *there, struct err *e)
{
	struct state_object o;

	if (state_object_get(t, number, &o, there, e) < 0)
		return (-1);
	*there = *there && !o.is_going;
	return (0);
}

static int
is_condemned(struct state_txn *t, uint64_t number, bool *is, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct bytes v;

	state_number_key(number, key);
	return (state_db_get(t, DB_CONDEMNED, key, sizeof(key), &v, is, e));
}

/* The other packs of an index object, unless they are on their way out. */
static int
claim_neighbours(const struct state_job *job, struct state_txn *t,
    uint64_t index, struct number_bits *claimed, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct bytes packs;
	bool found, there, condemned;

	state_number_key(index, key);
	if (state_db_get(t, DB_INDEXES, key, sizeof(key), &packs, &found, e) <
	    0)
		return (-1);
	while (found && packs.n >= sizeof(uint64_t)) {
		uint64_t pack = bytes_u64(&packs);

		if (number_bits_has(claimed, pack))
			continue;
		if (is_there(t, pack, &there, e) < 0 ||
		    is_condemned(t, pack, &condemned, e) < 0)
			return (-1);
		if (!there || condemned)
			continue;
		if (put_claim(t, job->id, pack, e) < 0)
			return (-1);
		number_bits_set(claimed, pack);
	}
	return (0);
}

/* A pack and its index object. */
static int
claim_one(const struct state_job *job, struct state_txn *t, uint64_t pack,
    struct number_bits *claimed, bool *got, struct err *e)
{
	uint64_t index;

	if (is_there(t, pack, got, e) < 0 ||
	    state_index_of(t, pack, &index, e) < 0)
		return (-1);
	if (*got && index != 0 && is_there(t, index, got, e) < 0)
		return (-1);
	if (!*got)
		return (0);
	if (put_claim(t, job->id, pack, e) < 0)
		return (-1);
	number_bits_set(claimed, pack);
	if (index == 0)
		return (0);
	if (put_claim(t, job->id, index, e) < 0)
		return (-1);
	return (claim_neighbours(job, t, index, claimed, e));
}

int
state_claim(struct state_job *job, const uint64_t *packs, size_t n,
    struct number_bits *claimed, bool *got, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(job->s, e);
	SCOPED(number_bits_free) struct number_bits now = NUMBER_BITS_INIT;
	size_t i;

	*got = true;
	if (t == NULL)
		return (-1);
	for (i = 0; i < n && *got; i++)
		if (!number_bits_has(claimed, packs[i]) &&
		    claim_one(job, t, packs[i], &now, got, e) < 0)
			return (-1);
	if (!*got)
		return (0);
	if (state_commit(&t, e) < 0)
		return (-1);
	number_bits_join(claimed, &now);
	return (0);
}

int
state_claim_new(const struct state_job *job, struct state_txn *t, uint64_t pack,
    struct err *e)
{
	return (put_claim(t, job->id, pack, e));
}

int
state_claim_backup(struct state_job *job, const char *backup, struct err *e)
{
	SCOPED(number_bits_free) struct number_bits needed = NUMBER_BITS_INIT;
	SCOPED(state_abortp) struct state_txn *t = state_begin(job->s, e);
	char name[OBJECT_NAME_TEXT];
	struct state_object o;
	bool found, is_whole = true;

	manifest_name(backup, name);
	if (t == NULL || state_object_find(t, name, &o, &found, e) < 0)
		return (-1);
	if (!found || o.is_going)
		return (err_set(e, ERR_MISSING,
		    "backup %s has been removed meanwhile", backup));
	if (state_closure_mark(t, o.number, &needed, &is_whole, e) < 0)
		return (-1);
	for (uint64_t i = 1; i < needed.n * 8; i++)
		if (number_bits_has(&needed, i) &&
		    put_claim(t, job->id, i, e) < 0)
			return (-1);
	return (state_commit(&t, e));
}

/* --- the dead --- */

/* The next job with claims after *job. */
static int
next_job(struct state *s, uint64_t *job, bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	SCOPED(state_walk_free) struct state_walk w = { .db = DB_CLAIMS };
	uint8_t key[CLAIM_KEY];

	make_key(*job, UINT64_MAX, key);
	if (*found) /* not before the first */
		buf_add(&w.key, key, sizeof(key));
	if (state_read(s, &t, e) < 0 || next_claim(&t, &w, found, e) < 0)
		return (-1);
	if (*found)
		*job = state_key_number(w.key.p);
	return (0);
}

/* While its lock is ours, no job of that number begins. */
static int
clean_job(struct state *s, uint64_t job, bool *was_dead, struct err *e)
{
	SCOPED(scope_free) char *path = job_path(s, job);
	SCOPED(scope_close) int lock = file_lock(path, e);

	*was_dead = lock >= 0 ||
	    e->kind == ERR_MISSING; /* without its folder */
	if (lock < 0 && e->kind != ERR_LOCKED && e->kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	if (!*was_dead)
		return (0);
	return (drop_claims(s, job, e) < 0 ? -1 : file_remove(path, e));
}

/* Files of jobs that died before they claimed anything. */
static int
clean_file(const char *name, void *arg, struct err *e)
{
	struct state *s = arg;
	char *end;
	uint64_t job = strtoull(name, &end, 16);
	bool ignored;

	if (strlen(name) != JOB_DIGITS || *end != '\0')
		return (0);
	return (clean_job(s, job, &ignored, e));
}

int
state_claims_clean(struct state *s, uint64_t *n, struct err *e)
{
	SCOPED(scope_free)
	char *folder = file_join(state_folder(s), JOBS_FOLDER);
	uint64_t job = 0;
	bool found = false, was_dead;

	*n = 0;
	for (;;) {
		if (next_job(s, &job, &found, e) < 0)
			return (-1);
		if (!found)
			break;
		if (clean_job(s, job, &was_dead, e) < 0)
			return (-1);
		*n += was_dead;
	}
	return (file_exists(folder) ? file_each(folder, clean_file, s, e) : 0);
}
