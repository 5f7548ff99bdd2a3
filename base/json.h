/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON in and out, over jansson, which no other file includes. Built documents
 * keep the order of insertion. Strings that are not UTF-8 are written with
 * U+FFFD in the place of what is invalid, so that building never fails.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct json; /* a value: object, array, string, integer, real, true, false, null
	      */

#define JSON_DOCUMENT_MAX ((size_t)64 << 20)

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_string(const char *text); /* NULL gives null */
struct json *json_new_integer(int64_t v);
struct json *json_new_null(void);
/* Drops one reference; NULL is allowed. */
void json_free(struct json *j);
void json_freep(struct json **j);
struct json *json_ref(struct json *j);

/* Into an object; an earlier value of the key is replaced. text NULL gives
 * null. */
void json_set_string(struct json *o, const char *key, const char *text);
/* A name of a database's, whose bytes may be of any encoding: it is kept to the
 * byte, and json_names_of gives it back. */
void json_set_name(struct json *o, const char *key, const char *bytes);
void json_set_integer(struct json *o, const char *key, int64_t v);
void json_set_real(struct json *o, const char *key, double v);
void json_set_bool(struct json *o, const char *key, bool v);
void json_set_null(struct json *o, const char *key);
void json_set_time(
    struct json *o, const char *key, int64_t when); /* RFC 3339 */
void json_set(
    struct json *o, const char *key, struct json *child); /* takes child */
/* Into an array. */
void json_append(struct json *a, struct json *child); /* takes child */
void json_append_string(struct json *a, const char *text);
void json_append_name(struct json *a, const char *bytes);

/* Out of an object: the value, or the default when it is missing or of another
 * type. */
const struct json *json_get(
    const struct json *o, const char *key); /* or NULL; borrowed */
const char *json_get_string(
    const struct json *o, const char *key); /* or NULL; borrowed */
int64_t json_get_integer(
    const struct json *o, const char *key, int64_t otherwise);
double json_get_real(const struct json *o, const char *key, double otherwise);
bool json_get_bool(const struct json *o, const char *key, bool otherwise);
/* Arrays, and objects as lists of pairs. 0 and NULL for anything else. */
size_t json_count(const struct json *j);
const struct json *json_at(const struct json *a, size_t i); /* borrowed */
const char *json_key_at(
    const struct json *o, size_t i); /* borrowed; objects only; O(i) */
/* Calls each for every pair of an object, in order. */
void json_each(const struct json *o,
    void (*each)(const char *key, const struct json *value, void *arg),
    void *arg);
const char *json_text(const struct json *j); /* of a string, or NULL */
int64_t json_number(const struct json *j, int64_t otherwise);

/*
 * A copy for reading, all of whose strings are the bytes that json_set_name was
 * given. It can't be written: JSON has no such strings. NULL for NULL.
 */
struct json *json_names_of(const struct json *j);

/* Appends the document, compact or indented by two. */
void json_write(const struct json *j, bool indented, struct buf *out);
/* Fails: ERR_CORRUPT with line; depth and size are limited, duplicate keys
 * refused. */
struct json *json_parse(const char *text, size_t n, struct err *e) MUST_USE;

/*
 * What everybody calls the makers. jansson's library has functions of these
 * very names and calls them itself: with external ones here it would call ours.
 */
#ifndef JANSSON_H
static inline struct json *
json_object(void)
{
	return (json_new_object());
}

static inline struct json *
json_array(void)
{
	return (json_new_array());
}

static inline struct json *
json_string(const char *text)
{
	return (json_new_string(text));
}

static inline struct json *
json_integer(int64_t v)
{
	return (json_new_integer(v));
}

static inline struct json *
json_null(void)
{
	return (json_new_null());
}
#endif

#endif
