/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees flow in, matches flow out, each with the backups that have it. A table
 * of buckets leads from a name to its match; a match is met at most once in a
 * backup, unless the backup contradicts itself.
 */
#include "restore/find.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"

#define BUCKETS ((size_t)1 << 14)

struct search {
	struct repo *r;
	const struct find_conf *conf;
	struct find_result *out;
	struct fetch *fetch;
	size_t cap;	   /* of out->v */
	size_t at;	   /* which backup is read: its place in the catalog */
	size_t places;	   /* found so far */
	size_t bytes;	   /* of names */
	uint32_t *buckets; /* first match, and one; owned */
};

static void
search_free(struct search *s)
{
	fetch_free(s->fetch);
	free(s->buckets);
}

void
find_result_free(struct find_result *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].schema);
		free(f->v[i].name);
		free(f->v[i].backups);
	}
	free(f->v);
	*f = (struct find_result){ .n = 0 };
}

/* --- the pattern --- */

static bool
matches_table(const char *pattern, const struct named *named)
{
	SCOPED(scope_free)
	char *full = mem_printf("%s.%s", named->schema, named->name);

	return (fnmatch(pattern, named->name, 0) == 0 ||
	    fnmatch(pattern, full, 0) == 0);
}

static bool
matches_path(
    const char *pattern, const struct tree_entry *t, const struct named *named)
{
	SCOPED(scope_free)
	char *full = mem_printf("%s%s", named_place(named->kind), t->path);

	return (fnmatch(pattern, t->path, FNM_PATHNAME) == 0 ||
	    fnmatch(pattern, full, FNM_PATHNAME) == 0);
}

bool
find_matches(
    const char *pattern, const struct tree_entry *t, const struct named *named)
{
	const char *slash = strrchr(t->path, '/');

	if (named->kind == NAMED_FOLDER || named->kind == NAMED_DEFINITIONS)
		return (false);
	if (named->kind == NAMED_TABLE)
		return (matches_table(pattern, named));
	if (strchr(pattern, '/') != NULL)
		return (matches_path(pattern, t, named));
	return (fnmatch(pattern, slash != NULL ? slash + 1 : t->path, 0) == 0);
}

/* --- matches --- */

static const char *
branch_at(const struct search *s)
{
	return (s->conf->catalog->v[s->at].m.branch);
}

static uint32_t *
bucket_of(struct search *s, const uint8_t key[NAMED_KEY])
{
	uint32_t at;

	memcpy(&at, key, sizeof(at));
	return (&s->buckets[at % BUCKETS]);
}

/* Of this branch, or NULL. */
static struct find_match *
known_match(struct search *s, const uint8_t key[NAMED_KEY])
{
	struct find_match *m;

	for (uint32_t at = *bucket_of(s, key); at != 0; at = m->next) {
		m = &s->out->v[at - 1];
		if (memcmp(m->key, key, NAMED_KEY) == 0 &&
		    strcmp(m->branch, branch_at(s)) == 0)
			return (m);
	}
	return (NULL);
}

static char *
copy_or_null(const char *text)
{
	return (text != NULL ? mem_string(text) : NULL);
}

static struct find_match *
new_match(struct search *s, const struct tree_entry *t,
    const struct named *named, const uint8_t key[NAMED_KEY])
{
	struct find_result *out = s->out;
	uint32_t *bucket = bucket_of(s, key);
	struct find_match *m;

	if (out->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		out->v = mem_grow(out->v, s->cap, sizeof(*out->v));
	}
	m = &out->v[out->n++];
	*m = (struct find_match){ .kind = named->kind,
		.branch = branch_at(s),
		.path = named->schema != NULL
		    ? mem_printf("%s.%s", named->schema, named->name)
		    : mem_string(t->path),
		.schema = copy_or_null(named->schema),
		.name = copy_or_null(named->name),
		.bytes = t->size,
		.rows = named->rows,
		.modified = t->mtime,
		.next = *bucket };
	memcpy(m->key, key, NAMED_KEY);
	*bucket = (uint32_t)out->n;
	/* A table's name is kept twice. */
	s->bytes += sizeof(*m) + 2 * strlen(m->path);
	return (m);
}

/* Is it as the backup that was read before (the newer one) has it? */
static bool
is_as_before(const struct find_match *m, const struct tree_entry *t,
    const struct named *named)
{
	return (m->n > 0 && m->last_bytes == t->size &&
	    m->last_rows == named->rows && m->last_modified == t->mtime &&
	    m->last_nsec == t->nsec);
}

static void
add_place(const struct search *s, struct find_match *m,
    const struct tree_entry *t, const struct named *named)
{
	if (m->n > 0 && m->backups[m->n - 1] == s->at)
		return;		      /* twice in one backup */
	if ((m->n & (m->n - 1)) == 0) /* full at each power of two */
		m->backups = mem_grow(
		    m->backups, m->n == 0 ? 1 : 2 * m->n, sizeof(*m->backups));
	m->versions += !is_as_before(m, t, named);
	m->backups[m->n++] = (uint32_t)s->at;
	m->last_bytes = t->size;
	m->last_rows = named->rows;
	m->last_modified = t->mtime;
	m->last_nsec = t->nsec;
}

/* 1 ends the walk: there is no room for more. */
static int
look(const struct tree_entry *t, void *arg, struct err *e)
{
	struct search *s = arg;
	SCOPED(named_free) struct named named = { .facts = NULL };
	struct find_match *m;
	uint8_t key[NAMED_KEY];

	if (stop_check(e) < 0 || named_read(t, &named, e) < 0)
		return (-1);
	if (!find_matches(s->conf->pattern, t, &named))
		return (0);
	if (s->places == FIND_PLACES_MAX || s->bytes >= FIND_BYTES_MAX) {
		s->out->is_cut = true;
		return (1);
	}
	named_key(t, &named, key);
	if ((m = known_match(s, key)) == NULL)
		m = new_match(s, t, &named, key);
	add_place(s, m, t, &named);
	s->places++;
	return (0);
}

static int
by_name(const void *left, const void *right)
{
	const struct find_match *a = left, *b = right;
	int order = strcmp(a->branch, b->branch);

	if (order == 0)
		order = (int)a->kind - (int)b->kind;
	return (order != 0 ? order : strcmp(a->path, b->path));
}

/* --- backups --- */

/* Does it concern this backup alone? Then it is remarked, and e empty. */
static bool
is_passed_over(struct search *s, const char *id, struct err *e)
{
	if (e->kind != ERR_CORRUPT)
		return (false);
	remarks_damage(s->conf->remarks,
	    "backup %s is left out, its names can't be read: %.300s", id,
	    e->text);
	s->out->unread++;
	err_clear(e);
	return (true);
}

/* The recipes are not needed, but lie among the trees: with them, packs are
 * brought whole. A chunk at a time costs a round trip for each 16 KiB of a
 * tree. */
static int
expect(struct search *s, const struct manifest *m, struct err *e)
{
	if (fetch_expect(s->fetch, m->tree.v, m->tree.n, e) < 0)
		return (-1);
	return (fetch_expect(s->fetch, m->recipes.v, m->recipes.n, e));
}

/* What all of them need is known before the first byte is fetched. What can't
 * be read is told when it is its turn. */
static int
expect_all(struct search *s, struct err *e)
{
	struct catalog *c = s->conf->catalog;

	for (size_t i = 0; i < c->n; i++) {
		struct manifest *m = &c->v[i].m;
		int rc;

		if (stop_check(e) < 0)
			return (-1);
		rc = catalog_fill(s->r, c, &c->v[i], e);
		if (rc == 0)
			rc = expect(s, m, e);
		manifest_shorten(m);
		if (rc < 0 && e->kind != ERR_CORRUPT)
			return (-1);
		err_clear(e);
	}
	fetch_ahead(s->fetch);
	return (0);
}

static int
search_one(struct search *s, struct err *e)
{
	struct catalog *c = s->conf->catalog;
	struct manifest *m = &c->v[s->at].m;
	int rc = catalog_fill(s->r, c, &c->v[s->at], e);

	if (rc == 0)
		rc = contents_walk(s->fetch, m, look, s, e);
	manifest_shorten(m);
	if (rc < 0 && !is_passed_over(s, m->id, e))
		return (err_within(e, "backup %s", m->id));
	s->out->searched += rc == 0;
	progress_add(s->r->progress, 1, 0, 1);
	return (rc > 0 ? 1 : 0);
}

int
find_run(struct repo *r, const struct find_conf *conf, struct find_result *out,
    struct err *e)
{
	SCOPED(search_free)
	struct search s = { .r = r, .conf = conf, .out = out };
	int rc = 0;

	*out = (struct find_result){ .n = 0 };
	if (*conf->pattern == '\0')
		return (err_set(e, ERR_USAGE,
		    "find '': expected the name of a file or table, or a pattern"));
	s.buckets = mem_array(BUCKETS, sizeof(*s.buckets));
	s.fetch = fetch_new(r, r->settings->state, conf->remarks, e);
	if (s.fetch == NULL || expect_all(&s, e) < 0)
		return (-1);
	progress_phase(r->progress, "trees", conf->catalog->n);
	for (s.at = 0; s.at < conf->catalog->n && rc == 0; s.at++)
		rc = search_one(&s, e);
	if (rc < 0)
		return (-1);
	if (out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return (0);
}
