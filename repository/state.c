/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The LMDB environment of local state: made, opened, checked. A commit is
 * synced when it returns (no NOSYNC), and pages are written by write(), never
 * through the map (no WRITEMAP), so a wild pointer cannot reach them. It is
 * opened once per process and never carried across fork.
 */
#include "repository/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "repository/state_impl.h"

#define STATE_FORMAT 1
/* Only address space: the file is as long as what was ever in it. Above it the
 * map doubles when it is three quarters full, which leaves a transaction at
 * least a quarter of it. */
#define MAP_FIRST   ((size_t)4 << 30)
#define READERS_MAX 512

/* --- the environment --- */

static int
open_databases(struct state *s, struct err *e)
{
	MDB_txn *txn;
	int rc = 0;

	if (state_txn_open(s, 0, &txn, e) < 0)
		return (-1);
	for (size_t i = 0; i < DB_COUNT && rc == 0; i++)
		rc = mdb_dbi_open(txn, state_db_names[i],
		    MDB_CREATE | (i == DB_CHUNKS ? MDB_DUPSORT : 0),
		    &s->dbi[i]);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	pthread_rwlock_unlock(&s->map);
	return (rc == 0 ? 0 : state_fail_write(s, e, rc, "open databases"));
}

/*
 * A file that was cut would end the process at the first page behind its end
 * (SIGBUS). Made as long as it says it is, those pages read as zeros, which
 * LMDB answers with MDB_CORRUPTED. (Pages that were allocated and never written
 * may stand there rightly; no one reads them.) The write transaction keeps
 * other processes from growing the file meanwhile.
 */
static int
mend_length(struct state *s, struct err *e)
{
	MDB_envinfo info;
	MDB_stat st;
	MDB_txn *txn;
	struct stat file;
	mdb_filehandle_t fd;
	off_t least;
	int rc = 0;

	if (state_txn_open(s, 0, &txn, e) < 0)
		return (-1);
	mdb_env_info(s->env, &info);
	mdb_env_stat(s->env, &st);
	mdb_env_get_fd(s->env, &fd);
	least = (off_t)((info.me_last_pgno + 1) * st.ms_psize);
	if (fstat(fd, &file) < 0 ||
	    (file.st_size < least && ftruncate(fd, least) < 0))
		rc = errno;
	mdb_txn_abort(txn);
	pthread_rwlock_unlock(&s->map);
	return (rc == 0 ? 0 : state_fail(e, rc, "length"));
}

/* A first page that asks for the impossible was not written by us. */
static int
fail_to_open(const struct state *s, struct err *e, int rc)
{
	if (rc == EINVAL || rc == ENOMEM || rc == EFBIG || rc == EISDIR)
		return (state_damaged(e, "its database does not open"));
	return (state_fail_write(s, e, rc, "open"));
}

static int
open_environment(struct state *s, size_t map_bytes, struct err *e)
{
	SCOPED(scope_free) char *path = file_join(s->folder, "db");
	int dead = 0, rc;

	if ((rc = mdb_env_create(&s->env)) != 0)
		return (state_fail(e, rc, "create"));
	if ((rc = mdb_env_set_maxdbs(s->env, DB_COUNT)) != 0 ||
	    (rc = mdb_env_set_maxreaders(s->env, READERS_MAX)) != 0 ||
	    (rc = mdb_env_set_mapsize(s->env, map_bytes)) != 0 ||
	    (rc = mdb_env_open(
		 s->env, path, MDB_NOTLS | MDB_NORDAHEAD, 0600)) != 0)
		return (fail_to_open(s, e, rc));
	if ((rc = mdb_reader_check(s->env, &dead)) != 0)
		return (state_fail(e, rc, "readers"));
	if (dead > 0)
		log_debug("local state: %d readers had died", dead);
	if (mend_length(s, e) < 0)
		return (-1);
	return (open_databases(s, e));
}

static struct state *
new_state(const char *folder)
{
	struct state *s = mem_new(sizeof(*s));

	s->folder = mem_string(folder);
	s->held = -1;
	pthread_rwlock_init(&s->map, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	return (s);
}

static struct state *
attach(const char *folder, size_t map_bytes, struct err *e)
{
	SCOPED(state_freep) struct state *s = new_state(folder);

	if (state_check_enter(folder, map_bytes, &s->held, e) < 0 ||
	    open_environment(s, map_bytes, e) < 0)
		return (NULL);
	return (TAKE(s));
}

int
state_try(const char *folder, size_t map_bytes, struct err *e)
{
	SCOPED(state_freep) struct state *s = new_state(folder);

	if (open_environment(s, map_bytes, e) < 0)
		return (-1);
	return (state_check_entries(s, e));
}

void
state_free(struct state *s)
{
	if (s == NULL)
		return;
	if (s->env != NULL)
		mdb_env_close(s->env);
	if (s->held >= 0)
		state_check_leave(s->folder, s->held);
	scope_close(&s->held);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	pthread_rwlock_destroy(&s->map);
	free(s->folder);
	free(s);
}

void
state_freep(struct state **s)
{
	state_free(*s);
	*s = NULL;
}

const char *
state_folder(const struct state *s)
{
	return (s->folder);
}

static int
fail_anothers(const struct state *s, struct err *e)
{
	err_set(e, ERR_KEY,
	    "local state in %s belongs to another repository than the agent "
	    "key (agent.key)",
	    s->folder);
	return (err_hint(e,
	    "state and agent-key in the configuration must be of one "
	    "repository: is one of them copied from elsewhere?"));
}

/* Whose state is it? *found false when it was never finished. */
static int
check_repository(
    struct state *s, const struct repo_id *repo, bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct repo_id here;
	uint8_t format;

	if (state_read(s, &t, e) < 0 ||
	    state_meta_get(&t, "format", &format, 1, found, e) < 0)
		return (-1);
	if (!*found)
		return (0);
	if (format != STATE_FORMAT)
		return (err_set(e, ERR_VERSION,
		    "local state in %s: written in format %u, this program "
		    "knows %d",
		    s->folder, format, STATE_FORMAT));
	if (state_meta_get(&t, "repository", &here, sizeof(here), found, e) < 0)
		return (-1);
	if (!*found)
		return (state_damaged(e, "repository"));
	if (repo != NULL && memcmp(&here, repo, sizeof(here)) != 0)
		return (fail_anothers(s, e));
	return (0);
}

static int
write_first(struct state *s, const struct repo_id *repo, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	uint8_t format = STATE_FORMAT;

	if ((t = state_begin(s, e)) == NULL ||
	    state_meta_put(t, "format", &format, 1, e) < 0 ||
	    state_meta_put(t, "repository", repo, sizeof(*repo), e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/*
 * What a full disk or a crash left of the very first write, its two pages of
 * headings: nothing was ever committed to it, and LMDB would not open it.
 */
static int
remove_stillborn(const char *db, struct err *e)
{
	SCOPED(scope_free) char *data = file_join(db, "data.mdb");
	struct stat st;

	if (stat(data, &st) != 0 || st.st_size >= 2 * sysconf(_SC_PAGESIZE))
		return (0);
	return (file_remove(data, e));
}

int
state_create(const char *folder, const struct repo_id *repo, struct err *e)
{
	SCOPED(state_freep) struct state *s = NULL;
	SCOPED(scope_free) char *db = file_join(folder, "db");
	bool found;

	if (file_make_folders(folder, 0700, e) < 0)
		return (-1);
	if (file_is_on_network(folder))
		return (err_set(e, ERR_CONFIG,
		    "state = %s: a network file system; local state needs a "
		    "local disk",
		    folder));
	if (file_make_folders(db, 0700, e) < 0 || remove_stillborn(db, e) < 0 ||
	    (s = attach(folder, MAP_FIRST, e)) == NULL ||
	    check_repository(s, repo, &found, e) < 0) {
		if (e->kind == ERR_KEY)
			e->kind = ERR_EXISTS;
		return (-1);
	}
	return (found ? 0 : write_first(s, repo, e));
}

/* No environment: was there ever one? */
static void
fail_missing(const char *folder, struct err *e)
{
	SCOPED(scope_free) char *spool = file_join(folder, "spool");

	if (file_exists(spool))
		state_damaged(e, "its database is gone");
	else {
		err_set(e, ERR_MISSING, "no repository here (%s)", folder);
		err_hint(e, "run 'triplicate init' or 'triplicate recover'");
	}
}

struct state *
state_open_sized(const char *folder, const struct repo_id *repo,
    size_t map_bytes, struct err *e)
{
	SCOPED(state_freep) struct state *s = NULL;
	SCOPED(scope_free) char *data = file_join(folder, "db/data.mdb");
	bool found;

	if (!file_exists(data)) {
		fail_missing(folder, e);
		return (NULL);
	}
	if (file_is_on_network(folder)) {
		err_set(e, ERR_CONFIG,
		    "state = %s: a network file system; local state needs a "
		    "local disk",
		    folder);
		return (NULL);
	}
	if ((s = attach(folder, map_bytes, e)) == NULL ||
	    check_repository(s, repo, &found, e) < 0)
		return (NULL);
	if (!found) {
		fail_missing(folder, e);
		return (NULL);
	}
	return (TAKE(s));
}

struct state *
state_open(const char *folder, const struct repo_id *repo, struct err *e)
{
	return (state_open_sized(folder, repo, MAP_FIRST, e));
}

int
state_get_writer(struct state *s, struct state_writer *w, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	uint8_t raw[20] = { 0 };
	struct bytes b = bytes_of(raw, sizeof(raw));
	bool found;

	if (state_read(s, &t, e) < 0 ||
	    state_meta_get(&t, "writer", raw, sizeof(raw), &found, e) < 0)
		return (-1);
	w->epoch = bytes_u32(&b);
	bytes_copy(&b, w->id, sizeof(w->id));
	w->started = bytes_i64(&b);
	return (0);
}

int
state_set_writer(
    struct state_txn *t, const struct state_writer *w, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	buf_add_u32(&b, w->epoch);
	buf_add(&b, w->id, sizeof(w->id));
	buf_add_i64(&b, w->started);
	return (state_meta_put(t, "writer", b.p, b.n, e));
}

int
state_set_rebuilt(struct state_txn *t, struct err *e)
{
	uint8_t yes = 1;

	return (state_meta_put(t, "rebuilt", &yes, 1, e));
}

int
state_was_rebuilt(struct state *s, bool *rebuilt, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	uint8_t yes;

	if (state_read(s, &t, e) < 0)
		return (-1);
	return (state_meta_get(&t, "rebuilt", &yes, 1, rebuilt, e));
}
