/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON documents go through here, and nobody else sees jansson: a struct json
 * is a json_t. Building cannot fail (no memory ends the process, bytes that
 * are not UTF-8 become U+FFFD); parsing treats every input as hostile.
 */
#include <jansson.h> /* first: json.h leaves out what jansson declares */

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/scope.h"
#include "base/text.h"

#define REAL_DIGITS 15
#define INDENT	    2
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static json_t *
inside(struct json *j)
{
	return ((json_t *)(void *)j);
}

static const json_t *
inside_const(const struct json *j)
{
	return ((const json_t *)(const void *)j);
}

static const struct json *
outside_const(const json_t *j)
{
	return ((const struct json *)(const void *)j);
}

/* What jansson made, or the end when it found no memory. */
static json_t *
made(json_t *j)
{
	if (j == NULL)
		abort();
	return (j);
}

static struct json *
outside(json_t *j)
{
	return ((struct json *)(void *)made(j));
}

static void
must(int rc)
{
	if (rc != 0)
		abort();
}

/* text as valid UTF-8, allocated. */
static char *
valid(const char *text)
{
	struct buf out = BUF_INIT;
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text), length;

	buf_reserve(&out, left + 1);
	while (left > 0) {
		if ((length = text_sequence(p, left)) > 0) {
			buf_add(&out, p, length);
		} else {
			buf_add_string(&out, REPLACEMENT);
			length = 1;
		}
		p += length;
		left -= length;
	}
	buf_add_u8(&out, 0);
	return ((char *)out.p);
}

static json_t *
string_of(const char *text)
{
	SCOPED(scope_free) char *clean = NULL;

	if (text == NULL)
		return (json_null());
	clean = valid(text);
	return (made(json_string_nocheck(clean)));
}

static json_t *
name_of(const char *bytes)
{
	SCOPED(scope_free) char *armored = NULL;

	if (bytes == NULL)
		return (json_null());
	armored = text_armor(bytes);
	return (made(json_string_nocheck(armored)));
}

struct json *
json_new_object(void)
{
	return (outside(json_object()));
}

struct json *
json_new_array(void)
{
	return (outside(json_array()));
}

struct json *
json_new_string(const char *text)
{
	return (outside(string_of(text)));
}

struct json *
json_new_integer(int64_t v)
{
	return (outside(json_integer(v)));
}

struct json *
json_new_null(void)
{
	return (outside(json_null()));
}

void
json_free(struct json *j)
{
	json_decref(inside(j));
}

void
json_freep(struct json **j)
{
	json_free(*j);
	*j = NULL;
}

struct json *
json_ref(struct json *j)
{
	return (outside(json_incref(inside(j))));
}

static void
set(struct json *o, const char *key, json_t *child)
{
	SCOPED(scope_free) char *clean = valid(key);

	must(json_object_set_new_nocheck(inside(o), clean, made(child)));
}

void
json_set_string(struct json *o, const char *key, const char *text)
{
	set(o, key, string_of(text));
}

void
json_set_name(struct json *o, const char *key, const char *bytes)
{
	set(o, key, name_of(bytes));
}

void
json_set_integer(struct json *o, const char *key, int64_t v)
{
	set(o, key, json_integer(v));
}

void
json_set_real(struct json *o, const char *key, double v)
{
	if (__builtin_isfinite(v))
		set(o, key, json_real(v));
	else
		set(o, key, json_null()); /* JSON has no word for it */
}

void
json_set_bool(struct json *o, const char *key, bool v)
{
	set(o, key, json_boolean(v));
}

void
json_set_null(struct json *o, const char *key)
{
	set(o, key, json_null());
}

void
json_set_time(struct json *o, const char *key, int64_t when)
{
	char text[CLOCK_TEXT];

	clock_text(when, text);
	json_set_string(o, key, text);
}

void
json_set(struct json *o, const char *key, struct json *child)
{
	set(o, key, child != NULL ? inside(child) : json_null());
}

void
json_append(struct json *a, struct json *child)
{
	must(json_array_append_new(
	    inside(a), child != NULL ? inside(child) : json_null()));
}

void
json_append_string(struct json *a, const char *text)
{
	must(json_array_append_new(inside(a), string_of(text)));
}

void
json_append_name(struct json *a, const char *bytes)
{
	must(json_array_append_new(inside(a), name_of(bytes)));
}

const struct json *
json_get(const struct json *o, const char *key)
{
	return (outside_const(json_object_get(inside_const(o), key)));
}

const char *
json_get_string(const struct json *o, const char *key)
{
	return (json_text(json_get(o, key)));
}

int64_t
json_get_integer(const struct json *o, const char *key, int64_t otherwise)
{
	return (json_number(json_get(o, key), otherwise));
}

double
json_get_real(const struct json *o, const char *key, double otherwise)
{
	const json_t *v = json_object_get(inside_const(o), key);

	return (json_is_number(v) ? json_number_value(v) : otherwise);
}

bool
json_get_bool(const struct json *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(inside_const(o), key);

	return (json_is_boolean(v) ? json_is_true(v) : otherwise);
}

size_t
json_count(const struct json *j)
{
	/* Each answers 0 for what is not of its type. */
	return (json_array_size(inside_const(j)) +
	    json_object_size(inside_const(j)));
}

const struct json *
json_at(const struct json *a, size_t i)
{
	return (outside_const(json_array_get(inside_const(a), i)));
}

/* jansson's iterator wants a writable object and leaves it as it is. */
static json_t *
walkable(const struct json *o)
{
	union {
		const struct json *from;
		json_t *to;
	} same = { .from = o };

	return (same.to);
}

const char *
json_key_at(const struct json *o, size_t i)
{
	json_t *object = walkable(o);
	void *at = json_object_iter(object);

	while (at != NULL && i-- > 0)
		at = json_object_iter_next(object, at);
	return (at != NULL ? json_object_iter_key(at) : NULL);
}

void
json_each(const struct json *o,
    void (*each)(const char *key, const struct json *value, void *arg),
    void *arg)
{
	json_t *object = walkable(o);
	void *at;

	for (at = json_object_iter(object); at != NULL;
	     at = json_object_iter_next(object, at))
		each(json_object_iter_key(at),
		    outside_const(json_object_iter_value(at)), arg);
}

const char *
json_text(const struct json *j)
{
	return (json_string_value(inside_const(j)));
}

int64_t
json_number(const struct json *j, int64_t otherwise)
{
	const json_t *v = inside_const(j);

	return (json_is_integer(v) ? json_integer_value(v) : otherwise);
}

/* Nesting is as deep as the parser allows, or as we made it. */
static void
unarmor(json_t *j) /* NOLINT(misc-no-recursion) */
{
	SCOPED(scope_free) char *text = NULL;

	if (json_is_string(j)) {
		text = mem_string(json_string_value(j));
		text_unarmor(text);
		must(json_string_set_nocheck(j, text));
	}
	for (size_t i = 0; i < json_array_size(j); i++)
		unarmor(json_array_get(j, i));
	for (void *it = json_object_iter(j); it != NULL;
	     it = json_object_iter_next(j, it))
		unarmor(json_object_iter_value(it));
}

struct json *
json_names_of(const struct json *j)
{
	json_t *copy;

	if (j == NULL)
		return (NULL);
	copy = made(json_deep_copy(inside_const(j)));
	unarmor(copy);
	return (outside(copy));
}

static int
take_output(const char *p, size_t n, void *out)
{
	buf_add(out, p, n);
	return (0);
}

void
json_write(const struct json *j, bool indented, struct buf *out)
{
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS) |
	    (indented ? JSON_INDENT(INDENT) : JSON_COMPACT);

	must(json_dump_callback(inside_const(j), take_output, out, flags));
}

struct json *
json_parse(const char *text, size_t n, struct err *e)
{
	json_error_t why;
	json_t *parsed;
	char *quote;

	if (n > JSON_DOCUMENT_MAX) {
		(void)err_set(e, ERR_CORRUPT,
		    "JSON of %zu bytes; at most %zu are allowed", n,
		    JSON_DOCUMENT_MAX);
		return (NULL);
	}
	parsed = json_loadb(
	    text, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
	if (parsed != NULL)
		return (outside(parsed));
	/* "… near 'hunter2'": the input may be a secret. */
	if ((quote = strstr(why.text, " near ")) != NULL)
		*quote = '\0';
	(void)err_set(e, ERR_CORRUPT, "JSON, line %d: %s", why.line, why.text);
	return (NULL);
}
