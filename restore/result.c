/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a restore did, and what one would do, as CLI.md's JSON.
 */
#include <stdlib.h>

#include "restore/neutralize.h"
#include "restore/restore.h"

void
restore_result_init(struct restore_result *out)
{
	*out = (struct restore_result){ .warnings = json_array() };
}

void
restore_result_free(struct restore_result *out)
{
	json_free(out->warnings);
	out->warnings = NULL;
	if (out->neutralization != NULL)
		neutralize_report_free(out->neutralization);
	free(out->neutralization);
	out->neutralization = NULL;
}

static struct json *
endpoints_json(const struct restore_result *out)
{
	struct json *all = json_object(), *one;
	size_t i;

	for (i = 0; i < out->nendpoints; i++) {
		one = json_object();
		json_set_integer(one, "bytes_fetched",
		    (int64_t)out->endpoints[i].bytes_fetched);
		json_set(all, out->endpoints[i].name, one);
	}
	return (all);
}

static struct json *
database_json(const struct restore_result *out)
{
	struct json *d;

	if (!out->has_database)
		return (json_null());
	d = json_object();
	json_set_string(d, "name", out->database);
	json_set_integer(d, "tables", (int64_t)out->tables);
	json_set_integer(d, "rows", (int64_t)out->rows);
	if (out->schema[0] != '\0')
		json_set_string(d, "schema", out->schema);
	json_set_string(
	    d, "replaced", out->replaced[0] != '\0' ? out->replaced : NULL);
	return (d);
}

static struct json *
files_json(const struct restore_result *out)
{
	struct json *f;

	if (!out->has_files)
		return (json_null());
	f = json_object();
	json_set_integer(f, "count", (int64_t)out->files);
	json_set_integer(f, "fetched", (int64_t)out->files_fetched);
	json_set_integer(f, "reused", (int64_t)out->files_reused);
	return (f);
}

struct json *
restore_result_json(const struct restore_result *out)
{
	struct json *o = json_object();

	json_set_string(o, "backup", out->backup);
	json_set_string(
	    o, "target", out->target[0] != '\0' ? out->target : NULL);
	json_set_real(o, "seconds", out->seconds);
	json_set_integer(o, "bytes_fetched", (int64_t)out->bytes_fetched);
	json_set_integer(o, "bytes_reused", (int64_t)out->bytes_reused);
	json_set(o, "endpoints", endpoints_json(out));
	json_set(o, "database", database_json(out));
	json_set(o, "files", files_json(out));
	json_set_bool(o, "neutralized", out->neutralized);
	json_set(o, "neutralization",
	    out->neutralization != NULL
		? neutralize_report_json(out->neutralization)
		: json_null());
	json_set(o, "warnings", json_ref(out->warnings));
	return (o);
}

void
plan_totals_init(struct plan_totals *t)
{
	*t = (struct plan_totals){ .overwrites = json_array(),
		.warnings = json_array() };
}

void
plan_totals_free(struct plan_totals *t)
{
	json_free(t->overwrites);
	json_free(t->warnings);
	t->overwrites = t->warnings = NULL;
}

struct json *
plan_totals_json(const struct plan_totals *t)
{
	struct json *o = json_object();

	json_set_integer(o, "bytes", (int64_t)t->bytes);
	json_set_integer(o, "objects", (int64_t)t->objects);
	json_set_integer(o, "reused", (int64_t)t->reused);
	json_set_real(o, "seconds_estimated", t->seconds);
	json_set(o, "overwrites", json_ref(t->overwrites));
	json_set(o, "warnings", json_ref(t->warnings));
	return (o);
}
