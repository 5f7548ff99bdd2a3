/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands on whole databases that a restore is made of: make, shut, clear,
 * drop, swap. What always holds: the branch's own database is only touched by
 * target_shut, target_reopen, target_clear and target_swap.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "restore/target.h"

#define CLEAR_WAIT_MS 10000
#define CLEAR_NAP_MS  100
#define DROP_TRIES    3	 /* the server waits 5 s in each */
#define STAMP_LENGTH  16 /* 20261122T023000Z */
#define REPLACED      "_replaced_"
#define NAME_KEPT     37 /* bytes of the name before it */

static_assert(
    NAME_KEPT + sizeof(REPLACED) - 1 + STAMP_LENGTH == TARGET_NAME_MAX,
    "a replaced database's name is as long as names can be");

/* --- making --- */

static void
add_option(struct buf *sql, const char *option, const char *value)
{
	buf_printf(sql, " %s ", option);
	pg_add_literal(sql, value);
}

static void
add_create(struct buf *sql, const struct target *t, const char *name,
    const struct target_locale *l, bool from_template)
{
	sql->n = 0;
	buf_add_string(sql, "CREATE DATABASE ");
	pg_add_name(sql, name);
	buf_add_string(sql, " OWNER ");
	pg_add_name(sql, t->owner);
	buf_add_string(sql, " TEMPLATE ");
	pg_add_name(sql, from_template ? TARGET_TEMPLATE : "template0");
	if (from_template)
		return;
	add_option(sql, "ENCODING", l->encoding);
	add_option(sql, "LC_COLLATE", l->collate);
	add_option(sql, "LC_CTYPE", l->ctype);
	if (l->provider == 'i' && l->icu_locale != NULL && t->major >= 15) {
		buf_add_string(sql, " LOCALE_PROVIDER icu");
		add_option(sql, "ICU_LOCALE", l->icu_locale);
	} else if (l->provider == 'b' && l->icu_locale != NULL &&
	    t->major >= 17) {
		buf_add_string(sql, " LOCALE_PROVIDER builtin");
		add_option(sql, "BUILTIN_LOCALE", l->icu_locale);
	} else if (t->major >= 15) {
		buf_add_string(sql, " LOCALE_PROVIDER libc");
	}
}

/* Does the server's answer say that it can't give this locale? Everything that
 * is not about rights, space, names taken, or the server itself. */
static bool
is_about_locale(const char *state)
{
	return (strncmp(state, "22", 2) == 0 || strncmp(state, "0A", 2) == 0 ||
	    strncmp(state, "XX", 2) == 0 ||
	    (strncmp(state, "42", 2) == 0 && strcmp(state, "42501") != 0 &&
		strcmp(state, "42P04") != 0));
}

/* The five characters after "SQLSTATE " in what pg_exec said, or "". */
static void
find_state(const struct err *e, char state[6])
{
	const char *at = strstr(e->text, "SQLSTATE ");

	(void)snprintf(state, 6, "%s", at != NULL ? at + 9 : "");
}

static int
try_create(struct target *t, const char *sql, bool *is_locale, struct err *e)
{
	char state[6];

	*is_locale = false;
	file_step("create database");
	if (pg_exec(t->c, e, "%s", sql) == 0)
		return (0);
	find_state(e, state);
	*is_locale = is_about_locale(state);
	if (strcmp(state, "42501") == 0)
		e->kind = ERR_DENIED;
	if (strcmp(state, "53100") == 0)
		e->kind = ERR_FULL;
	return (err_within(e, "make the new database"));
}

int
target_create(struct target *t, const char *name, const struct target_locale *l,
    bool from_template, struct remarks *remarks, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	bool utf8 = strcmp(l->encoding, "UTF8") == 0, is_locale;
	struct target_locale plain[] = {
		*l,
		{ l->encoding, l->collate, l->ctype, NULL, 'c' },
		{ l->encoding, "C", utf8 ? "C.UTF-8" : "C", NULL, 'c' },
		{ l->encoding, "C", "C", NULL, 'c' },
	};
	struct err first = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		add_create(&sql, t, name, &plain[i], from_template);
		if (try_create(t, buf_text(&sql), &is_locale, e) == 0) {
			if (i > 0)
				remarks_warn(remarks,
				    "the source's locale (%s, %s) is not on "
				    "this server: text sorts as %s here",
				    l->icu_locale != NULL ? l->icu_locale
							  : l->collate,
				    l->ctype, plain[i].collate);
			return (0);
		}
		if (i == 0)
			first = *e;
		if (!is_locale || from_template)
			return (-1);
	}
	*e = first;
	return (-1);
}

/* --- shutting, clearing, dropping --- */

static int
alter_database(
    struct target *t, const char *name, const char *what, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	buf_add_string(&sql, "ALTER DATABASE ");
	pg_add_name(&sql, name);
	buf_printf(&sql, " %s", what);
	file_step("alter database");
	return (pg_exec(t->c, e, "%s", buf_text(&sql)));
}

int
target_shut(struct target *t, const char *name, struct err *e)
{
	return (alter_database(t, name, "WITH ALLOW_CONNECTIONS false", e));
}

int
target_reopen(struct target *t, const char *name, struct err *e)
{
	return (alter_database(t, name, "WITH ALLOW_CONNECTIONS true", e));
}

static bool
is_one_of(int pid, size_t npids, const int *pids)
{
	size_t i;

	for (i = 0; i < npids; i++)
		if (pids[i] == pid)
			return (true);
	return (false);
}

/* One round: asks every session that isn't ours to end. *left counts them;
 * *whose names the role of one that we may not end, or is NULL. */
static int
end_sessions(struct target *t, const char *name, size_t npids, const int *pids,
    size_t *left, char **whose, struct err *e)
{
	const char *params[] = { name };
	SCOPED(pg_clearp)
	PGresult *r = pg_query(t->c,
	    "SELECT pid, usename FROM pg_catalog.pg_stat_activity "
	    "WHERE datname = $1 AND "
	    "(COALESCE(backend_type, 'client backend') = 'client backend' "
	    /* Of an enabled subscription: it keeps the name from changing. */
	    "OR backend_type LIKE 'logical replication%worker')",
	    1, params, e);
	int i;

	if (r == NULL)
		return (-1);
	*left = 0;
	for (i = 0; i < PQntuples(r); i++) {
		const char *one[] = { PQgetvalue(r, i, 0) };
		SCOPED(pg_clearp) PGresult *answer = NULL;
		struct err denied = ERR_INIT;

		if (is_one_of((int)strtol(one[0], NULL, 10), npids, pids))
			continue;
		(*left)++;
		answer = pg_query(t->c,
		    "SELECT pg_catalog.pg_terminate_backend($1::integer)", 1,
		    one, &denied);
		if (answer == NULL && *whose == NULL)
			*whose = mem_string(PQgetvalue(r, i, 1));
	}
	return (0);
}

int
target_clear(struct target *t, const char *name, size_t npids, const int *pids,
    struct err *e)
{
	uint64_t until = clock_ticks_ms() + CLEAR_WAIT_MS;
	SCOPED(scope_free) char *whose = NULL;
	size_t left;

	for (;;) {
		if (end_sessions(t, name, npids, pids, &left, &whose, e) < 0)
			return (-1);
		if (left == 0)
			return (0);
		if (clock_ticks_ms() > until)
			break;
		if (clock_sleep_ms(CLEAR_NAP_MS, e) < 0)
			return (-1);
	}
	if (whose == NULL)
		return (err_set(e, ERR_DATABASE,
		    "%zu sessions in database %s don't end", left, name));
	(void)err_set(e, ERR_DENIED,
	    "role %s may not end the sessions of role %s in database %s",
	    t->role, whose, name);
	return (err_hint(e,
	    "end them yourself, or as a superuser: "
	    "GRANT pg_signal_backend TO \"%s\"",
	    t->role));
}

/* Our own sessions end; whose else they are is DROP DATABASE's to say. */
static void
end_own(struct target *t, const char *name)
{
	const char *params[] = { name };
	struct err ignored = ERR_INIT;
	SCOPED(pg_clearp)
	PGresult *r = pg_query(t->c,
	    "SELECT pg_catalog.pg_terminate_backend(pid) "
	    "FROM pg_catalog.pg_stat_activity "
	    "WHERE datname = $1 AND usename = current_user",
	    1, params, &ignored);

	(void)r;
}

/* Does the database subscribe to anything? */
static bool
has_subscriptions(struct target *t, const char *name)
{
	const char *params[] = { name };
	struct err ignored = ERR_INIT;
	SCOPED(scope_free)
	char *found = pg_value(t->c,
	    "SELECT 'yes' FROM pg_catalog.pg_subscription s "
	    "JOIN pg_catalog.pg_database d ON d.oid = s.subdbid "
	    "WHERE d.datname = $1 LIMIT 1",
	    1, params, &ignored);

	return (found != NULL);
}

static int
drop_subscription(PGconn *c, const char *subscription, struct err *e)
{
	SCOPED(buf_free) struct buf name = BUF_INIT;

	pg_add_name(&name, subscription);
	if (pg_exec(c, e, "ALTER SUBSCRIPTION %s DISABLE", buf_text(&name)) <
		0 ||
	    pg_exec(c, e, "ALTER SUBSCRIPTION %s SET (slot_name = NONE)",
		buf_text(&name)) < 0)
		return (-1);
	return (pg_exec(c, e, "DROP SUBSCRIPTION %s", buf_text(&name)));
}

/*
 * A database that subscribes can't be dropped, and a subscription only from
 * inside. Without its slot's name it goes without a word to the publisher,
 * where the slot may be in use: by the database that took our place. While the
 * database is open, its limit of connections keeps all but superusers out.
 */
static int
drop_subscriptions(struct target *t, const char *name, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;
	SCOPED(pg_clearp) PGresult *r = NULL;
	int i;

	if (!t->superuser || !has_subscriptions(t, name))
		return (0);
	if (alter_database(t, name,
		"WITH CONNECTION LIMIT 0 ALLOW_CONNECTIONS true", e) < 0 ||
	    (c = pg_connect(t->branch->database, name, e)) == NULL)
		return (-1);
	r = pg_query(c,
	    "SELECT s.subname FROM pg_catalog.pg_subscription s "
	    "JOIN pg_catalog.pg_database d ON d.oid = s.subdbid "
	    "WHERE d.datname = pg_catalog.current_database()",
	    0, NULL, e);
	for (i = 0; r != NULL && i < PQntuples(r); i++)
		if (drop_subscription(c, PQgetvalue(r, i, 0), e) < 0)
			return (-1);
	return (r == NULL ? -1 : 0);
}

int
target_drop(struct target *t, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	unsigned tries;

	if (drop_subscriptions(t, name, e) < 0)
		return (-1);
	buf_add_string(&sql, "DROP DATABASE IF EXISTS ");
	pg_add_name(&sql, name);
	file_step("drop database");
	if (t->superuser && t->major >= 13)
		return (pg_exec(t->c, e, "%s WITH (FORCE)", buf_text(&sql)));
	/* FORCE would refuse when only an autovacuum worker is there, which is
	 * nobody's; without it the server ends workers by itself, and waits. */
	for (tries = 0; tries < DROP_TRIES; tries++) {
		err_clear(e);
		end_own(t, name);
		if (pg_exec(t->c, e, "%s", buf_text(&sql)) == 0)
			return (0);
		if (e->kind == ERR_STOPPED || PQstatus(t->c) != CONNECTION_OK)
			break;
	}
	return (-1);
}

/* --- names and the swap --- */

void
target_replaced_name(
    const char *name, int64_t when, char out[TARGET_NAME_MAX + 1])
{
	char stamp[CLOCK_TEXT];
	char cut[NAME_KEPT + 1];

	clock_stamp(when, stamp);
	(void)snprintf(cut, sizeof(cut), "%s", name);
	if (strlen(cut) < strlen(name))
		text_mend_end(cut);
	(void)snprintf(out, TARGET_NAME_MAX + 1, "%.*s" REPLACED "%.*s",
	    NAME_KEPT, cut, STAMP_LENGTH, stamp);
}

bool
target_parse_replaced(const char *text, const char *name, int64_t *when)
{
	char expected[TARGET_NAME_MAX + 1];
	size_t n = strlen(text);

	if (n < STAMP_LENGTH || !clock_parse(text + n - STAMP_LENGTH, when))
		return (false);
	target_replaced_name(name, *when, expected);
	return (strcmp(text, expected) == 0);
}

static int
swap_names(struct target *t, const char *hidden, const char *replaced,
    int limit, struct err *e)
{
	SCOPED(buf_free) struct buf rename = BUF_INIT;
	char opening[80];

	if (pg_exec(t->c, e, "BEGIN") < 0)
		return (-1);
	if (t->exists) {
		buf_add_string(&rename, "RENAME TO ");
		pg_add_name(&rename, replaced);
		if (alter_database(t, t->name, buf_text(&rename), e) < 0)
			return (-1);
		rename.n = 0;
	}
	buf_add_string(&rename, "RENAME TO ");
	pg_add_name(&rename, t->name);
	(void)snprintf(opening, sizeof(opening),
	    "WITH ALLOW_CONNECTIONS true CONNECTION LIMIT %d", limit);
	if (alter_database(t, hidden, buf_text(&rename), e) < 0 ||
	    alter_database(t, t->name, opening, e) < 0)
		return (-1);
	file_step("commit");
	return (pg_exec(t->c, e, "COMMIT"));
}

int
target_swap(struct target *t, const char *hidden, const char *replaced,
    int limit, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (swap_names(t, hidden, replaced, limit, e) == 0)
		return (0);
	(void)!pg_exec(t->c, &ignored, "ROLLBACK");
	return (
	    err_within(e, "put the new database in the place of %s", t->name));
}
