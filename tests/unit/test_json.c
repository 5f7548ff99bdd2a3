/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/* Documents there and back, and what is no document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/json.h"

static struct json *
parse(const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), &e);

	assert_non_null(j);
	return (j);
}

static void
check_written(const struct json *j, const char *expected)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	json_write(j, false, &b);
	assert_string_equal(buf_text(&b), expected);
}

static struct json *
example(void)
{
	struct json *o = json_object(), *a = json_array();

	json_set_string(o, "z", "text");
	json_set_string(o, "none", NULL);
	json_set_integer(o, "least", INT64_MIN);
	json_set_real(o, "real", 0.1);
	json_set_bool(o, "yes", true);
	json_set_null(o, "null");
	json_set_time(o, "when", 1795314600);
	json_append_string(a, "x");
	json_append(a, json_integer(7));
	json_append(a, json_null());
	json_append(a, json_string("y"));
	json_append(a, NULL);
	json_set(o, "a", a);
	json_set(o, "child", NULL);
	return (o);
}

static void
keys_are_written_in_the_order_of_insertion(void **state)
{
	SCOPED(json_freep) struct json *o = example();

	(void)state;
	check_written(o,
	    "{\"z\":\"text\",\"none\":null,\"least\":-9223372036854775808,"
	    "\"real\":0.1,\"yes\":true,\"null\":null,"
	    "\"when\":\"2026-11-22T02:30:00Z\",\"a\":[\"x\",7,null,\"y\",null],"
	    "\"child\":null}");
}

static void
what_is_written_is_parsed_again(void **state)
{
	SCOPED(json_freep) struct json *o = example();
	SCOPED(json_freep) struct json *back = NULL;
	SCOPED(buf_free) struct buf once = BUF_INIT, twice = BUF_INIT;

	(void)state;
	json_write(o, true, &once);
	assert_non_null(strstr(buf_text(&once), "\n  \"z\": \"text\","));
	back = parse(buf_text(&once));
	json_write(back, true, &twice);
	assert_string_equal(buf_text(&once), buf_text(&twice));
}

static void
getters_find_values_of_their_type(void **state)
{
	SCOPED(json_freep) struct json *o = example();

	(void)state;
	assert_string_equal(json_get_string(o, "z"), "text");
	assert_true(json_get_integer(o, "least", 0) == INT64_MIN);
	assert_true(json_get_real(o, "real", 0.0) > 0.09);
	assert_true(json_get_real(o, "least", 0.0) < -9e18);
	assert_true(json_get_bool(o, "yes", false));
	assert_int_equal(json_count(json_get(o, "a")), 5);
	assert_string_equal(json_text(json_at(json_get(o, "a"), 0)), "x");
	assert_true(json_number(json_at(json_get(o, "a"), 1), 0) == 7);
}

static void
getters_answer_the_default_for_anything_else(void **state)
{
	SCOPED(json_freep) struct json *o = example();

	(void)state;
	assert_null(json_get(o, "missing"));
	assert_null(json_get(NULL, "z"));
	assert_null(json_get_string(o, "yes"));
	assert_true(json_get_integer(o, "z", 5) == 5);
	assert_true(json_get_real(o, "z", 5.0) > 4.9);
	assert_true(json_get_bool(o, "z", true));
	assert_false(json_get_bool(o, "missing", false));
	assert_int_equal(json_count(json_get(o, "z")), 0);
	assert_int_equal(json_count(NULL), 0);
	assert_null(json_at(json_get(o, "a"), 5));
	assert_null(json_at(o, 0));
	assert_null(json_text(NULL));
	assert_true(json_number(NULL, 3) == 3);
}

static void
add_key(const char *key, const struct json *value, void *arg)
{
	assert_non_null(value);
	buf_printf(arg, "%s,", key);
}

static void
pairs_are_walked_in_order(void **state)
{
	SCOPED(json_freep) struct json *o = parse("{\"b\":1,\"a\":2,\"c\":3}");
	SCOPED(json_freep) struct json *a = json_array();
	SCOPED(buf_free) struct buf b = BUF_INIT;

	(void)state;
	json_each(o, add_key, &b);
	json_each(a, add_key, &b);
	assert_string_equal(buf_text(&b), "b,a,c,");
	assert_int_equal(json_count(o), 3);
	assert_string_equal(json_key_at(o, 1), "a");
	assert_null(json_key_at(o, 3));
	assert_null(json_key_at(a, 0));
}

static void
a_key_set_again_is_replaced(void **state)
{
	SCOPED(json_freep) struct json *o = json_object();

	(void)state;
	json_set_integer(o, "a", 1);
	json_set_integer(o, "b", 2);
	json_set_string(o, "a", "new");
	check_written(o, "{\"a\":\"new\",\"b\":2}");
}

static void
bytes_that_are_no_text_become_the_replacement(void **state)
{
	SCOPED(json_freep) struct json *o = json_object();

	(void)state;
	json_set_string(o, "k\xff", "a\xc3(\xe2\x82\xac\n\x01");
	check_written(
	    o, "{\"k\xef\xbf\xbd\":\"a\xef\xbf\xbd(\xe2\x82\xac\\n\\u0001\"}");
}

static void
numbers_that_json_cannot_say_are_null(void **state)
{
	SCOPED(json_freep) struct json *o = json_object();

	(void)state;
	json_set_real(o, "nan", nan(""));
	json_set_real(o, "inf", HUGE_VAL);
	check_written(o, "{\"nan\":null,\"inf\":null}");
}

static void
a_reference_keeps_a_value_alive(void **state)
{
	SCOPED(json_freep) struct json *shared = json_string("s");
	struct json *o = json_object();

	(void)state;
	json_set(o, "a", json_ref(shared));
	json_set(o, "b", json_ref(shared));
	json_free(o);
	json_free(NULL);
	assert_string_equal(json_text(shared), "s");
}

static void
what_is_no_document_is_refused(void **state)
{
	static const char *const bad[] = { "", "{", "[1,]", "{\"a\":1,}",
		"{\"a\":1,\"a\":2}", "nul", "{} x", "[\"\xff\"]",
		"[\"\\u0000\"]", "[99999999999999999999]", "[1e999]", "['a']",
		"[\"\\ud800\"]", "// x\n[]" };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_null(json_parse(bad[i], strlen(bad[i]), &e));
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
	assert_null(json_parse("[]", JSON_DOCUMENT_MAX + 1, &e));
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_null(json_parse("[1,\0]", 5, &e));
}

static void
a_document_too_deep_is_refused(void **state)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_add_string(&b, "[");
	assert_null(json_parse(buf_text(&b), b.n, &e));
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void
messages_give_the_line_and_not_the_text(void **state)
{
	static const char text[] = "{\n\"password\":\nhunter2}";
	struct err e = ERR_INIT;

	(void)state;
	assert_null(json_parse(text, strlen(text), &e));
	assert_non_null(strstr(e.text, "line 3"));
	assert_null(strstr(e.text, "hunter2"));
}

static void
names_of_any_bytes_come_back(void **state)
{
	struct json *o = json_object(), *list = json_array(), *read, *names;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	json_set_name(o, "name", "caf\xe9");
	json_set_name(o, "none", NULL);
	json_append_name(list, "\xc3\xa9\xff");
	json_set(o, "list", list);
	json_write(o, false, &text);
	read = json_parse(buf_text(&text), text.n, &e);
	assert_non_null(read);
	names = json_names_of(read);
	assert_string_equal(json_get_string(names, "name"), "caf\xe9");
	assert_null(json_get_string(names, "none"));
	assert_string_equal(
	    json_text(json_at(json_get(names, "list"), 0)), "\xc3\xa9\xff");
	assert_null(json_names_of(NULL));
	json_free(names);
	json_free(read);
	json_free(o);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_written_in_the_order_of_insertion),
		cmocka_unit_test(what_is_written_is_parsed_again),
		cmocka_unit_test(getters_find_values_of_their_type),
		cmocka_unit_test(getters_answer_the_default_for_anything_else),
		cmocka_unit_test(pairs_are_walked_in_order),
		cmocka_unit_test(a_key_set_again_is_replaced),
		cmocka_unit_test(bytes_that_are_no_text_become_the_replacement),
		cmocka_unit_test(names_of_any_bytes_come_back),
		cmocka_unit_test(numbers_that_json_cannot_say_are_null),
		cmocka_unit_test(a_reference_keeps_a_value_alive),
		cmocka_unit_test(what_is_no_document_is_refused),
		cmocka_unit_test(a_document_too_deep_is_refused),
		cmocka_unit_test(messages_give_the_line_and_not_the_text),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
