/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* Authentic is not harmless: whoever holds a stolen agent key can sign any
 * tree. Each of these is built with the engine's own code, signed, stored, and
 * restored both ways; nothing outside of the target is ever written. */
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

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "repository/catalog.h"
#include "restore/restore.h"
#include "tests/unit/rig.h"

#define EVIL "what the attacker wrote"
#define LONG 5000

struct bench {
	struct rig g;
	struct repo *r;
	struct ingest *in;
	struct recipe recipe; /* of EVIL */
	uint32_t stream;
	char id[BACKUP_ID_TEXT]; /* of the backup committed last */
	char *outside, *secret, *target, *folder;
	struct branch_settings branch;
	struct restore_conf conf;
};

static char branch_name[] = "copy";

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		fail_msg("%s", e->text);
}

/* A backup begins. */
static void
open_ingest(struct bench *b)
{
	struct err e = ERR_INIT;

	ingest_free(b->in);
	recipe_free(&b->recipe);
	b->in = ingest_open(b->r, &e);
	must(b->in == NULL, &e);
	rig_ingest(
	    b->in, "evil", (const uint8_t *)EVIL, strlen(EVIL), &b->recipe);
	must(ingest_add_recipe(b->in, &b->recipe, &b->stream, &e), &e);
}

static int
setup(void **arg)
{
	struct bench *b = mem_new(sizeof(*b));
	struct err e = ERR_INIT;

	rig_open_repository(&b->g, 1);
	b->r = rig_repo(&b->g, REPO_WRITE);
	b->outside = rig_path(&b->g, "outside");
	b->secret = rig_path(&b->g, "outside/secret");
	b->target = rig_path(&b->g, "target");
	b->folder = rig_path(&b->g, "plain");
	must(file_make_folders(b->outside, 0700, &e), &e);
	must(file_save(b->secret, 0600, "secret", 6, &e), &e);
	b->branch.name = branch_name;
	b->branch.filestore = b->target;
	b->conf.to = &b->branch;
	b->in = ingest_open(b->r, &e);
	must(b->in == NULL, &e);
	rig_ingest(
	    b->in, "evil", (const uint8_t *)EVIL, strlen(EVIL), &b->recipe);
	must(ingest_add_recipe(b->in, &b->recipe, &b->stream, &e), &e);
	*arg = b;
	return (0);
}

static int
teardown(void **arg)
{
	struct bench *b = *arg;

	recipe_free(&b->recipe);
	ingest_free(b->in);
	repo_free(b->r);
	rig_close(&b->g);
	free(b->outside);
	free(b->secret);
	free(b->target);
	free(b->folder);
	free(b);
	return (0);
}

/* An entry as it would be if all were well. */
static void
begin(
    const struct bench *b, struct tree_entry *t, uint8_t kind, const char *path)
{
	*t = (struct tree_entry){ .kind = kind, .mode = 0644 };
	t->stream = kind == TREE_FOLDER || kind == TREE_LINK ? TREE_NO_STREAM
							     : b->stream;
	t->size = kind == TREE_FOLDER ? 0 : b->recipe.bytes;
	(void)snprintf(t->path, sizeof(t->path), "%s", path);
	if (kind == TREE_FOLDER)
		t->mode = 0755;
}

static void
put(struct bench *b, const struct tree_entry *t)
{
	struct err e = ERR_INIT;

	must(ingest_add_entry(b->in, t, &e), &e);
}

static void
add(struct bench *b, uint8_t kind, const char *path)
{
	struct tree_entry t;

	begin(b, &t, kind, path);
	put(b, &t);
}

static void
add_link(struct bench *b, const char *path, const void *target, size_t n)
{
	struct tree_entry t;

	begin(b, &t, TREE_LINK, path);
	t.extra = target;
	t.extra_bytes = n;
	t.size = n;
	put(b, &t);
}

static void
commit(struct bench *b)
{
	struct json *source = json_object();
	struct manifest m;
	struct err e = ERR_INIT;

	manifest_init(&m);
	memcpy(m.branch, "shop", sizeof("shop"));
	memcpy(m.stage, "staging", sizeof("staging"));
	memcpy(m.type, "manual", sizeof("manual"));
	memcpy(m.state, "complete", sizeof("complete"));
	m.started = clock_now();
	m.finished = m.started + 1;
	m.counts = json_object();
	m.facts = json_object();
	json_set_string(source, "filestore", "/srv/filestore");
	json_set_string(source, "logs", "/srv/log/*.log");
	json_set_string(source, "database", "shop");
	json_set(m.facts, "source", source);
	must(ingest_commit(b->in, &m, &e), &e);
	memcpy(b->id, m.id, sizeof(b->id));
	manifest_free(&m);
	(void)rig_send(b->r, 0);
}

/* Into a folder, or into the branch; e tells how it ended. */
static void
restore(struct bench *b, bool to_dir, struct err *e)
{
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	SCOPED(restore_result_free) struct restore_result out;
	size_t at = 0;
	int rc;

	err_clear(e);
	restore_result_init(&out);
	must(catalog_read(b->r, NULL, &all, e), e);
	while (at < all.n && strcmp(all.v[at].m.id, b->id) != 0)
		at++;
	assert_true(at < all.n);
	must(catalog_fill(b->r, &all, &all.v[at], e), e);
	rc = to_dir
	    ? restore_to_dir(b->r, &all.v[at], &b->conf, b->folder, &out, e)
	    : restore_run(b->r, &all.v[at], &b->conf, &out, e);
	assert_int_equal(rc, e->kind == ERR_NONE ? 0 : -1);
}

static void
assert_untouched(const struct bench *b)
{
	SCOPED(buf_free) struct buf was = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(rig_files(b->outside), 1);
	must(file_load(b->secret, 100, &was, &e), &e);
	assert_int_equal(was.n, 6);
	assert_false(file_exists("/evil"));
}

/* Both ways: refused as damage, nothing written at all. */
static void
assert_refused(struct bench *b)
{
	struct err e = ERR_INIT;

	commit(b);
	b->conf.only_filestore = true;
	for (int to_dir = 0; to_dir < 2; to_dir++) {
		restore(b, to_dir != 0, &e);
		if (e.kind != ERR_CORRUPT)
			fail_msg("kind %d: %s", (int)e.kind, e.text);
		assert_untouched(b);
	}
	assert_int_equal(rig_files(b->target), 0);
	assert_false(file_exists(b->folder));
}

/* Both ways: restored. */
static void
restore_all(struct bench *b)
{
	struct err e = ERR_INIT;

	commit(b);
	b->conf.only_filestore = true;
	for (int to_dir = 0; to_dir < 2; to_dir++) {
		restore(b, to_dir != 0, &e);
		if (e.kind != ERR_NONE)
			fail_msg("kind %d: %s", (int)e.kind, e.text);
		assert_untouched(b);
	}
}

static void
paths_that_leave_the_folder_are_refused(void **arg)
{
	static const char *const paths[] = { "../evil", "/evil",
		"a/../../outside/evil", "a//b", ".", "", "..", "a/", "./a",
		"a/./b", "a/.." };
	static const uint8_t kinds[] = { TREE_FILE, TREE_LOG, TREE_STDIN };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		for (size_t k = 0; k < sizeof(kinds); k++) {
			add(*arg, kinds[k], paths[i]);
			assert_refused(*arg);
			assert_int_equal(teardown(arg), 0);
			assert_int_equal(setup(arg), 0);
		}
}

static void
nothing_goes_through_a_link_of_the_backup(void **arg)
{
	struct bench *b = *arg;

	add_link(b, "l", b->outside, strlen(b->outside));
	add(b, TREE_FILE, "l/evil");
	assert_refused(b);
}

static void
nor_when_the_link_comes_last(void **arg)
{
	struct bench *b = *arg;

	add(b, TREE_FOLDER, "d/l/deeper");
	add(b, TREE_FILE, "d/l/deeper/evil");
	add_link(b, "d/l", b->outside, strlen(b->outside));
	assert_refused(b);
}

static void
nothing_is_below_a_file(void **arg)
{
	add(*arg, TREE_FILE, "a");
	add(*arg, TREE_FILE, "a/b");
	assert_refused(*arg);
}

static void
a_name_is_there_once(void **arg)
{
	struct bench *b = *arg;
	static const uint8_t pairs[][2] = { { TREE_FILE, TREE_FILE },
		{ TREE_FILE, TREE_FOLDER }, { TREE_FOLDER, TREE_FILE },
		{ TREE_FOLDER, TREE_FOLDER }, { TREE_LOG, TREE_LOG },
		{ TREE_STDIN, TREE_STDIN } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		add(b, pairs[i][0], "twice");
		add(b, pairs[i][1], "twice");
		assert_refused(b);
		assert_int_equal(teardown(arg), 0);
		assert_int_equal(setup(arg), 0);
		b = *arg;
	}
	add(b, TREE_FOLDER, "twice");
	add_link(b, "twice", b->outside, strlen(b->outside));
	assert_refused(b);
}

static void
sizes_that_lie_are_refused(void **arg)
{
	const uint64_t lies[] = { 0, strlen(EVIL) - 1, strlen(EVIL) + 1,
		UINT64_C(1) << 63, UINT64_MAX };
	struct tree_entry t;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		begin(*arg, &t, TREE_FILE, "lie");
		t.size = lies[i];
		put(*arg, &t);
		assert_refused(*arg);
		assert_int_equal(teardown(arg), 0);
		assert_int_equal(setup(arg), 0);
	}
}

static void
streams_that_are_not_there_are_refused(void **arg)
{
	static const uint32_t streams[] = { 1, 1000, RECIPE_STREAMS_MAX - 1,
		RECIPE_STREAMS_MAX, TREE_NO_STREAM };
	struct tree_entry t;

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		begin(*arg, &t, TREE_FILE, "a");
		t.stream = streams[i];
		put(*arg, &t);
		assert_refused(*arg);
		assert_int_equal(teardown(arg), 0);
		assert_int_equal(setup(arg), 0);
	}
}

static void
links_to_nothing_or_to_a_megabyte_are_refused(void **arg)
{
	SCOPED(scope_free) char *target = mem_new(TREE_EXTRA_MAX);

	memset(target, 'x', TREE_EXTRA_MAX);
	add_link(*arg, "l", target, TREE_EXTRA_MAX);
	assert_refused(*arg);
	assert_int_equal(teardown(arg), 0);
	assert_int_equal(setup(arg), 0);
	add_link(*arg, "l", "", 0);
	assert_refused(*arg);
	assert_int_equal(teardown(arg), 0);
	assert_int_equal(setup(arg), 0);
	add_link(*arg, "l", "a\0b", 3);
	assert_refused(*arg);
}

static void
a_path_of_two_thousand_folders_is_refused(void **arg)
{
	char path[TREE_PATH_MAX + 1];

	for (size_t i = 0; i < TREE_PATH_MAX; i++)
		path[i] = i % 2 == 0 ? 'a' : '/';
	path[TREE_PATH_MAX - 1] = '\0';
	add(*arg, TREE_FILE, path);
	assert_refused(*arg);
}

static mode_t
mode_of(const struct bench *b, const char *folder, const char *name)
{
	SCOPED(scope_free) char *path = file_join(folder, name);
	struct err e = ERR_INIT;
	struct stat st;

	(void)b;
	must(file_stat(path, &st, &e), &e);
	return (st.st_mode);
}

static void
special_bits_never_come_back(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *below = file_join(b->folder, "filestore");
	struct tree_entry t;

	begin(b, &t, TREE_FILE, "suid");
	t.mode = 07755;
	t.extra = (const uint8_t *)"root:root";
	t.extra_bytes = strlen("root:root");
	put(b, &t);
	begin(b, &t, TREE_FOLDER, "sgid");
	t.mode = 07777;
	put(b, &t);
	restore_all(b);
	assert_int_equal(mode_of(b, b->target, "suid"), S_IFREG | 0755);
	assert_int_equal(mode_of(b, b->target, "sgid"), S_IFDIR | 0777);
	assert_int_equal(mode_of(b, below, "suid"), S_IFREG | 0755);
	assert_int_equal(mode_of(b, below, "sgid"), S_IFDIR | 0777);
}

static void
owners_that_are_no_owners_do_no_harm(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *many = mem_new(LONG + 1);
	const char *const owners[] = { ":", "root", ":::", "no such:user",
		"\xff\n:\x1b[31m", many };
	char name[] = "a";
	struct tree_entry t;

	memset(many, ':', LONG);
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		begin(b, &t, TREE_FILE, name);
		name[0]++;
		t.extra = (const uint8_t *)owners[i];
		t.extra_bytes = strlen(owners[i]);
		t.uid = t.gid = 0;
		put(b, &t);
	}
	restore_all(b);
	assert_int_equal(rig_files(b->target), 6);
}

static void
odd_names_and_links_that_lead_out_are_only_names(void **arg)
{
	struct bench *b = *arg;
	static const char *const names[] = { "Name", "name", "NAME",
		".triplicate-0123456789abcdef-0", ".tmp-0011223344556677",
		"new\nline", "\xff", "-rf", "checklist" };
	size_t i, n = sizeof(names) / sizeof(names[0]);

	for (i = 0; i < n; i++)
		add(b, TREE_FILE, names[i]);
	add(b, TREE_FOLDER, "d");
	add_link(b, "d/up", "../..", 5);
	add_link(b, "out", b->outside, strlen(b->outside));
	restore_all(b);
	assert_int_equal(rig_files(b->target), n + 2);
	assert_int_equal(mode_of(b, b->target, "out") & S_IFMT, S_IFLNK);
}

/* A name that no file system takes ends the restore, and takes all back. */
static void
a_name_of_300_bytes_is_named(void **arg)
{
	struct bench *b = *arg;
	struct err e = ERR_INIT;
	char name[301];

	memset(name, 'n', 300);
	name[300] = '\0';
	add(b, TREE_FILE, "before");
	add(b, TREE_FILE, name);
	commit(b);
	b->conf.only_filestore = true;
	restore(b, false, &e);
	assert_int_not_equal(e.kind, ERR_NONE);
	assert_non_null(strstr(e.text, "nnnn"));
	assert_int_equal(rig_files(b->target), 0);
	assert_untouched(b);
}

static void
tables_cannot_leave_the_folder(void **arg)
{
	static const char *const wanted[] = {
		"database/_._.._outside.evil.copy"
	};
	static const char extra[] =
	    "{\"schema\":\"../../outside\",\"name\":\"evil\",\"columns\":[],"
	    "\"rows\":0,\"kind\":\"r\"}";
	struct bench *b = *arg;
	SCOPED(scope_free)
	char *copy = rig_path(&b->g, "plain/database/_._.._outside.evil.copy");
	struct tree_entry t;
	struct err e = ERR_INIT;

	begin(b, &t, TREE_TABLE, "public.evil");
	t.extra = (const uint8_t *)extra;
	t.extra_bytes = strlen(extra);
	put(b, &t);
	commit(b);
	b->conf.npaths = 1;
	b->conf.paths = wanted;
	restore(b, true, &e);
	if (e.kind != ERR_NONE)
		fail_msg("%s", e.text);
	assert_true(file_exists(copy));
	assert_untouched(b);
}

/* --- what stands in the way at the target --- */

static void
a_planted_link_is_never_written_through(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *folder = rig_path(&b->g, "target/d");
	SCOPED(scope_free) char *leaf = rig_path(&b->g, "target/leaf");
	SCOPED(scope_free) char *plain = rig_path(&b->g, "plain/filestore");
	SCOPED(scope_free) char *above = rig_path(&b->g, "plain");
	struct err e = ERR_INIT;

	add(b, TREE_FILE, "leaf");
	add(b, TREE_FOLDER, "d");
	add(b, TREE_FILE, "d/secret");
	commit(b);
	b->conf.only_filestore = true;
	must(file_make_folders(b->target, 0755, &e), &e);
	must(file_make_folders(above, 0755, &e), &e);
	assert_int_equal(symlink(b->outside, folder), 0);
	assert_int_equal(symlink(b->outside, plain), 0);
	restore(b, false, &e);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_untouched(b);
	restore(b, true, &e);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_untouched(b);
	/* At a file's own place it is replaced, not followed. */
	assert_int_equal(unlink(folder), 0);
	assert_int_equal(symlink(b->secret, leaf), 0);
	restore(b, false, &e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_untouched(b);
	assert_true(S_ISREG(mode_of(b, b->target, "leaf")));
}

static void
a_planted_pipe_is_replaced_and_holds_nobody(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *pipe = rig_path(&b->g, "target/a");
	struct err e = ERR_INIT;

	add(b, TREE_FILE, "a");
	commit(b);
	b->conf.only_filestore = true;
	must(file_make_folders(b->target, 0755, &e), &e);
	assert_int_equal(mkfifo(pipe, 0666), 0);
	restore(b, false, &e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_true(S_ISREG(mode_of(b, b->target, "a")));
}

static void
a_folder_in_a_file_s_place_is_left(void **arg)
{
	struct bench *b = *arg;
	SCOPED(scope_free) char *in = rig_path(&b->g, "target/a/own");
	struct err e = ERR_INIT;

	add(b, TREE_FILE, "a");
	commit(b);
	b->conf.only_filestore = true;
	must(file_make_parent(in, 0755, &e), &e);
	must(file_save(in, 0600, "own", 3, &e), &e);
	restore(b, false, &e);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_true(file_exists(in));
}

/* --- trees by chance --- */

static uint32_t
chance(uint32_t *x, uint32_t limit)
{
	*x = *x * 1664525 + 1013904223;
	return ((*x >> 8) % limit);
}

/* Few names, so that entries meet; now and then one that no path has. */
static void
add_by_chance(struct bench *b, uint32_t *x)
{
	static const char *const parts[] = { "a", "b", "l", "secret", "l", "a",
		"..", ".", "" };
	static const uint8_t kinds[] = { TREE_FILE, TREE_FOLDER, TREE_LINK };
	uint8_t kind = kinds[chance(x, sizeof(kinds))];
	uint32_t i, n = 1 + chance(x, 3);
	char path[64] = "";

	for (i = 0; i < n; i++) {
		if (i > 0)
			strcat(path, "/");
		strcat(path,
		    parts[chance(x, 20) == 0 ? 6 + chance(x, 3)
					     : chance(x, 6)]);
	}
	if (kind != TREE_LINK)
		add(b, kind, path);
	else if (chance(x, 2) == 0)
		add_link(b, path, b->outside, strlen(b->outside));
	else
		add_link(b, path, "../../outside", 13);
}

/* Each is restored over what those before it left, links that lead out among
 * it. */
static void
trees_by_chance_never_leave_the_folder(void **arg)
{
	struct bench *b = *arg;
	unsigned restored = 0, refused = 0;
	uint32_t x = 20261122;

	b->conf.only_filestore = true;
	for (int round = 0; round < 25; round++) {
		struct err e = ERR_INIT;
		uint32_t n = 1 + chance(&x, 4);

		open_ingest(b);
		for (uint32_t i = 0; i < n; i++)
			add_by_chance(b, &x);
		commit(b);
		for (int to_dir = 0; to_dir < 2; to_dir++) {
			restore(b, to_dir != 0, &e);
			assert_untouched(b);
			if (e.kind == ERR_NONE)
				restored++;
			else if (e.kind == ERR_CORRUPT ||
			    e.kind == ERR_REFUSED || e.kind == ERR_EXISTS)
				refused++;
			else
				fail_msg("kind %d: %s", (int)e.kind, e.text);
		}
	}
	assert_true(restored > 5 && refused > 5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paths_that_leave_the_folder_are_refused),
		TEST(nothing_goes_through_a_link_of_the_backup),
		TEST(nor_when_the_link_comes_last),
		TEST(nothing_is_below_a_file),
		TEST(a_name_is_there_once),
		TEST(sizes_that_lie_are_refused),
		TEST(streams_that_are_not_there_are_refused),
		TEST(links_to_nothing_or_to_a_megabyte_are_refused),
		TEST(a_path_of_two_thousand_folders_is_refused),
		TEST(special_bits_never_come_back),
		TEST(owners_that_are_no_owners_do_no_harm),
		TEST(odd_names_and_links_that_lead_out_are_only_names),
		TEST(a_name_of_300_bytes_is_named),
		TEST(tables_cannot_leave_the_folder),
		TEST(a_planted_link_is_never_written_through),
		TEST(a_planted_pipe_is_replaced_and_holds_nobody),
		TEST(a_folder_in_a_file_s_place_is_left),
		TEST(trees_by_chance_never_leave_the_folder),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
