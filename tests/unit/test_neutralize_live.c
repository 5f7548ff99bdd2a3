/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base restore */
/*
 * Neutralization of databases that a test makes: the shapes of Odoos, and what
 * goes wrong. Without PGHOST in the environment nothing is tested.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/unit/neutralize_world.h"

/* --- shapes ----------------------------------------------------------------
 */

/* What every Odoo has had since 12, with a few rows of production. */
static const char core[] =
    "SET search_path = public;"
    "CREATE TABLE ir_module_module (id serial, name varchar, state varchar);"
    "INSERT INTO ir_module_module (name, state) VALUES ('base', 'installed'),"
    " ('sms', 'to upgrade'), ('crm', 'uninstalled'), ('../x', 'installed');"
    "CREATE TABLE ir_config_parameter (id serial PRIMARY KEY,"
    " key varchar NOT NULL UNIQUE, value text);"
    "INSERT INTO ir_config_parameter (key, value) VALUES"
    " ('database.uuid', 'dd7f02dc-e68a-11f1-a0a8-02fc00000001'),"
    " ('database.secret', 'b2d8a668-4ca5-40d4-9913-33dfc06eb28d'),"
    " ('database.create_date', '2020-01-01 00:00:00'),"
    " ('web.base.url', 'https://erp.acme.example'),"
    " ('acme.api.token', 'S3CRET-MARKER'),"
    " ('auth_signup.reset_password', 'True'),"
    " ('x.password_minlength', '12'),"
    " ('proxy.url', 'http://me:S3CRET-MARKER@proxy.example');"
    "CREATE TABLE ir_model_data (id serial, module varchar, model varchar,"
    " name varchar, res_id integer);"
    "INSERT INTO ir_model_data (module, model, name, res_id) VALUES"
    " ('base', 'ir.cron', 'autovacuum_job', 1),"
    " ('mail', 'ir.cron', 'autovacuum_job', 2),"
    " ('acme_connect', 'ir.config_parameter', 'token', 5);"
    "CREATE TABLE ir_cron (id serial, active boolean);"
    "INSERT INTO ir_cron (active) VALUES (true), (true), (false), (NULL);"
    "CREATE TABLE ir_mail_server (id serial, name varchar NOT NULL,"
    " smtp_host varchar NOT NULL, smtp_port integer NOT NULL,"
    " smtp_user varchar, smtp_pass varchar, smtp_encryption varchar NOT NULL,"
    " smtp_debug boolean, sequence integer, active boolean);"
    "INSERT INTO ir_mail_server (name, smtp_host, smtp_port, smtp_user,"
    " smtp_pass, smtp_encryption, active) VALUES"
    " ('a', 'smtp.example', 25, 'u', 'S3CRET-MARKER', 'ssl', true),"
    " ('b', 'old.example', 25, NULL, NULL, 'none', false);"
    "SET search_path = ''";

/* Odoo 12: providers without a state, mailings by their old name. */
static const char twelve[] =
    "SET search_path = public;"
    "CREATE TABLE payment_acquirer (id serial, environment varchar,"
    " website_published boolean, brq_secretkey varchar NOT NULL,"
    " acme_login_token varchar, save_token varchar, provider varchar);"
    "INSERT INTO payment_acquirer (environment, website_published,"
    " brq_secretkey, acme_login_token, provider)"
    " VALUES ('prod', true, 'S3CRET-MARKER', 'S3CRET-MARKER', 'buckaroo'),"
    " ('test', false, '', NULL, 'transfer');"
    "CREATE TABLE payment_token (id serial, acquirer_ref varchar NOT NULL,"
    " active boolean);"
    "INSERT INTO payment_token (acquirer_ref, active)"
    " VALUES ('S3CRET-MARKER', true);"
    "CREATE TABLE fetchmail_server (id serial, server varchar,"
    " \"user\" varchar NOT NULL, password varchar NOT NULL, active boolean,"
    " type varchar);"
    "INSERT INTO fetchmail_server (server, \"user\", password, active, type)"
    " VALUES ('pop.example', 'S3CRET-MARKER', 'S3CRET-MARKER', true, 'pop');"
    "CREATE TABLE mail_mass_mailing (id serial, state varchar,"
    " mail_server_id integer, schedule_date timestamp);"
    "INSERT INTO mail_mass_mailing (state, mail_server_id)"
    " VALUES ('in_queue', 1), ('done', NULL);"
    "CREATE TABLE res_users (id serial, password varchar,"
    " google_calendar_rtoken varchar, oauth_access_token varchar);"
    "INSERT INTO res_users (password, google_calendar_rtoken) VALUES"
    " ('$pbkdf2-sha512$x', 'S3CRET-MARKER');"
    "CREATE TABLE iap_account (id serial, account_token varchar(43));"
    "INSERT INTO iap_account (account_token) VALUES ('S3CRET-MARKER'),"
    " ('S3CRET-MARKER+disabled'), (NULL);"
    "SET search_path = ''";

static void
a_database_without_odoo_keeps_its_tables(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c,
	    "CREATE TABLE public.website (id int, domain text, api_key text);"
	    "INSERT INTO public.website VALUES (1, 'd', 'k');"
	    "CREATE SCHEMA cron; CREATE TABLE cron.job (id int,"
	    " active boolean); INSERT INTO cron.job VALUES (1, true)");
	assert_int_equal(world_prove(w), -1); /* the job is active */
	assert_int_equal(w->e.kind, ERR_REFUSED);
	world_assert_neutralized(w);
	assert_int_equal(w->report.nunknown, 0);
	assert_int_equal(
	    world_count(
		w, "SELECT count(*) FROM public.website WHERE domain = 'd'"),
	    1);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM cron.job WHERE active"), 0);
}

static void
the_core_is_neutralized(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	w->conf.source_uuid = "dd7f02dc-e68a-11f1-a0a8-02fc00000001";
	w->conf.source_base_url = "https://erp.acme.example/web";
	assert_int_equal(world_prove(w), -1);
	world_assert_neutralized(w);
	assert_int_equal(
	    world_count(w, "SELECT id FROM public.ir_cron WHERE active"), 1);
	assert_int_equal(world_count(w,
			     "SELECT count(*) FROM public.ir_mail_server WHERE"
			     " smtp_host = 'invalid' AND smtp_port = 1025"),
	    3);
	assert_int_equal(
	    world_count(w,
		"SELECT count(*) FROM public.ir_config_parameter WHERE"
		" (key = 'web.base.url' AND value = 'http://localhost:8069')"
		" OR (key = 'sms.endpoint' AND value = 'http://127.0.0.1:9')"
		" OR (key = 'database.is_neutralized' AND value = 'true')"),
	    3);
	assert_int_equal(world_count(w,
			     "SELECT count(*) FROM public.ir_config_parameter"
			     " WHERE value LIKE '2020-%'"),
	    0);
}

static void
odoo_12_is_neutralized(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	world_sql(w->c, twelve);
	world_assert_neutralized(w);
	assert_int_equal(
	    world_count(w,
		"SELECT count(*) FROM public.payment_acquirer WHERE"
		" environment <> 'test' OR website_published OR"
		" brq_secretkey <> '' OR acme_login_token <> '' OR"
		" provider IS NULL"),
	    0);
	assert_int_equal(
	    world_count(w,
		"SELECT (SELECT count(*) FROM public.payment_token"
		" WHERE active OR acquirer_ref <> '')"
		" + (SELECT count(*) FROM public.fetchmail_server WHERE active"
		" OR server <> 'invalid' OR password <> '' OR \"user\" <> '')"
		" + (SELECT count(*) FROM public.mail_mass_mailing"
		" WHERE state = 'in_queue' OR mail_server_id IS NOT NULL)"
		" + (SELECT count(*) FROM public.res_users WHERE"
		" google_calendar_rtoken <> '' OR password IS NULL)"
		" + (SELECT count(*) FROM public.iap_account"
		" WHERE account_token LIKE 'S3%')"),
	    0);
}

static void
a_plain_owner_may_do_it_all(void **state)
{
	WORLD(NULL);
	SCOPED(world_freep) struct world *plain = NULL;

	(void)state;
	if (!world_has_role(w->server, "odoo"))
		skip();
	plain = world_new("odoo");
	world_sql(plain->c, core);
	world_sql(plain->c, twelve);
	world_assert_neutralized(plain);
	assert_true(world_check(plain, "postgres-subscriptions")->ok);
}

static void
a_table_that_may_not_be_read_is_a_warning(void **state)
{
	WORLD(NULL);
	SCOPED(world_freep) struct world *plain = NULL;
	SCOPED(pg_closep) PGconn *super = NULL;

	(void)state;
	if (!world_has_role(w->server, "odoo"))
		skip();
	plain = world_new("odoo");
	world_sql(plain->c, core);
	super = pg_connect("", plain->name, &plain->e);
	assert_non_null(super);
	world_sql(
	    super, "CREATE TABLE public.theirs (id serial, api_token text)");
	world_assert_neutralized(plain);
	assert_int_equal(plain->report.nwarnings, 1);
	assert_non_null(strstr(plain->report.warnings[0], "theirs"));
}

static void
mail_leads_to_the_catcher_and_back(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	w->conf.mail_catcher = "[::1]:2525";
	world_assert_neutralized(w);
	assert_int_equal(world_count(w,
			     "SELECT count(*) FROM public.ir_mail_server WHERE"
			     " smtp_host = '::1' AND smtp_port = 2525"),
	    3);
	w->conf.mail_catcher = NULL;
	assert_int_equal(world_prove(w), -1);
	assert_false(world_check(w, "mail-servers")->ok);
	world_assert_neutralized(w);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM public.ir_mail_server"), 3);
	w->conf.mail_catcher = "nowhere";
	assert_int_equal(world_run(w), -1);
	assert_int_equal(w->e.kind, ERR_CONFIG);
}

static void
a_new_identity_is_kept_until_it_is_the_sources(void **state)
{
	WORLD(NULL);
	struct err e = ERR_INIT;
	SCOPED(scope_free) char *uuid = NULL;

	(void)state;
	world_sql(w->c, core);
	world_assert_neutralized(w);
	uuid = pg_value(w->c,
	    "SELECT value FROM public.ir_config_parameter"
	    " WHERE key = 'database.uuid'",
	    0, NULL, &e);
	assert_non_null(uuid);
	/* A copy of a copy that was neutralized: ours, and still not its own.
	 */
	w->conf.source_uuid = uuid;
	assert_int_equal(world_prove(w), -1);
	assert_false(world_check(w, "identity")->ok);
	world_assert_neutralized(w);
	assert_true(world_check(w, "identity")->ok);
}

static void
production_address_is_noticed(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	w->conf.base_url = "https://ERP.acme.example:8069";
	w->conf.source_base_url = "https://erp.acme.example";
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_prove(w), -1);
	assert_false(world_check(w, "base-url")->ok);
	/* Every machine is localhost to itself. */
	w->conf.base_url = NULL;
	w->conf.source_base_url = "http://localhost:8069";
	world_assert_neutralized(w);
}

static void
the_vacuum_is_off_with_a_remote_store(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	world_sql(w->c,
	    "CREATE TABLE public.ir_attachment (id serial, type varchar,"
	    " store_fname varchar, res_model varchar, res_field varchar);"
	    "INSERT INTO public.ir_attachment (type, store_fname)"
	    " VALUES ('binary', 's3://bucket/ab12')");
	world_assert_neutralized(w);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM public.ir_cron WHERE active"),
	    0);
	assert_int_equal(w->report.nwarnings, 1);
	world_sql(w->c, "UPDATE public.ir_cron SET active = true WHERE id = 1");
	assert_int_equal(world_prove(w), -1);
	assert_false(world_check(w, "vacuum")->ok);
}

static void
what_nobody_knows_is_listed_without_its_value(void **state)
{
	WORLD(NULL);
	SCOPED(json_freep) struct json *j = NULL;
	SCOPED(buf_free) struct buf out = BUF_INIT;

	(void)state;
	world_sql(w->c, core);
	world_sql(w->c,
	    "CREATE TABLE public.acme_backend (id serial, api_key text,"
	    " secret jsonb, note text, token_id integer);"
	    "INSERT INTO public.acme_backend (api_key, secret, note) VALUES"
	    " ('S3CRET-MARKER', '{\"1\": \"S3CRET-MARKER\"}', 'x'), ('',"
	    " '{\"1\": false}', NULL), (NULL, NULL, NULL);"
	    "CREATE TABLE public.ir_model_fields (id serial, model varchar,"
	    " name varchar); INSERT INTO public.ir_model_fields (model, name)"
	    " VALUES ('acme.backend', 'api_key');"
	    "INSERT INTO public.ir_model_data (module, model, name, res_id)"
	    " VALUES ('acme_connect', 'ir.model.fields', 'f', 1)");
	world_assert_neutralized(w);
	assert_int_equal(w->report.nunknown, 4);
	j = neutralize_report_json(&w->report);
	json_write(json_get(j, "unknown_modules"), false, &out);
	assert_string_equal(buf_text(&out),
	    "[{\"module\":\"acme_connect\",\"table\":\"acme_backend\","
	    "\"column\":\"api_key\",\"count\":1},"
	    "{\"module\":\"\",\"table\":\"acme_backend\","
	    "\"column\":\"secret\",\"count\":1},"
	    "{\"module\":\"acme_connect\",\"table\":\"ir_config_parameter\","
	    "\"column\":\"acme.api.token\",\"count\":1},"
	    "{\"module\":\"\",\"table\":\"ir_config_parameter\","
	    "\"column\":\"proxy.url\",\"count\":1}]");
}

/* --- what goes wrong -------------------------------------------------------
 */

static void
a_must_rule_that_fails_undoes_everything(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	world_sql(w->c,
	    "ALTER TABLE public.ir_mail_server ADD CHECK"
	    " (smtp_host <> 'invalid') NOT VALID");
	assert_int_equal(world_run(w), -1);
	assert_int_equal(w->e.kind, ERR_REFUSED);
	assert_non_null(strstr(w->e.text, "mail-servers"));
	assert_int_equal(
	    world_rule(w, "mail-servers")->state, NEUTRALIZE_FAILED);
	assert_int_equal(PQtransactionStatus(w->c), PQTRANS_IDLE);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM public.ir_cron WHERE active"),
	    2);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM public.ir_config_parameter"),
	    8);
}

static void
a_should_rule_that_fails_is_a_warning(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	world_sql(w->c,
	    "CREATE TABLE public.edi_backend (id serial,"
	    " active boolean CHECK (active));"
	    "INSERT INTO public.edi_backend (active) VALUES (true)");
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_rule(w, "edi")->state, NEUTRALIZE_FAILED);
	assert_int_equal(world_rule(w, "queue-job")->state, NEUTRALIZE_ABSENT);
	assert_int_equal(w->report.nwarnings, 1);
	assert_int_equal(world_prove(w), 0);
}

static void
a_row_that_comes_back_fails_the_proof(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, core);
	world_sql(w->c,
	    "CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS"
	    " 'BEGIN RETURN OLD; END';"
	    "CREATE TRIGGER keep BEFORE UPDATE ON public.ir_mail_server"
	    " FOR EACH ROW EXECUTE FUNCTION public.keep()");
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_prove(w), -1);
	assert_int_equal(w->e.kind, ERR_REFUSED);
	assert_non_null(strstr(w->e.text, "mail-servers"));
	assert_false(world_check(w, "rules-hold")->ok);
	assert_false(world_check(w, "credentials")->ok);
	assert_non_null(strstr(
	    world_check(w, "credentials")->detail, "ir_mail_server.smtp_pass"));
}

static void
a_connection_in_a_transaction_is_refused(void **state)
{
	WORLD(NULL);

	(void)state;
	world_sql(w->c, "BEGIN");
	assert_int_equal(world_run(w), -1);
	assert_int_equal(world_prove(w), -1);
	assert_int_equal(PQtransactionStatus(w->c), PQTRANS_INTRANS);
}

static void
postgres_own_ways_out_are_closed(void **state)
{
	WORLD(NULL);

	(void)state;
	/* Needs an extension and a superuser; neither is a matter of ours. */
	if (pg_exec(w->c, &w->e,
		"CREATE FOREIGN DATA WRAPPER f;"
		"CREATE SERVER \"r r\" FOREIGN DATA WRAPPER f OPTIONS"
		" (host 'prod.example', port '1', password 'S3CRET-MARKER');"
		"CREATE USER MAPPING FOR PUBLIC SERVER \"r r\" OPTIONS"
		" (password 'S3CRET-MARKER');"
		"CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE"
		" plpgsql AS 'BEGIN END';"
		"CREATE EVENT TRIGGER \"e e\" ON ddl_command_end EXECUTE"
		" FUNCTION public.e();"
		"CREATE SUBSCRIPTION \"s s\" CONNECTION 'host=prod.example'"
		" PUBLICATION p WITH (connect = false)") < 0)
		skip();
	assert_int_equal(world_prove(w), -1);
	assert_int_equal(world_check(w, "postgres-subscriptions")->found, 1);
	assert_int_equal(world_check(w, "postgres-user-mappings")->found, 1);
	assert_int_equal(world_check(w, "postgres-event-triggers")->found, 1);
	world_assert_neutralized(w);
	assert_int_equal(world_count(w,
			     "SELECT count(*) FROM pg_foreign_server WHERE"
			     " srvoptions = '{host=invalid,port=1}'"),
	    1);
}

/* --- modules' own scripts --------------------------------------------------
 */

struct addons {
	char folder[64];
};

static void
addons_free(struct addons *a)
{
	struct err e = ERR_INIT;

	if (file_remove_tree(a->folder, &e) < 0)
		print_error("%s\n", e.text);
}

static void
addons_new(struct addons *a)
{
	(void)snprintf(
	    a->folder, sizeof(a->folder), "/tmp/test_neutralize.XXXXXX");
	assert_non_null(mkdtemp(a->folder));
}

static void
addons_put(struct addons *a, const char *module, const char *sql)
{
	SCOPED(scope_free)
	char *path = mem_printf("%s/%s/data/neutralize.sql", a->folder, module);
	struct err e = ERR_INIT;

	if (file_make_parent(path, 0700, &e) < 0 ||
	    file_save(path, 0600, sql, strlen(sql), &e) < 0)
		fail_msg("%s", e.text);
}

static void
modules_scripts_run_before_our_rules(void **state)
{
	WORLD(NULL);
	SCOPED(addons_free) struct addons a;

	(void)state;
	addons_new(&a);
	world_sql(w->c, core);
	/* As Odoo's own: one row more each time, and no schema named. */
	addons_put(&a, "base",
	    "-- 100 %\nUPDATE ir_cron SET active = false WHERE id = 2;"
	    " INSERT INTO ir_mail_server (name, smtp_host, smtp_port,"
	    " smtp_encryption, active) VALUES ('neutralization - disable"
	    " emails', 'invalid', 1025, 'none', true);");
	addons_put(&a, "sms", "UPDATE nowhere SET a = 1");
	addons_put(&a, "crm", "DELETE FROM ir_cron"); /* not installed */
	w->conf.addons_path = a.folder;
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_prove(w), 0);
	assert_int_equal(world_rule(w, "odoo:base")->state, NEUTRALIZE_APPLIED);
	assert_int_equal(world_rule(w, "odoo:base")->rows, 2);
	assert_int_equal(world_rule(w, "odoo:sms")->state, NEUTRALIZE_FAILED);
	assert_int_equal(w->report.nwarnings, 1);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM public.ir_mail_server"), 3);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM public.ir_cron"), 4);
}

static void
a_script_outside_of_the_path_is_not_run(void **state)
{
	WORLD(NULL);
	SCOPED(addons_free) struct addons a, other;
	SCOPED(scope_free) char *from = NULL;
	SCOPED(scope_free) char *to = NULL;

	(void)state;
	addons_new(&a);
	addons_new(&other);
	world_sql(w->c, core);
	addons_put(&other, "base", "DELETE FROM ir_cron");
	from = mem_printf("%s/base", other.folder);
	to = mem_printf("%s/base", a.folder);
	assert_int_equal(symlink(from, to), 0);
	w->conf.addons_path = a.folder;
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_rule(w, "odoo:base")->state, NEUTRALIZE_FAILED);
	assert_int_equal(
	    world_count(w, "SELECT count(*) FROM public.ir_cron"), 4);
}

static void
a_script_that_ends_the_transaction_ends_the_run(void **state)
{
	static const char *const scripts[] = { "COMMIT", "ROLLBACK",
		"COMMIT; BEGIN; SAVEPOINT triplicate" };
	WORLD(NULL);
	SCOPED(addons_free) struct addons a;

	(void)state;
	addons_new(&a);
	world_sql(w->c, core);
	w->conf.addons_path = a.folder;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		addons_put(&a, "base", scripts[i]);
		assert_int_equal(world_run(w), -1);
		assert_int_equal(w->e.kind, ERR_REFUSED);
		assert_non_null(strstr(w->e.text, "odoo:base"));
		assert_int_equal(PQtransactionStatus(w->c), PQTRANS_IDLE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_database_without_odoo_keeps_its_tables),
		cmocka_unit_test(the_core_is_neutralized),
		cmocka_unit_test(odoo_12_is_neutralized),
		cmocka_unit_test(a_plain_owner_may_do_it_all),
		cmocka_unit_test(a_table_that_may_not_be_read_is_a_warning),
		cmocka_unit_test(mail_leads_to_the_catcher_and_back),
		cmocka_unit_test(
		    a_new_identity_is_kept_until_it_is_the_sources),
		cmocka_unit_test(production_address_is_noticed),
		cmocka_unit_test(the_vacuum_is_off_with_a_remote_store),
		cmocka_unit_test(what_nobody_knows_is_listed_without_its_value),
		cmocka_unit_test(a_must_rule_that_fails_undoes_everything),
		cmocka_unit_test(a_should_rule_that_fails_is_a_warning),
		cmocka_unit_test(a_row_that_comes_back_fails_the_proof),
		cmocka_unit_test(a_connection_in_a_transaction_is_refused),
		cmocka_unit_test(postgres_own_ways_out_are_closed),
		cmocka_unit_test(modules_scripts_run_before_our_rules),
		cmocka_unit_test(a_script_outside_of_the_path_is_not_run),
		cmocka_unit_test(
		    a_script_that_ends_the_transaction_ends_the_run),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
