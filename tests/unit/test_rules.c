/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base restore */
/* The text format of neutralization rules: what it takes, and what it says of
 * what it does not take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "restore/rules.h"

static struct rules *
parsed(const char *text)
{
	SCOPED(rules_freep) struct rules *r = rules_new();
	struct err e = ERR_INIT;

	if (rules_parse(r, "x.rules", text, strlen(text), &e) < 0)
		fail_msg("%s", e.text);
	return (TAKE(r));
}

static void
assert_refused(const char *text, const char *words)
{
	SCOPED(rules_freep) struct rules *r = rules_new();
	struct err e = ERR_INIT;

	assert_int_equal(rules_parse(r, "x.rules", text, strlen(text), &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	if (strstr(e.text, words) == NULL)
		fail_msg("'%s' does not say '%s'", e.text, words);
}

#define HEAD "rule a must\nabout why\n"

static void
a_rule_has_a_name_a_severity_and_actions(void **state)
{
	SCOPED(rules_freep)
	struct rules *r = parsed("# a comment\n"
				 "rule one must last\n"
				 "about It\n"
				 "  is so.\n"
				 "needs t.a s.t.b\n"
				 "update t\n"
				 "where {a} = 'x'\n"
				 "  # not this\n"
				 "  AND {b}\n"
				 "set a = {a} = 1\n"
				 "clear b c\n"
				 "clear d\n"
				 "\n"
				 "rule two should\n"
				 "about that\n"
				 "module sale crm\n"
				 "delete s.t\n"
				 "lacks t.z\n");
	const struct rules_action *a;

	(void)state;
	assert_int_equal(r->n, 2);
	assert_string_equal(r->rules[0].name, "one");
	assert_string_equal(r->rules[0].about, "It\n  is so.");
	assert_true(r->rules[0].must && r->rules[0].last);
	assert_int_equal(r->rules[0].guard.needs.n, 2);
	a = &r->rules[0].actions[0];
	assert_int_equal(a->kind, RULES_UPDATE);
	assert_int_equal(a->line, 6);
	assert_string_equal(a->where, "{a} = 'x'\n  AND {b}");
	assert_int_equal(a->nsets, 4);
	assert_string_equal(a->sets[0].value, "{a} = 1");
	assert_null(a->sets[1].value);
	assert_string_equal(a->sets[3].column, "d");
	assert_false(r->rules[1].must || r->rules[1].last);
	assert_int_equal(r->rules[1].guard.modules.n, 2);
	assert_int_equal(r->rules[1].actions[0].guard.lacks.n, 1);
	assert_int_equal(r->rules[1].line, 14);
}

static void
every_kind_of_action_is_taken(void **state)
{
	SCOPED(rules_freep)
	struct rules *r = parsed(HEAD "insert t\nunless {a} = 1\nset a = 1\n"
				      "parameter k.e-y = 'v=w'\nonly-present\n"
				      "where {value} > ''\n"
				      "forget a.b c_*\n"
				      "clear-matching *\npattern x$ _y\n"
				      "except keep_*\n"
				      "clear-matching ~transient\n"
				      "sql SELECT 1\n"
				      "report t\ntext look\n"
				      "proof a\nabout why\nnone t\nsome t\n"
				      "where {a}\n");
	const struct rules_action *a = r->rules[0].actions;

	(void)state;
	assert_int_equal(r->n, 2); /* a proof may be named as a rule is */
	assert_int_equal(r->rules[0].n, 7);
	assert_string_equal(a[0].where, "{a} = 1");
	assert_string_equal(a[1].words.p[0], "k.e-y");
	assert_string_equal(a[1].text, "'v=w'");
	assert_true(a[1].only_present);
	assert_int_equal(a[2].words.n, 2);
	assert_string_equal(a[3].pattern, "x$ _y");
	assert_string_equal(a[3].words.p[0], "keep_*");
	assert_string_equal(a[5].text, "SELECT 1");
	assert_string_equal(a[6].text, "look");
	assert_true(r->rules[1].is_proof);
	assert_int_equal(r->rules[1].actions[1].kind, RULES_SOME);
}

static void
what_may_stay_is_listed(void **state)
{
	SCOPED(rules_freep)
	struct rules *r = parsed("keep a.b *.c\nkeep-parameter x.*\nkeep d.e");

	(void)state;
	assert_int_equal(r->keep.n, 3);
	assert_string_equal(r->keep.p[2], "d.e");
	assert_int_equal(r->keep_parameters.n, 1);
	assert_int_equal(r->n, 0);
}

static void
nothing_is_a_file_without_rules(void **state)
{
	SCOPED(rules_freep) struct rules *r = parsed("");

	(void)state;
	assert_int_equal(r->n, 0);
}

static void
an_error_names_file_and_line(void **state)
{
	(void)state;
	assert_refused("# x\n\nfrobnicate t\n", "x.rules:3: unknown keyword");
	assert_refused(HEAD "delete t\nwhere\n  \n", "x.rules:4: ");
	assert_refused(HEAD "sql SELECT 1\nupdate t\n", "x.rules:4: nothing");
}

static void
a_rule_must_be_whole(void **state)
{
	(void)state;
	assert_refused("rule\n", "a name is missing");
	assert_refused("rule a\n", "must or should");
	assert_refused("rule a maybe\n", "must or should");
	assert_refused("rule a must first\n", "last or nothing");
	assert_refused("rule a must last x\n", "last or nothing");
	assert_refused("rule a must\nabout w\n", "does nothing");
	assert_refused("rule a must\ndelete t\n", "does not say why");
	assert_refused("proof a must\n", "only a name");
	assert_refused(HEAD "delete t\n" HEAD "delete t\n", "already");
	assert_refused(HEAD "delete t\nabout again\n", "once");
}

static void
an_action_must_be_whole(void **state)
{
	(void)state;
	assert_refused(HEAD "update\n", "name of a table");
	assert_refused(HEAD "update a b\n", "one table");
	assert_refused(HEAD "update a.b.c\nclear x\n", "name of a table");
	assert_refused(HEAD "update a;b\nclear x\n", "name of a table");
	assert_refused(HEAD "update *\nclear x\n", "name of a table");
	assert_refused(HEAD "update t\n", "nothing is set");
	assert_refused(HEAD "insert t\nset a = 1\n", "without unless");
	assert_refused(HEAD "report t\n", "without text");
	assert_refused(HEAD "parameter x\n", "NAME = VALUE");
	assert_refused(HEAD "parameter x y = 1\n", "NAME = VALUE");
	assert_refused(HEAD "update t\nset a =\n", "NAME = VALUE");
	assert_refused(HEAD "update t\nset a\"b = 1\n", "not a name");
	assert_refused(HEAD "update t\nclear 1a\n", "not a name");
	assert_refused(HEAD "update t\nclear\n", "a name is missing");
	assert_refused(HEAD "forget\n", "a name is missing");
	assert_refused(HEAD "sql\n", "a statement is missing");
	assert_refused(HEAD "parameter a = 1\nonly-present x\n", "alone");
	assert_refused(
	    HEAD "delete t\nwhere {a}\nwhere {b}\n", "once an action");
}

static void
everything_has_its_place(void **state)
{
	(void)state;
	assert_refused("update t\n", "under a rule");
	assert_refused("needs t\n", "under a rule");
	assert_refused("about x\n", "under a rule");
	assert_refused(HEAD "where x\n", "does not belong");
	assert_refused(HEAD "sql SELECT 1\nwhere x\n", "does not belong");
	assert_refused(HEAD "delete t\nclear a\n", "does not belong");
	assert_refused(HEAD "delete t\nunless a\n", "does not belong");
	assert_refused(HEAD "insert t\nclear a\n", "does not belong");
	assert_refused(HEAD "delete t\nonly-present\n", "does not belong");
	assert_refused(HEAD "none t\n", "may not stand in a rule");
	assert_refused(
	    "proof a\nabout w\ndelete t\n", "may not stand in a proof");
	assert_refused("keep a.b\nneeds t\n", "under a rule");
}

static void
hostile_text_is_refused(void **state)
{
	SCOPED(rules_freep) struct rules *r = rules_new();
	SCOPED(scope_free) char *big = mem_new(RULES_FILE_MAX + 1);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(rules_parse(r, "x", "a\0b", 3, &e), -1);
	assert_non_null(strstr(e.text, "NUL"));
	memset(big, ' ', RULES_FILE_MAX + 1);
	assert_int_equal(rules_parse(r, "x", big, RULES_FILE_MAX + 1, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(rules_parse(r, "x", big, RULES_FILE_MAX, &e), 0);
}

static void
a_star_stands_for_any_characters(void **state)
{
	(void)state;
	assert_true(rules_glob("*.c", "a.b.c"));
	assert_true(rules_glob("a*b*c", "axxbyybzc"));
	assert_true(rules_glob("*", ""));
	assert_true(rules_glob("a", "a"));
	assert_false(rules_glob("a*b", "a"));
	assert_false(rules_glob("a", "ab"));
	assert_false(rules_glob("", "a"));
	assert_true(rules_glob("[a]?", "[a]?"));
}

static void
the_binary_carries_rules_that_parse(void **state)
{
	SCOPED(rules_freep) struct rules *r = rules_new();
	struct err e = ERR_INIT;
	size_t last = 0, proofs = 0;

	(void)state;
	if (rules_add_embedded(r, &e) < 0)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < r->n; i++) {
		last += r->rules[i].last;
		proofs += r->rules[i].is_proof;
	}
	assert_int_equal(last, 1); /* the flag */
	assert_true(proofs > 15 && r->n - proofs > 60);
	assert_true(r->keep.n > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_a_name_a_severity_and_actions),
		cmocka_unit_test(every_kind_of_action_is_taken),
		cmocka_unit_test(what_may_stay_is_listed),
		cmocka_unit_test(nothing_is_a_file_without_rules),
		cmocka_unit_test(an_error_names_file_and_line),
		cmocka_unit_test(a_rule_must_be_whole),
		cmocka_unit_test(an_action_must_be_whole),
		cmocka_unit_test(everything_has_its_place),
		cmocka_unit_test(hostile_text_is_refused),
		cmocka_unit_test(a_star_stands_for_any_characters),
		cmocka_unit_test(the_binary_carries_rules_that_parse),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
