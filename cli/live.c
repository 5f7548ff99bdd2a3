/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that looks at the progress and tells it on standard error: one live
 * line on a terminal, a plain line every so often elsewhere, or one JSON object
 * a line for programs.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

#define LOOK_MS	 250
#define JSON_MS	 1000
#define PLAIN_MS 10000

#define WIDTH_USUAL 80
#define LINE_MAX_   400

struct live {
	struct progress *progress;
	enum progress_style style;
	bool terminal;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* guarded by lock */
	bool stop, paused;
	bool has_line; /* the live line stands on the terminal */
};

struct rates {
	uint64_t rate; /* bytes a second */
	int64_t eta_s; /* -1: not known */
};

static struct rates
rates_of(const struct progress_view *v)
{
	struct rates r = { 0, -1 };

	if (v->ms < 500)
		return (r);
	r.rate = v->phase_bytes * 1000 / v->ms;
	if (v->total > 0 && v->done > 0 && v->done <= v->total)
		r.eta_s = (int64_t)((double)(v->total - v->done) *
		    (double)v->ms / (double)v->done / 1000.0);
	return (r);
}

static void
tell_json(const struct progress_view *v)
{
	struct rates r = rates_of(v);
	SCOPED(json_freep) struct json *j = json_object();
	SCOPED(buf_free) struct buf line = BUF_INIT;

	json_set_string(j, "event", "progress");
	json_set_string(j, "phase", v->phase);
	json_set_integer(j, "done", (int64_t)v->done);
	json_set_integer(j, "total", (int64_t)v->total);
	json_set_integer(j, "bytes", (int64_t)v->bytes);
	json_set_integer(j, "rate", (int64_t)r.rate);
	if (r.eta_s < 0)
		json_set_null(j, "eta_s");
	else
		json_set_integer(j, "eta_s", r.eta_s);
	json_write(j, false, &line);
	buf_add_u8(&line, '\n');
	(void)fputs(buf_text(&line), stderr);
}

/* What fits into a line of the terminal, where a letter ends. */
static size_t
width_of(const struct live *l)
{
	struct winsize size = { .ws_col = 0 };

	if (!l->terminal)
		return (LINE_MAX_ - 1);
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
		return (WIDTH_USUAL - 1);
	return (size.ws_col < LINE_MAX_ ? size.ws_col - 1U : LINE_MAX_ - 1);
}

static void
tell_text(struct live *l, const struct progress_view *v)
{
	struct rates r = rates_of(v);
	char bytes[SAY_TEXT], rate[SAY_TEXT], eta[SAY_TEXT], share[16] = "";
	char line[LINE_MAX_];

	if (v->total > 0)
		(void)snprintf(share, sizeof(share), " %3" PRIu64 " %%",
		    v->done >= v->total ? 100 : v->done * 100 / v->total);
	/* A letter has no more columns than bytes, so bytes are counted. */
	(void)snprintf(line, width_of(l) + 1,
	    "%s%s  %s  %s/s  %" PRIu64 " items%s%s%s%s", v->phase, share,
	    say_bytes(v->bytes, bytes), say_bytes(r.rate, rate), v->items,
	    r.eta_s >= 0 ? "  ETA " : "",
	    r.eta_s >= 0 ? say_seconds((uint64_t)r.eta_s, eta) : "",
	    v->note[0] != '\0' ? "  " : "", v->note);
	text_mend_end(line);
	(void)fprintf(stderr, "%s%s%s", l->terminal ? "\r\033[K" : "", line,
	    l->terminal ? "" : "\n");
	(void)fflush(stderr);
	l->has_line = l->terminal;
}

static void
tell(struct live *l)
{
	struct progress_view v;

	/* Programs are told how each phase ended, however short it was. */
	while (progress_next_ended(l->progress, &v))
		if (l->style == PROGRESS_JSON)
			tell_json(&v);
	progress_look(l->progress, &v);
	if (v.phase[0] == '\0')
		return;
	if (l->style == PROGRESS_JSON)
		tell_json(&v);
	else
		tell_text(l, &v);
}

enum next { LOOK, SKIP, END };

/* Waits for the time of the next look, and looks: with the lock held, so that
 * no other line comes in between. */
static enum next
wait_and_look(struct live *l, unsigned ms)
{
	enum next next;

	(void)pthread_mutex_lock(&l->lock);
	if (!l->stop)
		clock_wait(&l->wake, &l->lock, ms);
	next = l->stop ? END : l->paused ? SKIP : LOOK;
	if (next == LOOK)
		tell(l);
	(void)pthread_mutex_unlock(&l->lock);
	return (next);
}

static void *
look(void *arg)
{
	struct live *l = arg;
	unsigned ms = l->style == PROGRESS_JSON ? JSON_MS
	    : l->terminal			? LOOK_MS
						: PLAIN_MS;

	while (wait_and_look(l, ms) != END)
		;
	if (l->style == PROGRESS_JSON)
		tell(l);
	else if (l->has_line)
		(void)fputs("\r\033[K", stderr);
	return (NULL);
}

/* A terminal that can't go back in its line gets plain lines. */
static bool
is_dumb(void)
{
	const char *term = getenv("TERM");

	return (term == NULL || *term == '\0' || strcmp(term, "dumb") == 0);
}

struct live *
live_start(struct progress *p, enum progress_style style)
{
	struct live *l;

	if (style == PROGRESS_NONE)
		return (NULL);
	l = mem_new(sizeof(*l));
	l->progress = p;
	l->style = style;
	l->terminal = style == PROGRESS_TEXT && isatty(STDERR_FILENO) &&
	    !is_dumb();
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->wake, NULL);
	if (pthread_create(&l->thread, NULL, look, l) != 0) {
		free(l);
		return (NULL);
	}
	return (l);
}

void
live_stop(struct live *l)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->stop = true;
	(void)pthread_cond_signal(&l->wake);
	(void)pthread_mutex_unlock(&l->lock);
	(void)pthread_join(l->thread, NULL);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_cond_destroy(&l->wake);
	free(l);
}

void
live_pause(struct live *l, bool pause)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->paused = pause;
	if (pause && l->has_line)
		(void)fputs("\r\033[K", stderr);
	l->has_line = false;
	(void)pthread_mutex_unlock(&l->lock);
}
