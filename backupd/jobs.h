/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The job queue: what is to be done, is being done and was done, in a small
 * LMDB environment of its own (STATE/jobs), since it can't be rebuilt from an
 * endpoint. Each change is durable before the call returns. A job is one run of
 * `triplicate` with the words in args; the queue knows nothing else of it. All
 * functions are thread-safe.
 *
 *   queued -> running -> done | failed | cancelled
 *      ^---------'  (the daemon was killed, or another process held the
 *                    repository)
 */
#ifndef BACKUPD_JOBS_H
#define BACKUPD_JOBS_H

#include "base/json.h"

#define JOB_ID_TEXT  24 /* with the NUL: "j-" and a number that only grows */
#define JOB_ARGS_MAX 64
#define JOB_TEXT_MAX                                                           \
	((size_t)64 << 10) /* what a job printed: its end is kept */
#define JOB_KEPT_DAYS 100  /* those that ended; at most JOBS_KEPT */
#define JOBS_KEPT     5000

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/* Who asks for what. Strings are the caller's. */
struct job_request {
	const char *kind;   /* the command: "backup", "restore", "prune", … */
	const char *branch; /* it is about, or "" */
	const char *actor;  /* "anna@page", "schedule", "root@host" */
	const char *request; /* id of the HTTP request, or "" */
	const char *key;     /* idempotency key of this actor, or "" */
	bool held; /* waits for jobs_release: a second person's word */
	const char *const *args; /* words of the command line, NULL-ended, the
				    command first; no global options */
};

struct jobs;

/* Opens or makes it. Jobs that were running when the daemon was killed are
 * queued again (or ended, where they left their answer). Fails: ERR_LOCKED when
 * another daemon has it; ERR_SYSTEM, ERR_FULL, ERR_CORRUPT. */
struct jobs *jobs_open(const char *state_folder, struct err *e) MUST_USE;
void jobs_free(struct jobs *q);

/*
 * Adds a job; id gets its name. The same actor's same key within 24 h gives the
 * job that there is, and *existed. Fails: ERR_USAGE (too many words), ERR_AGAIN
 * (1,000 are queued), ERR_FULL, ERR_SYSTEM.
 */
int jobs_add(struct jobs *q, const struct job_request *ask,
    char id[JOB_ID_TEXT], bool *existed, struct err *e) MUST_USE;
/* A queued one never starts; a running one is asked to stop and ends as
 * cancelled soon. Fails: ERR_MISSING, ERR_REFUSED when it has ended. */
int jobs_cancel(
    struct jobs *q, const char *id, const char *actor, struct err *e) MUST_USE;
/* A new job like one that failed or was cancelled. Fails: as jobs_add,
 * ERR_MISSING, ERR_REFUSED when it has not ended. */
int jobs_retry(struct jobs *q, const char *id, const char *actor,
    char new_id[JOB_ID_TEXT], struct err *e) MUST_USE;
/* The second person's word. Fails: ERR_MISSING; ERR_REFUSED when nothing is
 * held, or by the same person that asked. */
int jobs_release(
    struct jobs *q, const char *id, const char *actor, struct err *e) MUST_USE;

/*
 * {"id","kind","branch","state","actor","request","held","args":[…],"created",
 * "started","finished","seconds","attempt","exit_status",
 * "progress":{"phase","done","total","bytes","rate","eta_s"}|null,
 * "steps":[{"phase","seconds"}],"log":[lines of standard error],
 * "text":standard output,"result":the command's JSON answer|null,
 * "error":{"kind","message","hint"}|null}; times null until known.
 * Owned by the caller. Fails: ERR_MISSING.
 */
struct json *jobs_json(struct jobs *q, const char *id, struct err *e) MUST_USE;
/* Newest first, without steps, log, text and result; at most limit. */
struct json *jobs_list_json(struct jobs *q, size_t limit);
/* How many are in each state: for /metrics. */
void jobs_count(struct jobs *q, uint64_t counts[JOB_CANCELLED + 1]);

/*
 * For watchers: a number that grows when anything about the job changes (0: no
 * such job), and a call on each change of any job, from whichever thread made
 * it; it must not block, nor call jobs_*.
 */
uint64_t jobs_version(struct jobs *q, const char *id);
void jobs_on_change(struct jobs *q, void (*call)(void *arg), void *arg);
const char *job_state_text(enum job_state state); /* "queued", … */

#endif
