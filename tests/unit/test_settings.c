/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/*
 * The configuration's meaning: what a good one gives, and that each bad one is
 * refused with the file, the line and what is expected.
 */
#include "repository/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define HEAD	     "[repository]\nstate = state\nagent-key = agent.key\n"
#define ONE_ENDPOINT "[endpoint a]\nurl = /srv/a\n"

static char folder[] = "/tmp/settings.XXXXXX";

static struct settings *
read_text(const char *text, struct err *e)
{
	SCOPED(scope_free) char *path = file_join(folder, "t.conf");

	*e = (struct err)ERR_INIT;
	assert_int_equal(file_save(path, 0600, text, strlen(text), e), 0);
	return (settings_read(path, e));
}

static void
refused(const char *text, const char *says)
{
	struct err e = ERR_INIT;

	assert_null(read_text(text, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	if (strstr(e.text, says) == NULL)
		fail_msg("'%s' is not in: %s", says, e.text);
}

static void
settings_fill_defaults_and_make_paths_absolute(void **state)
{
	struct err e = ERR_INIT;
	SCOPED(settings_freep)
	struct settings *s = read_text(HEAD ONE_ENDPOINT
	    "[endpoint b]\nurl = b\n[endpoint c]\nurl = file:///c\n"
	    "[branch p]\nstage = production\ndatabase = dbname=x\n",
	    &e);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->state[0], '/');
	assert_int_equal(s->write_quorum, 2);
	assert_null(s->restore_key);
	assert_int_equal(s->endpoints[1].url[0], '/');
	assert_string_equal(s->endpoints[2].url, "file:///c");
	assert_int_equal(s->memory, 256 << 20);
	assert_int_equal(s->branches[0].keep_manual_s, 7 * 86400);
	assert_int_equal(s->branches[0].keep_update_s, 30 * 86400);
	assert_int_equal(s->branches[0].keep_pre_restore_s, 30 * 86400);
	assert_int_equal(s->branches[0].keep_pre_upgrade_s, 90 * 86400);
	assert_int_equal(s->branches[0].keep_within_s, 0);
	assert_null(s->branches[0].keep);
	assert_ptr_equal(
	    settings_only_production(s, &e), settings_branch(s, "p", &e));
}

static void
settings_name_file_line_and_nearest_key(void **state)
{
	(void)state;
	refused("[repository]\nstaet = x\n", "t.conf:2");
	refused("[repository]\nstaet = x\n", "state");
	refused(HEAD "[endpoint a]\nurl = /a\ntimeout = 0s\n", "t.conf:6");
	refused(HEAD ONE_ENDPOINT "[branch p]\nstage = live\n",
	    "production, staging or development");
}

static void
settings_refuse_what_contradicts_itself(void **state)
{
	(void)state;
	refused(HEAD, "no endpoint");
	refused("[repository]\nstate = s\n" ONE_ENDPOINT, "agent-key");
	refused(
	    "[repository]\nstate = s\nagent-key = k\nwrite-quorum = 2\n" ONE_ENDPOINT,
	    "write-quorum");
	refused(HEAD ONE_ENDPOINT "[endpoint b]\nurl = /srv/a\n", "same url");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\nfilestore = /f\n"
	    "[branch q]\nstage = staging\nfilestore = /f\n",
	    "same filestore");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\ndatabase = host=/a port=5432 dbname=x\n"
	    "[branch q]\nstage = staging\ndatabase = dbname=x port=5432 host=/a\n",
	    "same database");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\ndatabase = nonsense=x\n",
	    "connection string");
	refused(HEAD ONE_ENDPOINT "[branch p]\nfilestore = /f\n", "stage");
	refused(HEAD "[endpoint ../x]\nurl = /a\n", "name");
	refused(HEAD "memory = 100M\n" ONE_ENDPOINT,
	    "t.conf:4: memory = 100M: expected at least 128M");
	refused(HEAD "memory = 128M\ncompression = 19\n" ONE_ENDPOINT,
	    "at least 176M with compression = 19");
}

static void
settings_refuse_folders_inside_one_another(void **state)
{
	(void)state;
	refused(HEAD ONE_ENDPOINT "[endpoint b]\nurl = file:///srv//x/../a/.\n",
	    "t.conf:7: [endpoint b] has the same folder as [endpoint a]");
	refused(HEAD ONE_ENDPOINT "[endpoint b]\nurl = /srv/a/b\n",
	    "t.conf:7: the folder of [endpoint b] is inside the folder of [endpoint a]");
	refused(HEAD ONE_ENDPOINT "[endpoint b]\nurl = state/b\n",
	    "is inside the state folder");
	refused("[repository]\nstate = /srv/a/s\nagent-key = k\n" ONE_ENDPOINT,
	    "t.conf:2: the state folder is inside the folder of [endpoint a]");
	refused("[repository]\nstate = s\nagent-key = /srv/a/k\n" ONE_ENDPOINT,
	    "t.conf:3: agent-key is inside the folder of [endpoint a]");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\nfilestore = /srv/a/p\n",
	    "the filestore of [branch p] is inside the folder of [endpoint a]");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\nfilestore = /f\n"
	    "[branch q]\nstage = staging\nfilestore = /f/q/\n",
	    "the filestore of [branch q] is inside the filestore of [branch p]");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\nfilestore = /\n",
	    "inside the filestore of [branch p]");
}

static void
settings_take_neighbours_and_keys_in_the_state(void **state)
{
	struct err e = ERR_INIT;
	SCOPED(settings_freep)
	struct settings *s = read_text(
	    "[repository]\nstate = s\nagent-key = s/k\n" ONE_ENDPOINT
	    "[endpoint b]\nurl = /srv/ab\n"
	    "[branch p]\nstage = production\nlogs = l/*.log, /m/x\n"
	    "filestore = /f\naddons-path = a ,b\n"
	    "[branch q]\nstage = staging\nfilestore = /f-q\n",
	    &e);

	(void)state;
	assert_string_equal(e.text, "");
	assert_non_null(strstr(s->branches[0].logs, "/l/*.log, /m/x"));
	assert_int_equal(s->branches[0].logs[0], '/');
	assert_non_null(strstr(s->branches[0].addons_path, "/a, /"));
}

static void
settings_only_production_wants_exactly_one(void **state)
{
	struct err e = ERR_INIT;
	SCOPED(settings_freep)
	struct settings *s = read_text(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\n[branch q]\nstage = production\n",
	    &e);

	(void)state;
	assert_non_null(s);
	assert_null(settings_only_production(s, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(settings_branch(s, "nobody", &e));
	assert_int_equal(e.kind, ERR_MISSING);
	assert_non_null(strstr(e.hint, "p, q"));
}

static void
settings_read_a_cache_as_a_share_or_a_size(void **state)
{
	struct err e = ERR_INIT;
	SCOPED(settings_freep)
	struct settings *s = read_text(
	    HEAD "restore-cache = 25%\nbase-cache = no\n" ONE_ENDPOINT, &e);
	SCOPED(settings_freep)
	struct settings *t = read_text(
	    HEAD "restore-cache = 2G\n" ONE_ENDPOINT, &e);

	(void)state;
	assert_int_equal(s->restore_cache_percent, 25);
	assert_int_equal(s->base_cache, 0);
	assert_int_equal(t->restore_cache_percent, 0);
	assert_true(t->restore_cache == (uint64_t)2 << 30);
	refused(HEAD "restore-cache = 99%\n" ONE_ENDPOINT, "restore-cache");
}

static void
settings_say_how_much_may_go_at_once(void **state)
{
	struct err e = ERR_INIT;
	SCOPED(settings_freep)
	struct settings *s = read_text(HEAD ONE_ENDPOINT, &e);
	SCOPED(settings_freep)
	struct settings *t = read_text(HEAD
	    "removal-limit = 20 %\nremoval-floor = 0\nrepack-limit = no\n" ONE_ENDPOINT
	    "[branch p]\nstage = production\nkeep-within = 2 days\n"
	    "keep = 24 hourly, 2 yearly\n",
	    &e);
	SCOPED(settings_freep)
	struct settings *u = read_text(
	    HEAD "removal-limit = 100%\nrepack-limit = 5G\n" ONE_ENDPOINT, &e);

	(void)state;
	assert_int_equal(s->removal_percent, 50);
	assert_int_equal(s->removal_floor, 3);
	assert_true(s->repack_limit == (uint64_t)1 << 30);
	assert_int_equal(t->removal_percent, 20);
	assert_int_equal(t->removal_floor, 0);
	assert_true(t->repack_limit == 0);
	assert_int_equal(t->branches[0].keep_within_s, 2 * 86400);
	assert_string_equal(t->branches[0].keep, "24 hourly, 2 yearly");
	assert_int_equal(u->removal_percent, 100);
	assert_true(u->repack_limit == (uint64_t)5 << 30);
	refused(HEAD "removal-limit = 50\n" ONE_ENDPOINT,
	    "t.conf:4: removal-limit = 50: expected 0 % to 100 %");
	refused(HEAD "removal-limit = 101 %\n" ONE_ENDPOINT, "t.conf:4");
	refused(HEAD "removal-limit = -1 %\n" ONE_ENDPOINT, "t.conf:4");
	refused(HEAD "removal-limit = %\n" ONE_ENDPOINT, "t.conf:4");
	refused(HEAD "removal-limit = 50 % x\n" ONE_ENDPOINT, "t.conf:4");
	refused(HEAD "removal-floor = 10000\n" ONE_ENDPOINT, "t.conf:4");
	refused(HEAD "removal-floor = few\n" ONE_ENDPOINT, "t.conf:4");
	refused(HEAD "repack-limit = some\n" ONE_ENDPOINT, "t.conf:4");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\nkeep-within = 2\n",
	    "keep-within = 2: expected a time");
	refused(HEAD ONE_ENDPOINT
	    "[branch p]\nstage = production\nkeep = 2 daily, 1 centurial\n",
	    "hourly and yearly as well");
}

static int
make_folder(void **state)
{
	(void)state;
	return (mkdtemp(folder) == NULL ? -1 : 0);
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
		cmocka_unit_test(
		    settings_fill_defaults_and_make_paths_absolute),
		cmocka_unit_test(settings_name_file_line_and_nearest_key),
		cmocka_unit_test(settings_refuse_what_contradicts_itself),
		cmocka_unit_test(settings_refuse_folders_inside_one_another),
		cmocka_unit_test(
		    settings_take_neighbours_and_keys_in_the_state),
		cmocka_unit_test(settings_only_production_wants_exactly_one),
		cmocka_unit_test(settings_read_a_cache_as_a_share_or_a_size),
		cmocka_unit_test(settings_say_how_much_may_go_at_once),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}
