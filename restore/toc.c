/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text flows in from pg_restore, entries flow out. Nothing in the text is
 * trusted to be well formed but the numbers, which alone go back: names may
 * hold spaces (pg_restore has made newlines into spaces), so names are only
 * ever compared as a whole with what is known from elsewhere.
 */
#include "restore/toc.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"

#define NEEDS_LINE "depends on:"

/* Of several words; the others are one. Longer ones before their beginnings. */
static const char *const long_descs[] = { "ACCESS METHOD", "BLOB METADATA",
	"CHECK CONSTRAINT", "DATABASE PROPERTIES", "DEFAULT ACL",
	"EVENT TRIGGER", "FK CONSTRAINT", "FOREIGN DATA WRAPPER",
	"FOREIGN TABLE", "INDEX ATTACH", "LARGE OBJECT",
	"MATERIALIZED VIEW DATA", "MATERIALIZED VIEW", "OPERATOR CLASS",
	"OPERATOR FAMILY", "PROCEDURAL LANGUAGE",
	"PUBLICATION TABLES IN SCHEMA", "PUBLICATION TABLE", "ROW SECURITY",
	"SECURITY LABEL", "SEQUENCE OWNED BY", "SEQUENCE SET", "SHELL TYPE",
	"STATISTICS DATA", "SUBSCRIPTION TABLE", "TABLE ATTACH", "TABLE DATA",
	"TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY",
	"TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "USER MAPPING" };

void
toc_free(struct toc *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->v[i].line);
		free(l->v[i].needs);
	}
	free(l->v);
	free(l->places);
	*l = (struct toc)TOC_INIT;
}

/* --- parsing --- */

static bool
take_number(const char **at, unsigned long most, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return (false);
	errno = 0;
	*out = strtoul(*at, &end, 10);
	if (errno != 0 || *out > most)
		return (false);
	*at = end;
	return (true);
}

/*
 * Sets desc and what. "TABLE DATA" with a class is a table in a schema called
 * DATA: rows have none.
 */
static void
split_line(struct toc_entry *a, char *text)
{
	size_t i, n;
	char *space;

	for (i = 0; i < sizeof(long_descs) / sizeof(long_descs[0]); i++) {
		n = strlen(long_descs[i]);
		if (strncmp(text, long_descs[i], n) == 0 && text[n] == ' ' &&
		    (a->class_oid == 0 ||
			strcmp(long_descs[i], "TABLE DATA") != 0)) {
			a->desc = long_descs[i];
			a->what = text + n + 1;
			return;
		}
	}
	space = strchrnul(text, ' ');
	a->what = *space != '\0' ? space + 1 : space;
	*space = '\0';
	a->desc = text;
}

static void
note_place(struct toc *l, int id)
{
	size_t more, at = (size_t)id;

	if (at >= l->nplaces) {
		more = at + 1 > l->nplaces * 2 ? at + 1 : l->nplaces * 2;
		l->places = mem_grow(l->places, more, sizeof(*l->places));
		memset(l->places + l->nplaces, 0,
		    (more - l->nplaces) * sizeof(*l->places));
		l->nplaces = more;
	}
	l->places[at] = l->n;
}

/* The three numbers that a line begins with. */
static bool
take_numbers(const char **at, unsigned long *id, unsigned long *class_oid,
    unsigned long *oid)
{
	if (!take_number(at, TOC_ENTRIES_MAX, id) || strncmp(*at, "; ", 2) != 0)
		return (false);
	*at += 2;
	return (take_number(at, UINT32_MAX, class_oid) && *(*at)++ == ' ' &&
	    take_number(at, UINT32_MAX, oid) && *(*at)++ == ' ');
}

/* "216; 1259 16480 TABLE public account_account odoo" */
static int
parse_entry(struct toc *l, const char *line, size_t n, struct err *e)
{
	const char *at = line;
	unsigned long id, class_oid, oid;
	struct toc_entry *a;
	char *text;

	if (!take_numbers(&at, &id, &class_oid, &oid))
		return (err_set(e, ERR_CORRUPT,
		    "the archive's list has the line '%.*s'", (int)n, line));
	if (l->n >= TOC_ENTRIES_MAX)
		return (
		    err_set(e, ERR_CORRUPT, "the archive's list is too long"));
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 256 : l->cap * 2;
		l->v = mem_grow(l->v, l->cap, sizeof(*l->v));
	}
	n -= (size_t)(at - line);
	text = mem_new(n + 1);
	memcpy(text, at, n);
	a = &l->v[l->n++];
	*a = (struct toc_entry){
		.id = (int)id,
		.class_oid = (uint32_t)class_oid,
		.oid = (uint32_t)oid,
		.line = text,
	};
	split_line(a, text);
	note_place(l, a->id);
	return (0);
}

/* "depends on: 6684 216 217": what the entry above needs. */
static int
parse_needs(struct toc *l, const char *at, struct err *e)
{
	struct toc_entry *a;
	unsigned long id;

	if (l->n == 0)
		return (0);
	a = &l->v[l->n - 1];
	while (*at == ' ') {
		at++;
		if (!take_number(&at, INT_MAX - 1, &id))
			return (err_set(e, ERR_CORRUPT,
			    "the archive's list has bad dependencies"));
		a->needs = mem_grow(a->needs, a->nneeds + 1, sizeof(int));
		a->needs[a->nneeds++] = (int)id;
	}
	return (0);
}

static int
parse_line(struct toc *l, const char *line, size_t n, struct err *e)
{
	const char *at = line + 1;

	if (n == 0)
		return (0);
	if (*line != ';')
		return (parse_entry(l, line, n, e));
	while (*at == ' ' || *at == '\t')
		at++;
	if (strncmp(at, NEEDS_LINE, strlen(NEEDS_LINE)) == 0)
		return (parse_needs(l, at + strlen(NEEDS_LINE), e));
	return (0);
}

/* The next line of a text, as a text of its own in line. False at the end. */
static bool
next_line(const char **text, size_t *n, struct buf *line)
{
	const char *end;
	size_t length;

	if (*n == 0)
		return (false);
	end = memchr(*text, '\n', *n);
	length = end != NULL ? (size_t)(end - *text) : *n;
	line->n = 0;
	buf_add(line, *text, length);
	length += end != NULL ? 1 : 0;
	*text += length;
	*n -= length;
	return (true);
}

int
toc_parse(struct toc *l, const char *text, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf line = BUF_INIT;

	while (next_line(&text, &n, &line))
		if (parse_line(l, buf_text(&line), line.n, e) < 0)
			return (-1);
	return (0);
}

int
toc_parse_section(struct toc *l, enum toc_section section, const char *text,
    size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf line = BUF_INIT;
	struct toc_entry *a;
	unsigned long id;
	const char *at;

	while (next_line(&text, &n, &line)) {
		at = buf_text(&line);
		if (*at == ';' || *at == '\0')
			continue;
		if (!take_number(&at, TOC_ENTRIES_MAX, &id) ||
		    (a = toc_find(l, (int)id)) == NULL)
			return (err_set(
			    e, ERR_CORRUPT, "the archive's lists differ"));
		a->section = section;
	}
	return (0);
}

static int
list_archive(const char *const argv[], struct buf *text, struct err *e)
{
	text->n = 0;
	return (proc_run(argv, NULL, NULL, TOC_TEXT_MAX, text, 0, e));
}

int
toc_read(
    const char *pg_restore, const char *archive, struct toc *out, struct err *e)
{
	static const struct {
		enum toc_section section;
		const char *option;
	} runs[] = { { TOC_PRE, "--section=pre-data" },
		{ TOC_DATA, "--section=data" },
		{ TOC_POST, "--section=post-data" } };
	SCOPED(buf_free) struct buf text = BUF_INIT;
	const char *argv[] = { pg_restore, "--list", "--verbose", archive,
		NULL };
	size_t i;

	if (list_archive(argv, &text, e) < 0 ||
	    toc_parse(out, (const char *)text.p, text.n, e) < 0)
		return (err_within(e, "list of the archive"));
	for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		argv[2] = runs[i].option;
		if (list_archive(argv, &text, e) < 0 ||
		    toc_parse_section(out, runs[i].section,
			(const char *)text.p, text.n, e) < 0)
			return (err_within(e, "list of the archive"));
	}
	return (0);
}

/* --- asking --- */

struct toc_entry *
toc_find(const struct toc *l, int id)
{
	if (id < 0 || (size_t)id >= l->nplaces || l->places[id] == 0)
		return (NULL);
	return (&l->v[l->places[id] - 1]);
}

bool
toc_entry_is(const struct toc_entry *a, const char *desc)
{
	return (strcmp(a->desc, desc) == 0);
}

const char *
toc_entry_owner(
    const struct toc_entry *a, size_t nroles, const char *const *roles)
{
	size_t i, n, length = strlen(a->what), best = 0;
	const char *owner = "";

	for (i = 0; i < nroles; i++) {
		n = strlen(roles[i]);
		if (n > best && n < length && a->what[length - n - 1] == ' ' &&
		    strcmp(a->what + length - n, roles[i]) == 0) {
			best = n;
			owner = roles[i];
		}
	}
	return (owner);
}

void
toc_entry_select(const struct toc_entry *a, struct buf *out)
{
	buf_printf(out, "%d;\n", a->id);
}

static bool
needs_left_out(const struct toc *l, const struct toc_entry *a)
{
	const struct toc_entry *need;
	size_t i;

	for (i = 0; i < a->nneeds; i++)
		if ((need = toc_find(l, a->needs[i])) != NULL && need->left_out)
			return (true);
	return (false);
}

void
toc_spread(struct toc *l)
{
	bool changed = true;
	size_t i;

	/* What is needed stands first, nearly always: two rounds. */
	while (changed) {
		changed = false;
		for (i = 0; i < l->n; i++)
			if (!l->v[i].left_out && needs_left_out(l, &l->v[i]))
				changed = l->v[i].left_out = true;
	}
}
