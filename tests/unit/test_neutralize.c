/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base restore */
/* What of neutralization needs no database: which archive entries are left
 * out, which names look like credentials, what statements a rule becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "restore/neutralize.h"
#include "restore/neutralize_job.h"
#include "restore/neutralize_plan.h"
#include "restore/neutralize_report.h"

/* --- the archive's list --------------------------------------------------- */

static bool
is_left_out(const char *line)
{
	const char *reason = "unset";
	int out = neutralize_filter_entry(line, &reason);

	if (out != 0)
		assert_true(reason != NULL && strlen(reason) > 10);
	else
		assert_null(reason);
	return (out != 0);
}

static void
what_connects_elsewhere_is_left_out(void **state)
{
	(void)state;
	assert_true(
	    is_left_out("3359; 6100 68214 SUBSCRIPTION - sub postgres"));
	assert_true(is_left_out(
	    "3370; 0 0 USER MAPPING - USER MAPPING public SERVER r postgres"));
	assert_true(
	    is_left_out("3210; 3466 68216 EVENT TRIGGER - et postgres"));
	assert_true(is_left_out("3355; 6104 68210 PUBLICATION - pub postgres"));
	assert_true(is_left_out(
	    "3357; 6106 68211 PUBLICATION TABLE public pub t postgres"));
	assert_true(is_left_out("3358; 6237 68213 PUBLICATION TABLES IN SCHEMA "
				"public puball public postgres"));
	assert_true(is_left_out("9; 6102 1 SUBSCRIPTION TABLE - sub postgres"));
}

static void
what_is_said_about_it_is_left_out_too(void **state)
{
	(void)state;
	assert_true(
	    is_left_out("3373; 0 0 COMMENT - PUBLICATION pub postgres"));
	assert_true(
	    is_left_out("3374; 0 0 COMMENT - SUBSCRIPTION sub postgres"));
	assert_true(
	    is_left_out("3375; 0 0 COMMENT - EVENT TRIGGER et postgres"));
	assert_true(
	    is_left_out("1; 0 0 SECURITY LABEL - SUBSCRIPTION sub postgres"));
	assert_true(is_left_out("1; 0 0 ACL - PUBLICATION pub postgres"));
}

static void
everything_else_stays(void **state)
{
	static const char *const lines[] = {
		";",
		"; Archive created at 2026-11-22 18:18:42 UTC",
		";     dbname: zoo",
		";3359; 6100 68214 SUBSCRIPTION - sub postgres",
		"",
		"7; 2615 68217 SCHEMA - SUBSCRIPTION postgres",
		"2047; 1417 68202 SERVER - remote postgres",
		"3369; 0 0 COMMENT - SERVER remote postgres",
		"216; 1259 68205 TABLE public SUBSCRIPTION postgres",
		"3361; 0 68218 TABLE DATA - PUBLICATION x y postgres",
		"3372; 0 0 COMMENT public SUBSCRIPTION \"x y\" postgres",
		"5; 2620 1 TRIGGER public t tr postgres",
		"2; 3079 1 EXTENSION - postgres_fdw ",
		"1; 1 1 PUBLICATIONS - x y",
		"x; 1 1 SUBSCRIPTION - sub postgres",
		"1; 1 SUBSCRIPTION - sub postgres",
		"1;1 1 SUBSCRIPTION - sub postgres",
		"1; 1 1",
		"1; 0 0 COMMENT",
		"1; 0 0 COMMENT -",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (is_left_out(lines[i]))
			fail_msg("left out: %s", lines[i]);
}

/* --- names -----------------------------------------------------------------
 */

static void
credentials_are_known_by_their_names(void **state)
{
	static const char *const yes[] = { "smtp_pass", "password", "passwd",
		"x_PASSWORD_2", "merchant_pwd", "client_secret", "rtoken",
		"api_key", "apikey", "acme.api-key", "acme.api.token", "key",
		"sip_login", "res_sip_x", "ogone_shakey_in", "aps_sha_request",
		"payumoney_merchant_salt", "pin", "webhook_uuid", "keys",
		"google.custom_search.key", "private_key_file", "psk_keys" };
	static const char *const no[] = { "name", "keyboard", "key_id",
		"monkeys", "turkey", "gossip_corner", "compass", "bypass",
		"spinning", "state", "", "salty", "pinned", "mykeys_x" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!neutralize_name_matches(yes[i], NULL))
			fail_msg("not seen: %s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (neutralize_name_matches(no[i], NULL))
			fail_msg("seen: %s", no[i]);
}

static void
a_catcher_is_a_host_and_a_port(void **state)
{
	static const char *const bad[] = { "", "host", "host:", ":25", "host:0",
		"host:65536", "host:1x", "::1:25", "[]:25", "a b:25", "a':25",
		"host:999999999", "a;b:25", "host:-1" };
	char host[256], port[8];

	(void)state;
	assert_true(neutralize_split_catcher("127.0.0.1:1025", host, port));
	assert_string_equal(host, "127.0.0.1");
	assert_string_equal(port, "1025");
	assert_true(neutralize_split_catcher("[::1]:25", host, port));
	assert_string_equal(host, "::1");
	assert_true(
	    neutralize_split_catcher("mail-1.example.com:65535", host, port));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (neutralize_split_catcher(bad[i], host, port))
			fail_msg("taken: %s", bad[i]);
}

static void
assert_host(const char *url, const char *host)
{
	SCOPED(scope_free) char *found = neutralize_url_host(url);

	if (host == NULL)
		assert_null(found);
	else
		assert_string_equal(found, host);
}

static void
a_host_is_taken_out_of_a_url(void **state)
{
	(void)state;
	assert_host("https://ERP.acme.example/web?x=1", "erp.acme.example");
	assert_host("https://u:p@h.example:8069", "h.example");
	assert_host("http://[2001:DB8::1]:80/", "[2001:db8::1]");
	assert_host("https://h.example#x@y", "h.example");
	assert_host("http://localhost:8069", NULL);
	assert_host("http://127.0.0.1:8069", NULL);
	assert_host("http://[::1]:1", NULL);
	assert_host("h.example", NULL);
	assert_host("https://", NULL);
	assert_host("", NULL);
	assert_host(NULL, NULL);
}

/* --- statements ------------------------------------------------------------
 */

static char n_id[] = "id", n_key[] = "key", n_secret[] = "secret",
	    n_name[] = "name", n_json[] = "x_token", n_gen[] = "gen_token",
	    n_value[] = "value", n_type[] = "type", n_public[] = "public",
	    n_t[] = "t", n_icp[] = "ir_config_parameter", n_w[] = "wiz",
	    n_s[] = "s";

/* Tables public.t, public.ir_config_parameter, public.wiz (transient), s.t;
 * columns by name, as a catalog has them. */
static struct neutralize_column t_columns[] = {
	{ n_gen, CLASS_TEXT, false, true },
	{ n_id, CLASS_NUMBER, true, false },
	{ n_key, CLASS_TEXT, true, false },
	{ n_name, CLASS_TEXT, false, false },
	{ n_secret, CLASS_BYTES, false, false },
	{ n_json, CLASS_JSONB, false, false },
};
static struct neutralize_column icp_columns[] = {
	{ n_key, CLASS_TEXT, true, false },
	{ n_type, CLASS_TEXT, false, false },
	{ n_value, CLASS_TEXT, false, false },
};
static struct neutralize_table tables[] = {
	{ n_public, n_icp, false, icp_columns, 3 },
	{ n_public, n_t, false, t_columns, 6 },
	{ n_public, n_w, true, t_columns, 6 },
	{ n_s, n_t, false, t_columns, 6 },
};
static char *modules[] = { n_name };
static struct neutralize_odoo odoo = { n_public, { modules, 1 } };
static const struct neutralize_catalog catalog = { tables, 4, &odoo, 1 };
static const struct neutralize_value values[] = { { "own", "it's" },
	{ "none", NULL }, { NULL, NULL } };

/* Plans the first rule of text; gives the number of steps. */
static size_t
planned(const char *text, const struct neutralize_odoo *where,
    struct rules **rules, struct neutralize_plan *plan)
{
	struct neutralize_place place = { &catalog, where, values };
	struct err e = ERR_INIT;

	*rules = rules_new();
	if (rules_parse(*rules, "x", text, strlen(text), &e) < 0 ||
	    neutralize_plan_add(plan, &place, &(*rules)->rules[0], &e) < 0)
		fail_msg("%s", e.text);
	return (plan->n);
}

#define PLAN(text, where)                                                      \
	SCOPED(rules_freep) struct rules *rules = NULL;                        \
	SCOPED(neutralize_plan_free)                                           \
	struct neutralize_plan plan = { .n = 0 };                              \
	size_t steps = planned(                                                \
	    "rule r must\nabout w\n" text, where, &rules, &plan)

static void
an_update_changes_only_what_differs(void **state)
{
	PLAN("update t\nwhere {id} > 1 AND {name} <> '{name}$own'\n"
	     "set name = $own\nset gone = 1\nclear key secret gone\n",
	    &odoo);

	(void)state;
	assert_int_equal(steps, 1);
	assert_string_equal(plan.steps[0].change,
	    "WITH changed AS (UPDATE \"public\".\"t\" AS t SET \"name\" ="
	    " 'it''s', \"key\" = '', \"secret\" = NULL WHERE"
	    " (t.\"id\" > 1 AND t.\"name\" <> '{name}$own') AND"
	    " (t.\"name\" IS DISTINCT FROM ('it''s') OR t.\"key\" <> '' OR"
	    " pg_catalog.octet_length(t.\"secret\") > 0) RETURNING 1)"
	    " SELECT count(*) FROM changed");
	assert_string_equal(plan.steps[0].filled,
	    "SELECT count(*) FILTER (WHERE t.\"key\" <> ''), count(*) FILTER"
	    " (WHERE pg_catalog.octet_length(t.\"secret\") > 0) FROM"
	    " \"public\".\"t\" AS t WHERE"
	    " (t.\"id\" > 1 AND t.\"name\" <> '{name}$own')");
	assert_int_equal(plan.steps[0].ntouched, 3);
	assert_int_equal(plan.steps[0].ncleared, 2);
}

static void
a_rule_is_absent_without_its_tables_and_columns(void **state)
{
	static const char *const absent[] = {
		"update nowhere\nclear a\n",
		"update t\nclear gone\n",
		"update t\nwhere {gone}\nclear key\n",
		"update t\nneeds t.gone\nclear key\n",
		"update t\nlacks t.id\nclear key\n",
		"update t\nlacks s.t.id\nclear key\n",
		"update t\nmodule other\nclear key\n",
		"update t\nset name = {gone}\n",
		"update t\nset gen_token = 'x'\n",
		"delete t\nwhere EXISTS (SELECT FROM {.gone})\n",
		"insert gone\nunless {id} = 1\nset id = 1\n",
		"clear-matching gone\n",
		"sql SELECT count(*) FROM {.gone}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		SCOPED(scope_free)
		char *text = mem_printf("rule r must\nabout w\n%s", absent[i]);
		SCOPED(rules_freep) struct rules *rules = NULL;
		SCOPED(neutralize_plan_free)
		struct neutralize_plan plan = { .n = 0 };

		if (planned(text, &odoo, &rules, &plan) != 0)
			fail_msg("applies: %s", absent[i]);
	}
}

static void
without_an_odoo_only_schemas_that_are_named_count(void **state)
{
	PLAN("delete t\ndelete s.t\nforget a\nclear-matching *\n", NULL);

	(void)state;
	assert_int_equal(steps, 1);
	assert_string_equal(plan.steps[0].left,
	    "SELECT count(*) FROM \"s\".\"t\" AS t WHERE true");
}

static void
a_guard_asks_for_modules_and_columns(void **state)
{
	PLAN("delete t\nmodule other name\nneeds t.id s.t.id wiz\n"
	     "lacks t.gone gone\n",
	    &odoo);

	(void)state;
	assert_int_equal(steps, 1);
}

static void
columns_named_like_credentials_are_cleared(void **state)
{
	PLAN("clear-matching t\nexcept sec*\nclear-matching ~transient\n"
	     "pattern nam$ _me$ name\n",
	    &odoo);

	(void)state;
	assert_int_equal(steps, 2);
	/* Not the generated one, not the excepted one. */
	assert_int_equal(plan.steps[0].ncleared, 2);
	assert_string_equal(plan.steps[0].cleared[0]->name, "key");
	assert_string_equal(plan.steps[0].cleared[1]->name, "x_token");
	assert_string_equal(plan.steps[1].table->name, "wiz");
	assert_string_equal(plan.steps[1].cleared[0]->name, "name");
}

static void
a_parameter_is_changed_or_added(void **state)
{
	PLAN("parameter a.b = $own\nwhere {value} = $none\n", &odoo);

	(void)state;
	assert_int_equal(steps, 1);
	assert_string_equal(plan.steps[0].change,
	    "WITH u AS (UPDATE \"public\".\"ir_config_parameter\" AS t SET"
	    " \"value\" = 'it''s' WHERE t.\"key\" = 'a.b' AND"
	    " (t.\"value\" = NULL::text) AND t.\"value\" IS DISTINCT FROM"
	    " ('it''s') RETURNING 1), i AS (INSERT INTO"
	    " \"public\".\"ir_config_parameter\" (\"key\", \"value\","
	    " \"type\") SELECT 'a.b', 'it''s', 'str' WHERE NOT EXISTS (SELECT"
	    " FROM \"public\".\"ir_config_parameter\" AS t WHERE t.\"key\" ="
	    " 'a.b') RETURNING 1) SELECT (SELECT count(*) FROM u) +"
	    " (SELECT count(*) FROM i)");
}

static void
parameters_are_forgotten_by_pattern(void **state)
{
	PLAN("forget a_b c.*\n", &odoo);

	(void)state;
	assert_int_equal(steps, 1);
	assert_string_equal(plan.steps[0].left,
	    "SELECT count(*) FROM \"public\".\"ir_config_parameter\" AS t"
	    " WHERE (t.\"key\" = 'a_b' OR t.\"key\" LIKE 'c.%' ESCAPE '!')");
}

static void
a_row_is_added_once(void **state)
{
	PLAN("insert t\nunless {name} = $own\nset name = $own\nset gone = 1\n",
	    &odoo);

	(void)state;
	assert_int_equal(steps, 1);
	assert_string_equal(plan.steps[0].change,
	    "WITH changed AS (INSERT INTO \"public\".\"t\" (\"name\") SELECT"
	    " 'it''s' WHERE NOT EXISTS (SELECT FROM \"public\".\"t\" AS t WHERE"
	    " (t.\"name\" = 'it''s')) RETURNING 1) SELECT count(*)"
	    " FROM changed");
}

static void
a_rule_with_an_unknown_value_is_an_error(void **state)
{
	static const char *const texts[] = {
		"rule r must\nabout w\ndelete t\nwhere {id} = $nope\n",
		"rule r must\nabout w\nsql SELECT {id}\n",
	};
	struct neutralize_place place = { &catalog, &odoo, values };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		SCOPED(rules_freep) struct rules *r = rules_new();
		SCOPED(neutralize_plan_free)
		struct neutralize_plan plan = { .n = 0 };
		struct err e = ERR_INIT;

		assert_int_equal(
		    rules_parse(r, "f", texts[i], strlen(texts[i]), &e), 0);
		assert_int_equal(
		    neutralize_plan_add(&plan, &place, &r->rules[0], &e), -1);
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_non_null(strstr(e.text, "f:3"));
	}
}

/* --- the report ------------------------------------------------------------
 */

static void
a_report_becomes_json(void **state)
{
	struct neutralize_report r;
	SCOPED(json_freep) struct json *j = NULL;
	SCOPED(buf_free) struct buf out = BUF_INIT;

	(void)state;
	neutralize_report_init(&r);
	assert_false(neutralize_report_ok(&r)); /* nothing was proven */
	neutralize_report_outcome(
	    neutralize_report_rule(&r, "a"), NEUTRALIZE_APPLIED, 2, NULL);
	neutralize_report_outcome(
	    neutralize_report_rule(&r, "a"), NEUTRALIZE_FAILED, 0, "why");
	(void)neutralize_report_rule(&r, "b");
	neutralize_report_check(&r, "p", true, 0, NULL);
	assert_true(neutralize_report_ok(&r));
	neutralize_report_check(&r, "p", false, 1, "x");
	neutralize_report_check(&r, "p", false, 2, "y");
	neutralize_report_check(&r, "p", true, 0, NULL);
	assert_false(neutralize_report_ok(&r));
	neutralize_report_unknown(&r, "m", "t", "c", 3);
	neutralize_report_warn(&r, "same %d", 1);
	neutralize_report_warn(&r, "same %d", 1);
	assert_int_equal(r.nwarnings, 1);
	j = neutralize_report_json(&r);
	json_write(j, false, &out);
	assert_string_equal(buf_text(&out),
	    "{\"rules\":[{\"name\":\"a\",\"rows\":2,\"state\":\"failed\","
	    "\"message\":\"why\"},{\"name\":\"b\",\"rows\":0,"
	    "\"state\":\"absent\"}],\"proof\":[{\"name\":\"p\",\"ok\":false,"
	    "\"found\":3,\"detail\":\"x, y\"}],\"unknown_modules\":["
	    "{\"module\":\"m\",\"table\":\"t\",\"column\":\"c\","
	    "\"count\":3}]}");
	neutralize_report_free(&r);
	assert_int_equal(r.nrules, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_connects_elsewhere_is_left_out),
		cmocka_unit_test(what_is_said_about_it_is_left_out_too),
		cmocka_unit_test(everything_else_stays),
		cmocka_unit_test(credentials_are_known_by_their_names),
		cmocka_unit_test(a_catcher_is_a_host_and_a_port),
		cmocka_unit_test(a_host_is_taken_out_of_a_url),
		cmocka_unit_test(an_update_changes_only_what_differs),
		cmocka_unit_test(
		    a_rule_is_absent_without_its_tables_and_columns),
		cmocka_unit_test(
		    without_an_odoo_only_schemas_that_are_named_count),
		cmocka_unit_test(a_guard_asks_for_modules_and_columns),
		cmocka_unit_test(columns_named_like_credentials_are_cleared),
		cmocka_unit_test(a_parameter_is_changed_or_added),
		cmocka_unit_test(parameters_are_forgotten_by_pattern),
		cmocka_unit_test(a_row_is_added_once),
		cmocka_unit_test(a_rule_with_an_unknown_value_is_an_error),
		cmocka_unit_test(a_report_becomes_json),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
