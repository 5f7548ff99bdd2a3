/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads report failures and findings here and ask whether to go on. The first
 * failure wins, because the later ones follow from it. Warnings are kept up to
 * a limit, so that a million bad files cost a line and a count, not the memory.
 */
#include "backupd/run.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>

#include "backupd/backup.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"

#define WARNINGS_MAX 500
#define WAIT_MS	     200

void
run_init(struct run *run, struct repo *repo, const struct backup_conf *conf)
{
	*run = (struct run){ .repo = repo,
		.branch = conf->branch,
		.conf = conf,
		.progress = repo->progress };
	(void)pthread_mutex_init(&run->lock, NULL);
	atomic_init(&run->has_failed, false);
	run->warnings = json_array();
}

void
run_free(struct run *run)
{
	json_freep(&run->warnings);
	(void)pthread_mutex_destroy(&run->lock);
}

int
run_outcome(struct run *run, struct err *e)
{
	if (!atomic_load(&run->has_failed))
		return (0);
	(void)pthread_mutex_lock(&run->lock);
	*e = run->first;
	(void)pthread_mutex_unlock(&run->lock);
	return (-1);
}

int
run_check(struct run *run, struct err *e)
{
	if (stop_check(e) < 0)
		return (-1);
	return (run_outcome(run, e));
}

void
run_fail(struct run *run, const struct err *e)
{
	(void)pthread_mutex_lock(&run->lock);
	if (!atomic_load(&run->has_failed)) {
		run->first = *e;
		atomic_store(&run->has_failed, true);
	}
	(void)pthread_mutex_unlock(&run->lock);
}

size_t
run_mark(const struct run *run)
{
	return (json_count(run->warnings));
}

void
run_reset(struct run *run, size_t mark)
{
	SCOPED(json_freep) struct json *all = run->warnings;

	run->warnings = json_array();
	for (size_t i = 0; i < mark; i++)
		json_append_string(run->warnings, json_text(json_at(all, i)));
	run->nwarnings = mark;
	run->unreadable = 0;
	run->worst[0] = '\0';
	err_clear(&run->first);
	atomic_store(&run->has_failed, false);
}

int
run_wait_readable(struct run *run, int fd, struct err *e)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };
	int n;

	for (;;) {
		if (run_check(run, e) < 0)
			return (-1);
		n = poll(&look, 1, WAIT_MS);
		if (n > 0)
			return (0);
		if (n < 0 && errno != EINTR)
			return (err_errno(e, "poll"));
	}
}

/* Was it said already, in a try before this one? */
static bool
is_known(const struct run *run, const char *text)
{
	for (size_t i = json_count(run->warnings); i > 0; i--)
		if (strcmp(json_text(json_at(run->warnings, i - 1)), text) == 0)
			return (true);
	return (false);
}

/* One sentence into the list; whoever shows the result prints it. The lock is
 * held. */
static void
note(struct run *run, char *text)
{
	text_clean(text);
	if (is_known(run, text))
		return;
	log_debug("%s: %s", run->branch->name, text);
	if (run->nwarnings++ < WARNINGS_MAX)
		json_append_string(run->warnings, text);
	else if (run->nwarnings == WARNINGS_MAX + 1)
		json_append_string(
		    run->warnings, "and more, which are not listed");
}

void
run_warn(struct run *run, const char *fmt, ...)
{
	char text[sizeof(run->worst)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_mend_end(text);
	(void)pthread_mutex_lock(&run->lock);
	note(run, text);
	(void)pthread_mutex_unlock(&run->lock);
}

void
run_unreadable(struct run *run, const char *fmt, ...)
{
	char text[sizeof(run->worst)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_mend_end(text);
	(void)pthread_mutex_lock(&run->lock);
	note(run, text);
	if (run->unreadable++ == 0)
		(void)snprintf(run->worst, sizeof(run->worst), "%s", text);
	(void)pthread_mutex_unlock(&run->lock);
}
