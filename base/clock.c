/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time of day (replaceable, shiftable), durations (neither), and the two
 * spellings of a moment that file names and documents use. The calendar is our
 * own and not the C library's, so no time zone can leak in.
 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/stop.h"

#define SLICE_MS    50
#define OFFSET_MOST INT64_C(100000000000) /* seconds, about 3,170 years */

struct moment {
	struct civil date;
	unsigned hour, minute, second;
};

/* Set once before threads start, or by a test; read from any thread. */
static _Atomic(int64_t (*)(void)) replaced;
static pthread_once_t offset_once = PTHREAD_ONCE_INIT;
static int64_t offset_ms; /* guarded by offset_once */

static void
read_offset(void)
{
	const char *text = getenv("TRIPLICATE_CLOCK_OFFSET");
	char *end;
	long long seconds;

	if (text == NULL || *text == '\0')
		return;
	errno = 0;
	seconds = strtoll(text, &end, 10);
	if (errno == 0 && *end == '\0' && seconds <= OFFSET_MOST &&
	    seconds >= -OFFSET_MOST)
		offset_ms = seconds * 1000;
}

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		abort();
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

int64_t
clock_now_ms(void)
{
	int64_t (*now_ms)(void) = atomic_load(&replaced);

	(void)pthread_once(&offset_once, read_offset);
	return (
	    (now_ms != NULL ? now_ms() : read_ms(CLOCK_REALTIME)) + offset_ms);
}

int64_t
clock_now(void)
{
	return (civil_floor_div(clock_now_ms(), 1000));
}

uint64_t
clock_ticks_ms(void)
{
	return ((uint64_t)read_ms(CLOCK_MONOTONIC));
}

void
clock_wait(pthread_cond_t *c, pthread_mutex_t *lock, unsigned wait_ms)
{
	struct timespec until;

	/* Of the kernel itself, which is who waits: libfaketime would shift the
	 * one and not the other, and we would never come back. */
	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(wait_ms / 1000);
	until.tv_nsec += (long)(wait_ms % 1000) * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	(void)pthread_cond_clockwait(c, lock, CLOCK_MONOTONIC, &until);
}

int
clock_sleep_ms(unsigned wait_ms, struct err *e)
{
	uint64_t end = clock_ticks_ms() + wait_ms, now, left;
	struct timespec ts = { 0 };

	for (;;) {
		if (stop_check(e) < 0)
			return (-1);
		if ((now = clock_ticks_ms()) >= end)
			return (0);
		left = end - now < SLICE_MS ? end - now : SLICE_MS;
		ts.tv_nsec = (long)left * 1000000;
		(void)nanosleep(&ts, NULL);
	}
}

static struct moment
moment_of(int64_t when)
{
	struct civil date = civil_of(civil_floor_div(when, CIVIL_DAY_S));
	unsigned rest = (unsigned)((when % CIVIL_DAY_S + CIVIL_DAY_S) %
	    CIVIL_DAY_S);

	return (
	    (struct moment){ date, rest / 3600, rest / 60 % 60, rest % 60 });
}

static int64_t
seconds_of(const struct moment *m)
{
	return (
	    civil_days(m->date.year, m->date.month, m->date.day) * CIVIL_DAY_S +
	    m->hour * INT64_C(3600) + m->minute * INT64_C(60) + m->second);
}

void
clock_text(int64_t when, char out[CLOCK_TEXT])
{
	struct moment m = moment_of(when);

	(void)snprintf(out, CLOCK_TEXT,
	    "%04" PRId64 "-%02u-%02uT%02u:%02u:%02uZ", m.date.year,
	    m.date.month, m.date.day, m.hour, m.minute, m.second);
}

void
clock_stamp(int64_t when, char out[CLOCK_TEXT])
{
	struct moment m = moment_of(when);

	(void)snprintf(out, CLOCK_TEXT, "%04" PRId64 "%02u%02uT%02u%02u%02uZ",
	    m.date.year, m.date.month, m.date.day, m.hour, m.minute, m.second);
}

/* Reads the digits of text where the shape has 'd'; every other character must
 * be the same in both. Fills parts, which are year to second, in order. */
static bool
match(const char *text, const char *shape, unsigned parts[6])
{
	static const size_t digits[6] = { 4, 2, 2, 2, 2, 2 };
	size_t i, part = 0, seen = 0;

	for (i = 0; shape[i] != '\0'; i++) {
		if (shape[i] != 'd') {
			if (text[i] != shape[i])
				return (false);
			continue;
		}
		if (!isdigit((unsigned char)text[i]))
			return (false);
		parts[part] = parts[part] * 10 + (unsigned)(text[i] - '0');
		if (++seen == digits[part]) {
			part++;
			seen = 0;
		}
	}
	return (text[i] == '\0');
}

bool
clock_parse(const char *text, int64_t *when)
{
	unsigned long_form[6] = { 0 }, short_form[6] = { 0 };
	const unsigned *parts;
	char again[CLOCK_TEXT];
	struct moment m;
	int64_t seconds;

	if (match(text, "dddd-dd-ddTdd:dd:ddZ", long_form))
		parts = long_form;
	else if (match(text, "ddddddddTddddddZ", short_form))
		parts = short_form;
	else
		return (false);
	m = (struct moment){ { parts[0], parts[1], parts[2] }, parts[3],
		parts[4], parts[5] };
	if (m.date.month < 1 || m.date.month > 12 || m.date.day < 1 ||
	    m.date.day > 31)
		return (false);
	seconds = seconds_of(&m);
	/* The 30th of February and 25:00 come back as another moment. */
	if (parts == long_form)
		clock_text(seconds, again);
	else
		clock_stamp(seconds, again);
	if (strcmp(again, text) != 0)
		return (false);
	*when = seconds;
	return (true);
}

void
clock_replace(int64_t (*now_ms)(void))
{
	atomic_store(&replaced, now_ms);
}
