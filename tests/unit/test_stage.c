/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* The seam for tests that change the world at a stage of a job: a child waits
 * at the stage that its environment names, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/scope.h"
#include "base/stage.h"

#define LOOK_MS	  5
#define LOOKS_MAX 6000

static char folder[] = "/tmp/triplicate-stage-XXXXXX";

/* The job: a child that goes through two stages and says so at the second. */
static pid_t
start_job(const char *pause_at, const char *mark, const char *done)
{
	struct err e = ERR_INIT;
	pid_t pid;

	(void)fflush(NULL);
	if ((pid = fork()) != 0)
		return (pid);
	/* NOLINTBEGIN(concurrency-mt-unsafe): one thread */
	(void)setenv("TRIPLICATE_PAUSE_AT", pause_at, 1);
	(void)setenv("TRIPLICATE_PAUSE_FILE", mark, 1);
	/* NOLINTEND(concurrency-mt-unsafe) */
	(void)signal(SIGTERM, SIG_DFL);
	stage_reached("first");
	stage_reached("second");
	stage_reached("second");
	_exit(file_save(done, 0600, "", 0, &e) < 0 ? 1 : 0);
}

static bool
appears(const char *path)
{
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < LOOKS_MAX; i++) {
		if (file_exists(path))
			return (true);
		assert_int_equal(clock_sleep_ms(LOOK_MS, &e), 0);
	}
	return (false);
}

static int
end_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (status);
}

static void
a_job_waits_at_the_stage_that_is_named_until_the_file_is_gone(void **state)
{
	SCOPED(scope_free) char *mark = file_join(folder, "mark");
	SCOPED(scope_free) char *done = file_join(folder, "done");
	pid_t pid = start_job("second", mark, done);

	(void)state;
	assert_true(pid > 0);
	assert_true(appears(mark));
	assert_false(file_exists(done));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(unlink(mark), 0);
	/* and the second time it does not wait */
	assert_int_equal(end_of(pid), 0);
	assert_true(file_exists(done));
	assert_int_equal(unlink(done), 0);
}

static void
a_job_goes_on_where_no_stage_of_it_is_named(void **state)
{
	SCOPED(scope_free) char *mark = file_join(folder, "mark");
	SCOPED(scope_free) char *done = file_join(folder, "done");

	(void)state;
	assert_int_equal(end_of(start_job("third", mark, done)), 0);
	assert_false(file_exists(mark));
	assert_int_equal(unlink(done), 0);
}

static void
a_job_goes_on_when_the_file_cannot_be_made(void **state)
{
	SCOPED(scope_free) char *done = file_join(folder, "done");

	(void)state;
	assert_int_equal(
	    end_of(start_job("second", "/nonexistent/mark", done)), 0);
	assert_int_equal(unlink(done), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_job_waits_at_the_stage_that_is_named_until_the_file_is_gone),
		cmocka_unit_test(a_job_goes_on_where_no_stage_of_it_is_named),
		cmocka_unit_test(a_job_goes_on_when_the_file_cannot_be_made),
	};
	int failed;

	if (mkdtemp(folder) == NULL)
		return (1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(folder);
	return (failed);
}
