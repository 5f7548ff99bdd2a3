/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* Nothing outside of a folder is ever reached, whatever a path or what is in
 * the way looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "restore/inside.h"

/* <top>/outside/secret, and <top>/folder, which is root. */
struct place {
	char top[40];
	char *folder, *outside;
	int root;
};

static int
setup(void **state)
{
	struct place *p = mem_new(sizeof(*p));
	SCOPED(scope_free) char *secret = NULL;
	struct err e = ERR_INIT;

	(void)snprintf(p->top, sizeof(p->top), "/tmp/triplicate-test-XXXXXX");
	assert_non_null(mkdtemp(p->top));
	p->folder = file_join(p->top, "folder");
	p->outside = file_join(p->top, "outside");
	secret = file_join(p->outside, "secret");
	assert_int_equal(file_make_folders(p->outside, 0700, &e), 0);
	assert_int_equal(file_save(secret, 0600, "s", 1, &e), 0);
	p->root = inside_open(p->folder, true, &e);
	assert_true(p->root >= 0);
	*state = p;
	return (0);
}

static int
teardown(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	scope_close(&p->root);
	assert_int_equal(file_remove_tree(p->top, &e), 0);
	free(p->folder);
	free(p->outside);
	free(p);
	return (0);
}

static void
write_inside(struct place *p, const char *path)
{
	struct err e = ERR_INIT;
	int fd = inside_create(p->root, path, 0600, &e);

	assert_true(fd >= 0);
	assert_int_equal(file_write(fd, "x", 1, &e), 0);
	(void)close(fd);
}

static bool
is_there(const struct place *p, const char *path)
{
	struct stat st;

	return (fstatat(p->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0);
}

static void
files_and_their_folders_are_made_and_read(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	struct stat st;
	bool found;
	int fd;

	write_inside(p, "a/b/c");
	assert_int_equal(inside_stat(p->root, "a/b/c", &st, &found, &e), 0);
	assert_true(found && S_ISREG(st.st_mode));
	fd = inside_read(p->root, "a/b/c", &e);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(inside_stat(p->root, "a/x/c", &st, &found, &e), 0);
	assert_false(found);
	assert_int_equal(e.kind, ERR_NONE);
}

static void
paths_that_could_leave_are_refused(void **state)
{
	static const char *const bad[] = { "..", "../outside/secret", "/etc/x",
		"a/../../outside/x", "", ".", "a/./b", "a//b", "a/", "a/.." };
	struct place *p = *state;
	struct stat st;
	bool found;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(inside_create(p->root, bad[i], 0600, &e), -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		err_clear(&e);
		assert_int_equal(
		    inside_stat(p->root, bad[i], &st, &found, &e), -1);
		err_clear(&e);
		assert_int_equal(inside_remove(p->root, bad[i], &e), -1);
	}
}

static void
a_link_in_the_way_is_not_followed(void **state)
{
	struct place *p = *state;
	SCOPED(scope_free) char *secret = file_join(p->outside, "secret");
	struct err e = ERR_INIT;

	assert_int_equal(symlinkat(p->outside, p->root, "ab"), 0);
	assert_int_equal(inside_create(p->root, "ab/new", 0600, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	assert_int_equal(inside_read(p->root, "ab/secret", &e), -1);
	err_clear(&e);
	assert_int_equal(inside_remove(p->root, "ab/secret", &e), -1);
	assert_true(file_exists(secret));
	/* As the last part it is itself, not what it leads to. */
	err_clear(&e);
	assert_int_equal(symlinkat(secret, p->root, "link"), 0);
	assert_int_equal(inside_read(p->root, "link", &e), -1);
	err_clear(&e);
	assert_int_equal(inside_create(p->root, "link", 0600, &e), -1);
	err_clear(&e);
	assert_int_equal(inside_remove(p->root, "link", &e), 0);
	assert_true(file_exists(secret));
	assert_false(is_there(p, "link"));
}

static void
a_file_in_a_folders_place_is_an_error(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	write_inside(p, "ab");
	assert_int_equal(inside_create(p->root, "ab/new", 0600, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
}

static void
only_regular_files_are_read(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	assert_int_equal(mkfifoat(p->root, "pipe", 0600), 0);
	assert_int_equal(inside_read(p->root, "pipe", &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	assert_int_equal(mkdirat(p->root, "d", 0700), 0);
	assert_int_equal(inside_read(p->root, "d", &e), -1);
}

static void
renaming_replaces_a_file_and_no_folder(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	write_inside(p, "a/new");
	write_inside(p, "a/old");
	assert_int_equal(inside_rename(p->root, "a/new", "a/old", &e), 0);
	assert_false(is_there(p, "a/new"));
	write_inside(p, "b");
	assert_int_equal(inside_rename(p->root, "b", "a", &e), -1);
	assert_true(is_there(p, "a/old"));
	err_clear(&e);
	assert_int_equal(inside_rename(p->root, "gone", "a/old", &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

static void
a_link_is_made_once_and_never_over_another(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;

	assert_int_equal(inside_link(p->root, "l", "../x", &e), 0);
	assert_int_equal(inside_link(p->root, "l", "../x", &e), 0);
	assert_int_equal(inside_link(p->root, "l", "../y", &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
}

static void
looks_are_given_without_special_bits(void **state)
{
	struct place *p = *state;
	const struct inside_look look = {
		.mode = 06640, .mtime = 1000000000, .nsec = 5
	};
	struct err e = ERR_INIT;
	struct stat st;
	int fd;

	write_inside(p, "f");
	fd = inside_read(p->root, "f", &e);
	inside_dress(fd, &look);
	assert_int_equal(fstat(fd, &st), 0);
	(void)close(fd);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
}

struct walked {
	char paths[200];
	int stop_at; /* or 0 */
	int count;
};

static int
note_path(const char *path, const struct stat *st, void *arg, struct err *e)
{
	struct walked *w = arg;
	size_t n = strlen(w->paths);

	(void)st;
	(void)e;
	(void)snprintf(w->paths + n, sizeof(w->paths) - n, "%s ", path);
	return (++w->count == w->stop_at ? 7 : 0);
}

static void
a_walk_gives_folders_last_and_follows_no_link(void **state)
{
	struct place *p = *state;
	struct walked w = { .paths = "" };
	struct err e = ERR_INIT;

	write_inside(p, "d/e/f");
	assert_int_equal(symlinkat(p->outside, p->root, "d/e/l"), 0);
	assert_int_equal(inside_each(p->root, note_path, &w, &e), 0);
	assert_int_equal(w.count, 4);
	assert_non_null(strstr(w.paths, "d/e d "));
	assert_non_null(strstr(w.paths, "d/e/f "));
	assert_null(strstr(w.paths, "secret"));
	w = (struct walked){ .stop_at = 2 };
	assert_int_equal(inside_each(p->root, note_path, &w, &e), 7);
	assert_int_equal(w.count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_and_their_folders_are_made_and_read),
		TEST(paths_that_could_leave_are_refused),
		TEST(a_link_in_the_way_is_not_followed),
		TEST(a_file_in_a_folders_place_is_an_error),
		TEST(only_regular_files_are_read),
		TEST(renaming_replaces_a_file_and_no_folder),
		TEST(a_link_is_made_once_and_never_over_another),
		TEST(looks_are_given_without_special_bits),
		TEST(a_walk_gives_folders_last_and_follows_no_link),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
