/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A short child's whole life: input goes in while output comes out, by turns,
 * so that neither pipe can fill up and hold both sides for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/stop.h"

#define SLICE_MS 100
#define PIECE	 ((size_t)64 << 10)

/* One run: what is still to be written, and where the output goes. */
struct run {
	struct proc *proc;
	struct bytes input; /* what the child has not taken yet */
	struct buf *out;
	size_t had, limit; /* of out */
	uint64_t end_ms;   /* 0: no limit */
	unsigned wait_ms;
	bool is_read; /* the child closed its standard output */
};

/* Gives the child what its pipe takes. One that does not want more is no
 * failure: its exit status tells. */
static int
feed(struct run *r, struct err *e)
{
	ssize_t put;

	put = write(proc_stdin(r->proc), r->input.p, r->input.n);
	if (put > 0)
		(void)bytes_take(&r->input, (size_t)put);
	else if (put < 0 && errno == EPIPE)
		r->input.n = 0;
	else if (put < 0 && errno != EAGAIN && errno != EINTR)
		return (err_errno(e, "write to a child"));
	if (r->input.n == 0)
		proc_close_stdin(r->proc);
	return (0);
}

static int
drain(struct run *r, struct err *e)
{
	ssize_t got;

	buf_reserve(r->out, PIECE);
	got = read(proc_stdout(r->proc), r->out->p + r->out->n, PIECE);
	if (got > 0)
		r->out->n += (size_t)got;
	else if (got == 0)
		r->is_read = true;
	else if (errno != EINTR && errno != EAGAIN)
		return (err_errno(e, "read from a child"));
	if (r->out->n - r->had > r->limit)
		return (err_set(e, ERR_CORRUPT,
		    "output is longer than the allowed %zu bytes", r->limit));
	return (0);
}

/* Until all input is taken and all output is here. */
static int
exchange(struct run *r, struct err *e)
{
	struct pollfd wait[2];

	while (!r->is_read || proc_stdin(r->proc) >= 0) {
		if (stop_check(e) < 0)
			return (-1);
		if (r->end_ms != 0 && clock_ticks_ms() >= r->end_ms)
			return (err_set(
			    e, ERR_AGAIN, "not done after %u ms", r->wait_ms));
		/* poll passes over negative descriptors */
		wait[0] = (struct pollfd){ .fd = proc_stdin(r->proc),
			.events = POLLOUT };
		wait[1] = (struct pollfd){
			.fd = r->is_read ? -1 : proc_stdout(r->proc),
			.events = POLLIN
		};
		if (poll(wait, 2, SLICE_MS) <= 0)
			continue;
		if (wait[0].revents != 0 && feed(r, e) < 0)
			return (-1);
		if (wait[1].revents != 0 && drain(r, e) < 0)
			return (-1);
	}
	return (0);
}

/* The last line that is not empty; text is cut behind it. */
static const char *
last_line(char *text)
{
	size_t n = strlen(text);
	char *start;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	start = strrchr(text, '\n');
	return (start != NULL ? start + 1 : text);
}

static int
finish(struct run *r, const char *name, struct err *e)
{
	SCOPED(scope_free) char *words = NULL;
	uint64_t now = clock_ticks_ms();
	unsigned left = 0;
	const char *last;
	int status;

	if (r->end_ms != 0)
		left = r->end_ms > now ? (unsigned)(r->end_ms - now) : 1;
	if ((status = proc_wait(r->proc, left, e)) == 0)
		return (0);
	if (status < 0)
		return (-1);
	words = mem_string(proc_stderr(r->proc));
	last = last_line(words);
	return (err_set(e, ERR_SYSTEM, "%s: exit status %d%s%s", name, status,
	    *last != '\0' ? ": " : "", last));
}

int
proc_run(const char *const argv[], const char *const env[],
    const struct buf *input, size_t limit, struct buf *out, unsigned wait_ms,
    struct err *e)
{
	unsigned pipes = PROC_STDOUT | (input != NULL ? PROC_STDIN : 0);
	SCOPED(proc_freep) struct proc *p = proc_start(argv, env, pipes, e);
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];
	struct run r = { .proc = p,
		.out = out,
		.had = out->n,
		.limit = limit,
		.wait_ms = wait_ms };

	if (p == NULL)
		return (-1);
	if (wait_ms > 0)
		r.end_ms = clock_ticks_ms() + wait_ms;
	if (input != NULL)
		r.input = bytes_of(input->p, input->n);
	if (r.input.n == 0)
		proc_close_stdin(p);
	else if (fcntl(proc_stdin(p), F_SETFL, O_NONBLOCK) != 0)
		return (err_errno(e, "%s: write", name));
	if (exchange(&r, e) < 0)
		return (err_within(e, "%s", name));
	return (finish(&r, name, e));
}
