/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that was changed while, or just before, it was read may be changed
 * again within the resolution of its time stamp, and look the same: it is
 * remembered with a time that no file has, so that the next backup reads it
 * once more.
 */
#include "backupd/file_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backupd/backup.h"
#include "backupd/proof.h"
#include "backupd/run.h"
#include "base/clock.h"
#include "base/stage.h"

#define READS_MAX    3
#define SETTLED_S    2
#define NSEC_UNKNOWN UINT32_MAX

static bool
is_as_remembered(const struct file_memory *m, const struct stat *st)
{
	return (m->size == (uint64_t)st->st_size &&
	    m->inode == (uint64_t)st->st_ino &&
	    m->device == (uint64_t)st->st_dev &&
	    m->mtime == (int64_t)st->st_mtim.tv_sec &&
	    m->nsec == (uint32_t)st->st_mtim.tv_nsec);
}

/* Known by its looks, so that it needn't be read? What did not match its name
 * is read again, since what it is instead isn't remembered. */
static bool
is_known(struct run *run, struct file_job *j)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;

	j->is_fresh = true;
	if (!ingest_recall(
		run->in, run->branch->name, j->path, &j->remembered, &r))
		return (false);
	j->has_remembered = true;
	j->before = r.checksum;
	if (run->conf->reread || !is_as_remembered(&j->remembered, &j->st) ||
	    (j->is_hash_named && !j->remembered.matches_name) ||
	    !ingest_knows(run->in, &r))
		return (false);
	ingest_count_known(run->in, &r);
	j->recipe = r;
	r = (struct recipe)RECIPE_INIT;
	j->is_fresh = false;
	j->is_known = true;
	j->matches_name = j->remembered.matches_name;
	return (true);
}

static int
prepare_file(struct run *run, const struct filestore *f, struct file_job *j,
    struct err *e)
{
	int sys;

	j->is_hash_named = proof_is_hash_path(j->path);
	if (is_known(run, j)) {
		progress_add(run->progress, (uint64_t)j->st.st_size, 0, 0);
		return (0);
	}
	stage_reached("file to be opened");
	if ((j->fd = filestore_open_file(f, &sys)) >= 0) {
		j->is_done = false;
		return (0);
	}
	if (sys == EMFILE || sys == ENFILE) {
		errno = sys;
		return (err_errno(e, "open a file of the filestore"));
	}
	j->is_gone = sys == ENOENT || sys == ELOOP;
	j->kind = FILESTORE_UNREADABLE;
	j->sys = sys;
	return (0);
}

struct file_job *
file_job_new(struct run *run, const struct filestore *f,
    const struct filestore_entry *entry, struct err *e)
{
	struct file_job *j = mem_new(sizeof(*j));

	j->kind = entry->kind;
	j->path = mem_string(entry->path);
	j->st = entry->st;
	j->sys = entry->sys;
	j->fd = -1;
	j->is_done = true;
	if (j->kind == FILESTORE_LINK)
		j->target = mem_string(entry->target);
	if (j->kind == FILESTORE_FILE && prepare_file(run, f, j, e) < 0) {
		file_job_free(j);
		return (NULL);
	}
	return (j);
}

void
file_job_free(struct file_job *j)
{
	if (j == NULL)
		return;
	scope_close(&j->fd);
	free(j->path);
	free(j->target);
	recipe_free(&j->recipe);
	free(j);
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return (a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec);
}

/* Did it hold still between two looks? Whoever sets the time of a change back
 * leaves a new ctime; so does a name of it that goes, which changes no byte. */
static bool
has_held_still(const struct stat *a, const struct stat *b)
{
	return (a->st_size == b->st_size &&
	    is_same_time(&a->st_mtim, &b->st_mtim) &&
	    (is_same_time(&a->st_ctim, &b->st_ctim) ||
		a->st_nlink != b->st_nlink));
}

/* Reads it once. *same tells whether it held still. */
static int
read_once(struct file_job *j, struct file_reader *r, bool *same, struct err *e)
{
	struct file_source from = { .kind = STREAM_FILE,
		.text = j->path,
		.fd = j->fd,
		.wants_sha1 = j->is_hash_named };
	struct stat after;

	if (fstat(j->fd, &j->st) != 0 || lseek(j->fd, 0, SEEK_SET) != 0) {
		(void)err_errno(e, "read");
		e->kind = ERR_SOURCE;
		return (-1);
	}
	stage_reached("file to be read");
	/* Up to the size that it has now: one that is being written to
	 * without end must not be read without end. */
	from.most = (uint64_t)j->st.st_size;
	recipe_free(&j->recipe);
	j->recipe = (struct recipe)RECIPE_INIT;
	if (file_reader_read(r, &from, &j->recipe, j->sha1, e) < 0)
		return (-1);
	*same = fstat(j->fd, &after) == 0 && has_held_still(&j->st, &after) &&
	    j->recipe.bytes == (uint64_t)j->st.st_size;
	return (0);
}

void
file_job_read(struct run *run, struct file_job *j, struct file_reader *r)
{
	char hex[2 * HASH_SHA1 + 1];
	bool same = false;

	for (unsigned i = 0; i < READS_MAX && !same; i++)
		if (run_check(run, &j->error) < 0 ||
		    read_once(j, r, &same, &j->error) < 0)
			break;
	scope_close(&j->fd);
	j->fd = -1;
	if (j->error.kind != ERR_NONE)
		return;
	j->has_changed = !same;
	j->is_fresh = !j->has_remembered ||
	    !name_equals(&j->before, &j->recipe.checksum);
	hex_of(j->sha1, HASH_SHA1, hex);
	j->matches_name = j->is_hash_named &&
	    strcmp(strchr(j->path, '/') + 1, hex) == 0;
}

const char *
file_job_wrong_name(const struct file_job *j, char out[2 * HASH_SHA1 + 1])
{
	if (!j->is_hash_named || j->matches_name)
		return (NULL);
	hex_of(j->sha1, HASH_SHA1, out);
	return (out);
}

int
file_job_remember(struct run *run, const struct file_job *j, struct err *e)
{
	struct file_memory m = { .size = (uint64_t)j->st.st_size,
		.inode = (uint64_t)j->st.st_ino,
		.device = (uint64_t)j->st.st_dev,
		.mtime = (int64_t)j->st.st_mtim.tv_sec,
		.nsec = (uint32_t)j->st.st_mtim.tv_nsec,
		.matches_name = j->matches_name };

	if (j->has_changed || m.mtime > clock_now() - SETTLED_S)
		m.nsec = NSEC_UNKNOWN;
	/* A million unchanged files are a million writes otherwise. */
	if (j->is_known && m.nsec == j->remembered.nsec) {
		ingest_still_there(run->in, run->branch->name, j->path);
		return (0);
	}
	return (ingest_remember(
	    run->in, run->branch->name, j->path, &m, &j->recipe, e));
}
