/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository backupd */
/* The walk through a folder: its order, and what it does not enter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backupd/filestore.h"
#include "base/file.h"
#include "tests/unit/place.h"

struct place {
	char *folder;
};

static int
setup(void **arg)
{
	struct place *p = mem_new(sizeof(*p));

	p->folder = place_new();
	*arg = p;
	return (0);
}

static int
teardown(void **arg)
{
	struct place *p = *arg;
	struct err e = ERR_INIT;

	assert_int_equal(file_remove_tree(p->folder, &e), 0);
	free(p->folder);
	free(p);
	return (0);
}

/* A file with its own path as contents, and the folders above it. */
static void
put(const struct place *p, const char *name)
{
	SCOPED(scope_free) char *path = file_join(p->folder, name);
	struct err e = ERR_INIT;

	assert_int_equal(file_make_parent(path, 0755, &e), 0);
	assert_int_equal(file_save(path, 0644, name, strlen(name), &e), 0);
}

/* All paths that a walk gives, each with a letter for its kind, in a line. */
static char *
walk(const struct place *p)
{
	static const char letters[] = "fdlsu";
	SCOPED(filestore_freep) struct filestore *f = NULL;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	struct filestore_entry *entry = mem_new(sizeof(*entry));
	struct err e = ERR_INIT;
	int rc;

	f = filestore_open(p->folder, &e);
	assert_non_null(f);
	while ((rc = filestore_next(f, entry, &e)) == 1)
		buf_printf(&out, "%c:%s ", letters[entry->kind], entry->path);
	assert_int_equal(rc, 0);
	free(entry);
	return (mem_string(buf_text(&out)));
}

static void
filestore_gives_paths_in_the_order_of_their_bytes(void **arg)
{
	SCOPED(scope_free) char *got = NULL;

	put(*arg, "ab/2");
	put(*arg, "ab/10");
	put(*arg, "ab-c/x");
	put(*arg, "ab.d");
	put(*arg, "ab0");
	put(*arg, "\xc3\xa9/\xff");
	got = walk(*arg);
	/* '-' and '.' come before '/', '0' after it. */
	assert_string_equal(got,
	    "d:ab-c f:ab-c/x f:ab.d d:ab f:ab/10 f:ab/2 f:ab0 "
	    "d:\xc3\xa9 f:\xc3\xa9/\xff ");
}

static void
filestore_leaves_marks_and_sessions_out_at_the_top_alone(void **arg)
{
	SCOPED(scope_free) char *got = NULL;

	put(*arg, "checklist/ab/x");
	put(*arg, "sessions/0");
	put(*arg, "x/checklist/y");
	put(*arg, "x/sessions/y");
	got = walk(*arg);
	assert_string_equal(got,
	    "d:x d:x/checklist f:x/checklist/y d:x/sessions f:x/sessions/y ");
}

static void
filestore_follows_no_link_and_opens_no_pipe(void **arg)
{
	const struct place *p = *arg;
	SCOPED(scope_free)
	char *link = file_join(p->folder, "link"),
	     *pipe = file_join(p->folder, "pipe"), *got = NULL;

	put(p, "a/f");
	assert_int_equal(symlink("/etc", link), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	got = walk(p);
	assert_string_equal(got, "d:a f:a/f l:link s:pipe ");
}

static void
filestore_opens_what_it_gave(void **arg)
{
	SCOPED(filestore_freep) struct filestore *f = NULL;
	struct filestore_entry *entry = mem_new(sizeof(*entry));
	char text[8] = "";
	struct err e = ERR_INIT;
	int fd, sys = 0;

	put(*arg, "ab/cd");
	f = filestore_open(((struct place *)*arg)->folder, &e);
	assert_non_null(f);
	assert_int_equal(filestore_next(f, entry, &e), 1);
	assert_int_equal(filestore_next(f, entry, &e), 1);
	fd = filestore_open_file(f, &sys);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "ab/cd");
	assert_int_equal(close(fd), 0);
	free(entry);
}

static void
filestore_tells_that_a_file_is_gone_or_became_something_else(void **arg)
{
	const struct place *p = *arg;
	SCOPED(scope_free) char *path = file_join(p->folder, "a");
	SCOPED(filestore_freep) struct filestore *f = NULL;
	struct filestore_entry *entry = mem_new(sizeof(*entry));
	struct err e = ERR_INIT;
	int sys = 0;

	put(p, "a");
	f = filestore_open(p->folder, &e);
	assert_int_equal(filestore_next(f, entry, &e), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(filestore_open_file(f, &sys), -1);
	assert_int_equal(sys, ENOENT);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(filestore_open_file(f, &sys), -1);
	assert_int_equal(sys, ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(filestore_open_file(f, &sys), -1);
	assert_int_equal(sys, ENOENT);
	free(entry);
}

static void
filestore_skips_names_that_vanish_during_the_walk(void **arg)
{
	const struct place *p = *arg;
	SCOPED(scope_free) char *path = file_join(p->folder, "b");
	SCOPED(filestore_freep) struct filestore *f = NULL;
	struct filestore_entry *entry = mem_new(sizeof(*entry));
	struct err e = ERR_INIT;

	put(p, "a");
	put(p, "b");
	put(p, "c");
	f = filestore_open(p->folder, &e);
	assert_int_equal(filestore_next(f, entry, &e), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(filestore_next(f, entry, &e), 1);
	assert_string_equal(entry->path, "c");
	assert_int_equal(filestore_next(f, entry, &e), 0);
	free(entry);
}

static void
filestore_names_what_is_too_deep(void **arg)
{
	SCOPED(buf_free) struct buf name = BUF_INIT;
	SCOPED(scope_free) char *got = NULL;

	for (int i = 0; i < 70; i++)
		buf_add_string(&name, "d/");
	buf_add_string(&name, "f");
	put(*arg, buf_text(&name));
	got = walk(*arg);
	assert_non_null(strstr(got, " u:d/d/"));
	assert_null(strstr(got, "f:"));
}

static void
filestore_that_is_missing_is_a_failure_of_the_source(void **arg)
{
	const struct place *p = *arg;
	SCOPED(scope_free) char *path = file_join(p->folder, "nowhere");
	struct err e = ERR_INIT;

	assert_null(filestore_open(path, &e));
	assert_int_equal(e.kind, ERR_SOURCE);
	assert_non_null(strstr(e.text, path));
	put(p, "file");
	free(path);
	path = file_join(p->folder, "file");
	err_clear(&e);
	assert_null(filestore_open(path, &e));
	assert_int_equal(e.kind, ERR_SOURCE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(filestore_gives_paths_in_the_order_of_their_bytes),
		TEST(filestore_leaves_marks_and_sessions_out_at_the_top_alone),
		TEST(filestore_follows_no_link_and_opens_no_pipe),
		TEST(filestore_opens_what_it_gave),
		TEST(
		    filestore_tells_that_a_file_is_gone_or_became_something_else),
		TEST(filestore_skips_names_that_vanish_during_the_walk),
		TEST(filestore_names_what_is_too_deep),
		TEST(filestore_that_is_missing_is_a_failure_of_the_source),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
