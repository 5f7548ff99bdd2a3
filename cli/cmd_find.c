/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate find: in which backups a file or a table is.
 */
#include "restore/find.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "repository/repo.h"

struct answering {
	struct cli *c;
	const struct catalog *all;
	const struct find_result *found;
};

static const char *
id_of(const struct answering *a, const struct find_match *m, size_t i)
{
	return (a->all->v[m->backups[i]].m.id);
}

static struct json *
view(const struct answering *a, const struct find_match *m)
{
	struct json *j = json_object(), *ids = json_array();

	json_set_string(j, "branch", m->branch);
	json_set_string(j, "kind", named_text(m->kind));
	view_path(j, m->path);
	json_set_integer(j, "bytes", (int64_t)m->bytes);
	if (m->kind == NAMED_TABLE) {
		json_set_string(j, "schema", m->schema);
		json_set_string(j, "name", m->name);
		json_set_integer(j, "rows", m->rows);
	}
	if (m->modified != 0)
		json_set_time(j, "modified", m->modified);
	else
		json_set_null(j, "modified");
	json_set_integer(j, "versions", m->versions);
	json_set_string(j, "first", id_of(a, m, m->n - 1));
	json_set_string(j, "last", id_of(a, m, 0));
	for (size_t i = 0; i < m->n; i++)
		json_append_string(ids, id_of(a, m, i));
	json_set(j, "backups", ids);
	return (j);
}

static void
tell(const struct answering *a, const struct find_match *m)
{
	SCOPED(scope_free) char *path = text_escaped(m->path);
	char bytes[SAY_TEXT], rows[SAY_TEXT] = "";

	if (m->kind == NAMED_TABLE)
		(void)snprintf(
		    rows, sizeof(rows), ", %" PRId64 " rows", m->rows);
	say(a->c, "%-6s %s  %s%s\n", named_text(m->kind), path,
	    say_bytes(m->bytes, bytes), rows);
	say(a->c, "  in %zu backup%s of %s, %u version%s: %s", m->n,
	    m->n == 1 ? "" : "s", m->branch, m->versions,
	    m->versions == 1 ? "" : "s", id_of(a, m, m->n - 1));
	if (m->n > 1)
		say(a->c, " to %s", id_of(a, m, 0));
	say(a->c, "\n");
	if (!args_flag(&a->c->args, "-v"))
		return;
	for (size_t i = 0; i < m->n; i++)
		say(a->c, "    %s\n", id_of(a, m, i));
}

static void
tell_end(const struct answering *a)
{
	if (a->found->n == 0)
		say(a->c, "nothing of that name in %zu backup%s\n",
		    a->found->searched, a->found->searched == 1 ? "" : "s");
	if (!a->found->is_cut)
		return;
	say_warning(a->c,
	    "there are more matches than can be listed: older backups were not searched; narrow the pattern, or add --branch");
	cli_raise(a->c, EXIT_LOOK);
}

static void
answer(const struct answering *a)
{
	struct cli *c = a->c;
	struct json *find = json_object(), *matches = json_array();

	json_set_string(find, "pattern", c->args.operands[0]);
	json_set_integer(find, "searched", (int64_t)a->found->searched);
	json_set_bool(find, "cut", a->found->is_cut);
	json_set(find, "matches", matches);
	json_set(c->answer, "find", find);
	for (size_t i = 0; i < a->found->n; i++) {
		if (c->json)
			json_append(matches, view(a, &a->found->v[i]));
		tell(a, &a->found->v[i]);
	}
	tell_end(a);
}

static int
search(struct cli *c, struct repo *r, struct catalog *all, struct err *e)
{
	SCOPED(remarks_free) struct remarks remarks;
	SCOPED(json_freep) struct json *warnings = json_array();
	SCOPED(find_result_free) struct find_result found = { .n = 0 };
	const struct find_conf conf = { .catalog = all,
		.pattern = c->args.operands[0],
		.remarks = &remarks };
	const struct answering a = { .c = c, .all = all, .found = &found };

	remarks_init(&remarks);
	if (find_run(r, &conf, &found, e) < 0)
		return (-1);
	answer(&a);
	remarks_move(&remarks, warnings);
	say_warnings_of(c, warnings);
	if (found.unread == 0)
		return (0);
	(void)err_set(e, ERR_CORRUPT,
	    "%zu backups could not be searched: damaged at every endpoint",
	    found.unread);
	return (err_hint(e, "'triplicate verify --repair' heals what it can"));
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const char *branch = args_value(&c->args, "--branch");

	c->answer = json_object();
	if (cli_settings(c, e) < 0)
		return (-1);
	r = repo_open(c->settings, REPO_READ, REPO_NEEDS_RESTORE_KEY, e);
	if (r == NULL || catalog_read(r, branch, &all, e) < 0)
		return (-1);
	/* A branch that left the configuration may still have backups. */
	if (branch != NULL && all.n == 0 &&
	    settings_branch(c->settings, branch, e) == NULL)
		return (-1);
	r->progress = c->progress;
	return (search(c, r, &all, e));
}

static const struct args_option options[] = { { "--branch", "BRANCH" },
	{ NULL, NULL } };

const struct command cmd_find = { "find", "PATTERN [--branch BRANCH]",
	"in which backups a file or table is (restore key)\n"
	"PATTERN is compared with the last part of a path, or with a table's\n"
	"name (sale_order, or public.sale_order); * ? and [ ] as in a shell. One\n"
	"with a / is compared with the whole path.\n"
	"-v  lists each backup",
	options, 1, 1, run };
