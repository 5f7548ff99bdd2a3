/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam for crash tests: every durable step of the program is counted, and
 * the process ends at the one that a test has named. Without the two variables
 * in the environment it is one addition.
 *   TRIPLICATE_CRASH_AT=N         ends by SIGKILL just before the Nth step
 *   TRIPLICATE_CRASH_COUNT=FILE   writes the number of steps there at exit
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_ullong steps;
static unsigned long long crash_at; /* 0: never; guarded by once */
static const char *count_path;	    /* guarded by once */

/* Not through file_save, which would count. */
static void
write_count(void)
{
	FILE *out = fopen(count_path, "we");

	if (out == NULL)
		return;
	(void)fprintf(out, "%llu\n", atomic_load(&steps));
	(void)fclose(out);
}

static void
read_environment(void)
{
	const char *at = getenv("TRIPLICATE_CRASH_AT");
	char *end;

	if (at != NULL) {
		errno = 0;
		crash_at = strtoull(at, &end, 10);
		if (errno != 0 || *end != '\0')
			crash_at = 0;
	}
	count_path = getenv("TRIPLICATE_CRASH_COUNT");
	if (count_path != NULL)
		(void)atexit(write_count);
}

void
file_step(const char *what)
{
	unsigned long long number = atomic_fetch_add(&steps, 1) + 1;

	(void)pthread_once(&once, read_environment);
	if (number != crash_at)
		return;
	log_error(
	    "stopped before step %llu, %s, as the test asks", number, what);
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}
