/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository retention */
/*
 * What a retention audit says of branches, endpoints and the log, and how: the
 * facts, and their three forms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "repository/audit_log.h"
#include "repository/manifest.h"
#include "repository/state_locks.h"
#include "retention/audit_facts.h"
#include "retention/audit_html.h"
#include "retention/audit_json.h"
#include "retention/audit_text.h"
#include "tests/unit/known.h"
#include "tests/unit/repo_fixture.h"

#define DAY_S ((int64_t)86400)
/* 2026-11-29 12:00 UTC, a Sunday. */
#define NOW ((int64_t)1795953600)

static int64_t shown_ms;

static int64_t
show_ms(void)
{
	return (shown_ms);
}

/* Three endpoints, a production branch by days of UTC, and a clock that stands
 * still at NOW. */
static int
set_up(void **state)
{
	static char name[] = "production", zone[] = "UTC";
	struct rig *g = mem_new(sizeof(*g));

	shown_ms = NOW * 1000;
	clock_replace(show_ms);
	fixture_open(g);
	g->settings.nbranches = 1;
	g->branches[0] = (struct branch_settings){ .name = name,
		.stage = STAGE_PRODUCTION,
		.zone = zone,
		.keep_manual_s = 7 * (uint64_t)DAY_S,
		.keep_update_s = 30 * (uint64_t)DAY_S,
		.keep_pre_restore_s = 30 * (uint64_t)DAY_S,
		.keep_pre_upgrade_s = 90 * (uint64_t)DAY_S };
	*state = g;
	return (0);
}

static int
tear_down(void **state)
{
	clock_replace(NULL);
	fixture_close(*state);
	free(*state);
	return (0);
}

/* A backup of some days ago, at that time's noon, less a minute. */
static void
backup(struct repo *r, int days_ago, const char *type, const char *status,
    char id[BACKUP_ID_TEXT])
{
	SCOPED(ingest_freep) struct ingest *in = NULL;
	SCOPED(recipe_free) struct recipe recipe = RECIPE_INIT;
	SCOPED(manifest_free) struct manifest m;
	uint8_t bytes[1000];
	struct err e = ERR_INIT;

	shown_ms = (NOW - days_ago * DAY_S - 60) * 1000;
	manifest_init(&m);
	in = ingest_open(r, &e);
	fixture_must(in == NULL, &e);
	known_noise(bytes, sizeof(bytes), (uint32_t)days_ago + 1);
	rig_ingest(in, "public.noise", bytes, sizeof(bytes), &recipe);
	rig_add(in, &recipe, "public.noise");
	(void)snprintf(m.branch, sizeof(m.branch), "production");
	(void)snprintf(m.stage, sizeof(m.stage), "production");
	(void)snprintf(m.type, sizeof(m.type), "%s", type);
	(void)snprintf(m.state, sizeof(m.state), "%s", status);
	(void)snprintf(m.zone, sizeof(m.zone), "UTC");
	m.started = clock_now();
	m.finished = m.started + 1;
	m.counts = json_object();
	m.facts = json_object();
	fixture_must(ingest_commit(in, &m, &e), &e);
	if (id != NULL)
		memcpy(id, m.id, BACKUP_ID_TEXT);
	shown_ms = NOW * 1000;
}

static void
daily(struct repo *r, int days_ago)
{
	backup(r, days_ago, "daily", "complete", NULL);
}

static void
read_facts(struct repo *r, struct audit_facts *f)
{
	struct err e = ERR_INIT;

	fixture_send(r, 0, NULL);
	fixture_must(audit_facts_read(r, NOW, f, &e), &e);
	assert_int_equal(f->nbranches, 1);
}

static void
record(struct repo *r, const char *event, const char *backup_id,
    const char *branch, const char *detail)
{
	struct err e = ERR_INIT;
	struct json *j = detail == NULL
	    ? NULL
	    : json_parse(detail, strlen(detail), &e);

	fixture_must(detail != NULL && j == NULL, &e);
	fixture_must(audit_log_add(r, event, backup_id, branch, j, &e), &e);
}

static const struct finding *
finding(const struct audit_facts *f, const char *subject, const char *name)
{
	for (size_t i = 0; i < f->findings.n; i++)
		if (strcmp(f->findings.v[i].subject, subject) == 0 &&
		    strcmp(f->findings.v[i].name, name) == 0)
			return (&f->findings.v[i]);
	return (NULL);
}

/* --- slots --- */

static unsigned
empty_slots(const struct audit_branch *b, bool young)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->nmissing; i++)
		if (b->missing[i].is_young == young)
			n += b->missing[i].to - b->missing[i].from + 1;
	return (n);
}

static void
a_young_branchs_other_slots_are_not_due(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	const struct audit_branch *b;

	for (int day = 2; day >= 0; day--)
		daily(r, day);
	read_facts(r, &f);
	b = &f.branches[0];
	assert_string_equal(b->policy, "7 daily, 4 weekly, 3 monthly");
	assert_int_equal(b->expected, 14);
	assert_int_equal(b->present, 3);
	assert_int_equal(empty_slots(b, true), 11);
	assert_int_equal(empty_slots(b, false), 0);
	assert_int_equal(b->ngaps, 0);
	assert_true(b->oldest->known.started == NOW - 2 * DAY_S - 60);
	assert_true(b->newest->known.started == NOW - 60);
	assert_int_equal(f.verdict, AUDIT_WELL);
}

/* An old branch, backed up again for two days after a long pause. */
static void
slots_that_an_unbroken_series_would_fill_are_missing(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	const struct audit_branch *b;
	bool has_yesterdays = false;

	daily(r, 200);
	daily(r, 1);
	daily(r, 0);
	read_facts(r, &f);
	b = &f.branches[0];
	assert_int_equal(b->present, 3); /* all of them daily */
	assert_int_equal(empty_slots(b, true), 0);
	assert_int_equal(empty_slots(b, false), 11);
	for (size_t i = 0; i < b->nmissing; i++) {
		const struct audit_missing *m = &b->missing[i];

		if (m->kind != POLICY_DAILY || m->from != 4)
			continue;
		has_yesterdays = true;
		assert_string_equal(m->period, "2026-11-27");
		/* since that day was over */
		assert_true(m->since == NOW - DAY_S - DAY_S / 2);
	}
	assert_true(has_yesterdays);
	assert_non_null(finding(&f, "branch production", "slots"));
}

static void
a_day_without_a_backup_is_a_gap(void **state)
{
	struct rig *g = *state;
	static char schedule[] = "11:00";
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(audit_facts_free) struct audit_facts scheduled;

	for (int day = 5; day >= 0; day--)
		if (day != 3)
			daily(r, day);
	read_facts(r, &f);
	assert_int_equal(f.branches[0].ngaps, 1);
	assert_true(f.branches[0].gaps[0] == NOW / DAY_S - 3);
	assert_int_equal(
	    finding(&f, "branch production", "gap")->state, FINDING_OK);
	assert_int_equal(f.verdict, AUDIT_WELL);
	g->branches[0].schedule = schedule;
	read_facts(r, &scheduled);
	assert_int_equal(finding(&scheduled, "branch production", "gap")->state,
	    FINDING_WARNING);
	assert_int_equal(scheduled.verdict, AUDIT_LOOK);
	g->branches[0].schedule = NULL;
}

static void
weekends_of_a_schedule_are_no_gaps(void **state)
{
	struct rig *g = *state;
	static char schedule[] = "mon-fri 11:00";
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;

	g->branches[0].schedule = schedule;
	for (int day = 12; day >= 0; day--)
		if (day % 7 > 1) /* day 0 is a Sunday, day 1 a Saturday */
			daily(r, day);
	read_facts(r, &f);
	assert_int_equal(f.branches[0].ngaps, 0);
	assert_null(finding(&f, "branch production", "gap"));
	assert_null(finding(&f, "branch production", "newest"));
	g->branches[0].schedule = NULL;
}

static void
a_schedule_that_was_not_kept_is_a_warning(void **state)
{
	struct rig *g = *state;
	static char schedule[] = "11:00";
	SCOPED(repo_freep) struct repo *r = rig_repo(g, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;

	g->branches[0].schedule = schedule;
	daily(r, 4);
	read_facts(r, &f);
	assert_int_equal(
	    finding(&f, "branch production", "newest")->state, FINDING_WARNING);
	assert_int_equal(f.branches[0].ngaps, 3);
	g->branches[0].schedule = NULL;
}

static void
what_goes_next_is_foretold(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	const struct audit_branch *b;
	char manual[BACKUP_ID_TEXT];
	bool found = false;

	backup(r, 5, "manual", "complete", manual);
	for (int day = 4; day >= 0; day--)
		daily(r, day);
	read_facts(r, &f);
	b = &f.branches[0];
	assert_true(b->nnext > 1);
	for (size_t i = 0; i < b->nnext; i++) {
		assert_true(i == 0 || b->next[i - 1].at <= b->next[i].at);
		if (strcmp(b->next[i].entry->known.id, manual) != 0)
			continue;
		found = true; /* seven days after it was made */
		assert_true(b->next[i].at == NOW + 2 * DAY_S - 60);
	}
	assert_true(found);
}

static void
manual_backups_alone_are_no_warning(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;

	backup(r, 0, "manual", "complete", NULL);
	read_facts(r, &f);
	assert_int_equal(f.branches[0].present, 0);
	assert_int_equal(f.branches[0].expected, 14);
	assert_int_equal(
	    finding(&f, "branch production", "newest")->state, FINDING_OK);
	assert_int_equal(f.verdict, AUDIT_WELL);
}

static void
a_branch_that_was_never_backed_up_is_there(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(buf_free) struct buf page = BUF_INIT, text = BUF_INIT;

	read_facts(r, &f);
	assert_int_equal(f.branches[0].expected, 14);
	assert_int_equal(empty_slots(&f.branches[0], true), 14);
	audit_html(&f, &page);
	audit_text(&f, &text);
	assert_non_null(strstr(buf_text(&page), "Nothing was ever backed up"));
	assert_non_null(strstr(buf_text(&text), "branch production"));
}

/* --- endpoints and the log --- */

static void
the_weakest_lock_is_that_of_a_needed_object(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(audit_facts_free) struct audit_facts locked;
	struct rig *g = *state;
	static char yes[] = "yes";
	struct err e = ERR_INIT;
	uint64_t highest = 0;

	daily(r, 0);
	fixture_send(r, 0, NULL);
	g->endpoints[1].object_lock = yes; /* after the stores were opened */
	g->endpoints[1].lock_days = 30;
	fixture_must(audit_facts_read(r, NOW, &f, &e), &e);
	assert_false(f.endpoints[0].locks);
	assert_true(f.endpoints[1].locks);
	assert_true(f.endpoints[1].unlocked > 0);
	assert_int_equal(
	    finding(&f, "endpoint e1", "lock")->state, FINDING_WARNING);
	highest = rig_count(r, -1);
	for (uint64_t i = 1; i <= highest; i++)
		fixture_must(state_set_lock(r->state, i, r->endpoints[1].number,
				 NOW + (int64_t)i * DAY_S, &e),
		    &e);
	/* the first object is the repository's, and no backup's */
	fixture_must(
	    state_set_lock(r->state, 1, r->endpoints[1].number, NOW - 1, &e),
	    &e);
	fixture_must(audit_facts_read(r, NOW, &locked, &e), &e);
	assert_int_equal(locked.endpoints[1].unlocked, 0);
	assert_true(locked.endpoints[1].weakest > NOW + DAY_S);
	assert_null(finding(&locked, "endpoint e1", "lock"));
	g->endpoints[1].object_lock = NULL;
}

static void
verifications_count_for_the_endpoints_that_they_found_whole(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;

	daily(r, 0);
	record(r, "verify", NULL, NULL,
	    "{\"depth\":\"data\",\"ok\":false,\"all\":true,\"endpoints\":{\"e0\":true,\"e1\":false}}");
	record(r, "verify", NULL, NULL,
	    "{\"depth\":\"hash\",\"ok\":true,\"all\":false,\"endpoints\":{\"e2\":true}}");
	read_facts(r, &f);
	assert_true(f.endpoints[0].verified == NOW);
	assert_string_equal(f.endpoints[0].verified_depth, "data");
	assert_true(f.endpoints[1].verified == 0);
	assert_true(f.endpoints[2].verified == 0);
	assert_null(finding(&f, "endpoint e0", "verified"));
	assert_non_null(finding(&f, "endpoint e1", "verified"));
}

/* What verify itself writes is what is read here. */
static void
a_real_verification_is_seen(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(verify_result_free) struct verify_result v = { .ok = false };
	struct verify_conf conf = { .depth = VERIFY_HASH };

	daily(r, 0);
	fixture_send(r, 0, NULL);
	fixture_verify_with(r, &conf, &v);
	read_facts(r, &f);
	for (size_t i = 0; i < RIG_ENDPOINTS; i++) {
		assert_true(f.endpoints[i].verified == NOW);
		assert_string_equal(f.endpoints[i].verified_depth, "hash");
		assert_int_equal(f.endpoints[i].whole, 1);
	}
}

static void
deletions_are_those_since_the_last_audit(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(audit_facts_free) struct audit_facts later;
	char id[BACKUP_ID_TEXT];

	backup(r, 3, "daily", "complete", id);
	daily(r, 0);
	record(r, "removal", id, "production",
	    "{\"reason\":\"superseded\",\"started\":\"2026-11-26T11:59:00Z\"}");
	record(r, "heal", NULL, NULL,
	    "{\"removed\":{\"e0\":[\"packs/x\",\"packs/y\"]}}");
	record(r, "key", NULL, NULL, "{\"act\":\"remove\",\"slot\":\"one\"}");
	read_facts(r, &f);
	assert_int_equal(f.deletions.n, 3);
	assert_string_equal(f.deletions.v[0].backup, id);
	assert_string_equal(f.deletions.v[0].text, "superseded");
	assert_true(f.deletions.v[0].started == 1795694340);
	assert_non_null(strchr(f.deletions.v[0].actor, '@'));
	assert_string_equal(
	    f.deletions.v[1].text, "endpoint e0: 2 foreign objects removed");
	assert_true(f.last_audit == 0);
	record(r, "audit", NULL, NULL, "{\"ok\":true}");
	record(r, "pin", id, "production", NULL);
	read_facts(r, &later);
	assert_int_equal(later.deletions.n, 0);
	assert_int_equal(later.events.n, 1);
	assert_string_equal(later.events.v[0].event, "pin");
	assert_true(later.last_audit == NOW);
}

static void
drills_and_failures_are_told(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	char id[BACKUP_ID_TEXT];

	backup(r, 0, "daily", "complete", id);
	record(r, "restore", id, "staging", "{\"ok\":true,\"proven\":true}");
	record(r, "drill", id, "production", "{\"ok\":false}");
	shown_ms = (NOW + 5) * 1000;
	record(r, "backup", NULL, "production",
	    "{\"ok\":false,\"error\":\"no disk\"}");
	read_facts(r, &f);
	assert_true(f.last_drill == NOW);
	assert_false(f.last_drill_ok);
	assert_string_equal(f.last_drill_backup, id);
	assert_true(f.branches[0].drilled == NOW);
	assert_non_null(finding(&f, "branch production", "failed"));
	assert_null(finding(&f, "branch production", "drill"));
}

/* --- the three forms --- */

static void
json_has_the_keys_that_scripts_rely_on(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(json_freep) struct json *j = NULL;
	const struct json *b;

	daily(r, 1);
	daily(r, 0);
	read_facts(r, &f);
	j = audit_json(&f);
	assert_true(json_get_bool(j, "ok", false));
	b = json_get(json_get(j, "branches"), "production");
	assert_string_equal(
	    json_get_string(b, "policy"), "7 daily, 4 weekly, 3 monthly");
	assert_int_equal(json_get_integer(b, "expected", 0), 14);
	assert_int_equal(json_get_integer(b, "present", 0), 2);
	assert_int_equal(json_count(json_get(b, "missing")), 12);
	assert_int_equal(json_count(json_get(b, "slots")), 2);
	assert_string_equal(
	    json_get_string(b, "newest"), f.branches[0].newest->known.id);
	assert_string_equal(
	    json_get_string(b, "oldest"), f.branches[0].oldest->known.id);
	assert_int_equal(json_count(json_get(j, "endpoints")), 3);
	assert_true(json_get_bool(json_get(j, "chain"), "ok", false));
	assert_int_equal(
	    json_get_integer(json_get(j, "chain"), "entries", 0), 3);
	for (size_t i = 0; i < json_count(json_get(j, "findings")); i++) {
		const struct json *one = json_at(json_get(j, "findings"), i);

		assert_string_equal(json_get_string(one, "severity"), "note");
		assert_non_null(json_get_string(one, "text"));
	}
}

static size_t
times(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		n++;
	return (n);
}

static void
the_page_escapes_all_and_needs_nothing_else(void **state)
{
	static const char *const others[] = { "http:", "https:", "src=",
		"href=", "@import", "url(", "<script", "<img", "<b onx" };
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(buf_free) struct buf page = BUF_INIT;
	const char *text;

	daily(r, 0);
	record(r, "removal", NULL, "<img y>",
	    "{\"reason\":\"<script>alert('x')</script>\\u0007 \\\"&\",\"backups\":[\"<b onx>\"]}");
	read_facts(r, &f);
	audit_html(&f, &page);
	text = buf_text(&page);
	assert_int_equal(strncmp(text, "<!doctype html>", 15), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strstr(text, others[i]) != NULL)
			fail_msg("the page has %s", others[i]);
	assert_non_null(strstr(text,
	    "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;? &quot;&amp;"));
	assert_null(strchr(text, '\a'));
	assert_int_equal(times(text, "<svg class=\"calendar\""), 1);
	assert_true(times(text, "</html>") == 1);
	assert_int_equal(times(text, "<table"), times(text, "</table>"));
	assert_int_equal(times(text, "<g>"), times(text, "</g>"));
	assert_int_equal(times(text, "<svg"), times(text, "</svg>"));
}

/* Beyond the grid's twenty weeks, and with a clock that was far off. */
static void
old_backups_have_months(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(buf_free) struct buf page = BUF_INIT;

	backup(r, 20000, "daily", "complete", NULL);
	backup(r, 200, "daily", "complete", NULL);
	daily(r, 0);
	read_facts(r, &f);
	audit_html(&f, &page);
	assert_int_equal(times(buf_text(&page), "<svg class=\"calendar\""), 2);
	assert_non_null(strstr(buf_text(&page), "<title>2026-05: "));
	/* at most sixty of them */
	assert_null(strstr(buf_text(&page), "<title>1972"));
}

static void
the_text_begins_with_the_verdict(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(buf_free) struct buf text = BUF_INIT;

	daily(r, 0);
	read_facts(r, &f);
	audit_text(&f, &text);
	assert_int_equal(
	    strncmp(buf_text(&text), f.sentence, strlen(f.sentence)), 0);
	assert_non_null(strstr(buf_text(&text), "1 of 14 slots are filled"));
	assert_non_null(strstr(buf_text(&text), "BEGIN PUBLIC KEY"));
}

/* Which endpoint lacks a backup is said beside it, in each form. */
static void
an_endpoint_that_lacks_a_backup_is_named(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(buf_free) struct buf page = BUF_INIT, text = BUF_INIT;
	SCOPED(json_freep) struct json *j = NULL;
	struct err e = ERR_INIT;
	char id[BACKUP_ID_TEXT];

	backup(r, 0, "daily", "complete", id);
	assert_true(rig_send(r, 0) > 0);
	assert_true(rig_send(r, 2) > 0);
	fixture_must(audit_facts_read(r, NOW, &f, &e), &e);
	audit_html(&f, &page);
	audit_text(&f, &text);
	j = audit_json(&f);
	assert_non_null(strstr(buf_text(&page), ">e1 pending<"));
	assert_non_null(strstr(buf_text(&text), "2 of 3 copies (e1 pending)"));
	assert_string_equal(
	    json_get_string(
		json_get(json_get(json_get(j, "endpoints"), "e1"), "backups"),
		id),
	    "pending");
	assert_int_equal(f.endpoints[1].pending, 1);
	assert_int_equal(f.endpoints[0].whole, 1);
}

static void
damage_decides_the_verdict(void **state)
{
	SCOPED(repo_freep) struct repo *r = rig_repo(*state, REPO_WRITE);
	SCOPED(audit_facts_free) struct audit_facts f;
	SCOPED(json_freep) struct json *j = NULL;
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;

	daily(r, 0);
	fixture_send(r, 0, NULL);
	fixture_name(r, "audit/", 0, name);
	fixture_damage(*state, 1, name, FIXTURE_FLIP, NULL);
	fixture_must(audit_facts_read(r, NOW, &f, &e), &e);
	j = audit_json(&f);
	assert_int_equal(f.verdict, AUDIT_DAMAGE);
	assert_false(json_get_bool(j, "ok", true));
	assert_false(json_get_bool(json_get(j, "chain"), "ok", true));
	assert_int_equal(strncmp(f.sentence, "Damage", 6), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_young_branchs_other_slots_are_not_due),
		TEST(slots_that_an_unbroken_series_would_fill_are_missing),
		TEST(a_day_without_a_backup_is_a_gap),
		TEST(weekends_of_a_schedule_are_no_gaps),
		TEST(a_schedule_that_was_not_kept_is_a_warning),
		TEST(what_goes_next_is_foretold),
		TEST(manual_backups_alone_are_no_warning),
		TEST(a_branch_that_was_never_backed_up_is_there),
		TEST(the_weakest_lock_is_that_of_a_needed_object),
		TEST(
		    verifications_count_for_the_endpoints_that_they_found_whole),
		TEST(a_real_verification_is_seen),
		TEST(deletions_are_those_since_the_last_audit),
		TEST(drills_and_failures_are_told),
		TEST(json_has_the_keys_that_scripts_rely_on),
		TEST(the_page_escapes_all_and_needs_nothing_else),
		TEST(old_backups_have_months),
		TEST(the_text_begins_with_the_verdict),
		TEST(an_endpoint_that_lacks_a_backup_is_named),
		TEST(damage_decides_the_verdict),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
