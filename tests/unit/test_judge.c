/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository backupd */
/* From what was found to a backup's state, at each threshold and beside it;
 * names of zones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "backupd/judge.h"
#include "backupd/previous.h"
#include "backupd/proof.h"
#include "backupd/zone.h"
#include "base/zone_name.h"
#include "repository/settings.h"

static const char *
state_of(uint64_t referenced, uint64_t missing, uint64_t missing_new)
{
	const struct judgement j = { .referenced = referenced,
		.missing = missing,
		.missing_new = missing_new };
	static char reason[JUDGE_REASON];
	const char *state = judge_state(&j, reason);

	assert_int_equal(strcmp(state, "complete") == 0, reason[0] == '\0');
	return (state);
}

static void
judge_calls_a_whole_source_complete(void **arg)
{
	(void)arg;
	assert_string_equal(state_of(0, 0, 0), "complete");
	assert_string_equal(state_of(1000, 0, 0), "complete");
}

static void
judge_calls_a_lack_of_the_source_degraded(void **arg)
{
	const struct judgement damaged = { .referenced = 5, .mismatched = 1 };
	char reason[JUDGE_REASON];

	(void)arg;
	assert_string_equal(state_of(1000, 1, 1), "degraded");
	assert_string_equal(state_of(1000, 1000, 0), "degraded");
	assert_string_equal(judge_state(&damaged, reason), "degraded");
}

static void
judge_calls_a_mass_of_new_ones_incomplete(void **arg)
{
	(void)arg;
	/* more than 100, whatever part of the whole it is */
	assert_string_equal(state_of(1000000, 100, 100), "degraded");
	assert_string_equal(state_of(1000000, 101, 101), "incomplete");
	/* more than 1 %, and at least 10 */
	assert_string_equal(state_of(1000, 10, 10), "degraded");
	assert_string_equal(state_of(1000, 11, 11), "incomplete");
	assert_string_equal(state_of(999, 10, 10), "incomplete");
	assert_string_equal(state_of(9, 9, 9), "degraded");
	assert_string_equal(state_of(10, 10, 10), "incomplete");
}

static void
judge_lets_the_operator_accept_a_loss(void **arg)
{
	struct judgement j = { .referenced = 1000,
		.missing = 500,
		.missing_new = 500,
		.is_accepted = true };
	char reason[JUDGE_REASON];

	(void)arg;
	assert_string_equal(judge_state(&j, reason), "degraded");
	j.unreadable = 1;
	j.worst = "table public.x can't be read";
	assert_string_equal(judge_state(&j, reason), "incomplete");
	assert_string_equal(reason, j.worst);
	j.unreadable = 2;
	assert_string_equal(judge_state(&j, reason), "incomplete");
	assert_non_null(strstr(reason, "and others"));
}

static void
judge_takes_half_as_known_in_a_first_backup(void **arg)
{
	(void)arg;
	assert_int_equal(judge_new_missing(false, 100, 50, 0), 0);
	assert_int_equal(judge_new_missing(false, 100, 51, 0), 51);
	assert_int_equal(judge_new_missing(false, 1, 1, 0), 1);
	assert_int_equal(judge_new_missing(false, 0, 0, 0), 0);
}

static void
judge_subtracts_what_was_known(void **arg)
{
	(void)arg;
	assert_int_equal(judge_new_missing(true, 100, 60, 60), 0);
	assert_int_equal(judge_new_missing(true, 100, 60, 10), 50);
	assert_int_equal(judge_new_missing(true, 100, 5, 60), 0);
}

static void
proof_counts_those_that_the_earlier_list_does_not_have(void **arg)
{
	static char known[] = "aa/x";
	char *paths[] = { known };
	struct previous previous = { .is_there = true,
		.missing = 1,
		.has_list = true,
		.n = 1,
		.paths = paths };
	struct proof_missing list[] = { { .path = "aa/x" }, { .path = "bb/y" },
		{ .path = "cc/z", .is_deleted = true } };
	struct proof p = { .referenced = 10,
		.missing = 3,
		.deleted = 1,
		.n = 3,
		.list = list };

	(void)arg;
	assert_true(previous_lacked(&previous, "aa/x"));
	assert_false(previous_lacked(&previous, "bb/y"));
	assert_int_equal(proof_count_new(&p, &previous), 1);
	assert_true(list[0].is_known);
	assert_false(list[1].is_known);
	/* On a write-only host only the count is known. */
	previous.has_list = false;
	assert_int_equal(proof_count_new(&p, &previous), 1);
	previous.missing = 2;
	assert_int_equal(proof_count_new(&p, &previous), 0);
	previous.is_there = false;
	assert_int_equal(proof_count_new(&p, &previous), 0);
}

static void
proof_knows_the_path_of_a_hash(void **arg)
{
	static const char hash[] = "b2d8a6684ca540d4991333dfc06eb28db2d8a668";
	char path[64];

	(void)arg;
	(void)snprintf(path, sizeof(path), "b2/%s", hash);
	assert_true(proof_is_hash_path(path));
	(void)snprintf(path, sizeof(path), "b2d/%s", hash);
	assert_true(proof_is_hash_path(path));
	(void)snprintf(path, sizeof(path), "b2d8/%s", hash);
	assert_false(proof_is_hash_path(path));
	(void)snprintf(path, sizeof(path), "b2/%s0", hash);
	assert_false(proof_is_hash_path(path));
	(void)snprintf(path, sizeof(path), "b2/%.39s", hash);
	assert_false(proof_is_hash_path(path));
	assert_false(proof_is_hash_path(hash));
	assert_false(proof_is_hash_path("s3://bucket/b2"));
	assert_false(proof_is_hash_path(""));
}

static void
zone_is_the_first_that_says_something(void **arg)
{
	static char zone[] = "Asia/Tokyo", schedule[] = "02:30 Europe/Brussels",
		    no_zone[] = "mon-fri 22:00", utc[] = "hourly UTC";
	struct branch_settings b = { .zone = zone, .schedule = schedule };
	char out[ZONE_TEXT];

	(void)arg;
	zone_of_branch(&b, out);
	assert_string_equal(out, "Asia/Tokyo");
	b.zone = NULL;
	zone_of_branch(&b, out);
	assert_string_equal(out, "Europe/Brussels");
	b.schedule = utc;
	zone_of_branch(&b, out);
	assert_string_equal(out, "UTC");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	assert_int_equal(setenv("TZ", ":America/Lima", 1), 0);
	b.schedule = no_zone;
	zone_of_branch(&b, out);
	assert_string_equal(out, "America/Lima");
	/* A rule is no name. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	zone_of_branch(&b, out);
	assert_true(zone_name_is_known(out));
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	assert_int_equal(unsetenv("TZ"), 0);
	b.schedule = NULL;
	zone_of_branch(&b, out);
	assert_true(out[0] != '\0');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judge_calls_a_whole_source_complete),
		cmocka_unit_test(judge_calls_a_lack_of_the_source_degraded),
		cmocka_unit_test(judge_calls_a_mass_of_new_ones_incomplete),
		cmocka_unit_test(judge_lets_the_operator_accept_a_loss),
		cmocka_unit_test(judge_takes_half_as_known_in_a_first_backup),
		cmocka_unit_test(judge_subtracts_what_was_known),
		cmocka_unit_test(
		    proof_counts_those_that_the_earlier_list_does_not_have),
		cmocka_unit_test(proof_knows_the_path_of_a_hash),
		cmocka_unit_test(zone_is_the_first_that_says_something),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
