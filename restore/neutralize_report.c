/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a neutralization did and found, as lists and as JSON. Counts and names
 * only: no value of the database ever gets here.
 */
#include "restore/neutralize_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define WARNING_TEXT 400

void
neutralize_report_init(struct neutralize_report *r)
{
	*r = (struct neutralize_report)NEUTRALIZE_REPORT_INIT;
}

void
neutralize_report_forget_proof(struct neutralize_report *r)
{
	for (size_t i = 0; i < r->nproof; i++) {
		free(r->proof[i].name);
		free(r->proof[i].detail);
	}
	for (size_t i = 0; i < r->nunknown; i++) {
		free(r->unknown[i].module);
		free(r->unknown[i].table);
		free(r->unknown[i].column);
	}
	r->nproof = 0;
	r->nunknown = 0;
}

void
neutralize_report_free(struct neutralize_report *r)
{
	neutralize_report_forget_proof(r);
	for (size_t i = 0; i < r->nrules; i++) {
		free(r->rules[i].name);
		free(r->rules[i].message);
	}
	for (size_t i = 0; i < r->nwarnings; i++)
		free(r->warnings[i]);
	free(r->rules);
	free(r->proof);
	free(r->unknown);
	free(r->warnings);
	neutralize_report_init(r);
}

struct neutralize_rule *
neutralize_report_rule(struct neutralize_report *r, const char *name)
{
	for (size_t i = 0; i < r->nrules; i++)
		if (strcmp(r->rules[i].name, name) == 0)
			return (&r->rules[i]);
	r->rules = mem_grow(r->rules, r->nrules + 1, sizeof(r->rules[0]));
	r->rules[r->nrules] = (struct neutralize_rule){
		.name = mem_string(name),
		.state = NEUTRALIZE_ABSENT,
	};
	return (&r->rules[r->nrules++]);
}

void
neutralize_report_outcome(struct neutralize_rule *rule,
    enum neutralize_state state, int64_t rows, const char *message)
{
	if (state > rule->state)
		rule->state = state;
	rule->rows += rows;
	if (message != NULL) {
		free(rule->message);
		rule->message = mem_string(message);
	}
}

/* Appends detail to what is there, separated by a comma. */
static void
add_detail(struct neutralize_check *check, const char *detail)
{
	char *joined;

	if (detail == NULL)
		return;
	joined = check->detail == NULL
	    ? mem_string(detail)
	    : mem_printf("%s, %s", check->detail, detail);
	free(check->detail);
	check->detail = joined;
}

void
neutralize_report_check(struct neutralize_report *r, const char *name, bool ok,
    int64_t found, const char *detail)
{
	struct neutralize_check *check = NULL;

	for (size_t i = 0; i < r->nproof && check == NULL; i++)
		if (strcmp(r->proof[i].name, name) == 0)
			check = &r->proof[i];
	if (check == NULL) {
		r->proof = mem_grow(
		    r->proof, r->nproof + 1, sizeof(r->proof[0]));
		check = &r->proof[r->nproof++];
		*check = (struct neutralize_check){
			.name = mem_string(name),
			.ok = true,
		};
	}
	check->ok = check->ok && ok;
	check->found += found;
	add_detail(check, detail);
}

void
neutralize_report_unknown(struct neutralize_report *r, const char *module,
    const char *table, const char *column, int64_t count)
{
	r->unknown = mem_grow(
	    r->unknown, r->nunknown + 1, sizeof(r->unknown[0]));
	r->unknown[r->nunknown++] = (struct neutralize_unknown){
		.module = mem_string(module),
		.table = mem_string(table),
		.column = mem_string(column),
		.count = count,
	};
}

/* The same warning twice says no more than once. */
void
neutralize_report_warn(struct neutralize_report *r, const char *fmt, ...)
{
	char text[WARNING_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < r->nwarnings; i++)
		if (strcmp(r->warnings[i], text) == 0)
			return;
	r->warnings = mem_grow(
	    r->warnings, r->nwarnings + 1, sizeof(r->warnings[0]));
	r->warnings[r->nwarnings++] = mem_string(text);
}

bool
neutralize_report_ok(const struct neutralize_report *r)
{
	for (size_t i = 0; i < r->nproof; i++)
		if (!r->proof[i].ok)
			return (false);
	return (r->nproof > 0);
}

static struct json *
rules_json(const struct neutralize_report *r)
{
	static const char *const states[] = { "absent", "applied", "failed" };
	struct json *list = json_array();

	for (size_t i = 0; i < r->nrules; i++) {
		struct json *o = json_object();

		json_set_string(o, "name", r->rules[i].name);
		json_set_integer(o, "rows", r->rules[i].rows);
		json_set_string(o, "state", states[r->rules[i].state]);
		if (r->rules[i].message != NULL)
			json_set_string(o, "message", r->rules[i].message);
		json_append(list, o);
	}
	return (list);
}

static struct json *
proof_json(const struct neutralize_report *r)
{
	struct json *list = json_array();

	for (size_t i = 0; i < r->nproof; i++) {
		struct json *o = json_object();

		json_set_string(o, "name", r->proof[i].name);
		json_set_bool(o, "ok", r->proof[i].ok);
		json_set_integer(o, "found", r->proof[i].found);
		if (r->proof[i].detail != NULL)
			json_set_string(o, "detail", r->proof[i].detail);
		json_append(list, o);
	}
	return (list);
}

static struct json *
unknown_json(const struct neutralize_report *r)
{
	struct json *list = json_array();

	for (size_t i = 0; i < r->nunknown; i++) {
		struct json *o = json_object();

		json_set_string(o, "module", r->unknown[i].module);
		json_set_string(o, "table", r->unknown[i].table);
		json_set_string(o, "column", r->unknown[i].column);
		json_set_integer(o, "count", r->unknown[i].count);
		json_append(list, o);
	}
	return (list);
}

struct json *
neutralize_report_json(const struct neutralize_report *r)
{
	struct json *o = json_object();

	json_set(o, "rules", rules_json(r));
	json_set(o, "proof", proof_json(r));
	json_set(o, "unknown_modules", unknown_json(r));
	return (o);
}
