/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stage's name comes in; with a test's leave the caller goes on. Concurrency
 * that is driven, not hit by luck: the test sees the file, does what production
 * might do at just this moment, and removes it.
 */
#include "base/stage.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define MODE_PAUSED 0600
#define LOOK_MS	    20
#define LOOKS_MAX   15000 /* 5 minutes */

static atomic_bool has_paused;

/* Not through base/file, whose steps would be counted. */
static bool
make_mark(const char *path)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE_PAUSED);

	return (fd >= 0 && close(fd) == 0);
}

void
stage_reached(const char *name)
{
	const char *at = getenv("TRIPLICATE_PAUSE_AT"),
		   *mark = getenv("TRIPLICATE_PAUSE_FILE");
	struct err stopped = ERR_INIT;

	file_step(name);
	if (at == NULL || mark == NULL || strcmp(at, name) != 0 ||
	    atomic_exchange(&has_paused, true) || !make_mark(mark))
		return;
	log_info("waiting at \"%s\", as the test asks", name);
	for (unsigned i = 0; i < LOOKS_MAX && access(mark, F_OK) == 0; i++)
		if (clock_sleep_ms(LOOK_MS, &stopped) < 0)
			return;
}
