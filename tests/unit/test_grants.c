/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* Privileges and settings as statements, without roles that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "restore/grants.h"

struct seen {
	char left_out[200];
};

/* Here are odoo, "Mixed Case" and r"q. */
static bool
knows(const char *role, void *arg)
{
	(void)arg;
	return (strcmp(role, "odoo") == 0 || strcmp(role, "Mixed Case") == 0 ||
	    strcmp(role, "r\"q") == 0);
}

static void
left_out(const char *role, void *arg)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->left_out);

	(void)snprintf(
	    seen->left_out + n, sizeof(seen->left_out) - n, "%s;", role);
}

static void
check(const char *sql, bool other_grantors, const char *expected,
    const char *expected_left_out)
{
	struct seen seen = { "" };
	const struct grants_conf conf = { knows, left_out, &seen,
		other_grantors };
	SCOPED(buf_free) struct buf out = BUF_INIT;

	grants_filter(sql, strlen(sql), &conf, &out);
	assert_string_equal(buf_text(&out), expected);
	assert_string_equal(seen.left_out, expected_left_out);
}

static void
statements_for_roles_that_are_here_stay(void **state)
{
	(void)state;
	check("--\n-- Name: x; Type: ACL\n--\n\n"
	      "REVOKE ALL ON TABLE public.a FROM odoo;\n"
	      "GRANT SELECT(id) ON TABLE public.a TO \"Mixed Case\";\n"
	      "GRANT ALL ON SCHEMA public TO PUBLIC;\n",
	    false,
	    "REVOKE ALL ON TABLE public.a FROM odoo;\n"
	    "GRANT SELECT(id) ON TABLE public.a TO \"Mixed Case\";\n"
	    "GRANT ALL ON SCHEMA public TO PUBLIC;\n",
	    "");
}

static void
statements_for_absent_roles_go_and_are_told(void **state)
{
	(void)state;
	check("GRANT SELECT ON TABLE a TO reader;\n"
	      "GRANT SELECT ON TABLE a TO odoo;\n"
	      "GRANT SELECT ON TABLE a TO \"re;ader\" WITH GRANT OPTION;\n",
	    false, "GRANT SELECT ON TABLE a TO odoo;\n", "reader;re;ader;");
	check("ALTER DEFAULT PRIVILEGES FOR ROLE gone IN SCHEMA public "
	      "GRANT SELECT ON TABLES  TO odoo;\n",
	    false, "", "gone;");
}

static void
names_that_look_like_keywords_are_names(void **state)
{
	(void)state;
	check(
	    "GRANT SELECT ON TABLE public.\"to reader; x\" TO odoo;\n"
	    "GRANT SELECT ON TABLE public.role TO odoo;\n"
	    "GRANT SELECT ON TABLE public.\"a\"\"b TO gone\" TO \"r\"\"q\";\n",
	    false,
	    "GRANT SELECT ON TABLE public.\"to reader; x\" TO odoo;\n"
	    "GRANT SELECT ON TABLE public.role TO odoo;\n"
	    "GRANT SELECT ON TABLE public.\"a\"\"b TO gone\" TO \"r\"\"q\";\n",
	    "");
}

static void
another_grantors_statements_need_a_superuser(void **state)
{
	static const char sql[] = "SET SESSION AUTHORIZATION odoo;\n"
				  "GRANT SELECT ON TABLE a TO odoo;\n"
				  "RESET SESSION AUTHORIZATION;\n"
				  "GRANT ALL ON TABLE b TO odoo;\n";

	(void)state;
	check(sql, true, sql, "");
	check(sql, false, "GRANT ALL ON TABLE b TO odoo;\n", "");
	check("SET SESSION AUTHORIZATION gone;\n"
	      "GRANT SELECT ON TABLE a TO odoo;\n"
	      "RESET SESSION AUTHORIZATION;\n",
	    true, "", "gone;");
}

static void
psql_commands_and_unfinished_text_do_no_harm(void **state)
{
	(void)state;
	check("\\restrict abc\nGRANT ALL ON TABLE b TO odoo;\n"
	      "\\unrestrict abc\n",
	    false, "GRANT ALL ON TABLE b TO odoo;\n", "");
	check("GRANT ALL ON TABLE \"b", false, "GRANT ALL ON TABLE \"b;\n", "");
	check("", false, "", "");
}

static void
check_acl(const char *acl, const char *expected)
{
	struct seen seen = { "" };
	const struct grants_conf conf = { knows, left_out, &seen, false };
	SCOPED(buf_free) struct buf out = BUF_INIT;

	grants_of_database(acl, "d\"b", "prod", "odoo", &conf, &out);
	assert_string_equal(buf_text(&out), expected);
}

static void
a_databases_acl_becomes_grants_to_its_new_owner(void **state)
{
	(void)state;
	check_acl(NULL, "");
	check_acl("{=Tc/prod,prod=CTc/prod}",
	    "REVOKE ALL ON DATABASE \"d\"\"b\" FROM PUBLIC;\n"
	    "GRANT TEMPORARY ON DATABASE \"d\"\"b\" TO PUBLIC;\n"
	    "GRANT CONNECT ON DATABASE \"d\"\"b\" TO PUBLIC;\n"
	    "GRANT CREATE ON DATABASE \"d\"\"b\" TO \"odoo\";\n"
	    "GRANT TEMPORARY ON DATABASE \"d\"\"b\" TO \"odoo\";\n"
	    "GRANT CONNECT ON DATABASE \"d\"\"b\" TO \"odoo\";\n");
	check_acl("{gone=c/prod,\"\\\"Mixed Case\\\"=c*/prod\"}",
	    "REVOKE ALL ON DATABASE \"d\"\"b\" FROM PUBLIC;\n"
	    "GRANT CONNECT ON DATABASE \"d\"\"b\" TO \"Mixed Case\" WITH GRANT "
	    "OPTION;\n");
	check_acl("{}", "REVOKE ALL ON DATABASE \"d\"\"b\" FROM PUBLIC;\n");
	check_acl("{x", "REVOKE ALL ON DATABASE \"d\"\"b\" FROM PUBLIC;\n");
}

static void
check_setting(const char *role, const char *setting, const char *expected)
{
	SCOPED(buf_free) struct buf out = BUF_INIT;

	grants_add_setting("db", role, setting, &out);
	assert_string_equal(buf_text(&out), expected);
}

static void
settings_are_quoted_lists_name_by_name(void **state)
{
	(void)state;
	check_setting(NULL, "work_mem=5MB",
	    "ALTER DATABASE \"db\" SET \"work_mem\" TO '5MB';\n");
	check_setting("odoo", "x.y=it's",
	    "ALTER ROLE \"odoo\" IN DATABASE \"db\" SET \"x.y\" TO "
	    "'it''s';\n");
	check_setting(NULL, "search_path=\"$user\", public, \"a\"\"b\"",
	    "ALTER DATABASE \"db\" SET \"search_path\" TO '$user', 'public', "
	    "'a\"b';\n");
	check_setting(NULL, "search_path=",
	    "ALTER DATABASE \"db\" SET \"search_path\" TO '';\n");
	check_setting(NULL, "nonsense", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_for_roles_that_are_here_stay),
		cmocka_unit_test(statements_for_absent_roles_go_and_are_told),
		cmocka_unit_test(names_that_look_like_keywords_are_names),
		cmocka_unit_test(another_grantors_statements_need_a_superuser),
		cmocka_unit_test(psql_commands_and_unfinished_text_do_no_harm),
		cmocka_unit_test(
		    a_databases_acl_becomes_grants_to_its_new_owner),
		cmocka_unit_test(settings_are_quoted_lists_name_by_name),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
