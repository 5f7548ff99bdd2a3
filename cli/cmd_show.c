/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate show: one backup in full, with the names of what is in it where
 * the restore key is at hand.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "repository/repo.h"
#include "restore/contents.h"
#include "restore/remarks.h"

struct listing {
	const struct cli *c;
	const struct contents *contents;
	bool says_files, says_tables; /* to people */
	struct json *tables, *files;
};

/* The checksum of a stream is the keyed hash of its bytes. */
static int
set_checksum(
    const struct listing *l, uint32_t stream, struct json *into, struct err *e)
{
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	char hex[2 * NAME_BYTES + 1];

	json_set_null(into, "checksum");
	if (stream == TREE_NO_STREAM)
		return (0);
	if (contents_recipe(l->contents, stream, &r, e) < 0)
		return (-1);
	hex_of(r.checksum.b, NAME_BYTES, hex);
	json_set_string(into, "checksum", hex);
	return (0);
}

static int
add_table(struct listing *l, const struct tree_entry *t, struct err *e)
{
	SCOPED(json_freep) struct json *extra = contents_table_facts(t, e);
	struct json *j;

	if (extra == NULL)
		return (-1);
	j = json_object();
	json_append(l->tables, j);
	json_set_string(j, "schema", json_get_string(extra, "schema"));
	json_set_string(j, "name", json_get_string(extra, "name"));
	json_set_integer(j, "rows", json_get_integer(extra, "rows", 0));
	json_set_integer(j, "bytes", (int64_t)t->size);
	if (set_checksum(l, t->stream, j, e) < 0)
		return (-1);
	if (l->says_tables) {
		SCOPED(scope_free) char *path = text_escaped(t->path);

		say(l->c, "  table %-60s %12" PRId64 " rows\n", path,
		    json_get_integer(extra, "rows", 0));
	}
	return (0);
}

static int
add_file(struct listing *l, const struct tree_entry *t, struct err *e)
{
	static const char *const kinds[] = { "", "database", "table", "file",
		"log", "stream", "folder", "link" };
	const char *kind = t->kind < 8 ? kinds[t->kind] : "";
	struct json *j;

	if (l->says_files) {
		SCOPED(scope_free) char *path = text_escaped(t->path);

		say(l->c, "  %-8s %-60s %12" PRIu64 "\n", kind, path, t->size);
	}
	/* There may be millions: only a program's list is kept whole. */
	if (!l->c->json)
		return (0);
	j = json_object();
	json_append(l->files, j);
	json_set_string(j, "kind", kind);
	view_path(j, t->path);
	json_set_integer(j, "bytes", (int64_t)t->size);
	if (t->mtime != 0)
		json_set_time(j, "modified", t->mtime);
	else
		json_set_null(j, "modified");
	return (set_checksum(l, t->stream, j, e));
}

static int
add_entry(const struct tree_entry *t, void *arg, struct err *e)
{
	if (t->kind == TREE_TABLE)
		return (add_table(arg, t, e));
	if (t->kind == TREE_ARCHIVE)
		return (0);
	return (add_file(arg, t, e));
}

static int
list_contents(struct cli *c, struct repo *r, const struct catalog_entry *entry,
    struct json *into, struct err *e)
{
	SCOPED(remarks_free) struct remarks remarks;
	SCOPED(fetch_freep) struct fetch *fetch = NULL;
	SCOPED(contents_freep) struct contents *contents = NULL;
	SCOPED(json_freep) struct json *warnings = json_array();
	struct listing l = { .c = c,
		.says_files = args_flag(&c->args, "--files"),
		.says_tables = args_flag(&c->args, "--tables"),
		.tables = json_array(),
		.files = json_array() };

	remarks_init(&remarks);
	json_set(into, "tables", l.tables);
	json_set(into, "files", l.files);
	fetch = fetch_new(r, c->settings->state, &remarks, e);
	if (fetch == NULL ||
	    (contents = contents_open(
		 fetch, &entry->m, c->settings->state, e)) == NULL)
		return (-1);
	l.contents = contents;
	if (contents_each(contents, add_entry, &l, e) < 0)
		return (-1);
	remarks_move(&remarks, warnings);
	say_warnings_of(c, warnings);
	return (0);
}

static void
tell(const struct cli *c, const struct catalog_entry *entry)
{
	const struct manifest *m = &entry->m;
	const struct json *n = m->counts, *db = json_get(n, "database"),
			  *files = json_get(n, "files");
	char when[CLOCK_TEXT], took[SAY_TEXT], logical[SAY_TEXT],
	    stored[SAY_TEXT];

	clock_text(m->started, when);
	say(c, "%s  %s of %s (%s): %s\n", m->id, m->type, m->branch, m->stage,
	    catalog_state(entry));
	say(c, "  started  %s, took %s\n", when,
	    say_seconds((uint64_t)(m->finished - m->started), took));
	say(c, "  size     %s, stored %s\n",
	    say_bytes(
		(uint64_t)json_get_integer(n, "bytes_logical", 0), logical),
	    say_bytes(
		(uint64_t)json_get_integer(n, "bytes_stored", 0), stored));
	if (db != NULL && json_get_string(db, "name") != NULL)
		say(c,
		    "  database %s, PostgreSQL %s: %" PRId64 " tables, %" PRId64
		    " rows\n",
		    json_get_string(db, "name"),
		    json_get_string(db, "server_version"),
		    json_get_integer(db, "tables", 0),
		    json_get_integer(db, "rows", 0));
	if (files != NULL)
		say(c, "  files    %" PRId64 "\n",
		    json_get_integer(files, "count", 0));
	for (size_t i = 0; i < c->settings->nendpoints; i++)
		say(c, "  endpoint %-12s %s\n", c->settings->endpoints[i].name,
		    copy_state_text(entry->at[i]));
	if (entry->pinned)
		say(c, "  pinned   it stays until unpin lets it go\n");
	if (entry->comment[0] != '\0')
		say(c, "  comment  %s\n", entry->comment);
	if (json_get_string(n, "reason") != NULL)
		say(c, "  reason   %s\n", json_get_string(n, "reason"));
	for (size_t i = 0; i < json_count(json_get(n, "warnings")); i++)
		say(c, "  warning  %s\n",
		    json_text(json_at(json_get(n, "warnings"), i)));
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const struct catalog_entry *entry;
	struct json *j;
	bool names = args_flag(&c->args, "--files") ||
	    args_flag(&c->args, "--tables");

	c->answer = json_object();
	if (cli_settings(c, e) < 0 ||
	    (r = repo_open(c->settings, REPO_READ,
		 names ? REPO_NEEDS_RESTORE_KEY : REPO_TRIES_RESTORE_KEY, e)) ==
		NULL ||
	    catalog_read(r, NULL, &all, e) < 0 ||
	    (entry = catalog_find(&all, c->settings, c->args.operands[0], e)) ==
		NULL ||
	    catalog_fill(r, &all, entry, e) < 0)
		return (-1);
	j = view_backup(entry, c->settings);
	json_set(c->answer, "backup", j);
	tell(c, entry);
	/* For people, names only when asked for; for programs, when we can. */
	if (!entry->m.has_private || (!names && !c->json))
		return (0);
	return (list_contents(c, r, entry, j, e));
}

static const struct args_option options[] = { { "--files", NULL },
	{ "--tables", NULL }, { NULL, NULL } };

const struct command cmd_show = { "show", "BACKUP [--files|--tables]",
	"one backup in full\n"
	"--files, --tables  the names of what is in it (restore key)",
	options, 1, 1, run };
