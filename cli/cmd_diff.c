/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate diff: what differs between two backups, by name.
 */
#include "restore/diff.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "repository/repo.h"

#define SHOWN 20 /* of each kind and change, for people, without -v */

static const char *const groups[DIFF_KINDS] = { [NAMED_TABLE] = "tables",
	[NAMED_FILE] = "files",
	[NAMED_LOG] = "logs",
	[NAMED_STREAM] = "streams" };
static const char *const changes[DIFF_CHANGES] = { [DIFF_ADDED] = "added",
	[DIFF_REMOVED] = "removed",
	[DIFF_CHANGED] = "changed" };
static const char marks[DIFF_CHANGES] = { '+', '-', 'M' };

struct listing {
	const struct cli *c;
	bool all; /* to people, too */
	uint64_t shown[DIFF_KINDS][DIFF_CHANGES];
	struct json *lists[DIFF_KINDS][DIFF_CHANGES]; /* the answer's */
};

/* --- for programs --- */

static void
set_figures(struct json *j, const struct diff_item *d, const char *what,
    int64_t before, int64_t after)
{
	char key[32];

	if (d->change != DIFF_CHANGED) {
		json_set_integer(
		    j, what, d->change == DIFF_ADDED ? after : before);
		return;
	}
	(void)snprintf(key, sizeof(key), "%s_before", what);
	json_set_integer(j, key, before);
	(void)snprintf(key, sizeof(key), "%s_after", what);
	json_set_integer(j, key, after);
}

static void
add_to_answer(struct listing *l, const struct diff_item *d)
{
	struct json *j = json_object();

	json_append(l->lists[d->named->kind][d->change], j);
	if (d->named->kind == NAMED_TABLE) {
		json_set_string(j, "schema", d->named->schema);
		json_set_string(j, "name", d->named->name);
		set_figures(j, d, "rows", d->rows_before, d->rows_after);
	} else
		view_path(j, d->entry->path);
	set_figures(
	    j, d, "bytes", (int64_t)d->bytes_before, (int64_t)d->bytes_after);
}

/* --- for people --- */

static void
say_item(const struct cli *c, const struct diff_item *d)
{
	SCOPED(scope_free) char *path = text_escaped(d->entry->path);
	char before[SAY_TEXT], after[SAY_TEXT];
	const char *arrow = d->change == DIFF_CHANGED ? " -> " : "";

	if (d->named->kind == NAMED_TABLE) {
		(void)snprintf(
		    before, sizeof(before), "%" PRId64, d->rows_before);
		(void)snprintf(
		    after, sizeof(after), "%" PRId64 " rows", d->rows_after);
		if (d->change == DIFF_REMOVED)
			(void)snprintf(before, sizeof(before),
			    "%" PRId64 " rows", d->rows_before);
	} else {
		say_bytes(d->bytes_before, before);
		say_bytes(d->bytes_after, after);
	}
	say(c, "%c %-6s %-60s %s%s%s\n", marks[d->change],
	    named_text(d->named->kind), path,
	    d->change == DIFF_ADDED ? "" : before, arrow,
	    d->change == DIFF_REMOVED ? "" : after);
}

/* There may be millions: only a program's lists are kept whole. */
static int
take(const struct diff_item *d, void *arg, struct err *e)
{
	struct listing *l = arg;

	(void)e;
	if (l->c->json)
		add_to_answer(l, d);
	else if (l->all || l->shown[d->named->kind][d->change] < SHOWN) {
		l->shown[d->named->kind][d->change]++;
		say_item(l->c, d);
	}
	return (0);
}

static void
tell(const struct listing *l, const struct diff_totals *t)
{
	uint64_t n = 0, hidden = 0;

	for (unsigned kind = 0; kind < DIFF_KINDS; kind++) {
		const uint64_t *of = t->n[kind];

		if (of[DIFF_ADDED] + of[DIFF_REMOVED] + of[DIFF_CHANGED] == 0)
			continue;
		say(l->c,
		    "%-8s %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
		    " changed\n",
		    groups[kind], of[DIFF_ADDED], of[DIFF_REMOVED],
		    of[DIFF_CHANGED]);
		for (unsigned i = 0; i < DIFF_CHANGES; i++) {
			n += of[i];
			hidden += of[i] - l->shown[kind][i];
		}
	}
	if (n == 0)
		say(l->c, "tables, files and logs are the same\n");
	if (t->has_definitions)
		say(l->c, "definitions, sequences and large objects %s\n",
		    t->definitions_changed ? "differ" : "are the same");
	if (hidden > 0)
		say(l->c,
		    "%" PRIu64 " more are not shown: -v or --json lists all\n",
		    hidden);
}

/* --- the command --- */

static struct json *
make_lists(
    struct listing *l, const struct manifest *from, const struct manifest *to)
{
	struct json *diff = json_object();

	json_set_string(diff, "from", from->id);
	json_set_string(diff, "to", to->id);
	for (unsigned kind = 0; kind < DIFF_KINDS; kind++) {
		struct json *group = json_object();

		json_set(diff, groups[kind], group);
		for (unsigned i = 0; i < DIFF_CHANGES; i++) {
			l->lists[kind][i] = json_array();
			json_set(group, changes[i], l->lists[kind][i]);
		}
	}
	return (diff);
}

static int
compare(struct cli *c, struct repo *r, const struct manifest *from,
    const struct manifest *to, struct err *e)
{
	SCOPED(remarks_free) struct remarks remarks;
	SCOPED(json_freep) struct json *warnings = json_array();
	struct listing l = { .c = c, .all = args_flag(&c->args, "-v") };
	struct diff_conf conf = { .from = from,
		.to = to,
		.remarks = &remarks,
		.tell = take,
		.arg = &l };
	struct json *diff = make_lists(&l, from, to);
	struct diff_totals totals;

	remarks_init(&remarks);
	json_set(c->answer, "diff", diff);
	say(c, "from %s of %s\nto   %s of %s\n", from->id, from->branch, to->id,
	    to->branch);
	if (diff_run(r, &conf, &totals, e) < 0)
		return (-1);
	if (totals.has_definitions)
		json_set_bool(
		    diff, "definitions_changed", totals.definitions_changed);
	else
		json_set_null(diff, "definitions_changed");
	tell(&l, &totals);
	remarks_move(&remarks, warnings);
	say_warnings_of(c, warnings);
	return (0);
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(catalog_free) struct catalog all = { .n = 0 };
	const struct catalog_entry *of[2];

	c->answer = json_object();
	if (cli_settings(c, e) < 0)
		return (-1);
	r = repo_open(c->settings, REPO_READ, REPO_NEEDS_RESTORE_KEY, e);
	if (r == NULL || catalog_read(r, NULL, &all, e) < 0)
		return (-1);
	r->progress = c->progress;
	for (unsigned i = 0; i < 2; i++) {
		of[i] = catalog_find(&all, c->settings, c->args.operands[i], e);
		if (of[i] == NULL || catalog_fill(r, &all, of[i], e) < 0)
			return (-1);
	}
	return (compare(c, r, &of[0]->m, &of[1]->m, e));
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_diff = { "diff", "BACKUP BACKUP",
	"what differs between two backups: tables, files, logs (restore key)\n"
	"From the first to the second; contents are compared by checksum. For\n"
	"people each list is cut, unless -v is given.",
	options, 2, 2, run };
