/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Files and folders, and what a failed step leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/place.h"

/* Every test works in a folder of its own, which is the working folder. */
static int
enter_folder(void **state)
{
	char *folder = place_new();

	if (chdir(folder) != 0)
		return (-1);
	*state = folder;
	return (0);
}

static int
leave_folder(void **state)
{
	SCOPED(scope_free) char *folder = *state;
	struct err e = ERR_INIT;

	if (chdir("/") != 0)
		return (-1);
	return (file_remove_tree(folder, &e));
}

static size_t
entries(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return (n - 2);
}

static void
save(const char *path, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(file_save(path, 0600, text, strlen(text), &e), 0);
}

static void
check_contents(const char *path, const char *text)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(file_load(path, 1000, &b, &e), 0);
	assert_string_equal(buf_text(&b), text);
}

static void
saved_bytes_are_loaded_again(void **state)
{
	SCOPED(scope_free) uint8_t *big = mem_new(300000);
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	memset(big, 'x', 300000);
	assert_int_equal(file_save("f", 0600, big, 300000, &e), 0);
	buf_add_string(&b, "ab");
	assert_int_equal(file_load("f", 300000, &b, &e), 0);
	assert_int_equal(b.n, 300002);
	assert_memory_equal(b.p, "ab", 2);
	assert_memory_equal(b.p + 2, big, 300000);
	assert_int_equal(file_save("f", 0600, NULL, 0, &e), 0);
	check_contents("f", "");
	assert_int_equal(entries("."), 1);
}

static void
a_file_longer_than_allowed_is_refused(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	save("f", "12345");
	buf_add_string(&b, "a");
	assert_int_equal(file_load("f", 4, &b, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(b.n, 1);
	assert_int_equal(file_load("f", 5, &b, &e), 0);
	assert_int_equal(file_load("f", SIZE_MAX, &b, &e), 0);
	assert_string_equal(buf_text(&b), "a1234512345");
}

static void
a_missing_file_is_missing(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(file_load("none", 10, &b, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_non_null(strstr(e.text, "none"));
	assert_int_equal(file_stat("none", &st, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_false(file_exists("none"));
	assert_int_equal(file_remove("none", &e), 0);
	assert_int_equal(file_remove_tree("none", &e), 0);
}

static void
saving_keeps_the_mode_and_replaces_the_contents(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	save("f", "old");
	save("f", "new");
	check_contents("f", "new");
	assert_int_equal(file_stat("f", &st, &e), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(entries("."), 1);
}

static void
saving_into_a_missing_folder_leaves_nothing(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(file_save("none/f", 0600, "x", 1, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_int_equal(entries("."), 0);
}

static void
saving_over_a_folder_leaves_no_temporary(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(file_save("d", 0600, "x", 1, &e), -1);
	assert_int_equal(entries("."), 1);
	assert_int_equal(file_save_new("d", 0600, "x", 1, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_int_equal(entries("."), 1);
}

static void
saving_new_never_replaces(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(file_save_new("f", 0600, "1", 1, &e), 0);
	assert_int_equal(file_save_new("f", 0600, "2", 1, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
	check_contents("f", "1");
	assert_int_equal(symlink("nowhere", "l"), 0);
	assert_int_equal(file_save_new("l", 0600, "2", 1, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_int_equal(entries("."), 2);
}

static void
links_are_not_followed_unless_asked(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	save("f", "x");
	assert_int_equal(symlink("f", "l"), 0);
	assert_int_equal(file_open("l", O_RDONLY, &e), -1);
	assert_non_null(strstr(e.text, "symbolic link"));
	assert_int_equal(file_load("l", 10, &b, &e), -1);
	assert_int_equal(file_lock("l", &e), -1);
	assert_int_equal(file_load_followed("l", 10, &b, &e), 0);
	assert_string_equal(buf_text(&b), "x");
	fd = file_open_followed("l", O_RDONLY, &e);
	assert_true(fd >= 0);
	scope_close(&fd);
	assert_int_equal(file_save("l", 0600, "y", 1, &e), 0);
	check_contents("f", "x");
	check_contents("l", "y");
}

static void
descriptors_are_not_inherited(void **state)
{
	struct err e = ERR_INIT;
	SCOPED(scope_close) int fd = -1;

	(void)state;
	fd = file_create("f", O_RDWR | O_CREAT, 0640, &e);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void
a_file_never_becomes_standard_error(void **state)
{
	struct err e = ERR_INIT;
	int kept = dup(STDERR_FILENO), fd;

	(void)state;
	assert_int_equal(close(STDERR_FILENO), 0);
	fd = file_create("f", O_RDWR | O_CREAT, 0600, &e);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(kept), 0);
	assert_true(fd > STDERR_FILENO);
	scope_close(&fd);
}

static void
reading_stops_at_the_end(void **state)
{
	struct err e = ERR_INIT;
	SCOPED(scope_close) int fd = -1;
	char got[8];

	(void)state;
	save("f", "12345");
	fd = file_open("f", O_RDONLY, &e);
	assert_true(fd >= 0);
	assert_int_equal(file_read(fd, got, 3, &e), 3);
	assert_int_equal(file_read(fd, got, 8, &e), 2);
	assert_int_equal(file_read(fd, got, 8, &e), 0);
	assert_int_equal(file_read_at(fd, 4, got, 8, &e), 1);
	assert_int_equal(got[0], '5');
	assert_int_equal(file_read_at(fd, 9, got, 8, &e), 0);
	assert_int_equal(file_read_at(fd, UINT64_MAX, got, 8, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(file_write(fd, "x", 1, &e), -1);
	assert_int_equal(file_read(-1, got, 1, &e), -1);
	assert_int_equal(file_read_at(-1, 0, got, 1, &e), -1);
	assert_int_equal(file_sync(-1, &e), -1);
}

static void
folders_are_made_all_the_way(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(file_make_folders("a/b//c/", 0700, &e), 0);
	assert_int_equal(file_make_folders("a/b/c", 0700, &e), 0);
	assert_int_equal(file_stat("a/b/c", &st, &e), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_make_parent("a/x/y/f", 0700, &e), 0);
	assert_true(file_exists("a/x/y"));
	assert_false(file_exists("a/x/y/f"));
	assert_int_equal(file_make_parent("f", 0700, &e), 0);
	assert_int_equal(file_make_folders("/", 0700, &e), 0);
	assert_int_equal(file_make_folders("", 0700, &e), -1);
}

static void
a_file_or_link_in_the_place_of_a_folder_is_refused(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	save("f", "x");
	assert_int_equal(file_make_folders("f", 0700, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_int_equal(file_make_folders("f/g", 0700, &e), -1);
	assert_int_equal(symlink("/tmp", "l"), 0);
	assert_int_equal(file_make_folders("l", 0700, &e), -1);
	assert_int_equal(e.kind, ERR_EXISTS);
}

static void
renaming_replaces(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	save("a", "1");
	save("b", "2");
	assert_int_equal(file_rename("a", "b", &e), 0);
	check_contents("b", "1");
	assert_int_equal(file_rename("a", "b", &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_int_equal(file_sync_parent("none/f", &e), -1);
	assert_int_equal(file_remove("b", &e), 0);
	assert_false(file_exists("b"));
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(file_remove("d", &e), -1);
}

static void
removing_a_tree_does_not_leave_it_by_a_link(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(file_make_folders("out/in", 0700, &e), 0);
	assert_int_equal(file_make_folders("t/u/v", 0700, &e), 0);
	save("out/in/f", "x");
	save("t/u/v/f", "x");
	save("t/g", "x");
	assert_int_equal(symlink("../out", "t/l"), 0);
	assert_int_equal(symlink("out", "top"), 0);
	assert_int_equal(file_remove_tree("t", &e), 0);
	assert_false(file_exists("t"));
	assert_int_equal(file_remove_tree("top", &e), 0);
	assert_false(file_exists("top"));
	assert_true(file_exists("out/in/f"));
	assert_int_equal(file_remove_tree("out/in/f", &e), 0);
	assert_false(file_exists("out/in/f"));
}

static void
a_tree_too_deep_is_left_with_an_error(void **state)
{
	struct err e = ERR_INIT;
	int fd, next, i;

	(void)state;
	fd = open(".", O_RDONLY | O_DIRECTORY);
	for (i = 0; i < 400; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
	assert_int_equal(file_remove_tree("d", &e), -1);
	assert_non_null(strstr(e.text, "folders deep"));
	/* From half way it is not too deep. */
	for (i = 0; i < 200; i++)
		assert_int_equal(chdir("d"), 0);
	assert_int_equal(file_remove_tree("d", &e), 0);
	assert_int_equal(chdir(*state), 0);
	assert_int_equal(file_remove_tree("d", &e), 0);
}

static int
add_name(const char *name, void *arg, struct err *e)
{
	(void)e;
	buf_printf(arg, "%s,", name);
	return (0);
}

static int
stop_at_b(const char *name, void *arg, struct err *e)
{
	buf_printf(arg, "%s,", name);
	if (strcmp(name, "b") == 0)
		return (7);
	return (strcmp(name, "c") == 0 ? err_set(e, ERR_FULL, "c") : 0);
}

static void
entries_come_sorted_by_bytes(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	save("b", "");
	save("a", "");
	save(".h", "");
	save("Z", "");
	save("\xc3\xa9", "");
	assert_int_equal(file_each(".", add_name, &b, &e), 0);
	assert_string_equal(buf_text(&b), ".h,Z,a,b,\xc3\xa9,");
	b.n = 0;
	assert_int_equal(file_each(".", stop_at_b, &b, &e), 7);
	assert_string_equal(buf_text(&b), ".h,Z,a,b,");
}

static void
what_is_no_folder_has_no_entries(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	save("f", "");
	assert_int_equal(file_each("f", add_name, &b, &e), -1);
	assert_int_equal(file_each("none", add_name, &b, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_int_equal(symlink(".", "l"), 0);
	assert_int_equal(file_each("l", add_name, &b, &e), -1);
	assert_int_equal(b.n, 0);
}

static void
a_lock_is_held_once(void **state)
{
	struct err e = ERR_INIT;
	int first, second;

	(void)state;
	first = file_lock("lock", &e);
	assert_true(first >= 0);
	assert_int_equal(file_lock("lock", &e), -1);
	assert_int_equal(e.kind, ERR_LOCKED);
	scope_close(&first);
	second = file_lock("lock", &e);
	assert_true(second >= 0);
	scope_close(&second);
}

static void
a_disk_has_space_and_is_here(void **state)
{
	struct err e = ERR_INIT;
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(file_free_space(".", &bytes, &e), 0);
	assert_true(bytes > 0);
	assert_int_equal(file_free_space("none", &bytes, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_false(file_is_on_network("/dev/shm"));
	assert_false(file_is_on_network("/dev/shm/none/of/these"));
}

static void
names_are_joined_by_one_slash(void **state)
{
	SCOPED(scope_free) char *a = file_join("a", "b");
	SCOPED(scope_free) char *root = file_join("/", "b");

	(void)state;
	assert_string_equal(a, "a/b");
	assert_string_equal(root, "/b");
}

#define IN_FOLDER(test)                                                        \
	cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(saved_bytes_are_loaded_again),
		IN_FOLDER(a_file_longer_than_allowed_is_refused),
		IN_FOLDER(a_missing_file_is_missing),
		IN_FOLDER(saving_keeps_the_mode_and_replaces_the_contents),
		IN_FOLDER(saving_into_a_missing_folder_leaves_nothing),
		IN_FOLDER(saving_over_a_folder_leaves_no_temporary),
		IN_FOLDER(saving_new_never_replaces),
		IN_FOLDER(links_are_not_followed_unless_asked),
		IN_FOLDER(descriptors_are_not_inherited),
		IN_FOLDER(a_file_never_becomes_standard_error),
		IN_FOLDER(reading_stops_at_the_end),
		IN_FOLDER(folders_are_made_all_the_way),
		IN_FOLDER(a_file_or_link_in_the_place_of_a_folder_is_refused),
		IN_FOLDER(renaming_replaces),
		IN_FOLDER(removing_a_tree_does_not_leave_it_by_a_link),
		IN_FOLDER(a_tree_too_deep_is_left_with_an_error),
		IN_FOLDER(entries_come_sorted_by_bytes),
		IN_FOLDER(what_is_no_folder_has_no_entries),
		IN_FOLDER(a_lock_is_held_once),
		IN_FOLDER(a_disk_has_space_and_is_here),
		IN_FOLDER(names_are_joined_by_one_slash),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
