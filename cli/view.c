/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a backup looks to a reader: the JSON of CLI.md's `backup`, from a
 * catalog entry. Counts are copied as the backup's manifest has them, so that
 * a later version's figures show without a change here. And names inside one.
 */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

static void
copy_count(const char *key, const struct json *value, void *arg)
{
	struct json *into = arg;
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;

	json_write(value, false, &text);
	/* A count is a document of ours: parsing it again copies it. */
	json_set(into, key, json_parse(buf_text(&text), text.n, &ignored));
}

void
view_endpoint_states(const struct catalog_entry *entry,
    const struct settings *s, struct json *into)
{
	for (size_t i = 0; i < s->nendpoints; i++)
		json_set_string(
		    into, s->endpoints[i].name, copy_state_text(entry->at[i]));
}

void
view_path(struct json *into, const char *path)
{
	SCOPED(scope_free) char *hex = NULL;
	size_t n = strlen(path);

	json_set_string(into, "path", path);
	if (text_is_valid(path))
		return;
	hex = mem_new(2 * n + 1);
	hex_of((const uint8_t *)path, n, hex);
	json_set_string(into, "path_hex", hex);
}

struct json *
view_backup(const struct catalog_entry *entry, const struct settings *s)
{
	const struct manifest *m = &entry->m;
	struct json *j = json_object(), *endpoints = json_object();

	json_set_string(j, "id", m->id);
	json_set_string(j, "branch", m->branch);
	json_set_string(j, "stage", m->stage);
	json_set_string(j, "type", m->type);
	json_set_string(j, "state", catalog_state(entry));
	json_set_time(j, "started", m->started);
	json_set_time(j, "finished", m->finished);
	json_set_integer(j, "seconds", m->finished - m->started);
	json_each(m->counts, copy_count, j);
	for (size_t i = 0; i < s->nendpoints; i++) {
		struct json *at = json_object();

		json_set_string(at, "state", copy_state_text(entry->at[i]));
		json_set_null(at, "bytes_sent");
		json_set_null(at, "error");
		json_set(endpoints, s->endpoints[i].name, at);
	}
	json_set(j, "endpoints", endpoints);
	json_set_bool(j, "pinned", entry->pinned);
	json_set_string(
	    j, "comment", entry->comment[0] != '\0' ? entry->comment : NULL);
	if (entry->verified != 0)
		json_set_time(j, "verified", entry->verified);
	else
		json_set_null(j, "verified");
	if (entry->drilled != 0)
		json_set_time(j, "drilled", entry->drilled);
	else
		json_set_null(j, "drilled");
	return (j);
}
