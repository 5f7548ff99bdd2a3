/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of a rules file, line by line, into a struct rules. A line starts
 * with a keyword; a line that starts with a blank goes on with the one before
 * it; '#' starts a comment line. An option belongs to the action above it, a
 * guard to the action above it or, before the first one, to the whole rule.
 */
#include "restore/rules.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct parser {
	struct rules *r;
	const char *file;
	unsigned line;		     /* where the current statement started */
	struct rules_rule *rule;     /* the open one, or NULL */
	struct rules_action *action; /* the open one, or NULL */
};

static int PRINTF_LIKE(3, 4)
    bad(const struct parser *p, struct err *e, const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)err_set(e, ERR_CONFIG, "%s:%u: %s", p->file, p->line, what);
	return (-1);
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

/* The next word of *rest, which is ended in place; NULL when none is left. */
static char *
next_word(char **rest)
{
	char *word = *rest, *end;

	while (isspace((unsigned char)*word))
		word++;
	if (*word == '\0')
		return (NULL);
	for (end = word; *end != '\0' && !isspace((unsigned char)*end);)
		end++;
	*rest = end;
	if (*end != '\0') {
		*end = '\0';
		*rest = end + 1;
	}
	return (word);
}

static char *
trimmed(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	for (n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]);)
		n--;
	text[n] = '\0';
	return (text);
}

/* Names of tables and columns: what Odoo makes, nothing that needs quoting. */
static bool
is_name(const char *name, size_t n)
{
	if (n == 0 || isdigit((unsigned char)name[0]))
		return (false);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return (false);
	return (true);
}

/* NAME, or NAME.NAME when dots may be 1, or with three parts when 2. */
static bool
is_path(const char *path, unsigned dots)
{
	for (;;) {
		size_t n = strcspn(path, ".");

		if (!is_name(path, n))
			return (false);
		if (path[n] == '\0')
			return (true);
		if (dots-- == 0)
			return (false);
		path += n + 1;
	}
}

static void
add_word(struct rules_words *w, const char *word)
{
	w->p = mem_grow(w->p, w->n + 1, sizeof(w->p[0]));
	w->p[w->n++] = mem_string(word);
}

/* All words of rest, at least one. dots < 0 takes any word, as of keys. */
static int
take_words(struct parser *p, char *rest, int dots, struct rules_words *out,
    struct err *e)
{
	char *word = next_word(&rest);

	if (word == NULL)
		return (bad(p, e, "a name is missing"));
	for (; word != NULL; word = next_word(&rest)) {
		if (dots >= 0 && !is_path(word, (unsigned)dots))
			return (bad(p, e, "'%s' is not a name", word));
		add_word(out, word);
	}
	return (0);
}

/* What a finished rule must have. */
static int
check_action(const struct parser *p, const struct rules_rule *rule,
    const struct rules_action *a, struct err *e)
{
	struct parser at = *p;
	bool proves = a->kind == RULES_NONE || a->kind == RULES_SOME;

	at.line = a->line;
	if (proves != rule->is_proof)
		return (bad(&at, e, "%s may not stand in a %s",
		    proves ? "a check" : "an action",
		    proves ? "rule" : "proof"));
	if ((a->kind == RULES_UPDATE || a->kind == RULES_INSERT) &&
	    a->nsets == 0)
		return (bad(&at, e, "nothing is set or cleared"));
	if (a->kind == RULES_INSERT && a->where == NULL)
		return (bad(&at, e, "insert without unless"));
	if (a->kind == RULES_REPORT && a->text == NULL)
		return (bad(&at, e, "report without text"));
	return (0);
}

static int
close_rule(struct parser *p, struct err *e)
{
	const struct rules_rule *rule = p->rule;
	struct parser at = *p;

	p->rule = NULL;
	p->action = NULL;
	if (rule == NULL)
		return (0);
	for (size_t i = 0; i < rule->n; i++)
		if (check_action(p, rule, &rule->actions[i], e) < 0)
			return (-1);
	at.line = rule->line;
	if (rule->n == 0)
		return (bad(&at, e, "'%s' does nothing", rule->name));
	if (rule->about == NULL)
		return (bad(&at, e, "'%s' does not say why", rule->name));
	return (0);
}

static int
open_rule(struct parser *p, char *rest, bool is_proof, struct err *e)
{
	char *name = next_word(&rest);
	struct rules_rule *rule;

	if (close_rule(p, e) < 0)
		return (-1);
	if (name == NULL)
		return (bad(p, e, "a name is missing"));
	for (size_t i = 0; i < p->r->n; i++)
		if (strcmp(p->r->rules[i].name, name) == 0 &&
		    p->r->rules[i].is_proof == is_proof)
			return (bad(p, e, "'%s' is there already, in %s:%u",
			    name, p->r->rules[i].file, p->r->rules[i].line));
	p->r->rules = mem_grow(
	    p->r->rules, p->r->n + 1, sizeof(p->r->rules[0]));
	rule = p->rule = &p->r->rules[p->r->n++];
	*rule = (struct rules_rule){
		.name = mem_string(name),
		.file = mem_string(p->file),
		.line = p->line,
		.is_proof = is_proof,
		.must = is_proof,
	};
	return (0);
}

static int
take_rule(struct parser *p, char *rest, unsigned is_proof, struct err *e)
{
	char *words = rest, *word;

	(void)next_word(&words); /* the name, ended in place */
	if (open_rule(p, rest, is_proof != 0, e) < 0)
		return (-1);
	word = next_word(&words);
	if (is_proof != 0)
		return (word == NULL
			? 0
			: bad(p, e, "only a name belongs after proof"));
	if (word == NULL ||
	    (strcmp(word, "must") != 0 && strcmp(word, "should") != 0))
		return (bad(p, e, "expected must or should after the name"));
	p->rule->must = strcmp(word, "must") == 0;
	if ((word = next_word(&words)) == NULL)
		return (0);
	p->rule->last = strcmp(word, "last") == 0;
	if (!p->rule->last || next_word(&words) != NULL)
		return (bad(p, e, "expected last or nothing after must"));
	return (0);
}

static int
take_keep(struct parser *p, char *rest, unsigned is_parameter, struct err *e)
{
	if (close_rule(p, e) < 0)
		return (-1);
	return (take_words(p, rest, -1,
	    is_parameter != 0 ? &p->r->keep_parameters : &p->r->keep, e));
}

static int
take_about(struct parser *p, char *rest, unsigned unused, struct err *e)
{
	(void)unused;
	if (p->rule == NULL || p->action != NULL || p->rule->about != NULL)
		return (bad(p, e, "about belongs under a rule, once"));
	p->rule->about = mem_string(trimmed(rest));
	return (0);
}

enum guard { NEEDS, LACKS, MODULE };

static int
take_guard(struct parser *p, char *rest, unsigned which, struct err *e)
{
	struct rules_guard *g;

	if (p->rule == NULL)
		return (bad(p, e, "a guard belongs under a rule"));
	g = p->action != NULL ? &p->action->guard : &p->rule->guard;
	if (which == MODULE)
		return (take_words(p, rest, 0, &g->modules, e));
	return (
	    take_words(p, rest, 2, which == NEEDS ? &g->needs : &g->lacks, e));
}

static int
open_action(struct parser *p, enum rules_kind kind, struct err *e)
{
	struct rules_rule *rule = p->rule;

	if (rule == NULL)
		return (bad(p, e, "an action belongs under a rule"));
	rule->actions = mem_grow(
	    rule->actions, rule->n + 1, sizeof(rule->actions[0]));
	p->action = &rule->actions[rule->n++];
	*p->action = (struct rules_action){ .kind = kind, .line = p->line };
	return (0);
}

/* update, delete, insert and their like: KEYWORD TABLE. */
static int
take_on_table(struct parser *p, char *rest, unsigned kind, struct err *e)
{
	const char *table = next_word(&rest);
	bool special = kind == RULES_CLEAR_MATCHING && table != NULL &&
	    (strcmp(table, "*") == 0 || strcmp(table, "~transient") == 0);

	if (open_action(p, (enum rules_kind)kind, e) < 0)
		return (-1);
	if (table == NULL || (!special && !is_path(table, 1)))
		return (bad(p, e, "expected the name of a table"));
	if (next_word(&rest) != NULL)
		return (bad(p, e, "one table at a time"));
	p->action->table = mem_string(table);
	return (0);
}

static int
take_forget(struct parser *p, char *rest, unsigned kind, struct err *e)
{
	if (open_action(p, (enum rules_kind)kind, e) < 0)
		return (-1);
	return (take_words(p, rest, -1, &p->action->words, e));
}

static int
take_sql(struct parser *p, char *rest, unsigned kind, struct err *e)
{
	if (open_action(p, (enum rules_kind)kind, e) < 0)
		return (-1);
	if (*trimmed(rest) == '\0')
		return (bad(p, e, "a statement is missing"));
	p->action->text = mem_string(trimmed(rest));
	return (0);
}

/* "NAME = VALUE" split at the first '='; false when it is not that. */
static bool
split_pair(char *rest, char **name, char **value)
{
	char *equals = strchr(rest, '=');

	if (equals == NULL)
		return (false);
	*equals = '\0';
	*name = trimmed(rest);
	*value = trimmed(equals + 1);
	return (**name != '\0' && **value != '\0' &&
	    strpbrk(*name, " \t\n") == NULL);
}

static int
take_parameter(struct parser *p, char *rest, unsigned kind, struct err *e)
{
	char *key, *value;

	if (open_action(p, (enum rules_kind)kind, e) < 0)
		return (-1);
	if (!split_pair(rest, &key, &value))
		return (bad(p, e, "expected NAME = VALUE"));
	add_word(&p->action->words, key);
	p->action->text = mem_string(value);
	return (0);
}

/* Fails unless the open action is of one of these kinds (bits). */
static int
belongs(struct parser *p, unsigned kinds, struct err *e)
{
	if (p->action == NULL || (kinds & (1u << p->action->kind)) == 0)
		return (bad(p, e, "this does not belong here"));
	return (0);
}

#define HAS_WHERE                                                              \
	(1u << RULES_UPDATE | 1u << RULES_DELETE | 1u << RULES_REPORT |        \
	    1u << RULES_NONE | 1u << RULES_SOME | 1u << RULES_PARAMETER |      \
	    1u << RULES_CLEAR_MATCHING)

enum option { WHERE, UNLESS, PATTERN, TEXT };

/* The options that are one piece of text, each at most once. */
static int
take_text(struct parser *p, char *rest, unsigned which, struct err *e)
{
	static const unsigned kinds[] = {
		[WHERE] = HAS_WHERE,
		[UNLESS] = 1u << RULES_INSERT,
		[PATTERN] = 1u << RULES_CLEAR_MATCHING,
		[TEXT] = 1u << RULES_REPORT,
	};
	char **place;

	if (belongs(p, kinds[which], e) < 0)
		return (-1);
	place = which == PATTERN ? &p->action->pattern
	    : which == TEXT	 ? &p->action->text
				 : &p->action->where;
	if (*place != NULL || *trimmed(rest) == '\0')
		return (bad(p, e, "expected some text, once an action"));
	*place = mem_string(trimmed(rest));
	return (0);
}

static void
add_set(struct rules_action *a, const char *column, const char *value)
{
	a->sets = mem_grow(a->sets, a->nsets + 1, sizeof(a->sets[0]));
	a->sets[a->nsets++] = (struct rules_set){
		.column = mem_string(column),
		.value = value != NULL ? mem_string(value) : NULL,
	};
}

static int
take_set(struct parser *p, char *rest, unsigned kinds, struct err *e)
{
	char *column, *value;

	if (belongs(p, kinds, e) < 0)
		return (-1);
	if (!split_pair(rest, &column, &value))
		return (bad(p, e, "expected NAME = VALUE"));
	if (!is_path(column, 0))
		return (bad(p, e, "'%s' is not a name", column));
	add_set(p->action, column, value);
	return (0);
}

static int
take_clear(struct parser *p, char *rest, unsigned kinds, struct err *e)
{
	const char *column = next_word(&rest);

	if (belongs(p, kinds, e) < 0)
		return (-1);
	if (column == NULL)
		return (bad(p, e, "a name is missing"));
	for (; column != NULL; column = next_word(&rest)) {
		if (!is_path(column, 0))
			return (bad(p, e, "'%s' is not a name", column));
		add_set(p->action, column, NULL);
	}
	return (0);
}

static int
take_except(struct parser *p, char *rest, unsigned kinds, struct err *e)
{
	if (belongs(p, kinds, e) < 0)
		return (-1);
	return (take_words(p, rest, -1, &p->action->words, e));
}

static int
take_only_present(struct parser *p, char *rest, unsigned kinds, struct err *e)
{
	if (belongs(p, kinds, e) < 0)
		return (-1);
	if (*trimmed(rest) != '\0')
		return (bad(p, e, "only-present stands alone"));
	p->action->only_present = true;
	return (0);
}

static const struct keyword {
	const char *word;
	int (*take)(struct parser *, char *rest, unsigned arg, struct err *);
	unsigned arg;
} keywords[] = {
	{ "rule", take_rule, false },
	{ "proof", take_rule, true },
	{ "keep", take_keep, false },
	{ "keep-parameter", take_keep, true },
	{ "about", take_about, 0 },
	{ "needs", take_guard, NEEDS },
	{ "lacks", take_guard, LACKS },
	{ "module", take_guard, MODULE },
	{ "update", take_on_table, RULES_UPDATE },
	{ "delete", take_on_table, RULES_DELETE },
	{ "insert", take_on_table, RULES_INSERT },
	{ "clear-matching", take_on_table, RULES_CLEAR_MATCHING },
	{ "report", take_on_table, RULES_REPORT },
	{ "none", take_on_table, RULES_NONE },
	{ "some", take_on_table, RULES_SOME },
	{ "parameter", take_parameter, RULES_PARAMETER },
	{ "forget", take_forget, RULES_FORGET },
	{ "sql", take_sql, RULES_SQL },
	{ "where", take_text, WHERE },
	{ "unless", take_text, UNLESS },
	{ "pattern", take_text, PATTERN },
	{ "text", take_text, TEXT },
	{ "set", take_set, 1u << RULES_UPDATE | 1u << RULES_INSERT },
	{ "clear", take_clear, 1u << RULES_UPDATE },
	{ "except", take_except, 1u << RULES_CLEAR_MATCHING },
	{ "only-present", take_only_present, 1u << RULES_PARAMETER },
};

/* One whole statement: a keyword and what follows it on its lines. */
static int
take_statement(struct parser *p, char *statement, struct err *e)
{
	char *rest = statement;
	const char *word = next_word(&rest);

	if (word == NULL)
		return (0);
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcmp(word, keywords[i].word) == 0)
			return (keywords[i].take(p, rest, keywords[i].arg, e));
	return (bad(p, e, "unknown keyword '%s'", word));
}

static bool
is_comment(const char *line, size_t n)
{
	while (n > 0 && is_blank(*line)) {
		line++;
		n--;
	}
	return (n > 0 && *line == '#');
}

/* Hands over the statement that has been gathered, when there is one. */
static int
flush(struct parser *p, struct buf *statement, struct err *e)
{
	SCOPED(scope_free) char *text = NULL;

	if (statement->n == 0)
		return (0);
	text = mem_string(buf_text(statement));
	statement->n = 0;
	return (take_statement(p, text, e));
}

int
rules_parse(struct rules *r, const char *file, const char *text, size_t n,
    struct err *e)
{
	struct parser p = { .r = r, .file = file };
	SCOPED(buf_free) struct buf statement = BUF_INIT;
	unsigned line = 0;

	if (n > RULES_FILE_MAX)
		return (err_set(e, ERR_CONFIG, "%s: longer than %zu bytes",
		    file, RULES_FILE_MAX));
	if (n > 0 && memchr(text, '\0', n) != NULL)
		return (err_set(e, ERR_CONFIG, "%s: holds a NUL byte", file));
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t length = end != NULL ? (size_t)(end - text) : n;

		line++;
		if (length > 0 && !is_comment(text, length)) {
			if (!is_blank(text[0])) {
				if (flush(&p, &statement, e) < 0)
					return (-1);
				p.line = line;
			}
			buf_add(&statement, text, length);
			buf_add_u8(&statement, '\n');
		}
		text += length + (end != NULL);
		n -= length + (end != NULL);
	}
	if (flush(&p, &statement, e) < 0)
		return (-1);
	return (close_rule(&p, e));
}
