/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of a configuration file go in, sections with keys, values and line
 * numbers come out, each checked against the list of what the program knows.
 * Messages show the file and the line, never the line's text: it may hold a
 * password. Reading a value as a number or a time is in conf_value.c.
 */
#include "base/conf.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define BLANK	       " \t"
#define NAME_MAX_BYTES 64

struct pair {
	char *key;
	char *value;
	unsigned line;
};

struct section {
	char *kind;
	char *name; /* "" where the kind has none */
	unsigned line;
	const struct conf_section_def *def;
	struct pair *pairs;
	size_t n;
};

struct conf {
	char *path;
	struct section *sections;
	size_t n;
};

/* The parser's place in the file. */
struct place {
	struct conf *conf;
	const struct conf_section_def *known;
	unsigned line;
};

static int fail(const struct place *at, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* "FILE:LINE: …" */
static int
fail(const struct place *at, struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return (err_set(
	    e, ERR_CONFIG, "%s:%u: %s", at->conf->path, at->line, text));
}

static bool
has_key(const struct conf_section_def *def, const char *key)
{
	size_t i;

	for (i = 0; def->keys[i] != NULL; i++)
		if (strcmp(def->keys[i], key) == 0)
			return (true);
	return (false);
}

static const char *
nearest_key(const struct conf_section_def *def, const char *key)
{
	const char *best = "";
	size_t best_far = TEXT_FAR + 1, far, i;

	for (i = 0; def->keys[i] != NULL; i++) {
		far = text_distance(key, def->keys[i]);
		if (far < best_far) {
			best = def->keys[i];
			best_far = far;
		}
	}
	return (best);
}

static const char *
nearest_kind(const struct conf_section_def *known, const char *kind)
{
	const char *best = "";
	size_t best_far = TEXT_FAR + 1, far;

	for (; known->kind != NULL; known++) {
		far = text_distance(kind, known->kind);
		if (far < best_far) {
			best = known->kind;
			best_far = far;
		}
	}
	return (best);
}

/* Cuts blanks off both ends, in place. */
static char *
trim(char *text)
{
	size_t n;

	text += strspn(text, BLANK);
	n = strlen(text);
	while (n > 0 && strchr(BLANK, text[n - 1]) != NULL)
		n--;
	text[n] = '\0';
	return (text);
}

/* Names become parts of paths, commands and messages: one plain word. */
static bool
is_good_name(const char *name)
{
	const char *p;

	for (p = name; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return (false);
	return (strlen(name) <= NAME_MAX_BYTES && *name != '.' &&
	    *name != '-' && strpbrk(name, " \t/\\\"'[]=,~*?") == NULL);
}

static int
add_section(struct place *at, const struct conf_section_def *def,
    const char *name, struct err *e)
{
	struct conf *c = at->conf;
	struct section *s;
	size_t i;

	for (i = 0; i < c->n; i++) {
		s = &c->sections[i];
		if (strcmp(s->kind, def->kind) == 0 &&
		    strcmp(s->name, name) == 0)
			return (fail(at, e,
			    "section [%s%s%s] is there already, on line %u; "
			    "expected it once",
			    s->kind, *name != '\0' ? " " : "", name, s->line));
	}
	c->sections = mem_grow(c->sections, c->n + 1, sizeof(*c->sections));
	s = &c->sections[c->n++];
	memset(s, 0, sizeof(*s));
	s->kind = mem_string(def->kind);
	s->name = mem_string(name);
	s->line = at->line;
	s->def = def;
	return (0);
}

/* "[kind]" or "[kind name]", and perhaps a comment. */
static int
take_section(struct place *at, char *text, struct err *e)
{
	const struct conf_section_def *def = at->known;
	char *end = strchr(text, ']'), *kind, *name;

	if (end == NULL)
		return (fail(at, e, "expected ']' at the end of a section"));
	*end = '\0';
	end += 1 + strspn(end + 1, BLANK);
	if (*end != '\0' && *end != ';' && *end != '#')
		return (fail(at, e, "expected nothing after ']'"));
	kind = trim(text + 1);
	name = kind + strcspn(kind, BLANK);
	if (*name != '\0')
		*name++ = '\0';
	name = trim(name);
	while (def->kind != NULL && strcmp(def->kind, kind) != 0)
		def++;
	if (def->kind == NULL)
		return (fail(at, e,
		    "unknown section '%s'; nearest known section: '%s'", kind,
		    nearest_kind(at->known, kind)));
	if (def->named && *name == '\0')
		return (fail(at, e, "expected a name: [%s NAME]", kind));
	if (!def->named && *name != '\0')
		return (fail(
		    at, e, "[%s] takes no name: expected [%s]", kind, kind));
	if (!is_good_name(name))
		return (fail(at, e,
		    "[%s %s]: expected a name of one word, of at most %d "
		    "letters, digits, '-', '_' and '.'",
		    kind, name, NAME_MAX_BYTES));
	return (add_section(at, def, name, e));
}

/* The value between double quotes, in place; text stands after the first. */
static int
unquote(const struct place *at, char *text, struct err *e)
{
	char *to = text;

	for (; *text != '"'; text++) {
		if (*text == '\0')
			return (fail(at, e, "expected '\"' at the end"));
		if (*text == '\\') {
			text++;
			if (*text != '"' && *text != '\\')
				return (fail(at, e,
				    "expected \\\" or \\\\ after a backslash "
				    "in quotes"));
		}
		*to++ = *text;
	}
	text += 1 + strspn(text + 1, BLANK);
	if (*text != '\0' && *text != ';' && *text != '#')
		return (fail(at, e, "expected nothing after the value"));
	*to = '\0';
	return (0);
}

/* What to do with a key that its section doesn't have. */
static int
fail_unknown_key(const struct place *at, const struct section *s,
    const char *key, struct err *e)
{
	const char *space = *s->name != '\0' ? " " : "";
	const struct conf_section_def *other;

	for (other = at->known; other->kind != NULL; other++)
		if (has_key(other, key))
			return (fail(at, e,
			    "key '%s' belongs into [%s%s], not into [%s%s%s]; "
			    "nearest known key there: '%s'",
			    key, other->kind, other->named ? " NAME" : "",
			    s->kind, space, s->name, nearest_key(s->def, key)));
	return (
	    fail(at, e, "unknown key '%s' in [%s%s%s]; nearest known key: '%s'",
		key, s->kind, space, s->name, nearest_key(s->def, key)));
}

static int
add_pair(struct place *at, const char *key, const char *value, struct err *e)
{
	struct section *s = &at->conf->sections[at->conf->n - 1];
	struct pair *p;
	size_t i;

	if (!has_key(s->def, key))
		return (fail_unknown_key(at, s, key, e));
	for (i = 0; i < s->n; i++)
		if (strcmp(s->pairs[i].key, key) == 0)
			return (fail(at, e,
			    "key '%s' is there already, on line %u; "
			    "expected it once",
			    key, s->pairs[i].line));
	s->pairs = mem_grow(s->pairs, s->n + 1, sizeof(*s->pairs));
	p = &s->pairs[s->n++];
	p->key = mem_string(key);
	p->value = mem_string(value);
	p->line = at->line;
	return (0);
}

/* "key = value", and perhaps a comment. */
static int
take_pair(struct place *at, char *text, struct err *e)
{
	char *value = strchr(text, '=');
	size_t comment = strcspn(text, ";#");

	if (value == NULL || comment < (size_t)(value - text))
		return (fail(at, e, "expected KEY = VALUE or [SECTION]"));
	*value++ = '\0';
	text = trim(text);
	if (*text == '\0')
		return (fail(at, e, "expected a key before '='"));
	if (at->conf->n == 0)
		return (fail(at, e, "expected a [SECTION] before '%s'", text));
	value += strspn(value, BLANK);
	if (*value == '"') {
		value++;
		if (unquote(at, value, e) < 0)
			return (-1);
	} else {
		value[strcspn(value, ";#")] = '\0';
		value = trim(value);
	}
	return (add_pair(at, text, value, e));
}

/* One line without its end. p is not terminated; n was checked. */
static int
take_line(struct place *at, const char *p, size_t n, struct err *e)
{
	SCOPED(scope_free) char *copy = NULL;
	char *text;

	if (n > 0 && p[n - 1] == '\r')
		n--;
	if (n > CONF_LINE_MAX)
		return (
		    fail(at, e, "line is longer than the expected %zu bytes",
			CONF_LINE_MAX));
	if (n > 0 && memchr(p, '\0', n) != NULL)
		return (fail(at, e, "a zero byte; expected a text file"));
	copy = mem_new(n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	text = trim(copy);
	if (*text == '\0' || *text == ';' || *text == '#')
		return (0);
	if (*text == '[')
		return (take_section(at, text, e));
	return (take_pair(at, text, e));
}

struct conf *
conf_parse(const char *path, const char *text, size_t n,
    const struct conf_section_def *known, struct err *e)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some editors' first */
	SCOPED(conf_freep) struct conf *c = mem_new(sizeof(*c));
	struct place at = { .conf = c, .known = known };
	const char *end;
	size_t length;

	c->path = mem_string(path);
	if (n >= sizeof(mark) - 1 &&
	    memcmp(text, mark, sizeof(mark) - 1) == 0) {
		text += sizeof(mark) - 1;
		n -= sizeof(mark) - 1;
	}
	while (n > 0) {
		at.line++;
		end = memchr(text, '\n', n);
		length = end != NULL ? (size_t)(end - text) : n;
		if (take_line(&at, text, length, e) < 0)
			return (NULL);
		length += end != NULL ? 1 : 0;
		text += length;
		n -= length;
	}
	return (TAKE(c));
}

struct conf *
conf_read(const char *path, const struct conf_section_def *known, struct err *e)
{
	SCOPED(buf_wipe) struct buf text = BUF_INIT;

	if (file_load_followed(path, CONF_FILE_MAX, &text, e) < 0) {
		e->kind = ERR_CONFIG; /* whatever it is, it is the operator's */
		(void)err_hint(e,
		    "expected a text file that this user may read, of at most "
		    "%zu bytes",
		    CONF_FILE_MAX);
		return (NULL);
	}
	return (conf_parse(path, buf_text(&text), text.n, known, e));
}

/* Values may be secret: wiped. */
static void
free_section(struct section *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		explicit_bzero(s->pairs[i].value, strlen(s->pairs[i].value));
		free(s->pairs[i].value);
		free(s->pairs[i].key);
	}
	free(s->pairs);
	free(s->kind);
	free(s->name);
}

void
conf_free(struct conf *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++)
		free_section(&c->sections[i]);
	free(c->sections);
	free(c->path);
	free(c);
}

void
conf_freep(struct conf **c)
{
	conf_free(*c);
	*c = NULL;
}

const char *
conf_path(const struct conf *c)
{
	return (c->path);
}

size_t
conf_sections(const struct conf *c)
{
	return (c->n);
}

const char *
conf_section_kind(const struct conf *c, size_t section)
{
	return (c->sections[section].kind);
}

const char *
conf_section_name(const struct conf *c, size_t section)
{
	return (c->sections[section].name);
}

unsigned
conf_section_line(const struct conf *c, size_t section)
{
	return (c->sections[section].line);
}

static const struct pair *
find(const struct conf *c, size_t section, const char *key)
{
	const struct section *s = &c->sections[section];
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->pairs[i].key, key) == 0)
			return (&s->pairs[i]);
	return (NULL);
}

const char *
conf_get(const struct conf *c, size_t section, const char *key)
{
	const struct pair *p = find(c, section, key);

	return (p != NULL ? p->value : NULL);
}

unsigned
conf_line(const struct conf *c, size_t section, const char *key)
{
	const struct pair *p = find(c, section, key);

	return (p != NULL ? p->line : c->sections[section].line);
}
