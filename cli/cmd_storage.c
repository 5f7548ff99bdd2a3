/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate storage: where the bytes are, from local state alone.
 */
#include "retention/storage.h"

#include <inttypes.h>

#include "cli/cli.h"
#include "repository/repo.h"

static const char *const classes[STATE_CLASSES] = { [STATE_ROOT] = "other",
	[STATE_PACK] = "packs",
	[STATE_INDEX] = "index",
	[STATE_AUDIT] = "audit",
	[STATE_MANIFEST] = "backups" };

static void
set_size(struct json *into, const char *key, uint64_t bytes)
{
	json_set_integer(into, key, (int64_t)bytes);
}

/* How many bytes were read for each that is kept; null without any. */
static void
set_ratio(struct json *into, const struct storage *s)
{
	if (s->bytes_needed > 0)
		json_set_real(into, "deduplication",
		    (double)s->bytes_logical / (double)s->bytes_needed);
	else
		json_set_null(into, "deduplication");
}

/* --- branches --- */

static struct json *
view_share(const struct storage_share *s)
{
	struct json *j;

	if (s->backups == 0)
		return (json_null());
	j = json_object();
	set_size(j, "bytes_logical", s->bytes_logical);
	set_size(j, "bytes_new", s->bytes_new);
	set_size(j, "bytes_stored", s->bytes_stored);
	return (j);
}

static struct json *
view_branch(const struct storage_branch *b)
{
	struct json *j = json_object();

	json_set_integer(j, "backups", (int64_t)b->backups);
	set_size(j, "bytes_logical", b->bytes_logical);
	set_size(j, "bytes_stored", b->bytes_stored);
	set_size(j, "bytes_needed", b->bytes_needed);
	set_size(j, "bytes_alone", b->bytes_alone);
	for (unsigned i = 0; i < STORAGE_PARTS; i++)
		json_set(j, storage_part_text(i), view_share(&b->parts[i]));
	return (j);
}

static void
tell_branch(const struct cli *c, const struct storage_branch *b)
{
	char logical[SAY_TEXT], stored[SAY_TEXT], needed[SAY_TEXT],
	    alone[SAY_TEXT];

	say(c,
	    "branch %-14s %zu backup%s, %s read, %s stored; needs %s, %s of it alone\n",
	    b->name, b->backups, b->backups == 1 ? "" : "s",
	    say_bytes(b->bytes_logical, logical),
	    say_bytes(b->bytes_stored, stored),
	    say_bytes(b->bytes_needed, needed),
	    say_bytes(b->bytes_alone, alone));
	for (unsigned i = 0; i < STORAGE_PARTS; i++)
		if (b->parts[i].backups > 0)
			say(c, "  %-19s %10s read, %10s stored\n",
			    storage_part_text(i),
			    say_bytes(b->parts[i].bytes_logical, logical),
			    say_bytes(b->parts[i].bytes_stored, stored));
}

static struct json *
branches(const struct cli *c, const struct storage *s)
{
	struct json *list = json_object();

	for (size_t i = 0; i < s->nbranches; i++) {
		json_set(
		    list, s->branches[i].name, view_branch(&s->branches[i]));
		tell_branch(c, &s->branches[i]);
	}
	return (list);
}

/* --- backups --- */

static struct json *
backups(const struct cli *c, const struct storage *s)
{
	struct json *list = json_array();

	for (size_t i = 0; i < s->catalog.n; i++) {
		const struct storage_backup *b = &s->backups[i];
		const struct manifest *m = &b->entry->m;
		struct json *j = json_object();
		char needed[SAY_TEXT], alone[SAY_TEXT];

		json_set_string(j, "id", m->id);
		json_set_string(j, "branch", m->branch);
		json_set_integer(j, "bytes_logical",
		    json_get_integer(m->counts, "bytes_logical", 0));
		json_set_integer(j, "bytes_stored",
		    json_get_integer(m->counts, "bytes_stored", 0));
		set_size(j, "bytes_needed", b->bytes_needed);
		set_size(j, "bytes_alone", b->bytes_alone);
		json_append(list, j);
		say(c, "  %-25s %-14s needs %10s, %10s of it alone\n", m->id,
		    m->branch, say_bytes(b->bytes_needed, needed),
		    say_bytes(b->bytes_alone, alone));
	}
	return (list);
}

/* --- endpoints, and this machine --- */

static struct json *
view_endpoint(
    const struct cli *c, const char *name, const struct storage_endpoint *at)
{
	struct json *j = json_object();
	uint64_t objects = 0, bytes = 0;
	char there[SAY_TEXT], packs[SAY_TEXT], lacks[SAY_TEXT];

	for (unsigned i = 0; i < STATE_CLASSES; i++) {
		objects += at->objects[i];
		bytes += at->bytes[i];
	}
	json_set_integer(j, "objects", (int64_t)objects);
	set_size(j, "bytes", bytes);
	for (unsigned i = 0; i < STATE_CLASSES; i++)
		set_size(j, classes[i], at->bytes[i]);
	json_set_integer(j, "pending_objects", (int64_t)at->pending_objects);
	set_size(j, "pending_bytes", at->pending_bytes);
	say(c, "endpoint %-12s %s in %" PRIu64 " objects, %s of it packs", name,
	    say_bytes(bytes, there), objects,
	    say_bytes(at->bytes[STATE_PACK], packs));
	if (at->pending_objects > 0)
		say(c, "; lacks %s", say_bytes(at->pending_bytes, lacks));
	say(c, "\n");
	return (j);
}

static struct json *
endpoints(const struct cli *c, const struct storage *s)
{
	struct json *list = json_object();

	for (size_t i = 0; i < c->settings->nendpoints; i++) {
		const char *name = c->settings->endpoints[i].name;

		json_set(list, name, view_endpoint(c, name, &s->endpoints[i]));
	}
	return (list);
}

static struct json *
spool(const struct cli *c, const struct storage *s)
{
	struct json *j = json_object();
	char bytes[SAY_TEXT], limit[SAY_TEXT];

	json_set_integer(j, "packs", (int64_t)s->spool_packs);
	json_set_integer(j, "objects", (int64_t)s->spool_objects);
	set_size(j, "bytes", s->spool_bytes);
	set_size(j, "limit", c->settings->spool_limit);
	say(c, "spool                 %s in %" PRIu64 " objects, of %s\n",
	    say_bytes(s->spool_bytes, bytes), s->spool_objects,
	    say_bytes(c->settings->spool_limit, limit));
	return (j);
}

/* --- all of it --- */

static void
tell_sums(const struct cli *c, const struct storage *s)
{
	char logical[SAY_TEXT], needed[SAY_TEXT];

	say(c, "%zu backup%s: %s read", s->catalog.n,
	    s->catalog.n == 1 ? "" : "s", say_bytes(s->bytes_logical, logical));
	if (s->bytes_needed > 0)
		say(c, "; one copy that serves all of them takes %s, %.1f : 1",
		    say_bytes(s->bytes_needed, needed),
		    (double)s->bytes_logical / (double)s->bytes_needed);
	say(c, "\n");
}

static void
tell_unneeded(
    const struct cli *c, const struct storage *s, struct json *storage)
{
	char bytes[SAY_TEXT];

	set_size(storage, "reclaimable", s->reclaimable_bytes);
	json_set_integer(
	    storage, "reclaimable_packs", (int64_t)s->reclaimable_packs);
	set_size(storage, "unfinished", s->unfinished_bytes);
	say(c,
	    "reclaimable           %s, in %" PRIu64
	    " packs that no backup needs\n",
	    say_bytes(s->reclaimable_bytes, bytes), s->reclaimable_packs);
	if (s->unfinished_packs > 0)
		say(c,
		    "unfinished            %s of a backup that runs, or was stopped: the next one uses it\n",
		    say_bytes(s->unfinished_bytes, bytes));
}

static void
answer(struct cli *c, const struct storage *s)
{
	struct json *j = json_object();

	tell_sums(c, s);
	json_set_integer(j, "count", (int64_t)s->catalog.n);
	set_size(j, "bytes_logical", s->bytes_logical);
	set_size(j, "bytes_stored", s->bytes_stored);
	set_size(j, "bytes_needed", s->bytes_needed);
	set_ratio(j, s);
	json_set(j, "branches", branches(c, s));
	json_set(j, "backups", backups(c, s));
	json_set(j, "endpoints", endpoints(c, s));
	json_set(j, "spool", spool(c, s));
	tell_unneeded(c, s, j);
	json_set(c->answer, "storage", j);
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(storage_free) struct storage s = { .nbranches = 0 };

	c->answer = json_object();
	if (cli_settings(c, e) < 0 ||
	    (r = repo_open(c->settings, REPO_READ, 0, e)) == NULL ||
	    storage_read(r, &s, e) < 0)
		return (-1);
	answer(c, &s);
	return (0);
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_storage = { "storage", "",
	"where the bytes are: by branch, backup and endpoint\n"
	"read    as the sources have it\n"
	"stored  what a backup added when it was made, sealed\n"
	"needs   what it takes to restore it, shared with others or not\n"
	"alone   of that, what nobody else needs",
	options, 0, 0, run };
