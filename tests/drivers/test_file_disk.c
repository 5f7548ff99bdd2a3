/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * The file driver on bad disks: read-only, full, failing. The program puts
 * itself between the driver and some system calls, to see their order and to
 * make them fail. Power cuts are in test_file_cut.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storage-drivers/store_drop.h"
#include "tests/drivers/ground.h"
#include "tests/drivers/suite.h"

#define NOBODY 65534
#define SKIP   77

/* --- system calls that fail when told ------------------------------------ */

enum call {
	CALL_FSYNC_FILE,
	CALL_FSYNC_FOLDER,
	CALL_RENAME,
	CALL_LINK,
	CALL_PREAD,
	CALL_WRITE,
	CALLS
};

#define NO_MORE (-1) /* not an errno: the file has ended */

static int fail_with[CALLS]; /* errno, or 0 */
static char order[256];	     /* what was called: F folder, f file, r rename */
static size_t ordered;

static void
reset_calls(void)
{
	memset(fail_with, 0, sizeof(fail_with));
	memset(order, 0, sizeof(order));
	ordered = 0;
}

/* Notes a call; true when it is to fail. */
static bool
is_to_fail(enum call call, char letter)
{
	if (ordered + 1 < sizeof(order))
		order[ordered++] = letter;
	errno = fail_with[call];
	return (fail_with[call] != 0);
}

int
fsync(int fd)
{
	struct stat st;
	bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);

	if (is_to_fail(folder ? CALL_FSYNC_FOLDER : CALL_FSYNC_FILE,
		folder ? 'F' : 'f'))
		return (-1);
	return ((int)syscall(SYS_fsync, fd));
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	if (is_to_fail(CALL_RENAME, 'r'))
		return (-1);
	return ((int)syscall(SYS_renameat2, from, old, to, new, flags));
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
	if (is_to_fail(CALL_LINK, 'l'))
		return (-1);
	return ((int)syscall(SYS_linkat, from, old, to, new, flags));
}

ssize_t
pread(int fd, void *p, size_t n, off_t off)
{
	if (is_to_fail(CALL_PREAD, 'p'))
		return (errno == NO_MORE ? 0 : -1);
	return (syscall(SYS_pread64, fd, p, n, off));
}

/* Only of regular files: cmocka writes too. */
ssize_t
write(int fd, const void *p, size_t n)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    is_to_fail(CALL_WRITE, 'w'))
		return (-1);
	return (syscall(SYS_write, fd, p, n));
}

/* --- scenes -------------------------------------------------------------- */

struct scene {
	struct ground *g;
	struct store *s;
};

static struct scene
begin(void)
{
	struct ground *g = ground_new();

	reset_calls();
	return ((struct scene){ .g = g, .s = ground_open(g) });
}

static void
end(struct scene *scene)
{
	reset_calls();
	store_free(scene->s);
	ground_free(scene->g);
}

static void
put_fails(struct scene *x, unsigned flags, enum err_kind kind)
{
	struct err e = ERR_INIT;

	suite_expect_failure(
	    store_put(x->s, "packs/ab/1", "new", 3, flags, &e), &e, kind);
	assert_int_equal(ground_count(x->g, ".tmp~"), 0);
}

/* --- durability ---------------------------------------------------------- */

static void
an_object_is_durable_before_it_has_its_name(void **state)
{
	SCOPED(end) struct scene x = begin();

	(void)state;
	suite_put(x.s, "packs/ab/1", "x");
	/* .tmp~ and packs in the root, ab in packs; then the file; the name. */
	assert_string_equal(order, "FFFwfrF");
	reset_calls();
	suite_put(x.s, "packs/ab/1", "again");
	assert_string_equal(order, "FFFwfrF");
	reset_calls();
	suite_put(x.s, "config", "in the root itself");
	assert_string_equal(order, "FwfrF");
}

static void
a_drop_is_durable(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;

	(void)state;
	suite_put(x.s, "packs/ab/1", "x");
	reset_calls();
	suite_expect_success(store_drop(x.s, "packs/ab/1", &e), &e);
	assert_string_equal(order, "F");
}

static void
what_can_not_be_synced_gets_no_name(void **state)
{
	SCOPED(end) struct scene x = begin();

	(void)state;
	fail_with[CALL_FSYNC_FILE] = EIO;
	put_fails(&x, 0, ERR_SYSTEM);
	fail_with[CALL_FSYNC_FILE] = ENOSPC;
	put_fails(&x, 0, ERR_FULL);
	reset_calls();
	suite_expect_none(x.s, "packs/ab/1");
	suite_put(x.s, "packs/ab/1", "x");
}

static void
a_folder_that_can_not_be_synced_fails_the_put(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;

	(void)state;
	suite_put(x.s, "packs/ab/1", "old");
	fail_with[CALL_FSYNC_FOLDER] = EIO;
	put_fails(&x, 0, ERR_SYSTEM);
	suite_expect_failure(store_drop(x.s, "packs/ab/1", &e), &e, ERR_SYSTEM);
}

static void
a_share_without_fsync_of_folders_will_do(void **state)
{
	SCOPED(end) struct scene x = begin();

	(void)state;
	fail_with[CALL_FSYNC_FOLDER] = EINVAL;
	suite_put(x.s, "packs/ab/1", "x");
	suite_expect(x.s, "packs/ab/1", "x");
}

/* --- failing calls ------------------------------------------------------- */

static void
a_write_that_fails_leaves_what_was_there(void **state)
{
	SCOPED(end) struct scene x = begin();

	(void)state;
	suite_put(x.s, "packs/ab/1", "old");
	fail_with[CALL_WRITE] = EDQUOT;
	put_fails(&x, 0, ERR_FULL);
	fail_with[CALL_WRITE] = EIO;
	put_fails(&x, 0, ERR_SYSTEM);
	reset_calls();
	fail_with[CALL_RENAME] = EIO;
	put_fails(&x, 0, ERR_SYSTEM);
	put_fails(&x, STORE_PUT_NEW, ERR_SYSTEM);
	suite_expect(x.s, "packs/ab/1", "old");
}

static void
a_share_whose_server_is_away_is_tried_again(void **state)
{
	static const int away[] = { ESTALE, ETIMEDOUT, EHOSTDOWN, ENOTCONN,
		EAGAIN };
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;
	char got[1];

	(void)state;
	suite_put(x.s, "config", "x");
	for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
		fail_with[CALL_RENAME] = fail_with[CALL_PREAD] = away[i];
		put_fails(&x, 0, ERR_AGAIN);
		suite_expect_failure(
		    store_get(x.s, "config", 0, got, 1, &e), &e, ERR_AGAIN);
	}
}

static void
a_disk_that_can_not_read_its_bytes_has_damage(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;
	char got[1];

	(void)state;
	suite_put(x.s, "config", "x");
	fail_with[CALL_PREAD] = EIO;
	suite_expect_failure(
	    store_get(x.s, "config", 0, got, 1, &e), &e, ERR_CORRUPT);
}

static void
an_object_that_shrinks_while_it_is_read_is_corrupt(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;
	char got[1];

	(void)state;
	suite_put(x.s, "config", "x");
	fail_with[CALL_PREAD] = NO_MORE;
	suite_expect_failure(
	    store_get(x.s, "config", 0, got, 1, &e), &e, ERR_CORRUPT);
}

static void
put_new_works_where_rename_knows_no_flags(void **state)
{
	SCOPED(end) struct scene x = begin();
	struct err e = ERR_INIT;

	(void)state;
	fail_with[CALL_RENAME] = EINVAL;
	suite_expect_success(
	    store_put(x.s, "packs/ab/1", "mine", 4, STORE_PUT_NEW, &e), &e);
	put_fails(&x, STORE_PUT_NEW, ERR_EXISTS);
	suite_expect(x.s, "packs/ab/1", "mine");
	assert_int_equal(ground_count(x.g, ".tmp~"), 0);
	fail_with[CALL_LINK] = EPERM;
	put_fails(&x, STORE_PUT_NEW, ERR_DENIED);
}

/* --- a folder one may not write in --------------------------------------- */

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what)) {                                                 \
			(void)fprintf(stderr, "line %d: " #what "; %s\n",      \
			    __LINE__, e.text);                                 \
			return (1);                                            \
		}                                                              \
	} while (0)

static int
list_nothing(const struct store_entry *entry, void *arg, struct err *e)
{
	(void)entry;
	(void)arg;
	(void)e;
	return (0);
}

static int
try_as_nobody(void *arg)
{
	struct scene *x = arg;
	SCOPED(store_freep) struct store *locked = NULL, *unmade = NULL;
	struct err e = ERR_INIT;
	char got[3];

	CHECK(geteuid() != 0 || (setegid(NOBODY) == 0 && seteuid(NOBODY) == 0));
	CHECK(store_put(x->s, "packs/ab/1", "new", 3, 0, &e) < 0);
	CHECK(e.kind == ERR_DENIED && e.hint[0] != '\0');
	CHECK(store_put(x->s, "config", "new", 3, STORE_PUT_NEW, &e) < 0);
	CHECK(e.kind == ERR_DENIED);
	CHECK(store_drop(x->s, "packs/ab/1", &e) < 0 && e.kind == ERR_DENIED);
	CHECK(store_get(x->s, "packs/ab/1", 0, got, 3, &e) == 0);
	CHECK(store_probe(x->s, &e) == 0);
	CHECK(store_get(x->s, "packs/cd/2", 0, got, 3, &e) < 0);
	CHECK(e.kind == ERR_DENIED);
	CHECK(store_list(x->s, "", list_nothing, NULL, &e) < 0);
	CHECK(e.kind == ERR_DENIED);
	locked = ground_open_at(ground_path(x->g, "packs/cd"));
	CHECK(store_probe(locked, &e) < 0 && e.kind == ERR_DENIED);
	unmade = ground_open_at(ground_path(x->g, "packs/new"));
	CHECK(store_prepare(unmade, &e) < 0 && e.kind == ERR_DENIED);
	return (0);
}

static void
a_folder_one_may_not_write_in_denies_puts_and_gives_gets(void **state)
{
	SCOPED(end) struct scene x = begin();

	(void)state;
	suite_put(x.s, "packs/ab/1", "old");
	suite_put(x.s, "packs/cd/2", "old");
	assert_int_equal(chmod(x.g->top, 0755), 0);
	assert_int_equal(chmod(ground_path(x.g, "packs/ab/1"), 0444), 0);
	assert_int_equal(chmod(ground_path(x.g, "packs/ab"), 0555), 0);
	assert_int_equal(chmod(ground_path(x.g, "packs/cd"), 0), 0);
	assert_int_equal(chmod(ground_path(x.g, "packs"), 0555), 0);
	assert_int_equal(chmod(ground_path(x.g, ".tmp~"), 0555), 0);
	assert_int_equal(chmod(x.g->root, 0555), 0);
	assert_int_equal(ground_in_child(try_as_nobody, &x), 0);
	suite_expect(x.s, "packs/ab/1", "old");
	assert_int_equal(chmod(x.g->root, 0755), 0);
	assert_int_equal(chmod(ground_path(x.g, "packs"), 0755), 0);
	assert_int_equal(chmod(ground_path(x.g, "packs/ab"), 0755), 0);
	assert_int_equal(chmod(ground_path(x.g, "packs/cd"), 0755), 0);
}

/* --- small disks: a tmpfs in a name space of its own --------------------- */

#define DISK_BYTES (512 << 10)

/* False when this machine does not let us. */
static bool
mount_disk(const char *folder)
{
	char options[64];

	(void)snprintf(options, sizeof(options), "size=%d", DISK_BYTES);
	return (unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("triplicate", folder, "tmpfs", 0, options) == 0);
}

static int
fill_a_disk(void *arg)
{
	struct scene *x = arg;
	struct err e = ERR_INIT;
	size_t n = DISK_BYTES / 4;
	SCOPED(scope_free) char *p = mem_new(n);
	char name[32], got[1];
	int i;

	if (!mount_disk(x->g->root))
		return (SKIP);
	for (i = 0; i < 8; i++) {
		(void)snprintf(name, sizeof(name), "packs/ab/%d", i);
		if (store_put(x->s, name, p, n, 0, &e) < 0)
			break;
	}
	CHECK(i > 1 && i < 8);
	CHECK(e.kind == ERR_FULL && e.hint[0] != '\0');
	CHECK(strstr(e.text, "endpoint " SUITE_ENDPOINT) == e.text);
	CHECK(ground_count(x->g, ".tmp~") == 0);
	CHECK(ground_count(x->g, "packs/ab") == (size_t)i);
	CHECK(store_get(x->s, name, 0, got, 1, &e) < 0);
	CHECK(e.kind == ERR_MISSING);
	CHECK(store_get(x->s, "packs/ab/0", n - 1, got, 1, &e) == 0);
	/* Room is made without room, and is room again. */
	CHECK(store_drop(x->s, "packs/ab/0", &e) == 0);
	CHECK(store_put(x->s, name, p, n, 0, &e) == 0);
	return (0);
}

static int
use_a_read_only_disk(void *arg)
{
	struct scene *x = arg;
	struct err e = ERR_INIT;
	char got[3];

	if (!mount_disk(x->g->root))
		return (SKIP);
	CHECK(store_put(x->s, "packs/ab/1", "old", 3, 0, &e) == 0);
	CHECK(mount(NULL, x->g->root, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(store_put(x->s, "packs/ab/1", "new", 3, 0, &e) < 0);
	CHECK(e.kind == ERR_DENIED);
	CHECK(store_put(x->s, "audit/1", "new", 3, 0, &e) < 0);
	CHECK(e.kind == ERR_DENIED);
	CHECK(store_drop(x->s, "packs/ab/1", &e) < 0 && e.kind == ERR_DENIED);
	CHECK(store_prepare(x->s, &e) == 0);
	CHECK(store_probe(x->s, &e) == 0);
	CHECK(store_get(x->s, "packs/ab/1", 0, got, 3, &e) == 0);
	CHECK(memcmp(got, "old", 3) == 0);
	return (0);
}

static int
run_with_ground(int (*body)(void *arg))
{
	SCOPED(end) struct scene x = begin();

	return (ground_in_child(body, &x));
}

static void
on_a_disk(int (*body)(void *arg))
{
	int status = run_with_ground(body); /* skip() cleans nothing up */

	if (status == SKIP) {
		print_message("no mount is allowed here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void
a_full_disk_takes_nothing_and_loses_nothing(void **state)
{
	(void)state;
	on_a_disk(fill_a_disk);
}

static void
a_read_only_disk_denies_puts_and_gives_gets(void **state)
{
	(void)state;
	on_a_disk(use_a_read_only_disk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_durable_before_it_has_its_name),
		cmocka_unit_test(a_drop_is_durable),
		cmocka_unit_test(what_can_not_be_synced_gets_no_name),
		cmocka_unit_test(a_folder_that_can_not_be_synced_fails_the_put),
		cmocka_unit_test(a_share_without_fsync_of_folders_will_do),
		cmocka_unit_test(a_write_that_fails_leaves_what_was_there),
		cmocka_unit_test(a_share_whose_server_is_away_is_tried_again),
		cmocka_unit_test(a_disk_that_can_not_read_its_bytes_has_damage),
		cmocka_unit_test(
		    an_object_that_shrinks_while_it_is_read_is_corrupt),
		cmocka_unit_test(put_new_works_where_rename_knows_no_flags),
		cmocka_unit_test(
		    a_folder_one_may_not_write_in_denies_puts_and_gives_gets),
		cmocka_unit_test(a_full_disk_takes_nothing_and_loses_nothing),
		cmocka_unit_test(a_read_only_disk_denies_puts_and_gives_gets),
	};

	return (cmocka_run_group_tests_name("disks", tests, NULL, NULL) == 0
		? 0
		: 1);
}
