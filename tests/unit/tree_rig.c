/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of a test flow in, backups flow out. Whatever fails here fails the
 * test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "tests/unit/tree_rig.h"

static void
must(int failed, const struct err *e)
{
	if (failed != 0)
		print_error("%s\n", e->text);
	assert_int_equal(failed, 0);
}

static enum stream_kind
stream_kind_of(uint8_t kind)
{
	switch (kind) {
	case TREE_ARCHIVE: return (STREAM_ARCHIVE);
	case TREE_TABLE: return (STREAM_TABLE);
	case TREE_LOG: return (STREAM_LOG);
	case TREE_STDIN: return (STREAM_STDIN);
	default: return (STREAM_FILE);
	}
}

/* As pg_dump's: a header of its own, then what counts. */
static void
plant_archive(struct ingest *in, const char *text, struct recipe *r)
{
	static unsigned dumps;
	SCOPED(stream_freep) struct stream *s = NULL;
	SCOPED(scope_free) char *header = mem_printf("dump %u", ++dumps);
	struct err e = ERR_INIT;

	s = stream_open(in, STREAM_ARCHIVE, "production", "archive", &e);
	must(s == NULL, &e);
	must(stream_write(s, header, strlen(header), &e), &e);
	must(stream_cut(s, &e), &e);
	must(stream_write(s, text, strlen(text), &e), &e);
	must(stream_end(s, r, &e), &e);
}

static void
plant_stream(struct ingest *in, const struct planted *p, struct tree_entry *t)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct err e = ERR_INIT;

	if (p->kind == TREE_ARCHIVE)
		plant_archive(in, p->text, &r);
	else
		must(ingest_small(in, stream_kind_of(p->kind), "production",
			 p->path, p->text, strlen(p->text), &r, &e),
		    &e);
	must(ingest_add_recipe(in, &r, &t->stream, &e), &e);
	t->size = r.bytes;
}

static void
describe_table(const struct planted *p, struct buf *out)
{
	SCOPED(json_freep) struct json *j = json_object();
	const char *dot = strchr(p->path, '.');
	SCOPED(scope_free) char *schema = mem_string(p->path);

	assert_non_null(dot);
	schema[dot - p->path] = '\0';
	json_set_name(j, "schema", schema);
	json_set_name(j, "name", dot + 1);
	json_set_integer(j, "rows", p->rows);
	json_write(j, false, out);
}

static void
plant(struct ingest *in, const struct planted *p)
{
	SCOPED(scope_free) struct tree_entry *t = mem_new(sizeof(*t));
	SCOPED(buf_free) struct buf extra = BUF_INIT;
	struct err e = ERR_INIT;

	t->kind = p->kind;
	t->mode = 0644;
	t->mtime = p->mtime;
	t->stream = TREE_NO_STREAM;
	strncpy(t->path, p->path, sizeof(t->path) - 1);
	if (p->kind == TREE_TABLE)
		describe_table(p, &extra);
	if (p->kind == TREE_LINK)
		buf_add_string(&extra, p->text);
	else if (p->text != NULL)
		plant_stream(in, p, t);
	t->extra = extra.p;
	t->extra_bytes = extra.n;
	must(ingest_add_entry(in, t, &e), &e);
}

void
tree_rig_backup(struct repo *r, const char *branch, int64_t started,
    const struct planted *list, char id[BACKUP_ID_TEXT])
{
	SCOPED(ingest_freep) struct ingest *in = NULL;
	struct manifest m;
	struct err e = ERR_INIT;

	in = ingest_open(r, &e);
	must(in == NULL, &e);
	for (; list->kind != 0; list++)
		plant(in, list);
	rig_commit(in, branch, started, &m);
	if (id != NULL)
		memcpy(id, m.id, BACKUP_ID_TEXT);
	manifest_free(&m);
}

void
tree_rig_send(struct repo *r)
{
	for (size_t i = 0; i < r->nendpoints; i++)
		(void)rig_send(r, i);
}
