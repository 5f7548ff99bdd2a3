/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text flows in and out. Statements are told apart with an eye on quotes;
 * the roles in one are the words after TO, FROM, ROLE and AUTHORIZATION (a
 * quoted name is never a keyword, and pg_dump quotes every name that could be
 * one).
 */
#include "restore/grants.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/pg.h"

#define SET_AUTHORIZATION   "SET SESSION AUTHORIZATION "
#define RESET_AUTHORIZATION "RESET SESSION AUTHORIZATION"

/* --- words of a statement --- */

struct word {
	const char *p;
	size_t n;
	bool quoted; /* an identifier in double quotes, with them */
};

static bool
is_name_byte(char c)
{
	return (isalnum((unsigned char)c) || c == '_' || c == '$' ||
	    (unsigned char)c >= 0x80);
}

/* The end of what begins with a quote; doubled quotes inside belong to it. */
static const char *
skip_quoted(const char *at, const char *end)
{
	char quote = *at++;

	for (; at < end; at++) {
		if (*at != quote)
			continue;
		if (at + 1 < end && at[1] == quote)
			at++;
		else
			return (at + 1);
	}
	return (end);
}

/* The next word, quoted name, string, or single sign. False at the end. */
static bool
next_word(const char **at, const char *end, struct word *w)
{
	while (*at < end && isspace((unsigned char)**at))
		(*at)++;
	if (*at >= end)
		return (false);
	w->p = *at;
	w->quoted = **at == '"';
	if (**at == '"' || **at == '\'')
		*at = skip_quoted(*at, end);
	else if (is_name_byte(**at))
		while (*at < end && is_name_byte(**at))
			(*at)++;
	else
		(*at)++;
	w->n = (size_t)(*at - w->p);
	return (true);
}

static bool
word_is(const struct word *w, const char *keyword)
{
	return (!w->quoted && w->n == strlen(keyword) &&
	    strncasecmp(w->p, keyword, w->n) == 0);
}

/* The name that a word spells, allocated. */
static char *
name_of(const struct word *w)
{
	char *name = mem_new(w->n + 1);
	size_t i, n = 0;

	if (!w->quoted) {
		memcpy(name, w->p, w->n);
		return (name);
	}
	for (i = 1; i + 1 < w->n; i++) {
		name[n++] = w->p[i];
		if (w->p[i] == '"')
			i++;
	}
	return (name);
}

/* --- statements --- */

/* Is every role that the statement names known? */
static bool
can_run(const char *sql, size_t n, const struct grants_conf *conf)
{
	const char *at = sql, *end = sql + n;
	struct word w, before = { .p = "", .n = 0 };
	bool role_next = false, after_dot = false;

	while (next_word(&at, end, &w)) {
		if (role_next && !word_is(&w, "PUBLIC")) {
			SCOPED(scope_free) char *role = name_of(&w);

			if (!conf->knows(role, conf->arg)) {
				conf->left_out(role, conf->arg);
				return (false);
			}
		}
		after_dot = before.n == 1 && *before.p == '.';
		role_next = !after_dot &&
		    (word_is(&w, "TO") || word_is(&w, "FROM") ||
			word_is(&w, "ROLE") || word_is(&w, "AUTHORIZATION"));
		before = w;
	}
	return (true);
}

/* Steps over white space and comments between statements. */
static const char *
skip_blank(const char *at, const char *end)
{
	for (;;) {
		while (at < end && isspace((unsigned char)*at))
			at++;
		if (end - at < 2 || at[0] != '-' || at[1] != '-')
			return (at);
		while (at < end && *at != '\n')
			at++;
	}
}

static const char *
statement_end(const char *at, const char *end)
{
	while (at < end && *at != ';')
		at = *at == '"' || *at == '\'' ? skip_quoted(at, end) : at + 1;
	return (at);
}

static bool
begins(const char *at, size_t n, const char *with)
{
	return (n >= strlen(with) && strncmp(at, with, strlen(with)) == 0);
}

void
grants_filter(
    const char *sql, size_t n, const struct grants_conf *conf, struct buf *out)
{
	const char *at = sql, *end = sql + n, *stop;
	bool good, skipping = false;
	size_t length;

	while ((at = skip_blank(at, end)) < end) {
		/* psql's own commands, \restrict, end with their line. */
		if (*at == '\\') {
			stop = memchr(at, '\n', (size_t)(end - at));
			at = stop != NULL ? stop + 1 : end;
			continue;
		}
		stop = statement_end(at, end);
		length = (size_t)(stop - at);
		if (begins(at, length, RESET_AUTHORIZATION)) {
			good = !skipping;
			skipping = false;
		} else {
			good = !skipping && can_run(at, length, conf);
			if (begins(at, length, SET_AUTHORIZATION))
				good = good && conf->other_grantors;
			if (begins(at, length, SET_AUTHORIZATION) && !good)
				skipping = true;
		}
		if (good) {
			buf_add(out, at, length);
			buf_add_string(out, ";\n");
		}
		at = stop < end ? stop + 1 : end;
	}
}

/* --- a database's own --- */

/* The next element of an array's text, without its quotes. */
static bool
next_element(const char **at, struct buf *out)
{
	bool quoted;

	out->n = 0;
	if (**at == '{' || **at == ',')
		(*at)++;
	if (**at == '\0' || **at == '}')
		return (false);
	if ((quoted = **at == '"'))
		(*at)++;
	while (**at != '\0') {
		if (quoted ? **at == '"' : (**at == ',' || **at == '}'))
			break;
		if (**at == '\\' && (*at)[1] != '\0')
			(*at)++;
		buf_add_u8(out, (uint8_t) * (*at)++);
	}
	if (quoted && **at == '"')
		(*at)++;
	return (true);
}

static void
add_grant(struct buf *out, const char *privilege, const char *database,
    const char *role, bool may_grant)
{
	buf_printf(out, "GRANT %s ON DATABASE ", privilege);
	pg_add_name(out, database);
	buf_add_string(out, " TO ");
	if (*role == '\0')
		buf_add_string(out, "PUBLIC");
	else
		pg_add_name(out, role);
	buf_add_string(out, may_grant ? " WITH GRANT OPTION;\n" : ";\n");
}

/* One aclitem, "role=CTc/grantor"; a star after a letter: may grant it. */
static void
add_item(const char *item, const char *database, const char *old_owner,
    const char *owner, const struct grants_conf *conf, struct buf *out)
{
	const char *equals = item, *at, *privilege;
	SCOPED(scope_free) char *role = NULL;
	struct word w;

	if (*item == '"')
		equals = skip_quoted(item, item + strlen(item));
	else
		equals = item + strcspn(item, "=");
	w = (struct word){ item, (size_t)(equals - item), *item == '"' };
	role = name_of(&w);
	if (old_owner != NULL && strcmp(role, old_owner) == 0) {
		free(role);
		role = mem_string(owner);
	}
	if (*role != '\0' && !conf->knows(role, conf->arg)) {
		conf->left_out(role, conf->arg);
		return;
	}
	for (at = *equals == '=' ? equals + 1 : equals;
	     *at != '\0' && *at != '/'; at++) {
		privilege = *at == 'C' ? "CREATE"
		    : *at == 'T'       ? "TEMPORARY"
		    : *at == 'c'       ? "CONNECT"
				       : NULL;
		if (privilege != NULL)
			add_grant(out, privilege, database, role, at[1] == '*');
	}
}

void
grants_of_database(const char *acl, const char *name, const char *old_owner,
    const char *owner, const struct grants_conf *conf, struct buf *out)
{
	SCOPED(buf_free) struct buf item = BUF_INIT;

	if (acl == NULL)
		return;
	buf_add_string(out, "REVOKE ALL ON DATABASE ");
	pg_add_name(out, name);
	buf_add_string(out, " FROM PUBLIC;\n");
	while (next_element(&acl, &item))
		add_item(buf_text(&item), name, old_owner, owner, conf, out);
}

/* Settings whose value is a list of names, quoted where it must be. */
static bool
is_list(const char *setting, size_t n)
{
	static const char *const lists[] = { "search_path", "temp_tablespaces",
		"local_preload_libraries", "session_preload_libraries",
		"shared_preload_libraries", "unix_socket_directories" };
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strlen(lists[i]) == n && strncmp(setting, lists[i], n) == 0)
			return (true);
	return (false);
}

/* Each name of a list becomes a literal of its own. */
static void
add_list(struct buf *out, const char *value)
{
	const char *at = value, *end = value + strlen(value);
	struct word w;
	bool first = true;

	while (next_word(&at, end, &w)) {
		SCOPED(scope_free) char *name = NULL;

		if (w.n == 1 && *w.p == ',')
			continue;
		name = name_of(&w);
		buf_add_string(out, first ? "" : ", ");
		pg_add_literal(out, name);
		first = false;
	}
	if (first)
		buf_add_string(out, "''");
}

void
grants_add_setting(
    const char *name, const char *role, const char *setting, struct buf *out)
{
	size_t n = strcspn(setting, "=");
	SCOPED(scope_free) char *key = mem_new(n + 1);

	if (setting[n] != '=')
		return;
	memcpy(key, setting, n);
	buf_add_string(out, role != NULL ? "ALTER ROLE " : "ALTER DATABASE ");
	if (role != NULL) {
		pg_add_name(out, role);
		buf_add_string(out, " IN DATABASE ");
	}
	pg_add_name(out, name);
	buf_add_string(out, " SET ");
	pg_add_name(out, key);
	buf_add_string(out, " TO ");
	if (is_list(setting, n))
		add_list(out, setting + n + 1);
	else
		pg_add_literal(out, setting + n + 1);
	buf_add_string(out, ";\n");
}
