/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection string goes in, an open connection with pg_dump's settings
 * comes out; or what a child program needs to reach the same server, with the
 * password apart. No message repeats a connection string: it may hold one.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pg.h"
#include "base/stop.h"
#include "base/text.h"

#define SLICE_MS	  200
#define CONNECT_TIMEOUT_S "30" /* unless the operator says otherwise */
#define OWN_WORDS	  3    /* that a user of words_of puts in */
#define SQLSTATE_BYTES	  5

#define VERSION_IDLE_IN_TRANSACTION 90600
#define VERSION_IDLE_SESSION	    140000
#define VERSION_TRANSACTION	    170000

static void
free_options(PQconninfoOption **options)
{
	PQconninfoFree(*options);
	*options = NULL;
}

/* libpq's complaint quotes the string, so it is told only of those that hold
 * no password in either spelling. */
static int
fail_parse(const char *conninfo, char *why, struct err *e)
{
	bool is_secret = strcasestr(conninfo, "pass") != NULL ||
	    strchr(conninfo, '@') != NULL;

	if (why != NULL)
		why[strcspn(why, "\r\n")] = '\0';
	(void)err_set(e, ERR_CONFIG, "not a PostgreSQL connection string%s%s",
	    is_secret || why == NULL ? "" : ": ",
	    is_secret || why == NULL ? "" : why);
	PQfreemem(why);
	return (err_hint(e,
	    "expected one such as host=/run/postgresql dbname=acme, or "
	    "postgresql://user@host/acme"));
}

static PQconninfoOption *
parse(const char *conninfo, struct err *e)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &why);

	if (options == NULL)
		(void)fail_parse(conninfo, why, e);
	return (options);
}

/* A list of words for PQconnectStartParams; owns its arrays alone. */
struct words {
	const char **key;
	const char **value;
	size_t n;
};

static void
free_words(struct words *w)
{
	free(w->key);
	free(w->value);
}

static bool
has_word(const struct words *w, const char *key)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (strcmp(w->key[i], key) == 0)
			return (true);
	return (false);
}

static void
put_word(struct words *w, const char *key, const char *value)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (strcmp(w->key[i], key) == 0)
			break;
	w->key[i] = key;
	w->value[i] = value;
	if (i == w->n)
		w->n++;
}

/* What the options set, with room for OWN_WORDS more and the ending NULL. */
static struct words
words_of(const PQconninfoOption *options)
{
	const PQconninfoOption *o;
	struct words w = { .n = 0 };
	size_t n = 0;

	for (o = options; o->keyword != NULL; o++)
		n++;
	w.key = mem_array(n + OWN_WORDS + 1, sizeof(*w.key));
	w.value = mem_array(n + OWN_WORDS + 1, sizeof(*w.value));
	for (o = options; o->keyword != NULL; o++)
		if (o->val != NULL &&
		    strcmp(o->keyword, "client_encoding") != 0)
			put_word(&w, o->keyword, o->val);
	return (w);
}

static void
ignore_notice(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

/*
 * Where the SQLSTATE is in the verbose message of a failed connection
 * ("FATAL:  3D000: database …"), its last one; NULL when it has none. libpq
 * keeps no result of such a failure, and the words may be in any language.
 */
static const char *
find_state(const char *message)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *at = message, *found = NULL;

	while ((at = strstr(at, ":  ")) != NULL) {
		at += 3;
		if (strspn(at, letters) == SQLSTATE_BYTES &&
		    strncmp(at + SQLSTATE_BYTES, ": ", 2) == 0)
			found = at;
	}
	return (found);
}

/* The line of message that state is in, without state itself; all of it on one
 * line when there is no state. Allocated. */
static char *
say(const char *message, const char *state)
{
	const char *from = message, *at;

	if (state == NULL)
		return (text_one_line(message));
	for (at = message; at < state; at++)
		if (*at == '\n')
			from = at + 1;
	at = state + SQLSTATE_BYTES + 2;
	return (mem_printf(
	    "%.*s%.*s", (int)(state - from), from, (int)strcspn(at, "\n"), at));
}

/* "database NAME at HOST:PORT: …" */
static int
fail_connect(PGconn *c, enum err_kind kind, const char *text, struct err *e)
{
	const char *host = PQhost(c), *port = PQport(c), *name = PQdb(c);

	(void)err_set(e, kind, "database %s at %s:%s: %s",
	    name != NULL ? name : "?",
	    host != NULL && *host != '\0' ? host : "?",
	    port != NULL && *port != '\0' ? port : "?", text);
	return (err_hint(e, "%s",
	    kind == ERR_MISSING
		? "check dbname in the branch's database setting; 'psql -l' lists what there is"
		: kind == ERR_DENIED
		? "check user and password (~/.pgpass, mode 0600, or a service file) and the server's pg_hba.conf"
		: "is the server running there? check host and port in the branch's database setting"));
}

static int
fail_bad(PGconn *c, struct err *e)
{
	const char *message = PQerrorMessage(c);
	const char *state = find_state(message);
	SCOPED(scope_free) char *text = say(message, state);
	enum err_kind kind = ERR_DATABASE;

	if (state != NULL && strncmp(state, "3D000", SQLSTATE_BYTES) == 0)
		kind = ERR_MISSING;
	else if ((state != NULL && strncmp(state, "28", 2) == 0) ||
	    PQconnectionNeedsPassword(c) != 0)
		kind = ERR_DENIED;
	return (fail_connect(c, kind, text, e));
}

/* How long the operator lets a connection take, in ms; 0 is for ever. */
static uint64_t
timeout_of(PGconn *c)
{
	SCOPED(free_options) PQconninfoOption *options = PQconninfo(c);
	const PQconninfoOption *o;
	long seconds = 0;

	for (o = options; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "connect_timeout") == 0 &&
		    o->val != NULL && *o->val != '\0')
			seconds = strtol(o->val, NULL, 10);
	return (seconds > 0 ? (uint64_t)seconds * 1000 : 0);
}

/* Drives a started connection to its end, asking the stop flag meanwhile. One
 * that begins after a stop is for cleaning up, and gets what is left of the
 * time for that. */
static int
finish_connecting(PGconn *c, struct err *e)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	uint64_t limit = timeout_of(c), began = clock_ticks_ms();
	bool is_cleanup = stop_is_requested();
	struct pollfd wait;

	while (next == PGRES_POLLING_READING || next == PGRES_POLLING_WRITING) {
		wait.fd = PQsocket(c); /* another one for each try */
		wait.events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if ((!is_cleanup || stop_left_ms() == 0) && stop_check(e) < 0)
			return (-1);
		if (limit > 0 && clock_ticks_ms() - began > limit)
			return (fail_connect(
			    c, ERR_DATABASE, "no answer in time", e));
		if (poll(&wait, 1, SLICE_MS) > 0)
			next = PQconnectPoll(c);
	}
	return (next == PGRES_POLLING_OK ? 0 : fail_bad(c, e));
}

/* True for "host=a,b": libpq alone knows how to go from one to the next when
 * one is silent, and only its blocking call does. */
static bool
has_hosts(const struct words *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if ((strcmp(w->key[i], "host") == 0 ||
			strcmp(w->key[i], "hostaddr") == 0) &&
		    strchr(w->value[i], ',') != NULL)
			return (true);
	return (false);
}

static PGconn *
open_connection(const struct words *w, struct err *e)
{
	SCOPED(pg_closep) PGconn *c = NULL;

	if (has_hosts(w)) {
		c = PQconnectdbParams(w->key, w->value, 0);
		if (PQstatus(c) != CONNECTION_OK) {
			(void)fail_bad(c, e);
			return (NULL);
		}
		return (TAKE(c));
	}
	c = PQconnectStartParams(w->key, w->value, 0);
	if (c == NULL || PQstatus(c) == CONNECTION_BAD) {
		(void)fail_bad(c, e);
		return (NULL);
	}
	(void)PQsetErrorVerbosity(c, PQERRORS_VERBOSE); /* for find_state */
	if (finish_connecting(c, e) < 0)
		return (NULL);
	(void)PQsetErrorVerbosity(c, PQERRORS_DEFAULT);
	return (TAKE(c));
}

static int
apply_settings(PGconn *c, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	const char *encoding = PQparameterStatus(c, "server_encoding");
	int version = PQserverVersion(c);

	buf_add_string(&sql,
	    "SET search_path = ''; SET row_security = off; "
	    "SET statement_timeout = 0; SET lock_timeout = 0; ");
	if (version >= VERSION_IDLE_IN_TRANSACTION)
		buf_add_string(
		    &sql, "SET idle_in_transaction_session_timeout = 0; ");
	if (version >= VERSION_IDLE_SESSION)
		buf_add_string(&sql, "SET idle_session_timeout = 0; ");
	if (version >= VERSION_TRANSACTION)
		buf_add_string(&sql, "SET transaction_timeout = 0; ");
	buf_add_string(&sql,
	    "SET default_transaction_read_only = off; "
	    "SET DateStyle = ISO; SET IntervalStyle = postgres; "
	    "SET xmloption = content; SET array_nulls = on; "
	    "SET extra_float_digits = 3; SET synchronize_seqscans = off");
	if (encoding != NULL) {
		buf_add_string(&sql, "; SET client_encoding = ");
		pg_add_literal(&sql, encoding);
	}
	if (pg_exec(c, e, "%s", buf_text(&sql)) < 0)
		return (err_within(e, "settings of the connection"));
	return (0);
}

PGconn *
pg_connect(const char *conninfo, const char *database, struct err *e)
{
	SCOPED(free_options) PQconninfoOption *options = parse(conninfo, e);
	SCOPED(free_words) struct words w = { .n = 0 };
	SCOPED(pg_closep) PGconn *c = NULL;

	if (options == NULL)
		return (NULL);
	w = words_of(options);
	if (database != NULL)
		put_word(&w, "dbname", database);
	put_word(&w, "application_name", "triplicate");
	if (!has_word(&w, "connect_timeout") &&
	    getenv("PGCONNECT_TIMEOUT") == NULL)
		put_word(&w, "connect_timeout", CONNECT_TIMEOUT_S);
	if ((c = open_connection(&w, e)) == NULL)
		return (NULL);
	(void)PQsetNoticeReceiver(c, ignore_notice, NULL);
	if (PQsetnonblocking(c, 1) != 0) {
		(void)fail_bad(c, e);
		return (NULL);
	}
	if (apply_settings(c, e) < 0)
		return (NULL);
	return (TAKE(c));
}

void
pg_close(PGconn *c)
{
	PQfinish(c);
}

void
pg_closep(PGconn **c)
{
	pg_close(*c);
	*c = NULL;
}

/*
 * libpq alone knows what it would use (environment, service file, user's
 * name), and tells it of a connection. This one is to a socket that cannot be.
 */
char *
pg_database_of(const char *conninfo, struct err *e)
{
	SCOPED(free_options) PQconninfoOption *options = parse(conninfo, e);
	SCOPED(free_words) struct words w = { .n = 0 };
	SCOPED(pg_closep) PGconn *c = NULL;
	const char *name;

	if (options == NULL)
		return (NULL);
	w = words_of(options);
	put_word(&w, "host", "/dev/null");
	put_word(&w, "hostaddr", "");
	put_word(&w, "port", "");
	c = PQconnectStartParams(w.key, w.value, 0);
	name = PQdb(c);
	if (name == NULL || *name == '\0') {
		(void)err_set(
		    e, ERR_CONFIG, "the connection string names no database");
		return (NULL);
	}
	return (mem_string(name));
}

/* A password by another name: libpq marks it as not to be shown. */
static bool
is_secret(const PQconninfoOption *o)
{
	return (o->val != NULL && *o->val != '\0' && *o->dispchar == '*' &&
	    strcmp(o->keyword, "password") != 0);
}

/* True for what a child must be told: not the parts that we give ourselves,
 * nor what is for debugging, nor what is so anyway. */
static bool
is_for_child(const PQconninfoOption *o)
{
	static const char *const ours[] = { "dbname", "host", "hostaddr",
		"port", "password", "client_encoding", "service",
		"fallback_application_name" };
	size_t i;

	if (o->val == NULL || *o->val == '\0' || *o->dispchar == 'D')
		return (false);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(o->keyword, ours[i]) == 0)
			return (false);
	return (o->compiled == NULL || strcmp(o->val, o->compiled) != 0 ||
	    (o->envvar != NULL && getenv(o->envvar) != NULL));
}

/* key='value' and a space. */
static void
add_word(struct buf *b, const char *key, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_printf(b, "%s='", key);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_add_string(b, "\\");
		buf_add(b, value, 1);
	}
	buf_add_string(b, "' ");
}

static const char *
value_of(const PQconninfoOption *options, const char *key)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, key) == 0)
			return (options->val != NULL ? options->val : "");
	return ("");
}

/* Where the live connection leads: of several hosts, the one that answered. A
 * host that is only an address was given as hostaddr. */
static void
add_place(struct buf *b, PGconn *c, const PQconninfoOption *options)
{
	bool has_address = *value_of(options, "hostaddr") != '\0';

	if (has_address)
		add_word(b, "hostaddr", PQhostaddr(c));
	if (!has_address || *value_of(options, "host") != '\0')
		add_word(b, "host", PQhost(c));
	add_word(b, "port", PQport(c));
}

char *
pg_child_conninfo(
    PGconn *c, const char *database, char **password_env, struct err *e)
{
	SCOPED(free_options) PQconninfoOption *options = PQconninfo(c);
	struct buf out = BUF_INIT;
	const PQconninfoOption *o;
	const char *password = PQpass(c);

	*password_env = NULL;
	if (options == NULL) {
		(void)err_set(e, ERR_DATABASE, "no connection to copy");
		return (NULL);
	}
	for (o = options; o->keyword != NULL; o++) {
		if (!is_secret(o))
			continue;
		(void)err_set(e, ERR_CONFIG,
		    "'%s' cannot be handed to PostgreSQL's programs without "
		    "showing it on their command line",
		    o->keyword);
		return (NULL);
	}
	add_place(&out, c, options);
	for (o = options; o->keyword != NULL; o++)
		if (is_for_child(o))
			add_word(&out, o->keyword, o->val);
	add_word(&out, "dbname", database != NULL ? database : PQdb(c));
	if (password != NULL && *password != '\0')
		*password_env = mem_printf("PGPASSWORD=%s", password);
	if (out.n > 0)
		out.n--; /* the last space */
	buf_text(&out);
	return ((char *)out.p);
}

/* A setting of a connection string, else libpq's variable, else otherwise. */
static const char *
setting(const PQconninfoOption *options, const char *key, const char *variable,
    const char *otherwise)
{
	const char *value = value_of(options, key);

	if (*value == '\0' && (value = getenv(variable)) == NULL)
		value = otherwise;
	return (value);
}

char *
pg_place_of(const char *conninfo, struct err *e)
{
	SCOPED(free_options) PQconninfoOption *options = parse(conninfo, e);
	SCOPED(scope_free) char *database = NULL;
	SCOPED(scope_free) char *folder = NULL;
	const char *host;

	if (options == NULL || (database = pg_database_of(conninfo, e)) == NULL)
		return (NULL);
	host = value_of(options, "hostaddr");
	if (*host == '\0')
		host = setting(options, "host", "PGHOST", "/run/postgresql");
	/* /var/run is a link to /run, and both are in use. */
	if (*host == '/' && (folder = realpath(host, NULL)) != NULL)
		host = folder;
	return (mem_printf("%s:%s/%s", host,
	    setting(options, "port", "PGPORT", "5432"), database));
}
