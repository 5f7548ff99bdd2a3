/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository restore */
/* pg_restore's list: what it says of each entry, and what it must not be
 * trusted with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "restore/toc.h"

static const char list[] = ";\n"
			   "; Archive created at 2026-11-22 18:27:19 UTC\n"
			   ";     dbname: globex18\n"
			   ";\n"
			   "; Selected TOC Entries:\n"
			   ";\n"
			   "11625; 0 0 ACL - SCHEMA public pg_database_owner\n"
			   ";\tdepends on: 7\n"
			   "2; 3079 16392 EXTENSION - pg_trgm \n"
			   "216; 1259 16480 TABLE public my table odoo\n"
			   "217; 1259 16485 TABLE DATA DATA t odoo\n"
			   "218; 0 16485 TABLE DATA public t odoo\n"
			   "8790; 2606 31670 FK CONSTRAINT public a b odoo\n"
			   ";\tdepends on: 216 217 6684\n"
			   "9; 1 2 NEWFANGLED public x odoo\n";

static void
parse(struct toc *l, const char *text)
{
	struct err e = ERR_INIT;

	if (toc_parse(l, text, strlen(text), &e) < 0)
		fail_msg("%s", e.text);
}

static int
refused(const char *text)
{
	SCOPED(toc_free) struct toc l = TOC_INIT;
	struct err e = ERR_INIT;

	if (toc_parse(&l, text, strlen(text), &e) == 0)
		return (0);
	assert_int_equal(e.kind, ERR_CORRUPT);
	return (1);
}

static void
each_line_becomes_an_entry_and_comments_do_not(void **state)
{
	SCOPED(toc_free) struct toc l = TOC_INIT;

	(void)state;
	parse(&l, list);
	assert_int_equal(l.n, 7);
	assert_int_equal(l.v[0].id, 11625);
	assert_string_equal(l.v[0].desc, "ACL");
	assert_string_equal(l.v[0].what, "- SCHEMA public pg_database_owner");
	assert_int_equal(l.v[2].class_oid, 1259);
	assert_int_equal(l.v[2].oid, 16480);
	assert_string_equal(l.v[2].what, "public my table odoo");
	assert_string_equal(l.v[1].what, "- pg_trgm ");
}

static void
a_description_of_several_words_is_one(void **state)
{
	SCOPED(toc_free) struct toc l = TOC_INIT;

	(void)state;
	parse(&l, list);
	assert_string_equal(toc_find(&l, 8790)->desc, "FK CONSTRAINT");
	assert_string_equal(toc_find(&l, 8790)->what, "public a b odoo");
	assert_string_equal(toc_find(&l, 218)->desc, "TABLE DATA");
	assert_string_equal(toc_find(&l, 9)->desc, "NEWFANGLED");
}

static void
a_table_in_a_schema_called_data_is_no_table_data(void **state)
{
	SCOPED(toc_free) struct toc l = TOC_INIT;

	(void)state;
	parse(&l, list);
	assert_string_equal(toc_find(&l, 217)->desc, "TABLE");
	assert_string_equal(toc_find(&l, 217)->what, "DATA DATA t odoo");
}

static void
dependencies_belong_to_the_entry_above(void **state)
{
	SCOPED(toc_free) struct toc l = TOC_INIT;
	const struct toc_entry *fk;

	(void)state;
	parse(&l, list);
	fk = toc_find(&l, 8790);
	assert_int_equal(fk->nneeds, 3);
	assert_int_equal(fk->needs[0], 216);
	assert_int_equal(fk->needs[2], 6684);
	assert_int_equal(toc_find(&l, 216)->nneeds, 0);
}

static void
an_unknown_number_is_found_nowhere(void **state)
{
	SCOPED(toc_free) struct toc l = TOC_INIT;

	(void)state;
	parse(&l, list);
	assert_null(toc_find(&l, 1));
	assert_null(toc_find(&l, -1));
	assert_null(toc_find(&l, 1 << 30));
}

static void
bad_lines_are_refused(void **state)
{
	(void)state;
	assert_true(refused("TABLE public a odoo\n"));
	assert_true(refused("1 0 0 TABLE public a odoo\n"));
	assert_true(refused("1; x 0 TABLE public a odoo\n"));
	assert_true(refused("1; 0\n"));
	assert_true(refused("-1; 0 0 TABLE public a odoo\n"));
	assert_true(refused("99999999999999999999; 0 0 TABLE p a o\n"));
	assert_true(refused("4194305; 0 0 TABLE p a o\n"));
	assert_true(refused("1; 0 0 TABLE p a o\n;\tdepends on: x\n"));
	assert_false(refused("4194304; 0 0 TABLE p a o\n"));
	assert_false(refused("1; 0 0 TABLE"));
	assert_false(refused(""));
}

static void
sections_are_told_by_lists_of_their_own(void **state)
{
	static const char post[] = "; comment\n8790; 2606 31670 FK …\n";
	static const char other[] = "12345; 0 0 TABLE x y z\n";
	SCOPED(toc_free) struct toc l = TOC_INIT;
	struct err e = ERR_INIT;

	(void)state;
	parse(&l, list);
	assert_int_equal(
	    toc_parse_section(&l, TOC_POST, post, strlen(post), &e), 0);
	assert_int_equal(toc_find(&l, 8790)->section, TOC_POST);
	assert_int_equal(toc_find(&l, 216)->section, TOC_NONE);
	assert_int_equal(
	    toc_parse_section(&l, TOC_POST, other, strlen(other), &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
the_owner_is_the_longest_role_that_fits(void **state)
{
	static const char *const roles[] = { "odoo", "table odoo", "od", "x" };
	SCOPED(toc_free) struct toc l = TOC_INIT;

	(void)state;
	parse(&l, list);
	assert_string_equal(
	    toc_entry_owner(toc_find(&l, 216), 4, roles), "table odoo");
	assert_string_equal(
	    toc_entry_owner(toc_find(&l, 8790), 4, roles), "odoo");
	assert_string_equal(toc_entry_owner(toc_find(&l, 2), 4, roles), "");
}

static void
what_needs_something_left_out_is_left_out_too(void **state)
{
	static const char text[] = "1; 6104 1 PUBLICATION - p odoo\n"
				   "2; 6106 2 PUBLICATION TABLE public p t o\n"
				   ";\tdepends on: 1 3\n"
				   "4; 0 0 COMMENT - PUBLICATION p odoo\n"
				   ";\tdepends on: 2\n"
				   "3; 1259 5 TABLE public t odoo\n";
	SCOPED(toc_free) struct toc l = TOC_INIT;

	(void)state;
	parse(&l, text);
	toc_find(&l, 1)->left_out = true;
	toc_spread(&l);
	assert_true(toc_find(&l, 2)->left_out);
	assert_true(toc_find(&l, 4)->left_out);
	assert_false(toc_find(&l, 3)->left_out);
}

static void
only_numbers_go_back_to_pg_restore(void **state)
{
	SCOPED(toc_free) struct toc l = TOC_INIT;
	SCOPED(buf_free) struct buf out = BUF_INIT;

	(void)state;
	parse(&l, list);
	toc_entry_select(toc_find(&l, 216), &out);
	toc_entry_select(toc_find(&l, 9), &out);
	assert_string_equal(buf_text(&out), "216;\n9;\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_line_becomes_an_entry_and_comments_do_not),
		cmocka_unit_test(a_description_of_several_words_is_one),
		cmocka_unit_test(
		    a_table_in_a_schema_called_data_is_no_table_data),
		cmocka_unit_test(dependencies_belong_to_the_entry_above),
		cmocka_unit_test(an_unknown_number_is_found_nowhere),
		cmocka_unit_test(bad_lines_are_refused),
		cmocka_unit_test(sections_are_told_by_lists_of_their_own),
		cmocka_unit_test(the_owner_is_the_longest_role_that_fits),
		cmocka_unit_test(what_needs_something_left_out_is_left_out_too),
		cmocka_unit_test(only_numbers_go_back_to_pg_restore),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
