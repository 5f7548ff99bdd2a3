/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention backupd */
/* Whole backups of branches without a database: folders, logs, standard input;
 * what is read again and what is not; endpoints that are away. */
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

#include "backupd/backup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/stop.h"
#include "repository/catalog.h"
#include "tests/unit/rig.h"

#define LONG_AGO 1700000000

struct bench {
	struct rig g;
	struct repo *r;
	char *files, *logs;
	struct branch_settings branch;
	struct backup_conf conf;
	struct backup_result out;
};

static char branch_name[] = "shop";

static int
setup(void **arg)
{
	struct bench *b = mem_new(sizeof(*b));
	struct err e = ERR_INIT;

	rig_open_repository(&b->g, 3);
	b->r = rig_repo(&b->g, REPO_WRITE);
	b->files = rig_path(&b->g, "files");
	b->logs = rig_path(&b->g, "logs/*.log");
	assert_int_equal(file_make_folders(b->files, 0755, &e), 0);
	b->branch.name = branch_name;
	b->branch.filestore = b->files;
	b->conf.branch = &b->branch;
	b->conf.type = "manual";
	manifest_init(&b->out.m);
	*arg = b;
	return (0);
}

static int
teardown(void **arg)
{
	struct bench *b = *arg;

	stop_reset();
	backup_result_free(&b->out);
	repo_free(b->r);
	rig_close(&b->g);
	free(b->files);
	free(b->logs);
	free(b);
	return (0);
}

/* A file of the branch, last changed long ago. */
static void
put(const struct bench *b, const char *name, const char *text)
{
	const struct timespec then[2] = { { .tv_sec = LONG_AGO },
		{ .tv_sec = LONG_AGO } };
	SCOPED(scope_free) char *path = rig_path(&b->g, name);
	SCOPED(scope_close) int fd = -1;
	struct err e = ERR_INIT;

	assert_int_equal(file_make_parent(path, 0755, &e), 0);
	/* In place: the inode stays. */
	fd = file_create(path, O_WRONLY | O_CREAT | O_TRUNC, 0640, &e);
	assert_int_equal(file_write(fd, text, strlen(text), &e), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
}

static void
back_up(struct bench *b)
{
	struct err e = ERR_INIT;

	backup_result_free(&b->out);
	if (backup_run(b->r, &b->conf, &b->out, &e) < 0)
		fail_msg("%s", e.text);
}

/* A backup that must fail; returns why. */
static struct err
fail_to_back_up(struct bench *b)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	struct err e = ERR_INIT, ignored = ERR_INIT;

	backup_result_free(&b->out);
	assert_int_equal(backup_run(b->r, &b->conf, &b->out, &e), -1);
	assert_int_equal(catalog_read(b->r, "shop", &all, &ignored), 0);
	assert_int_equal(all.n, 0);
	return (e);
}

static int64_t
counted(const struct bench *b, const char *group, const char *key)
{
	const struct json *j = b->out.m.counts;

	return (
	    json_get_integer(group != NULL ? json_get(j, group) : j, key, -1));
}

static bool
warns_of(const struct bench *b, const char *words)
{
	const struct json *list = json_get(b->out.m.counts, "warnings");

	for (size_t i = 0; i < json_count(list); i++)
		if (strstr(json_text(json_at(list, i)), words) != NULL)
			return (true);
	return (false);
}

static void
backup_of_a_folder_is_complete_everywhere(void **arg)
{
	struct bench *b = *arg;

	put(b, "files/a/one", "first");
	put(b, "files/a/two", "second!");
	put(b, "files/empty", "");
	back_up(b);
	assert_string_equal(b->out.m.state, "complete");
	assert_int_equal(b->out.stored, 3);
	assert_false(b->out.pending);
	assert_false(b->out.endpoint_behind);
	assert_int_equal(counted(b, "files", "count"), 3);
	assert_int_equal(counted(b, "files", "new"), 3);
	assert_int_equal(counted(b, "files", "bytes"), 12);
	assert_int_equal(counted(b, NULL, "bytes_read"), 12);
	assert_int_equal(counted(b, NULL, "bytes_logical"), 12);
	assert_int_equal(b->out.m.tree_entries, 4);
	assert_int_equal(json_count(json_get(b->out.m.counts, "database")), 0);
	assert_null(json_get_string(b->out.m.counts, "reason"));
}

static void
backup_does_not_read_what_it_knows(void **arg)
{
	struct bench *b = *arg;

	put(b, "files/a", "first");
	put(b, "files/b", "second");
	back_up(b);
	/* The same size and time: only reading again can tell. */
	put(b, "files/a", "FIRST");
	back_up(b);
	assert_int_equal(counted(b, "files", "new"), 0);
	assert_int_equal(counted(b, NULL, "chunks_new"), 0);
	assert_int_equal(counted(b, NULL, "bytes_read"), 11);
	b->conf.reread = true;
	back_up(b);
	assert_int_equal(counted(b, "files", "new"), 1);
	assert_int_equal(counted(b, NULL, "chunks_new"), 1);
}

static void
backup_reads_a_file_again_that_was_just_written(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *path = rig_path(&b->g, "files/a");
	const struct timespec now[2] = { { .tv_sec = clock_now() },
		{ .tv_sec = clock_now() } };

	put(b, "files/a", "first");
	assert_int_equal(utimensat(AT_FDCWD, path, now, 0), 0);
	back_up(b);
	put(b, "files/a", "FIRST");
	assert_int_equal(utimensat(AT_FDCWD, path, now, 0), 0);
	back_up(b);
	assert_int_equal(counted(b, "files", "new"), 1);
	back_up(b);
	assert_int_equal(counted(b, "files", "new"), 0);
}

static void
backup_stores_what_is_the_same_once(void **arg)
{
	struct bench *b = *arg;

	put(b, "files/a", "the same");
	put(b, "files/b", "the same");
	back_up(b);
	assert_int_equal(counted(b, NULL, "chunks"), 2);
	assert_int_equal(counted(b, NULL, "chunks_new"), 1);
}

static void
backup_of_a_large_file_is_a_stream(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *path = rig_path(&b->g, "files/large");

	put(b, "files/large", "");
	assert_int_equal(truncate(path, 3 * (off_t)CHUNK_MAX + 5), 0);
	back_up(b);
	assert_int_equal(
	    counted(b, "files", "bytes"), 3 * (int64_t)CHUNK_MAX + 5);
	assert_true(counted(b, NULL, "chunks") >= 4);
}

static void
backup_keeps_logs_and_standard_input(void **arg)
{
	struct bench *b = *arg;
	int ends[2];

	put(b, "logs/odoo.log", "line\n");
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "piped", 5), 5);
	assert_int_equal(close(ends[1]), 0);
	b->branch.filestore = NULL;
	b->branch.logs = b->logs;
	b->conf.stdin_name = "dump.sql";
	b->conf.stdin_fd = ends[0];
	back_up(b);
	assert_int_equal(close(ends[0]), 0);
	assert_string_equal(b->out.m.state, "complete");
	assert_int_equal(b->out.m.tree_entries, 2);
	assert_int_equal(counted(b, NULL, "bytes_read"), 10);
}

static void
backup_says_that_a_pattern_matches_nothing(void **arg)
{
	struct bench *b = *arg;

	b->branch.logs = b->logs;
	back_up(b);
	assert_string_equal(b->out.m.state, "complete");
	assert_true(warns_of(b, "match no file"));
}

static void
backup_leaves_pipes_out_and_says_so(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *path = rig_path(&b->g, "files/pipe");

	assert_int_equal(mkfifo(path, 0600), 0);
	back_up(b);
	assert_string_equal(b->out.m.state, "complete");
	assert_true(warns_of(b, "pipe"));
	assert_int_equal(counted(b, "files", "count"), 0);
}

static void
backup_is_incomplete_when_something_there_is_not_read(void **arg)
{
	struct bench *b = *arg;
	SCOPED(buf_free) struct buf name = BUF_INIT;

	buf_add_string(&name, "files/");
	for (int i = 0; i < 70; i++)
		buf_add_string(&name, "d/");
	buf_add_string(&name, "f");
	put(b, buf_text(&name), "too deep");
	back_up(b);
	assert_string_equal(b->out.m.state, "incomplete");
	assert_true(warns_of(b, "can't be read"));
	assert_non_null(json_get_string(b->out.m.counts, "reason"));
}

static void
backup_of_nothing_or_with_bad_words_is_refused(void **arg)
{
	struct bench *b = *arg;
	char comment[300];

	memset(comment, 'x', sizeof(comment));
	comment[sizeof(comment) - 1] = '\0';
	b->conf.comment = comment;
	assert_int_equal(fail_to_back_up(b).kind, ERR_USAGE);
	b->conf.comment = NULL;
	b->conf.stdin_name = "../x";
	assert_int_equal(fail_to_back_up(b).kind, ERR_USAGE);
	b->conf.stdin_name = NULL;
	b->branch.filestore = NULL;
	assert_int_equal(fail_to_back_up(b).kind, ERR_USAGE);
}

static void
backup_fails_when_the_filestore_is_missing(void **arg)
{
	struct bench *b = *arg;
	struct err e;

	assert_int_equal(rmdir(b->files), 0);
	e = fail_to_back_up(b);
	assert_int_equal(e.kind, ERR_SOURCE);
	assert_non_null(strstr(e.text, b->files));
}

static void
backup_fails_when_the_database_is_not_to_be_reached(void **arg)
{
	static char nowhere[] = "host=/nonexistent dbname=acme";
	struct bench *b = *arg;

	b->branch.database = nowhere;
	assert_int_equal(fail_to_back_up(b).kind, ERR_DATABASE);
}

static void
backup_that_is_stopped_leaves_no_manifest(void **arg)
{
	struct bench *b = *arg;

	put(b, "files/a", "first");
	stop_request();
	assert_int_equal(fail_to_back_up(b).kind, ERR_STOPPED);
	stop_reset();
	back_up(b);
	assert_string_equal(b->out.m.state, "complete");
}

static void
backup_without_one_endpoint_is_complete_without_two_pending(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free)
	char *one = rig_path(&b->g, "e1"), *two = rig_path(&b->g, "e2"),
	     *away = rig_path(&b->g, "away"), *gone = rig_path(&b->g, "gone");

	put(b, "files/a", "first");
	assert_int_equal(rename(one, away), 0);
	back_up(b);
	assert_int_equal(b->out.stored, 2);
	assert_false(b->out.pending);
	assert_true(b->out.endpoint_behind);
	assert_int_not_equal(b->out.reports[1].error.kind, ERR_NONE);
	assert_int_equal(rename(two, gone), 0);
	back_up(b);
	assert_int_equal(b->out.stored, 1);
	assert_true(b->out.pending);
	assert_string_equal(b->out.m.state, "complete");
	/* What was missed is sent along with the next one. */
	assert_int_equal(rename(away, one), 0);
	assert_int_equal(rename(gone, two), 0);
	back_up(b);
	assert_int_equal(b->out.stored, 3);
	assert_false(b->out.endpoint_behind);
}

static void
backups_of_a_branch_begin_one_after_the_other(void **arg)
{
	struct bench *b = *arg;
	int64_t before = 0;

	put(b, "files/a", "first");
	for (int i = 0; i < 3; i++) {
		back_up(b);
		assert_true(b->out.m.started > before);
		before = b->out.m.started;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(backup_of_a_folder_is_complete_everywhere),
		TEST(backup_does_not_read_what_it_knows),
		TEST(backup_reads_a_file_again_that_was_just_written),
		TEST(backup_stores_what_is_the_same_once),
		TEST(backup_of_a_large_file_is_a_stream),
		TEST(backup_keeps_logs_and_standard_input),
		TEST(backup_says_that_a_pattern_matches_nothing),
		TEST(backup_leaves_pipes_out_and_says_so),
		TEST(backup_is_incomplete_when_something_there_is_not_read),
		TEST(backup_of_nothing_or_with_bad_words_is_refused),
		TEST(backup_fails_when_the_filestore_is_missing),
		TEST(backup_fails_when_the_database_is_not_to_be_reached),
		TEST(backup_that_is_stopped_leaves_no_manifest),
		TEST(
		    backup_without_one_endpoint_is_complete_without_two_pending),
		TEST(backups_of_a_branch_begin_one_after_the_other),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
