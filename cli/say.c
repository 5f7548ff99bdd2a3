/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for people: answers on standard output, warnings on standard error,
 * figures in the units they think in. Names come from databases and disks, so
 * control characters never reach the terminal.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "base/text.h"
#include "cli/cli.h"

#define AWAIT_MS 200

const char *
say_bytes(uint64_t bytes, char out[SAY_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB" };
	double v = (double)bytes;
	size_t unit = 0;

	while (v >= 1024 && unit < 5) {
		v /= 1024;
		unit++;
	}
	(void)snprintf(
	    out, SAY_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
	return (out);
}

const char *
say_seconds(uint64_t s, char out[SAY_TEXT])
{
	if (s < 60)
		(void)snprintf(out, SAY_TEXT, "%" PRIu64 " s", s);
	else if (s < 3600)
		(void)snprintf(out, SAY_TEXT, "%" PRIu64 " min %" PRIu64 " s",
		    s / 60, s % 60);
	else if (s < 172800)
		(void)snprintf(out, SAY_TEXT, "%" PRIu64 " h %" PRIu64 " min",
		    s / 3600, s / 60 % 60);
	else
		(void)snprintf(out, SAY_TEXT, "%" PRIu64 " days", s / 86400);
	return (out);
}

const char *
say_age(int64_t when, char out[SAY_TEXT])
{
	int64_t age = clock_now() - when;
	char text[SAY_TEXT];

	if (when == 0)
		(void)snprintf(out, SAY_TEXT, "never");
	else if (age < 0)
		(void)snprintf(out, SAY_TEXT, "in the future");
	else
		(void)snprintf(out, SAY_TEXT, "%.30s ago",
		    say_seconds((uint64_t)age, text));
	return (out);
}

static void print(FILE *to, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/* Prints with what could drive a terminal replaced, newlines of fmt kept. */
static void
print(FILE *to, const char *fmt, va_list ap)
{
	char *text = NULL, *line, *end;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	for (line = text; line != NULL; line = end) {
		if ((end = strchr(line, '\n')) != NULL)
			*end++ = '\0';
		text_clean(line);
		(void)fputs(line, to);
		if (end != NULL)
			(void)fputc('\n', to);
	}
	free(text);
}

void
say(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->json)
		return;
	live_pause(c->live, true);
	va_start(ap, fmt);
	print(stdout, fmt, ap);
	va_end(ap);
	live_pause(c->live, false);
}

void
say_warning(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	live_pause(c->live, true);
	(void)fputs("warning: ", stderr);
	va_start(ap, fmt);
	print(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	live_pause(c->live, false);
}

void
say_warnings_of(const struct cli *c, const struct json *warnings)
{
	for (size_t i = 0; i < json_count(warnings); i++) {
		const char *text = json_text(json_at(warnings, i));

		if (text != NULL)
			say_warning(c, "%s", text);
	}
}

int
cli_await_input(struct err *e)
{
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };

	/* A signal between a look at the flag and a read would be missed. */
	do
		if (stop_check(e) < 0)
			return (-1);
	while (poll(&wait, 1, AWAIT_MS) <= 0);
	return (0);
}

bool
cli_ask(struct cli *c, const char *question)
{
	struct err stopped = ERR_INIT;
	char line[16];
	bool yes;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return (false);
	live_pause(c->live, true);
	(void)fprintf(stderr, "%s [y/N] ", question);
	yes = cli_await_input(&stopped) == 0 &&
	    fgets(line, sizeof(line), stdin) != NULL &&
	    (line[0] == 'y' || line[0] == 'Y');
	live_pause(c->live, false);
	return (yes);
}
