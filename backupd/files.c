/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main thread walks, and adds what is done; the threads in between read.
 * A ring keeps the order: what the walk met first is added first, however long
 * another file takes. At most RING entries, and as many open files, are on
 * their way, and each reading thread has one buffer, so memory does not grow
 * with the number of files.
 */
#include "backupd/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backupd/file_job.h"
#include "backupd/owner_names.h"
#include "backupd/run.h"
#include "base/queue.h"

#define RING	       64
#define THREADS_MAX    64
#define RECOVERED_MODE 0640 /* of a file that only an earlier backup has */

struct ring {
	struct run *run;
	struct proof *proof;
	struct files_totals *totals;
	struct filestore *walk;
	struct filestore_entry entry; /* that it gave last */
	struct owner_names owners;
	struct queue *work; /* of jobs that must be read */
	size_t nthreads;
	pthread_t threads[THREADS_MAX];
	struct file_job *jobs[RING]; /* [next - n, next) modulo RING */
	size_t next, n;
	uint64_t met_bytes; /* of files, by the walk */
	pthread_mutex_t lock;
	pthread_cond_t done; /* some job's is_done became true */
};

static void *
thread_main(void *arg)
{
	struct ring *g = arg;
	struct file_reader *r = file_reader_new(g->run);
	struct err e = ERR_INIT;
	void *item;

	while (queue_get(g->work, &item, &e) == 0) {
		struct file_job *j = item;

		file_job_read(g->run, j, r);
		(void)pthread_mutex_lock(&g->lock);
		j->is_done = true;
		(void)pthread_cond_signal(&g->done);
		(void)pthread_mutex_unlock(&g->lock);
	}
	file_reader_free(r);
	return (NULL);
}

static int
ring_start(struct ring *g, struct err *e)
{
	unsigned jobs = g->run->repo->settings->jobs;

	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->done, NULL);
	g->work = queue_new(RING);
	if (jobs == 0)
		jobs = 1;
	while (g->nthreads < jobs && g->nthreads < THREADS_MAX &&
	    pthread_create(&g->threads[g->nthreads], NULL, thread_main, g) == 0)
		g->nthreads++;
	if (g->nthreads == 0)
		return (err_set(e, ERR_SYSTEM, "no thread could be started"));
	return (0);
}

/* Threads end when the queue is closed and empty; jobs that are not added are
 * dropped. */
static void
ring_end(struct ring *g)
{
	queue_close(g->work);
	for (size_t i = 0; i < g->nthreads; i++)
		(void)pthread_join(g->threads[i], NULL);
	for (; g->n > 0; g->n--)
		file_job_free(g->jobs[(g->next - g->n) % RING]);
	queue_free(g->work);
	filestore_freep(&g->walk);
	(void)pthread_cond_destroy(&g->done);
	(void)pthread_mutex_destroy(&g->lock);
}

/* The walk is ahead of what is added: files that no row names are work as soon
 * as they are met. */
static void
tell_total(const struct ring *g)
{
	uint64_t known = proof_bytes_there(g->proof);

	if (known > 0)
		progress_total(g->run->progress,
		    known > g->met_bytes ? known : g->met_bytes);
}

/* Puts the walk's next entry into the ring. 1, 0 at the walk's end, -1. */
static int
push(struct ring *g, struct err *e)
{
	struct file_job *j;
	int rc;

	if ((rc = filestore_next(g->walk, &g->entry, e)) <= 0)
		return (rc);
	if ((j = file_job_new(g->run, g->walk, &g->entry, e)) == NULL)
		return (-1);
	if (j->kind == FILESTORE_FILE) {
		g->met_bytes += (uint64_t)j->st.st_size;
		tell_total(g);
	}
	g->jobs[g->next++ % RING] = j;
	g->n++;
	/* The queue is as long as the ring: this does not wait. */
	if (!j->is_done && queue_put(g->work, j, e) < 0)
		return (-1);
	return (1);
}

/* The oldest job, when it is done. The caller frees it. */
static struct file_job *
pop(struct ring *g)
{
	struct file_job *j = g->jobs[(g->next - g->n) % RING];

	(void)pthread_mutex_lock(&g->lock);
	while (!j->is_done)
		(void)pthread_cond_wait(&g->done, &g->lock);
	(void)pthread_mutex_unlock(&g->lock);
	g->n--;
	return (j);
}

static int
add_entry(struct ring *g, const struct file_job *j, uint8_t kind,
    uint32_t stream, struct err *e)
{
	struct tree_entry t = { .kind = kind, .stream = stream };

	(void)snprintf(t.path, sizeof(t.path), "%s", j->path);
	owner_names_fill(&g->owners, &j->st, &t);
	if (kind == TREE_FILE)
		t.size = j->recipe.bytes;
	if (kind == TREE_LINK) {
		t.extra = (const uint8_t *)j->target;
		t.extra_bytes = strlen(j->target);
		t.size = t.extra_bytes;
	}
	return (ingest_add_entry(g->run->in, &t, e));
}

static int
add_file(struct ring *g, const struct file_job *j, struct err *e)
{
	char hex[2 * HASH_SHA1 + 1];
	uint32_t stream;

	if (j->has_changed)
		run_warn(g->run, "filestore: %s changed each time it was read",
		    j->path);
	if (ingest_add_recipe(g->run->in, &j->recipe, &stream, e) < 0 ||
	    add_entry(g, j, TREE_FILE, stream, e) < 0 ||
	    proof_see(g->proof, j->path, j->recipe.bytes,
		file_job_wrong_name(j, hex), e) < 0)
		return (-1);
	g->totals->count++;
	g->totals->bytes += j->recipe.bytes;
	g->totals->fresh += j->is_fresh;
	tell_total(g);
	progress_add(g->run->progress, 0, 0, 1);
	return (file_job_remember(g->run, j, e));
}

/* It is there, so it isn't missing, and it is not in the backup. */
static int
add_unreadable(
    struct ring *g, const struct file_job *j, const char *why, struct err *e)
{
	run_unreadable(g->run, "filestore: %s can't be read: %s", j->path, why);
	if (!S_ISREG(j->st.st_mode))
		return (0);
	return (proof_see(g->proof, j->path, (uint64_t)j->st.st_size, NULL, e));
}

static int
add_with_reason(struct ring *g, const struct file_job *j, struct err *e)
{
	struct err why = ERR_INIT;

	if (j->is_gone)
		return (0);
	errno = j->sys;
	(void)err_errno(&why, "open");
	return (add_unreadable(g, j, why.text, e));
}

static int
add(struct ring *g, const struct file_job *j, struct err *e)
{
	switch (j->kind) {
	case FILESTORE_FILE:
		if (j->error.kind == ERR_SOURCE)
			return (add_unreadable(g, j, j->error.text, e));
		if (j->error.kind != ERR_NONE) {
			*e = j->error;
			return (-1);
		}
		return (add_file(g, j, e));
	case FILESTORE_FOLDER:
		return (add_entry(g, j, TREE_FOLDER, TREE_NO_STREAM, e));
	case FILESTORE_LINK:
		proof_note_link(g->proof, j->path);
		return (add_entry(g, j, TREE_LINK, TREE_NO_STREAM, e));
	case FILESTORE_SPECIAL:
		run_warn(g->run,
		    "filestore: %s is a socket, pipe or device: left out",
		    j->path);
		return (0);
	case FILESTORE_UNREADABLE: return (add_with_reason(g, j, e));
	}
	return (0);
}

static int
turn(struct ring *g, struct err *e)
{
	struct file_job *j;
	bool has_ended = false;
	int rc;

	while (!has_ended || g->n > 0) {
		if (run_check(g->run, e) < 0)
			return (-1);
		if (!has_ended && g->n < RING) {
			if ((rc = push(g, e)) < 0)
				return (-1);
			has_ended = rc == 0;
			continue;
		}
		j = pop(g);
		rc = add(g, j, e);
		file_job_free(j);
		if (rc < 0)
			return (-1);
	}
	return (0);
}

int
files_copy(struct run *run, struct proof *proof, struct files_totals *out,
    struct err *e)
{
	struct ring *g;
	int rc = -1;

	*out = (struct files_totals){ .count = 0 };
	progress_phase(run->progress, "attachments", proof_bytes_there(proof));
	g = mem_new(sizeof(*g));
	g->run = run;
	g->proof = proof;
	g->totals = out;
	g->walk = filestore_open(run->branch->filestore, e);
	if (g->walk != NULL) {
		rc = ring_start(g, e);
		if (rc == 0)
			rc = turn(g, e);
		if (rc < 0)
			run_fail(run, e); /* the threads end at once */
		ring_end(g);
	}
	free(g);
	return (rc);
}

/* A file that the snapshot needs and the source has no more. */
static int
add_from_memory(struct run *run, const struct proof_missing *lost,
    const struct file_memory *m, const struct recipe *r, struct err *e)
{
	struct tree_entry t = { .kind = TREE_FILE, .size = r->bytes };
	struct owner_names owners = { .is_filled = false };
	struct stat st;

	/* It belonged to whom its folder belongs to. */
	if (stat(run->branch->filestore, &st) == 0)
		owner_names_fill(&owners, &st, &t);
	t.mode = RECOVERED_MODE;
	t.mtime = m->mtime;
	t.nsec = 0;
	(void)snprintf(t.path, sizeof(t.path), "%s", lost->path);
	ingest_count_known(run->in, r);
	if (ingest_add_recipe(run->in, r, &t.stream, e) < 0)
		return (-1);
	return (ingest_add_entry(run->in, &t, e));
}

int
files_add_deleted(struct run *run, struct proof *proof,
    struct files_totals *out, struct err *e)
{
	for (size_t i = 0; i < proof->n; i++) {
		SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
		struct proof_missing *lost = &proof->list[i];
		struct file_memory m;

		/* A link that stands there is in the backup already. */
		if (!lost->is_deleted || proof_is_linked(proof, lost->path) ||
		    !ingest_recall(
			run->in, run->branch->name, lost->path, &m, &r) ||
		    !m.matches_name || !ingest_knows(run->in, &r))
			continue;
		if (add_from_memory(run, lost, &m, &r, e) < 0)
			return (-1);
		lost->is_found = true;
		proof->found++;
		out->count++;
		out->bytes += r.bytes;
	}
	return (0);
}
