/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/*
 * The seam for crash tests itself: a child dies at the step that it is told,
 * and what it was saving is then old or new. The parent takes no step, so each
 * child reads its environment anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"

#define MANY  64
#define SMALL 100

static char folder[] = "/tmp/triplicate-step-XXXXXX";

/* The work that dies: one file replaced, in a folder that is made for it. */
static int
work(void)
{
	SCOPED(scope_free) char *path = file_join(folder, "d/f");
	struct err e = ERR_INIT;

	if (file_make_parent(path, 0700, &e) < 0)
		return (1);
	return (file_save(path, 0600, "new", 3, &e) < 0 ? 1 : 0);
}

/* Runs work in a child with a variable set. Returns its wait status. */
static int
run_with(const char *name, const char *value)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
		(void)setenv(name, value, 1);
		(void)close(STDERR_FILENO);
		/* not _exit: the count is written at exit */
		exit(work()); /* NOLINT(concurrency-mt-unsafe) */
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (status);
}

/* Reads a small file, without base/file. */
static void
load(const char *name, char out[SMALL])
{
	SCOPED(scope_free) char *path = file_join(folder, name);
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(out, 1, SMALL - 1, file);
	out[n] = '\0';
	assert_int_equal(fclose(file), 0);
}

static void
put_old(void)
{
	SCOPED(scope_free) char *path = file_join(folder, "d/f");
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs("old", file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
}

static void
steps_are_counted_at_exit(void **state)
{
	SCOPED(scope_free) char *path = file_join(folder, "count");
	char text[SMALL];
	int status = run_with("TRIPLICATE_CRASH_COUNT", path);

	(void)state;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	load("count", text);
	/* mkdir, fsync above it; write, fsync, rename, fsync of the folder */
	assert_string_equal(text, "6\n");
}

static void
a_crash_at_any_step_leaves_old_or_new(void **state)
{
	char text[SMALL];
	char number[16];
	bool saw_old = false, saw_new = false;
	int status = 0, i;

	(void)state;
	for (i = 1; i < MANY; i++) {
		put_old();
		(void)snprintf(number, sizeof(number), "%d", i);
		status = run_with("TRIPLICATE_CRASH_AT", number);
		load("d/f", text);
		if (!WIFSIGNALED(status))
			break;
		assert_int_equal(WTERMSIG(status), SIGKILL);
		saw_old |= strcmp(text, "old") == 0;
		saw_new |= strcmp(text, "new") == 0;
		assert_int_equal(strlen(text), 3);
	}
	assert_int_equal(i, 5); /* the folder is there by now */
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(text, "new");
	assert_true(saw_old);
	assert_true(saw_new);
}

static void
a_number_that_is_none_crashes_nothing(void **state)
{
	int status = run_with("TRIPLICATE_CRASH_AT", "1x");

	(void)state;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int
make_folder(void **state)
{
	(void)state;
	return (mkdtemp(folder) != NULL ? 0 : -1);
}

static int
remove_folder(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return (file_remove_tree(folder, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_counted_at_exit),
		cmocka_unit_test(a_crash_at_any_step_leaves_old_or_new),
		cmocka_unit_test(a_number_that_is_none_crashes_nothing),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}
