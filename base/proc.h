/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Child processes: argument vectors only, never a shell. Standard error is
 * always collected (its last 4 KiB kept) by a thread, so a child never blocks
 * on it. The child is killed when its handle is freed unfinished, and when
 * base/stop is requested while somebody waits for it.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct proc;

enum {
	PROC_STDIN = 1,
	PROC_STDOUT = 2
}; /* which ends are pipes; else /dev/null */

/*
 * argv[0] is the program's path. env is a NULL-ended list of NAME=VALUE that is
 * added to ours (NULL for none); secrets may be in it, argv never holds any.
 */
struct proc *proc_start(const char *const argv[], const char *const env[],
    unsigned pipes, struct err *e) MUST_USE;
int proc_stdin(const struct proc *p); /* descriptor, or -1 */
int proc_stdout(const struct proc *p);
void proc_close_stdin(struct proc *p);
/*
 * Waits at most wait_ms (0: no limit). Returns the exit status (0-255) or -1:
 * ended by a signal (ERR_SYSTEM), too late (ERR_AGAIN, child killed), or
 * ERR_STOPPED.
 */
int proc_wait(struct proc *p, unsigned wait_ms, struct err *e) MUST_USE;
/* What it wrote to standard error (its tail), one line per line. Owned by p;
 * complete after proc_wait. */
const char *proc_stderr(struct proc *p);
void proc_kill(struct proc *p);
void proc_free(struct proc *p);
void proc_freep(struct proc **p);

/*
 * The whole life of a short child: runs it, feeds input (may be NULL), collects
 * at most limit bytes of standard output. A non-zero exit fails with
 * ERR_SYSTEM "PROGRAM: exit status N: last line of its standard error".
 */
int proc_run(const char *const argv[], const char *const env[],
    const struct buf *input, size_t limit, struct buf *out, unsigned wait_ms,
    struct err *e) MUST_USE;

#endif
