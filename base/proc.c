/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An argument vector goes in; descriptors, an exit status and the child's last
 * words come out. A child inherits nothing but the three standard descriptors.
 * A thread of its own empties its standard error, so a talkative child never
 * blocks. Always holds: no child outlives its handle.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "base/text.h"

#define TAIL_MAX     ((size_t)4096)
#define GRACE_MS     1000 /* between SIGTERM and SIGKILL */
#define LINGER_MS    200  /* for words still in the pipe after the end */
#define NAP_LEAST_US 500
#define NAP_MOST_US  20000
#define FIRST_FREE   3 /* above the standard descriptors */

struct proc {
	char *program; /* the last part of its path, for messages */
	int in, out, err;
	pthread_t collector;
	bool has_collector;
	char *words; /* what proc_stderr gave last */
	pthread_mutex_t lock;
	/* guarded by lock */
	pid_t pid;
	bool is_reaped;
	int status;	 /* as waitpid gives it, when reaped */
	struct buf tail; /* of standard error */
	bool is_cut;	 /* the tail's beginning is missing */
};

/* A child that does not read must give us an error, not our death. */
static void
ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
		now.sa_handler = SIG_IGN;
		(void)sigaction(SIGPIPE, &now, NULL);
	}
}

/* A descriptor that no dup2 onto 0, 1 or 2 can hit. Takes fd. */
static int
lift(int fd)
{
	int higher;

	if (fd >= FIRST_FREE)
		return (fd);
	higher = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
	(void)close(fd);
	return (higher);
}

static int
make_pipe(int *reading, int *writing, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return (err_errno(e, "pipe"));
	*reading = lift(ends[0]);
	*writing = lift(ends[1]);
	if (*reading < 0 || *writing < 0)
		return (err_errno(e, "pipe"));
	return (0);
}

/* Our environment with env's entries in the place of those of equal name. The
 * list is allocated, its entries are not. */
static const char **
merge_environment(const char *const env[])
{
	size_t ours = 0, theirs = 0, n = 0, i, j, name;
	const char **merged;

	while (environ[ours] != NULL)
		ours++;
	while (env != NULL && env[theirs] != NULL)
		theirs++;
	merged = mem_array(ours + theirs + 1, sizeof(*merged));
	for (i = 0; i < theirs; i++)
		merged[n++] = env[i];
	for (i = 0; i < ours; i++) {
		name = strcspn(environ[i], "=") + 1;
		for (j = 0; j < theirs; j++)
			if (strncmp(environ[i], env[j], name) == 0)
				break;
		if (j == theirs)
			merged[n++] = environ[i];
	}
	return (merged);
}

/* The child's ends of the pipes; -1 stands for /dev/null. */
struct ends {
	int in, out, err;
};

static void
close_ends(struct ends *ends)
{
	scope_close(&ends->in);
	scope_close(&ends->out);
	scope_close(&ends->err);
}

/* What happens in the child before the program begins. Returns an errno. */
static int
arrange(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
    const struct ends *ends)
{
	sigset_t signals;
	int rc;

	rc = ends->in >= 0
	    ? posix_spawn_file_actions_adddup2(actions, ends->in, 0)
	    : posix_spawn_file_actions_addopen(
		  actions, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = ends->out >= 0
		    ? posix_spawn_file_actions_adddup2(actions, ends->out, 1)
		    : posix_spawn_file_actions_addopen(
			  actions, 1, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, ends->err, 2);
	/* Also what a library opened without close-on-exec. */
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(
		    actions, FIRST_FREE);
	(void)sigemptyset(&signals);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attributes, &signals);
	(void)sigaddset(&signals, SIGPIPE);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &signals);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
		    attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return (rc);
}

/* posix_spawn and its list types want writable strings that they do not
 * write. */
static char *const *
as_vector(const char *const *list)
{
	union {
		const char *const *from;
		char *const *to;
	} same = { .from = list };

	return (same.to);
}

static int
spawn(struct proc *p, const char *const argv[], const char *const env[],
    const struct ends *ends, struct err *e)
{
	SCOPED(scope_free) const char **all = merge_environment(env);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc;

	if ((rc = posix_spawn_file_actions_init(&actions)) == 0) {
		if ((rc = posix_spawnattr_init(&attributes)) == 0) {
			if ((rc = arrange(&actions, &attributes, ends)) == 0)
				rc = posix_spawn(&p->pid, argv[0], &actions,
				    &attributes, as_vector(argv),
				    as_vector(all));
			(void)posix_spawnattr_destroy(&attributes);
		}
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	if (rc == 0)
		return (0);
	p->pid = -1;
	errno = rc;
	return (err_errno(e, "start %s", argv[0]));
}

/* Keeps the last TAIL_MAX bytes of what comes. */
static void
keep_tail(struct proc *p, const char *words, size_t n)
{
	size_t drop;

	(void)pthread_mutex_lock(&p->lock);
	buf_add(&p->tail, words, n);
	if (p->tail.n > TAIL_MAX) {
		drop = p->tail.n - TAIL_MAX;
		memmove(p->tail.p, p->tail.p + drop, TAIL_MAX);
		p->tail.n = TAIL_MAX;
		p->is_cut = true;
	}
	(void)pthread_mutex_unlock(&p->lock);
}

static bool
is_gone(struct proc *p)
{
	bool gone;

	(void)pthread_mutex_lock(&p->lock);
	gone = p->is_reaped;
	(void)pthread_mutex_unlock(&p->lock);
	return (gone);
}

/* The collecting thread. It ends with the pipe, or, when a grandchild keeps
 * that open, soon after the child. */
static void *
collect(void *arg)
{
	struct proc *p = arg;
	struct pollfd wait = { .fd = p->err, .events = POLLIN };
	char words[1024];
	ssize_t got;
	bool was_gone;

	for (;;) {
		was_gone = is_gone(p);
		if (poll(&wait, 1, LINGER_MS) == 0) {
			if (was_gone)
				return (NULL);
			continue;
		}
		got = read(p->err, words, sizeof(words));
		if (got > 0)
			keep_tail(p, words, (size_t)got);
		else if (got == 0 || errno != EINTR)
			return (NULL);
	}
}

/* The signals of the program are its main thread's to take. */
static int
start_collector(struct proc *p, struct err *e)
{
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&p->collector, NULL, collect, p);
	p->has_collector = errno == 0;
	if (!p->has_collector)
		(void)err_errno(e, "start a thread");
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return (p->has_collector ? 0 : -1);
}

struct proc *
proc_start(const char *const argv[], const char *const env[], unsigned pipes,
    struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	SCOPED(proc_freep) struct proc *p = mem_new(sizeof(*p));
	SCOPED(close_ends) struct ends ends = { -1, -1, -1 };
	const char *slash = strrchr(argv[0], '/');

	(void)pthread_once(&once, ignore_sigpipe);
	(void)pthread_mutex_init(&p->lock, NULL);
	p->pid = -1;
	p->in = p->out = p->err = -1;
	p->program = mem_string(slash != NULL ? slash + 1 : argv[0]);
	if ((pipes & PROC_STDIN) != 0 && make_pipe(&ends.in, &p->in, e) < 0)
		return (NULL);
	if ((pipes & PROC_STDOUT) != 0 && make_pipe(&p->out, &ends.out, e) < 0)
		return (NULL);
	if (make_pipe(&p->err, &ends.err, e) < 0)
		return (NULL);
	if (spawn(p, argv, env, &ends, e) < 0)
		return (NULL);
	/* Ours of the child's ends close now, or no reader sees the end. */
	close_ends(&ends);
	if (start_collector(p, e) < 0)
		return (NULL);
	return (TAKE(p));
}

int
proc_stdin(const struct proc *p)
{
	return (p->in);
}

int
proc_stdout(const struct proc *p)
{
	return (p->out);
}

void
proc_close_stdin(struct proc *p)
{
	scope_close(&p->in);
}

/* True when the child has ended. Under the lock, so that nobody signals a
 * number that the system may have given away again. */
static bool
reap(struct proc *p)
{
	pid_t got;
	bool done;

	(void)pthread_mutex_lock(&p->lock);
	if (!p->is_reaped) {
		do
			got = waitpid(p->pid, &p->status, WNOHANG);
		while (got < 0 && errno == EINTR);
		p->is_reaped = got != 0;
		if (got < 0) /* somebody else took it; call it killed */
			p->status = SIGKILL;
	}
	done = p->is_reaped;
	(void)pthread_mutex_unlock(&p->lock);
	return (done);
}

static void
signal_child(struct proc *p, int number)
{
	(void)pthread_mutex_lock(&p->lock);
	if (!p->is_reaped && p->pid > 0)
		(void)kill(p->pid, number);
	(void)pthread_mutex_unlock(&p->lock);
}

/* Longer and longer naps: short children end quickly, long ones cost nothing.
 */
static void
nap(unsigned *us)
{
	struct timespec ts = { .tv_nsec = (long)*us * 1000 };

	(void)nanosleep(&ts, NULL);
	*us = *us * 2 < NAP_MOST_US ? *us * 2 : NAP_MOST_US;
}

void
proc_kill(struct proc *p)
{
	unsigned left_ms = stop_left_ms(), us = NAP_LEAST_US;
	uint64_t end = clock_ticks_ms() +
	    (left_ms < GRACE_MS ? left_ms : GRACE_MS);

	/* PostgreSQL's programs cancel what the server does for them. */
	signal_child(p, SIGTERM);
	while (!reap(p) && clock_ticks_ms() < end)
		nap(&us);
	signal_child(p, SIGKILL);
	while (!reap(p))
		nap(&us);
}

static void
join_collector(struct proc *p)
{
	if (p->has_collector)
		(void)pthread_join(p->collector, NULL);
	p->has_collector = false;
}

int
proc_wait(struct proc *p, unsigned wait_ms, struct err *e)
{
	uint64_t end = clock_ticks_ms() + wait_ms;
	unsigned us = NAP_LEAST_US;

	while (!reap(p)) {
		if (stop_check(e) < 0) {
			proc_kill(p);
			join_collector(p);
			return (-1);
		}
		if (wait_ms > 0 && clock_ticks_ms() >= end) {
			proc_kill(p);
			join_collector(p);
			return (err_set(e, ERR_AGAIN,
			    "%s: not done after %u ms", p->program, wait_ms));
		}
		nap(&us);
	}
	join_collector(p);
	if (WIFEXITED(p->status))
		return (WEXITSTATUS(p->status));
	return (err_set(e, ERR_SYSTEM, "%s: ended by signal %d", p->program,
	    WTERMSIG(p->status)));
}

/* The tail from its first whole line on, each line cleaned. */
const char *
proc_stderr(struct proc *p)
{
	char *from, *line, *end;

	(void)pthread_mutex_lock(&p->lock);
	from = mem_string(buf_text(&p->tail));
	line = from;
	if (p->is_cut && (end = strchr(from, '\n')) != NULL)
		line = end + 1;
	(void)pthread_mutex_unlock(&p->lock);
	free(p->words);
	p->words = mem_string(line);
	free(from);
	for (line = p->words; line != NULL; line = end) {
		if ((end = strchr(line, '\n')) != NULL)
			*end = '\0';
		text_clean(line);
		if (end != NULL)
			*end++ = '\n';
	}
	return (p->words);
}

void
proc_free(struct proc *p)
{
	if (p == NULL)
		return;
	/* Killed before its input ends: a psql that sees the end of a script
	 * that we did not finish would commit what it has. */
	if (p->pid > 0)
		proc_kill(p);
	join_collector(p);
	scope_close(&p->in);
	scope_close(&p->out);
	scope_close(&p->err);
	buf_free(&p->tail);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->words);
	free(p->program);
	free(p);
}

void
proc_freep(struct proc **p)
{
	proc_free(*p);
	*p = NULL;
}
