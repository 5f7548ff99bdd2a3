/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lists that rules are kept in, and the rules that the binary carries.
 */
#include "restore/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void
free_words(struct rules_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->p[i]);
	free(w->p);
}

static void
free_guard(struct rules_guard *g)
{
	free_words(&g->needs);
	free_words(&g->lacks);
	free_words(&g->modules);
}

static void
free_action(struct rules_action *a)
{
	free(a->table);
	free(a->text);
	free(a->where);
	free(a->pattern);
	free_words(&a->words);
	for (size_t i = 0; i < a->nsets; i++) {
		free(a->sets[i].column);
		free(a->sets[i].value);
	}
	free(a->sets);
	free_guard(&a->guard);
}

struct rules *
rules_new(void)
{
	return (mem_new(sizeof(struct rules)));
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct rules_rule *rule = &r->rules[i];

		for (size_t k = 0; k < rule->n; k++)
			free_action(&rule->actions[k]);
		free(rule->actions);
		free_guard(&rule->guard);
		free(rule->name);
		free(rule->about);
		free(rule->file);
	}
	free(r->rules);
	free_words(&r->keep);
	free_words(&r->keep_parameters);
	free(r);
}

void
rules_freep(struct rules **r)
{
	rules_free(*r);
	*r = NULL;
}

int
rules_add_embedded(struct rules *r, struct err *e)
{
	for (const struct rules_file *f = rules_data; f->name != NULL; f++) {
		SCOPED(buf_free) struct buf text = BUF_INIT;

		for (size_t i = 0; f->lines[i] != NULL; i++) {
			buf_add_string(&text, f->lines[i]);
			buf_add_u8(&text, '\n');
		}
		if (rules_parse(r, f->name, (const char *)text.p, text.n, e) <
		    0)
			return (-1);
	}
	return (0);
}

/* On a mismatch after a star, try again one character further: linear for the
 * patterns that we have, at worst the product of both lengths. */
bool
rules_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++again;
		} else
			return (false);
	}
	while (*pattern == '*')
		pattern++;
	return (*pattern == '\0');
}
