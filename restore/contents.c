/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks of two meta streams flow in, recipes and tree entries flow out. The
 * recipe stream is written to a file without a name once, with the place of
 * each recipe in a second one, because entries refer to recipes in any order;
 * the tree, which holds names, is read through again for each walk. What
 * always holds: counts and lengths are those that the manifest signs.
 */
#include "restore/contents.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "restore/keyset.h"

#define RECIPE_BYTES_MAX ((uint64_t)1 << 30) /* of one, encoded */

struct contents {
	struct fetch *fetch;
	const struct manifest *m;
	int recipes; /* the recipe stream */
	int places;  /* u64 each: where a recipe begins; one more: the end */
	uint64_t count;
	bool has_tables;
	size_t ntables, cap;
	struct stored_table *tables;
	bool has_archive;
	uint32_t archive;
};

void
contents_free(struct contents *c)
{
	size_t i, j;

	if (c == NULL)
		return;
	for (i = 0; i < c->ntables; i++) {
		for (j = 0; j < c->tables[i].ncolumns; j++)
			free(c->tables[i].columns[j]);
		free(c->tables[i].columns);
		free(c->tables[i].schema);
		free(c->tables[i].name);
	}
	free(c->tables);
	scope_close(&c->recipes);
	scope_close(&c->places);
	free(c);
}

void
contents_freep(struct contents **c)
{
	contents_free(*c);
}

/* --- meta streams --- */

/*
 * Feeds a meta stream, chunk by chunk, to take, which takes whole items off the
 * front; what is not whole yet stands in front of the next chunk.
 */
static int
walk_stream(struct fetch *f, const struct name_list *names, uint64_t bytes,
    int (*take)(struct bytes *b, void *arg, struct err *e), void *arg,
    struct err *e)
{
	SCOPED(buf_free) struct buf plain = BUF_INIT, rest = BUF_INIT;
	struct bytes left;
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < names->n; i++) {
		if (fetch_chunk(f, &names->v[i], &plain, e) < 0)
			return (-1);
		total += plain.n;
		buf_add(&rest, plain.p, plain.n);
		if (rest.n > RECIPE_BYTES_MAX)
			return (err_set(
			    e, ERR_CORRUPT, "a recipe or name without end"));
		left = bytes_of(rest.p, rest.n);
		if (take(&left, arg, e) != 0)
			return (e->kind == ERR_NONE ? 1 : -1);
		if (left.n > 0)
			memmove(rest.p, left.p, left.n);
		rest.n = left.n;
	}
	if (rest.n > 0 || total != bytes)
		return (err_set(e, ERR_CORRUPT,
		    "a list of the backup is not as long as its manifest "
		    "says"));
	return (0);
}

/* --- recipes --- */

struct indexing {
	struct contents *c;
	uint64_t offset; /* of the next recipe */
	struct buf places;
};

static int
note_place(struct indexing *x, struct err *e)
{
	buf_add_u64(&x->places, x->offset);
	if (x->places.n < ((size_t)64 << 10))
		return (0);
	if (file_write(x->c->places, x->places.p, x->places.n, e) < 0)
		return (-1);
	x->places.n = 0;
	return (0);
}

static int
take_recipes(struct bytes *b, void *arg, struct err *e)
{
	struct indexing *x = arg;
	const uint8_t *begin = b->p, *at;
	bool more = false;

	for (;;) {
		struct recipe r = RECIPE_INIT;
		int rc;

		at = b->p;
		rc = recipe_decode(b, &r, &more, e);
		recipe_free(&r);
		if (rc < 0)
			return (-1);
		if (more)
			break;
		if (note_place(x, e) < 0)
			return (-1);
		x->offset += (uint64_t)(b->p - at);
		x->c->count++;
	}
	return (file_write(x->c->recipes, begin, (size_t)(b->p - begin), e));
}

static int
read_recipes(struct contents *c, struct err *e)
{
	struct indexing x = { .c = c };
	int rc;

	rc = walk_stream(
	    c->fetch, &c->m->recipes, c->m->recipe_bytes, take_recipes, &x, e);
	if (rc == 0)
		rc = note_place(&x, e);
	if (rc == 0 && x.places.n > 0)
		rc = file_write(c->places, x.places.p, x.places.n, e);
	buf_free(&x.places);
	if (rc == 0 && c->count != c->m->streams)
		return (err_set(e, ERR_CORRUPT,
		    "the backup has %llu streams, its manifest says %llu",
		    (unsigned long long)c->count,
		    (unsigned long long)c->m->streams));
	return (rc);
}

/* Both streams are read to their ends, the tree more than once. */
static int
expect_meta(struct contents *c, struct err *e)
{
	const struct manifest *m = c->m;

	if (fetch_expect(c->fetch, m->recipes.v, m->recipes.n, e) < 0 ||
	    fetch_expect(c->fetch, m->tree.v, m->tree.n, e) < 0)
		return (-1);
	fetch_ahead(c->fetch);
	return (0);
}

static int
need_private(const struct manifest *m, struct err *e)
{
	if (m->has_private)
		return (0);
	(void)err_set(e, ERR_KEY,
	    "backup %s can't be opened without the restore key", m->id);
	return (err_hint(e, "set restore-key in the configuration"));
}

struct contents *
contents_open(struct fetch *f, const struct manifest *m, const char *folder,
    struct err *e)
{
	SCOPED(contents_freep) struct contents *c = mem_new(sizeof(*c));

	c->fetch = f;
	c->m = m;
	c->recipes = c->places = -1;
	if (need_private(m, e) < 0)
		return (NULL);
	if ((c->recipes = scratch_open(folder, e)) < 0 ||
	    (c->places = scratch_open(folder, e)) < 0 ||
	    expect_meta(c, e) < 0 || read_recipes(c, e) < 0) {
		if (e->kind == ERR_FULL)
			(void)err_within(e, "in %s", folder);
		(void)err_within(e, "backup %s", m->id);
		return (NULL);
	}
	return (TAKE(c));
}

int
contents_recipe(const struct contents *c, uint32_t stream, struct recipe *out,
    struct err *e)
{
	SCOPED(scope_free) uint8_t *encoded = NULL;
	uint8_t both[16];
	struct bytes b;
	uint64_t begin, end;
	bool more;

	if (stream >= c->count)
		return (err_set(e, ERR_CORRUPT,
		    "stream %lu is not among the recipes",
		    (unsigned long)stream));
	if (file_read_at(c->places, (uint64_t)stream * 8, both, sizeof(both),
		e) != (ssize_t)sizeof(both))
		return (err_within(e, "the list of recipes"));
	b = bytes_of(both, sizeof(both));
	begin = bytes_u64(&b);
	end = bytes_u64(&b);
	assert(begin < end && end - begin <= RECIPE_BYTES_MAX);
	encoded = mem_new((size_t)(end - begin));
	if (file_read_at(c->recipes, begin, encoded, (size_t)(end - begin), e) <
	    0)
		return (-1);
	b = bytes_of(encoded, (size_t)(end - begin));
	if (recipe_decode(&b, out, &more, e) < 0)
		return (-1);
	return (more ? err_set(e, ERR_CORRUPT, "a recipe is cut") : 0);
}

/* --- the tree --- */

struct walking {
	int (*each)(const struct tree_entry *t, void *arg, struct err *e);
	void *arg;
	uint64_t count;
	int answer;
};

static int
take_entries(struct bytes *b, void *arg, struct err *e)
{
	struct walking *w = arg;
	struct tree_entry t;
	bool more = false;

	for (;;) {
		if (tree_decode(b, &t, &more, e) < 0)
			return (w->answer = -1);
		if (more)
			return (0);
		w->count++;
		if ((w->answer = w->each(&t, w->arg, e)) != 0)
			return (w->answer);
	}
}

int
contents_walk(struct fetch *f, const struct manifest *m,
    int (*each)(const struct tree_entry *t, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct walking w = { .each = each, .arg = arg };

	if (need_private(m, e) < 0 ||
	    walk_stream(f, &m->tree, m->tree_bytes, take_entries, &w, e) < 0)
		return (-1);
	if (w.answer != 0)
		return (w.answer);
	if (w.count != m->tree_entries)
		return (err_set(e, ERR_CORRUPT,
		    "the backup has %llu entries, its manifest says %llu",
		    (unsigned long long)w.count,
		    (unsigned long long)m->tree_entries));
	return (0);
}

int
contents_each(struct contents *c,
    int (*each)(const struct tree_entry *t, void *arg, struct err *e),
    void *arg, struct err *e)
{
	return (contents_walk(c->fetch, c->m, each, arg, e));
}

/* --- tables --- */

struct json *
contents_table_facts(const struct tree_entry *t, struct err *e)
{
	SCOPED(json_freep)
	struct json *parsed = json_parse(
	    (const char *)t->extra, t->extra_bytes, e);
	SCOPED(json_freep) struct json *facts = json_names_of(parsed);

	if (facts == NULL)
		return (NULL);
	if (json_get_string(facts, "schema") == NULL ||
	    json_get_string(facts, "name") == NULL) {
		(void)err_set(e, ERR_CORRUPT, "a table without a name");
		return (NULL);
	}
	return (TAKE(facts));
}

static int
read_columns(struct stored_table *t, const struct json *columns, struct err *e)
{
	size_t i, n = json_count(columns);
	const char *name;

	if (n > CONTENTS_COLUMNS_MAX)
		return (err_set(e, ERR_CORRUPT, "a table of %zu columns", n));
	t->columns = mem_array(n + 1, sizeof(*t->columns));
	for (i = 0; i < n; i++) {
		if ((name = json_text(json_at(columns, i))) == NULL)
			return (
			    err_set(e, ERR_CORRUPT, "a column without a name"));
		t->columns[t->ncolumns++] = mem_string(name);
	}
	return (0);
}

static int
add_table(struct contents *c, const struct tree_entry *entry, struct err *e)
{
	SCOPED(json_freep) struct json *j = contents_table_facts(entry, e);
	struct stored_table *t;

	if (j == NULL)
		return (-1);
	if (c->ntables >= CONTENTS_TABLES_MAX)
		return (err_set(e, ERR_CORRUPT, "more tables than %zu",
		    CONTENTS_TABLES_MAX));
	if (c->ntables == c->cap) {
		c->cap = c->cap == 0 ? 64 : c->cap * 2;
		c->tables = mem_grow(c->tables, c->cap, sizeof(*c->tables));
	}
	t = &c->tables[c->ntables++];
	*t = (struct stored_table){
		.schema = mem_string(json_get_string(j, "schema")),
		.name = mem_string(json_get_string(j, "name")),
		.rows = json_get_integer(j, "rows", 0),
		.oid = json_get_integer(j, "oid", 0),
		.bytes = entry->size,
		.stream = entry->stream,
		.unreadable = json_get_bool(j, "unreadable", false),
	};
	return (read_columns(t, json_get(j, "columns"), e));
}

static int
note_entry(const struct tree_entry *t, void *arg, struct err *e)
{
	struct contents *c = arg;

	if (t->kind == TREE_ARCHIVE) {
		c->has_archive = true;
		c->archive = t->stream;
	}
	if (t->kind == TREE_TABLE && add_table(c, t, e) < 0)
		return (err_within(e, "table %.200s", t->path));
	return (0);
}

static int
larger_first(const void *pa, const void *pb)
{
	const struct stored_table *a = pa, *b = pb;
	int order;

	if (a->bytes != b->bytes)
		return (a->bytes > b->bytes ? -1 : 1);
	order = strcmp(a->schema, b->schema);
	return (order != 0 ? order : strcmp(a->name, b->name));
}

static int
list_tables(struct contents *c, struct err *e)
{
	if (c->has_tables)
		return (0);
	if (contents_each(c, note_entry, c, e) != 0)
		return (-1);
	if (c->ntables > 0)
		qsort(c->tables, c->ntables, sizeof(*c->tables), larger_first);
	c->has_tables = true;
	return (0);
}

int
contents_tables(struct contents *c, const struct stored_table **tables,
    size_t *n, struct err *e)
{
	if (list_tables(c, e) < 0)
		return (-1);
	*tables = c->tables;
	*n = c->ntables;
	return (0);
}

int
contents_archive(
    struct contents *c, uint32_t *stream, bool *found, struct err *e)
{
	if (list_tables(c, e) < 0)
		return (-1);
	*stream = c->archive;
	*found = c->has_archive;
	return (0);
}
