/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backup's description to one signed object and back. The signature is
 * checked before anything is opened, so what is parsed was written by a writer
 * of this repository; it is parsed with care all the same, since a stolen agent
 * key must not be able to crash the machine that restores.
 */
#include "repository/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "repository/compress.h"
#include "repository/index_object.h"

#define DOMAIN		 "manifest"
#define PREFIX		 "backups/"
#define CONTEXT_TEXT	 (BACKUP_ID_TEXT + 16)
#define NAME_DIGITS	 ((size_t)2 * NAME_BYTES)
#define USED_MAX	 (INDEX_PACKS_MAX / 8)
#define PRIVATE_OVERHEAD (SEAL_KEY_SLOT + BOX_OVERHEAD)

void
name_list_add(struct name_list *l, const struct name *name)
{
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 16 : l->cap * 2;
		l->v = mem_grow(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = *name;
}

void
name_list_free(struct name_list *l)
{
	free(l->v);
	*l = (struct name_list){ .n = 0 };
}

void
manifest_init(struct manifest *m)
{
	memset(m, 0, sizeof(*m));
}

static void
free_indexes(struct manifest *m)
{
	for (size_t i = 0; i < m->nindexes; i++)
		buf_free(&m->indexes[i].used);
	free(m->indexes);
	m->indexes = NULL;
	m->nindexes = 0;
}

void
manifest_free(struct manifest *m)
{
	name_list_free(&m->recipes);
	name_list_free(&m->tree);
	free_indexes(m);
	json_free(m->counts);
	json_free(m->facts);
	manifest_init(m);
}

void
manifest_name(const char *id, char out[OBJECT_NAME_TEXT])
{
	snprintf(out, OBJECT_NAME_TEXT, PREFIX "%s", id);
}

/* --- structures to JSON -------------------------------------------------- */

static void
set_hex(struct json *o, const char *key, const void *p, size_t n)
{
	SCOPED(scope_free) char *hex = mem_new(2 * n + 1);

	hex_of(p, n, hex);
	json_set_string(o, key, hex);
}

/* All names of a list as one text: a value each would take more memory. */
static void
set_names(struct json *o, const char *key, const struct name_list *l)
{
	set_hex(o, key, l->n > 0 ? l->v[0].b : NULL, l->n * NAME_BYTES);
}

static void
set_u64(struct json *o, const char *key, uint64_t v)
{
	assert(v <= INT64_MAX);
	json_set_integer(o, key, (int64_t)v);
}

/* The value, or an empty object where the caller has none. */
static void
set_object(struct json *o, const char *key, struct json *value)
{
	json_set(o, key, value != NULL ? json_ref(value) : json_object());
}

static struct json *
index_ref_json(const struct index_ref *x)
{
	struct json *o = json_object();

	json_set_string(o, "object", x->object);
	set_hex(o, "sha256", x->sha.b, sizeof(x->sha.b));
	set_u64(o, "bytes", x->bytes);
	set_hex(o, "used", x->used.p, x->used.n);
	return (o);
}

static struct json *
summary_json(const struct manifest *m)
{
	struct json *o = json_object(), *indexes = json_array();
	size_t i;

	json_set_string(o, "branch", m->branch);
	json_set_string(o, "stage", m->stage);
	json_set_string(o, "type", m->type);
	json_set_string(o, "state", m->state);
	json_set_string(o, "zone", m->zone);
	json_set_string(o, "comment", m->comment);
	json_set_integer(o, "started", m->started);
	json_set_integer(o, "finished", m->finished);
	set_u64(o, "sequence", m->sequence);
	set_hex(o, "previous", m->previous.b, sizeof(m->previous.b));
	set_u64(o, "epoch", m->epoch);
	set_u64(o, "audit_seq", m->audit_seq);
	set_hex(o, "audit_head", m->audit_head.b, sizeof(m->audit_head.b));
	set_names(o, "recipes", &m->recipes);
	set_u64(o, "recipe_bytes", m->recipe_bytes);
	set_u64(o, "streams", m->streams);
	for (i = 0; i < m->nindexes; i++)
		json_append(indexes, index_ref_json(&m->indexes[i]));
	json_set(o, "indexes", indexes);
	set_u64(o, "closure_packs", m->closure_packs);
	set_u64(o, "closure_bytes", m->closure_bytes);
	set_object(o, "counts", m->counts);
	return (o);
}

static struct json *
private_json(const struct manifest *m)
{
	struct json *o = json_object();

	set_names(o, "tree", &m->tree);
	set_u64(o, "tree_bytes", m->tree_bytes);
	set_u64(o, "tree_entries", m->tree_entries);
	set_object(o, "facts", m->facts);
	return (o);
}

/* --- JSON to structures -------------------------------------------------- */

static int
bad_key(const char *key, struct err *e)
{
	return (err_set(
	    e, ERR_CORRUPT, "'%s' is missing, or not what it should be", key));
}

static int
get_text(const struct json *o, const char *key, char *out, size_t size,
    struct err *e)
{
	const char *text = json_get_string(o, key);

	if (text == NULL || strlen(text) >= size)
		return (bad_key(key, e));
	memcpy(out, text, strlen(text) + 1);
	return (0);
}

static int
get_u64(const struct json *o, const char *key, uint64_t *out, struct err *e)
{
	int64_t v = json_get_integer(o, key, -1);

	if (v < 0)
		return (bad_key(key, e));
	*out = (uint64_t)v;
	return (0);
}

static int
get_hex(const struct json *o, const char *key, uint8_t *out, size_t n,
    struct err *e)
{
	const char *text = json_get_string(o, key);

	if (text == NULL || !hex_parse(text, out, n))
		return (bad_key(key, e));
	return (0);
}

static int
get_names(
    const struct json *o, const char *key, struct name_list *l, struct err *e)
{
	const char *text = json_get_string(o, key);
	size_t n = text == NULL ? 1 : strlen(text);

	if (n % NAME_DIGITS != 0 || n / NAME_DIGITS > MANIFEST_NAMES_MAX)
		return (bad_key(key, e));
	l->n = n / NAME_DIGITS;
	l->cap = l->n;
	l->v = mem_array(l->n > 0 ? l->n : 1, sizeof(*l->v));
	return (get_hex(o, key, l->v[0].b, l->n * NAME_BYTES, e));
}

/* A copy of an object, by way of its text: what is borrowed can't be kept. */
static int
get_object(
    const struct json *o, const char *key, struct json **out, struct err *e)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	const struct json *value = json_get(o, key);

	if (value != NULL)
		json_write(value, false, &text);
	if (text.n == 0 || text.p[0] != '{')
		return (bad_key(key, e));
	*out = json_parse((const char *)text.p, text.n, e);
	return (*out == NULL ? -1 : 0);
}

static int
get_used(const struct json *o, struct buf *used, struct err *e)
{
	const char *text = json_get_string(o, "used");
	size_t n = text == NULL ? 1 : strlen(text);

	if (n % 2 != 0 || n / 2 > USED_MAX)
		return (bad_key("used", e));
	buf_reserve(used, n / 2);
	used->n = n / 2;
	return (get_hex(o, "used", used->p, used->n, e));
}

/* An array, the empty one too: json_count alone says 0 of anything else. */
static bool
is_list(const struct json *value)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;

	if (value == NULL || json_at(value, 0) != NULL)
		return (value != NULL);
	json_write(value, false, &text);
	return (text.n == 2 && text.p[0] == '[');
}

static int
get_indexes(const struct json *o, struct manifest *m, struct err *e)
{
	const struct json *list = json_get(o, "indexes"), *one;
	size_t n = json_count(list);
	struct index_ref *x;

	if (!is_list(list) || n > MANIFEST_INDEXES_MAX)
		return (bad_key("indexes", e));
	m->indexes = mem_array(n > 0 ? n : 1, sizeof(*m->indexes));
	while (m->nindexes < n) {
		one = json_at(list, m->nindexes);
		x = &m->indexes[m->nindexes++];
		if (get_text(one, "object", x->object, sizeof(x->object), e) <
			0 ||
		    get_hex(one, "sha256", x->sha.b, sizeof(x->sha.b), e) < 0 ||
		    get_u64(one, "bytes", &x->bytes, e) < 0 ||
		    get_used(one, &x->used, e) < 0)
			return (-1);
		if (strncmp(x->object, "index/", 6) != 0 ||
		    x->bytes > INDEX_MAX)
			return (bad_key("indexes", e));
	}
	return (0);
}

/* Who and when. */
static int
get_heading(const struct json *o, struct manifest *m, struct err *e)
{
	const char *comment = json_get_string(o, "comment");
	uint64_t started = 0, finished = 0;

	if (get_text(o, "branch", m->branch, sizeof(m->branch), e) < 0 ||
	    get_text(o, "stage", m->stage, sizeof(m->stage), e) < 0 ||
	    get_text(o, "type", m->type, sizeof(m->type), e) < 0 ||
	    get_text(o, "state", m->state, sizeof(m->state), e) < 0 ||
	    get_text(o, "zone", m->zone, sizeof(m->zone), e) < 0 ||
	    get_u64(o, "started", &started, e) < 0 ||
	    get_u64(o, "finished", &finished, e) < 0)
		return (-1);
	m->started = (int64_t)started;
	m->finished = (int64_t)finished;
	snprintf(m->comment, sizeof(m->comment), "%s",
	    comment != NULL ? comment : "");
	text_mend_end(m->comment);
	if (strcmp(m->state, "complete") != 0 &&
	    strcmp(m->state, "degraded") != 0 &&
	    strcmp(m->state, "incomplete") != 0)
		return (bad_key("state", e));
	return (0);
}

/* Its place in the chain of manifests. */
static int
get_chain(const struct json *o, struct manifest *m, struct err *e)
{
	uint64_t epoch = 0;

	if (get_u64(o, "sequence", &m->sequence, e) < 0 ||
	    get_hex(o, "previous", m->previous.b, sizeof(m->previous.b), e) <
		0 ||
	    get_u64(o, "epoch", &epoch, e) < 0 ||
	    get_u64(o, "audit_seq", &m->audit_seq, e) < 0 ||
	    get_hex(o, "audit_head", m->audit_head.b, sizeof(m->audit_head.b),
		e) < 0)
		return (-1);
	if (m->sequence == 0 || epoch == 0 || epoch > UINT32_MAX)
		return (bad_key("sequence", e));
	m->epoch = (uint32_t)epoch;
	return (0);
}

static int
get_summary(const struct json *o, struct manifest *m, struct err *e)
{
	if (get_heading(o, m, e) < 0 || get_chain(o, m, e) < 0 ||
	    get_names(o, "recipes", &m->recipes, e) < 0 ||
	    get_u64(o, "recipe_bytes", &m->recipe_bytes, e) < 0 ||
	    get_u64(o, "streams", &m->streams, e) < 0 ||
	    get_indexes(o, m, e) < 0 ||
	    get_u64(o, "closure_packs", &m->closure_packs, e) < 0 ||
	    get_u64(o, "closure_bytes", &m->closure_bytes, e) < 0 ||
	    get_object(o, "counts", &m->counts, e) < 0)
		return (-1);
	if (m->streams > RECIPE_STREAMS_MAX)
		return (bad_key("streams", e));
	return (0);
}

static int
get_private(const struct json *o, struct manifest *m, struct err *e)
{
	if (get_names(o, "tree", &m->tree, e) < 0 ||
	    get_u64(o, "tree_bytes", &m->tree_bytes, e) < 0 ||
	    get_u64(o, "tree_entries", &m->tree_entries, e) < 0)
		return (-1);
	return (get_object(o, "facts", &m->facts, e));
}

/* --- the object ---------------------------------------------------------- */

static void
context_of(const char *what, const char *id, char out[CONTEXT_TEXT])
{
	snprintf(out, CONTEXT_TEXT, "%s %s", what, id);
}

/* Takes o. The part: JSON, compressed and padded for what will seal it. */
static int
make_part(struct json *o, size_t outside, struct buf *part, struct err *e)
{
	SCOPED(json_freep) struct json *owned = o;
	SCOPED(buf_free) struct buf text = BUF_INIT;

	json_write(owned, false, &text);
	if (text.n > JSON_PART_MAX)
		return (err_set(e, ERR_SYSTEM,
		    "a manifest with a part of %zu bytes; %zu are possible",
		    text.n, JSON_PART_MAX));
	compress_part(text.p, text.n, outside, part);
	return (0);
}

int
manifest_encode(const struct keys *k, const struct manifest *m, struct buf *out,
    struct err *e)
{
	SCOPED(buf_free) struct buf part = BUF_INIT, sealed = BUF_INIT;
	char context[CONTEXT_TEXT];

	assert(format_backup_id_is_good(m->id));
	out->n = 0;
	format_add_header(out, FORMAT_MANIFEST, keys_repo(k));
	buf_add(out, m->id, BACKUP_ID_LENGTH);

	if (make_part(summary_json(m), SEAL_INDEX_OVERHEAD, &part, e) < 0)
		return (-1);
	context_of("summary", m->id, context);
	seal_index(k, context, part.p, part.n, &sealed);
	buf_add_u32(out, (uint32_t)sealed.n);
	buf_add(out, sealed.p, sealed.n);

	if (make_part(private_json(m), PRIVATE_OVERHEAD, &part, e) < 0)
		return (-1);
	context_of("private", m->id, context);
	sealed.n = 0;
	seal_private(k, context, part.p, part.n, &sealed);
	buf_add_u32(out, (uint32_t)sealed.n);
	buf_add(out, sealed.p, sealed.n);

	seal_sign(k, DOMAIN, out);
	if (out->n > MANIFEST_MAX)
		return (err_set(e, ERR_SYSTEM,
		    "a manifest of %zu bytes; %zu are possible", out->n,
		    MANIFEST_MAX));
	return (0);
}

/* A part's plain bytes to JSON. */
static struct json *
read_part(const struct buf *part, struct err *e)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;

	if (expand_part(part->p, part->n, JSON_PART_MAX, &text, e) < 0)
		return (NULL);
	return (json_parse((const char *)text.p, text.n, e));
}

static int
open_summary(const struct keys *k, const uint8_t *p, size_t n,
    struct manifest *m, struct err *e)
{
	SCOPED(buf_free) struct buf part = BUF_INIT;
	SCOPED(json_freep) struct json *o = NULL;
	char context[CONTEXT_TEXT];

	context_of("summary", m->id, context);
	if (unseal_index(k, context, p, n, &part, e) < 0 ||
	    (o = read_part(&part, e)) == NULL || get_summary(o, m, e) < 0)
		return (err_within(e, "the summary"));
	return (0);
}

static int
open_private(const struct keys *k, const uint8_t *p, size_t n,
    struct manifest *m, struct err *e)
{
	SCOPED(buf_free) struct buf part = BUF_INIT;
	SCOPED(json_freep) struct json *o = NULL;
	char context[CONTEXT_TEXT];

	context_of("private", m->id, context);
	if (unseal_private(k, context, p, n, &part, e) < 0 ||
	    (o = read_part(&part, e)) == NULL || get_private(o, m, e) < 0)
		return (err_within(e, "the private part"));
	m->has_private = true;
	return (0);
}

/* header id: that of the name it was found under. */
static int
check_front(const struct keys *k, const char *id, struct bytes *b,
    struct manifest *m, struct err *e)
{
	const uint8_t *inside;

	if (!format_backup_id_is_good(id))
		return (err_set(e, ERR_CORRUPT, "'%s' is no backup id", id));
	if (format_check_header(b, FORMAT_MANIFEST, keys_repo(k), NULL, e) < 0)
		return (-1);
	inside = bytes_take(b, BACKUP_ID_LENGTH);
	if (inside == NULL || memcmp(inside, id, BACKUP_ID_LENGTH) != 0)
		return (err_set(
		    e, ERR_CORRUPT, "the manifest is of another backup"));
	memcpy(m->id, id, BACKUP_ID_TEXT);
	return (0);
}

/* Both parts as they lie in the object, which is ours. */
struct parts {
	const uint8_t *summary, *private;
	uint32_t summary_bytes, private_bytes;
};

static int
find_parts(const struct keys *k, const char *id, const struct bytes *object,
    struct manifest *m, struct parts *out, struct err *e)
{
	struct bytes b = *object;

	if (b.n > MANIFEST_MAX)
		return (err_set(e, ERR_CORRUPT, "%zu bytes are too many", b.n));
	if (check_front(k, id, &b, m, e) < 0 ||
	    seal_check_signature(k, DOMAIN, object->p, object->n, e) < 0)
		return (-1);
	out->summary_bytes = bytes_u32(&b);
	out->summary = bytes_take(&b, out->summary_bytes);
	out->private_bytes = bytes_u32(&b);
	out->private = bytes_take(&b, out->private_bytes);
	if (b.bad || b.n != SEAL_SIGNATURE)
		return (err_set(e, ERR_CORRUPT, "the parts don't fit in"));
	return (0);
}

static int
decode(const struct keys *k, const char *id, const struct bytes *object,
    bool with_private, struct manifest *m, struct err *e)
{
	SCOPED(manifest_free) struct manifest got;
	struct parts parts = { .summary = NULL };

	manifest_init(&got);
	if (find_parts(k, id, object, &got, &parts, e) < 0 ||
	    open_summary(k, parts.summary, parts.summary_bytes, &got, e) < 0 ||
	    (with_private &&
		open_private(k, parts.private, parts.private_bytes, &got, e) <
		    0))
		return (-1);
	manifest_free(m);
	*m = got;
	manifest_init(&got);
	return (0);
}

int
manifest_decode(const struct keys *k, const char *id, const void *p, size_t n,
    struct manifest *m, struct err *e)
{
	struct bytes object = bytes_of(p, n);

	return (decode(k, id, &object, keys_have_restore(k), m, e));
}

int
manifest_decode_summary(const struct keys *k, const char *id, const void *p,
    size_t n, struct manifest *m, struct err *e)
{
	struct bytes object = bytes_of(p, n);

	return (decode(k, id, &object, false, m, e));
}

void
manifest_shorten(struct manifest *m)
{
	name_list_free(&m->recipes);
	name_list_free(&m->tree);
	free_indexes(m);
	json_freep(&m->facts);
	m->has_private = false;
	if (m->counts != NULL)
		json_set(m->counts, "warnings", json_array());
}
