/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the database what this program left? <state>/db/clean holds the length
 * and time of data.mdb as the last process that had it open closed it; while
 * any has it open the file is empty, and each holds it with a shared flock.
 * Where the two agree nothing is read. Where they don't (a crash, a disk that
 * lost pages, a copy put back), every entry is walked through before anything
 * relies on one, by a process of its own: LMDB believes its pages, and a page
 * of junk ends who reads it with a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/proc.h"
#include "repository/state_impl.h"

#define MARK_TEXT 80

/* Once an entry was bad, this process does not vouch for the file. */
static atomic_bool has_seen_damage;

void
state_note_damage(void)
{
	atomic_store(&has_seen_damage, true);
}

/* --- every entry --- */

static int
compare(const struct buf *a, const MDB_val *b)
{
	size_t n = a->n < b->mv_size ? a->n : b->mv_size;
	int rc = n == 0 ? 0 : memcmp(a->p, b->mv_data, n);

	return (rc != 0 ? rc : (a->n > b->mv_size) - (a->n < b->mv_size));
}

/* Strictly ascending, as a sound tree is: this also ends a walk in a circle. */
static int
check_order(enum state_db db, struct buf *key, struct buf *value,
    const MDB_val *k, const MDB_val *v, struct err *e)
{
	int order = compare(key, k);

	if (order > 0 || (order == 0 && db != DB_CHUNKS) ||
	    (order == 0 && compare(value, v) >= 0))
		return (state_damaged(e, "its entries are out of order"));
	key->n = value->n = 0;
	buf_add(key, k->mv_data, k->mv_size);
	buf_add(value, v->mv_data, v->mv_size);
	return (0);
}

static int
check_database(struct state_txn *t, enum state_db db, struct err *e)
{
	SCOPED(buf_free) struct buf key = BUF_INIT, value = BUF_INIT;
	MDB_val k, v;
	MDB_stat st;
	MDB_cursor *c;
	size_t n = 0;
	int rc, failed = 0;

	if ((rc = mdb_stat(t->txn, t->s->dbi[db], &st)) != 0 ||
	    (rc = mdb_cursor_open(t->txn, t->s->dbi[db], &c)) != 0)
		return (state_fail(e, rc, state_db_names[db]));
	/* No key is empty: the first is above "". */
	while (failed == 0 && (rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		failed = check_order(db, &key, &value, &k, &v, e);
		n++;
	}
	mdb_cursor_close(c);
	if (failed != 0)
		return (-1);
	if (rc != MDB_NOTFOUND)
		return (state_fail(e, rc, state_db_names[db]));
	return (n == st.ms_entries
		? 0
		: state_damaged(e, "entries are gone from it"));
}

/* An object is found by its name, and the bytes kept here are its own. */
static int
check_object(const struct state_object *o, void *arg, struct err *e)
{
	struct state *s = arg;
	SCOPED(buf_free) struct buf body = BUF_INIT;
	struct state_object found;
	struct sha256 sha;
	bool known;

	if (state_find(s, o->name, &found, &known, e) < 0)
		return (-1);
	if (!known || found.number != o->number)
		return (state_damaged(e, "an object and its name differ"));
	if (o->class == STATE_PACK || o->class == STATE_INDEX)
		return (0);
	if (state_body(s, o->number, &body, e) < 0)
		return (state_damaged(e, "an object's bytes are gone"));
	hash_of(HASH_IS_SHA256, body.p, body.n, sha.b);
	if (body.n != o->bytes || memcmp(&sha, &o->sha, sizeof(sha)) != 0)
		return (state_damaged(e, "an object's bytes have changed"));
	return (0);
}

int
state_check_entries(struct state *s, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	if (state_read(s, &t, e) < 0)
		return (-1);
	for (enum state_db db = 0; db < DB_COUNT; db++)
		if (check_database(&t, db, e) < 0)
			return (-1);
	state_read_end(&t);
	return (state_each(s, -1, check_object, s, e));
}

/* --- in a process of its own --- */

/* Set before there are threads, and never again. */
static const char *checker;

void
state_set_checker(const char *program)
{
	checker = program;
}

int
state_check_main(const char *folder, const char *map_bytes)
{
	struct err e = ERR_INIT;

	if (state_try(folder, strtoull(map_bytes, NULL, 10), &e) == 0)
		return (EXIT_SUCCESS);
	/* What failed for another reason says nothing against the file; who
	 * asked meets that reason himself. */
	return (e.kind == ERR_CORRUPT ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* A program that is started anew: a fork of this one would have its locks, as
 * other threads held them at that moment, and none of these threads. */
static int
check_apart(const char *folder, size_t map_bytes, struct err *e)
{
	char map[24];
	const char *const argv[] = { checker, STATE_CHECK_WORD, folder, map,
		NULL };
	/* Its steps are not those that a test counts. */
	static const char *const env[] = { "TRIPLICATE_CRASH_AT=",
		"TRIPLICATE_CRASH_COUNT=", "TRIPLICATE_PAUSE_AT=", NULL };
	SCOPED(proc_freep) struct proc *p = NULL;
	struct err why = ERR_INIT;
	int status;

	if (checker == NULL)
		return (state_try(folder, map_bytes, e));
	(void)snprintf(map, sizeof(map), "%zu", map_bytes);
	if ((p = proc_start(argv, env, 0, e)) == NULL)
		return (err_within(e, "local state"));
	if ((status = proc_wait(p, 0, &why)) == 0)
		return (0);
	if (status < 0 && why.kind == ERR_STOPPED) {
		*e = why;
		return (-1);
	}
	return (state_damaged(e, "its database does not hold together"));
}

/* --- the mark --- */

static void
write_mark(const struct stat *st, char out[MARK_TEXT])
{
	memset(out, ' ', MARK_TEXT);
	(void)snprintf(out, MARK_TEXT, "%" PRIu64 " %" PRId64 ".%09ld\n",
	    (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
	    st->st_mtim.tv_nsec);
}

/* Cut after it was closed is damage, whatever is left. */
static int
compare_mark(int fd, const struct stat *st, bool *same, struct err *e)
{
	char then[MARK_TEXT] = "", now[MARK_TEXT];
	ssize_t got = file_read_at(fd, 0, then, sizeof(then) - 1, e);

	if (got < 0)
		return (-1);
	write_mark(st, now);
	*same = strncmp(then, now, sizeof(then)) == 0;
	if (got > 0 && strtoull(then, NULL, 10) > (uint64_t)st->st_size)
		return (state_damaged(e, "its database was cut"));
	return (0);
}

/* Nobody else has it open: is it as it was left? */
static int
look_at_file(const char *folder, const char *data, int fd, size_t map_bytes,
    struct err *e)
{
	struct stat st;
	bool same = false;

	if (stat(data, &st) < 0) {
		if (errno != ENOENT)
			return (err_errno(e, "local state: %s", data));
		return (0); /* about to be made */
	}
	if (!S_ISREG(st.st_mode))
		return (state_damaged(e, "its database is not a file"));
	if (compare_mark(fd, &st, &same, e) < 0)
		return (-1);
	if (same || st.st_size == 0)
		return (0);
	log_debug("local state: looking through the database");
	return (check_apart(folder, map_bytes, e));
}

int
state_check_enter(
    const char *folder, size_t map_bytes, int *held, struct err *e)
{
	SCOPED(scope_free) char *data = file_join(folder, "db/data.mdb");
	SCOPED(scope_free) char *mark = file_join(folder, "db/clean");
	SCOPED(scope_close)
	int fd = file_create(mark, O_RDWR | O_CREAT, 0600, e);

	if (fd < 0)
		return (err_within(e, "local state"));
	atomic_store(&has_seen_damage, false);
	if (file_hold(fd, FILE_ALONE, e) == 0) {
		if (look_at_file(folder, data, fd, map_bytes, e) < 0)
			return (-1);
		if (ftruncate(fd, 0) < 0)
			return (err_errno(e, "local state: %s", mark));
	} else if (e->kind != ERR_LOCKED)
		return (-1);
	err_clear(e);
	if (file_hold(fd, FILE_SHARED, e) < 0)
		return (-1);
	*held = fd;
	fd = -1;
	return (0);
}

/* A mark that could not be written costs a walk the next time. */
void
state_check_leave(const char *folder, int held)
{
	SCOPED(scope_free) char *data = file_join(folder, "db/data.mdb");
	char text[MARK_TEXT];
	struct err ignored = ERR_INIT;
	struct stat st;

	if (atomic_load(&has_seen_damage) ||
	    file_hold(held, FILE_ALONE, &ignored) < 0 || stat(data, &st) < 0)
		return;
	write_mark(&st, text);
	if (pwrite(held, text, strlen(text), 0) < 0)
		log_debug("local state: no mark of a clean end");
}
