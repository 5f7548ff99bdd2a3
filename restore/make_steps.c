/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps in which a database is made, in the order of make.h. The first
 * error ends each; what is not whole is dropped by the caller.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/proc.h"
#include "base/progress.h"
#include "restore/dealing.h"
#include "restore/grants.h"
#include "restore/make.h"
#include "restore/programs.h"

#define GRANTS_MAX ((size_t)128 << 20) /* bytes of SQL */

/* Places of a section's entries, those for later left out. */
static size_t *
choose(const struct make *m, enum toc_section section, size_t *n)
{
	size_t *chosen = mem_array(m->toc->n + 1, sizeof(*chosen));
	const struct toc_entry *a;
	size_t i;

	*n = 0;
	for (i = 0; i < m->toc->n; i++) {
		a = &m->toc->v[i];
		if (a->section == section && !a->left_out &&
		    !dealing_is_later(a))
			chosen[(*n)++] = i;
	}
	return (chosen);
}

/* --- privileges --- */

/* With the source's owners, every role that is here counts; in a copy that
 * belongs to one role, only that role and everybody (PUBLIC, whom functions may
 * have been taken away from) do. */
static bool
knows_role(const char *role, void *arg)
{
	const struct make *m = arg;
	size_t i;

	if (strcmp(role, m->h->t->owner) == 0)
		return (true);
	for (i = 0; i < m->nroles; i++)
		if (strcmp(m->roles[i].name, role) == 0)
			return (m->source_owners && m->roles[i].there);
	/* Not the source's own: one of every server's, as pg_database_owner. */
	return (true);
}

static void
say_left_out(const char *role, void *arg)
{
	const struct make *m = arg;

	if (m->source_owners)
		remarks_warn(m->remarks,
		    "privileges of role %s are left out: there is no such role "
		    "here",
		    role);
}

/* The statements that pg_restore writes for a list of entries, those that can
 * be run here. */
static int
filtered_grants(struct make *m, const size_t *entries, size_t n,
    struct buf *out, struct err *e)
{
	SCOPED(buf_free)
	struct buf list = BUF_INIT, sql = BUF_INIT, clean = BUF_INIT;
	SCOPED(preamble_free)
	struct preamble preamble = { .known = m->h->place.known,
		.held = BUF_INIT };
	const char *argv[] = { m->h->place.pg_restore, "--file=-",
		"--use-list=/dev/stdin", m->archive, NULL };
	struct grants_conf conf = { .knows = knows_role,
		.left_out = say_left_out,
		.arg = m,
		.other_grantors = m->source_owners && m->h->t->superuser };
	size_t i;

	for (i = 0; i < n; i++)
		toc_entry_select(&m->toc->v[entries[i]], &list);
	if (proc_run(argv, NULL, &list, GRANTS_MAX, &sql, 0, e) < 0)
		return (-1);
	preamble_take(&preamble, sql.p, sql.n, &clean);
	preamble_end(&preamble, &clean);
	grants_filter((const char *)clean.p, clean.n, &conf, out);
	return (0);
}

static bool
is_grant(const struct toc_entry *a)
{
	return (toc_entry_is(a, "ACL") || toc_entry_is(a, "DEFAULT ACL"));
}

static bool
is_schemas_grant(const struct toc_entry *a)
{
	return (
	    toc_entry_is(a, "ACL") && strncmp(a->what, "- SCHEMA ", 9) == 0);
}

static int
make_grants(
    struct make *m, bool (*is_asked)(const struct toc_entry *a), struct err *e)
{
	SCOPED(scope_free)
	size_t *chosen = mem_array(m->toc->n + 1, sizeof(*chosen));
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	const struct toc_entry *a;
	size_t i, n = 0;

	for (i = 0; i < m->toc->n; i++) {
		a = &m->toc->v[i];
		if (!a->left_out && is_asked(a))
			chosen[n++] = i;
	}
	if (n == 0)
		return (0);
	if (!m->source_owners) {
		buf_add_string(&sql, "SET ROLE ");
		pg_add_name(&sql, m->h->t->owner);
		buf_add_string(&sql, ";\n");
	}
	if (filtered_grants(m, chosen, n, &sql, e) < 0)
		return (err_within(e, "privileges"));
	buf_add_string(&sql, "RESET ROLE;\n");
	if (session_run(m->h->sessions[0], buf_text(&sql), e) < 0)
		return (err_within(e, "privileges"));
	return (0);
}

/* --- pre-data and data --- */

/* One function that the source had altered: its volatility. */
static int
alter_function(struct make *m, const struct json *altered, struct err *e)
{
	PGconn *c = m->h->conns[0];
	const char *identity = json_get_string(altered, "identity");
	const char *wanted = json_get_string(altered, "volatility");
	const char *params[] = { identity, wanted };
	SCOPED(scope_free) char *name = NULL;
	const char *word;

	if (identity == NULL || wanted == NULL)
		return (0);
	word = *wanted == 'i' ? "IMMUTABLE"
	    : *wanted == 's'  ? "STABLE"
			      : "VOLATILE";
	/* The name as the server spells it; none when it is right already. */
	name = pg_value(c,
	    "SELECT oid::pg_catalog.regprocedure::pg_catalog.text "
	    "FROM pg_catalog.pg_proc "
	    "WHERE oid = pg_catalog.to_regprocedure($1) "
	    "AND provolatile::pg_catalog.text <> $2",
	    2, params, e);
	if (name == NULL)
		return (e->kind == ERR_NONE ? 0 : -1);
	if (pg_exec(c, e, "ALTER ROUTINE %s %s", name, word) < 0)
		return (
		    err_within(e, "make %s %s as at the source", name, word));
	return (0);
}

static int
alter_functions(struct make *m, struct err *e)
{
	const struct json *altered = json_get(m->facts, "altered");
	size_t i, n = json_count(altered);

	for (i = 0; i < n; i++)
		if (alter_function(m, json_at(altered, i), e) < 0)
			return (-1);
	return (0);
}

/*
 * Schemas and extensions come first. A role that isn't a superuser can give a
 * table to another only where that one may create in the schema, so its
 * privileges can't wait for the others'.
 */
int
make_pre_data(struct make *m, struct err *e)
{
	SCOPED(scope_free) size_t *chosen = NULL;
	struct session *s = m->h->sessions[0];
	size_t i, n, extensions = 0;
	bool gives = m->source_owners && !m->h->t->superuser;

	chosen = choose(m, TOC_PRE, &n);
	for (i = 0; i < n; i++)
		if (toc_entry_is(&m->toc->v[chosen[i]], "EXTENSION") ||
		    (gives && toc_entry_is(&m->toc->v[chosen[i]], "SCHEMA")))
			extensions = i + 1;
	if (make_entries(m, s, chosen, extensions, e) < 0 ||
	    (gives && make_grants(m, is_schemas_grant, e) < 0) ||
	    alter_functions(m, e) < 0 ||
	    make_entries(m, s, chosen + extensions, n - extensions, e) < 0)
		return (err_within(e, "schema"));
	return (0);
}

int
make_data(struct make *m, struct err *e)
{
	SCOPED(scope_free) size_t *chosen = NULL;
	size_t n;

	chosen = choose(m, TOC_DATA, &n);
	if (make_entries(m, m->h->sessions[0], chosen, n, e) < 0)
		return (err_within(e, "sequences and large objects"));
	return (0);
}

/* --- post-data --- */

struct post {
	struct make *m;
	struct progress *progress;
	pthread_mutex_t lock;
	pthread_cond_t turned;
	/* guarded by lock */
	struct dealing *dealing;
	struct err first;
};

struct post_worker {
	pthread_t thread;
	struct post *post;
	struct session *session;
};

/* Waits for a deal. False when there is none any more. */
static bool
take_deal(struct post *p, struct deal *deal)
{
	enum dealing_answer answer = DEALING_END;

	(void)pthread_mutex_lock(&p->lock);
	while (p->first.kind == ERR_NONE &&
	    (answer = dealing_next(p->dealing, deal)) == DEALING_WAIT)
		(void)pthread_cond_wait(&p->turned, &p->lock);
	if (p->first.kind != ERR_NONE)
		answer = DEALING_END;
	(void)pthread_mutex_unlock(&p->lock);
	return (answer == DEALING_GIVEN);
}

static void *
post_work(void *arg)
{
	struct post_worker *w = arg;
	struct post *p = w->post;
	struct deal deal;

	while (take_deal(p, &deal)) {
		struct err e = ERR_INIT;

		(void)!make_entries(p->m, w->session, deal.entries, deal.n, &e);
		(void)pthread_mutex_lock(&p->lock);
		if (e.kind != ERR_NONE && p->first.kind == ERR_NONE)
			p->first = e;
		dealing_done(p->dealing, &deal);
		(void)pthread_cond_broadcast(&p->turned);
		(void)pthread_mutex_unlock(&p->lock);
		progress_add(p->progress, deal.n, 0, deal.n);
	}
	return (NULL);
}

/* All sessions but the first have a thread; the first is this thread's. */
static void
post_run(struct post *p)
{
	size_t i, n = p->m->h->nsessions, started = 0;
	SCOPED(scope_free)
	struct post_worker *workers = mem_array(n, sizeof(*workers));

	for (i = 0; i < n; i++)
		workers[i] = (struct post_worker){ .post = p,
			.session = p->m->h->sessions[i] };
	for (i = 1; i < n; i++, started++)
		if (pthread_create(
			&workers[i].thread, NULL, post_work, &workers[i]) != 0)
			break;
	(void)post_work(&workers[0]);
	for (i = 1; i <= started; i++)
		(void)pthread_join(workers[i].thread, NULL);
}

int
make_post_data(struct make *m, uint64_t (*bytes)(uint32_t oid, void *arg),
    void *arg, struct progress *progress, struct err *e)
{
	SCOPED(scope_free) size_t *chosen = NULL;
	struct post p = { .m = m, .progress = progress };
	size_t n;

	chosen = choose(m, TOC_POST, &n);
	progress_phase(progress, "indexes", n);
	p.dealing = dealing_new(m->toc, bytes, arg);
	(void)pthread_mutex_init(&p.lock, NULL);
	(void)pthread_cond_init(&p.turned, NULL);
	post_run(&p);
	(void)pthread_mutex_destroy(&p.lock);
	(void)pthread_cond_destroy(&p.turned);
	dealing_free(p.dealing);
	if (p.first.kind == ERR_NONE)
		return (0);
	*e = p.first;
	return (err_within(e, "keys and indexes"));
}

/* --- what comes last --- */

static int
make_kind(struct make *m, const char *kind, struct err *e)
{
	SCOPED(scope_free)
	size_t *chosen = mem_array(m->toc->n + 1, sizeof(*chosen));
	const struct toc_entry *a;
	size_t i, n = 0;

	for (i = 0; i < m->toc->n; i++) {
		a = &m->toc->v[i];
		if (!a->left_out && dealing_is_later(a) &&
		    toc_entry_is(a, kind))
			chosen[n++] = i;
	}
	return (make_entries(m, m->h->sessions[0], chosen, n, e));
}

int
make_last(struct make *m, struct err *e)
{
	if (make_grants(m, is_grant, e) < 0 ||
	    make_kind(m, "MATERIALIZED VIEW DATA", e) < 0 ||
	    make_kind(m, "EVENT TRIGGER", e) < 0 ||
	    make_kind(m, "COMMENT", e) < 0)
		return (-1);
	return (0);
}

/* Everything in this database that is ours and can be given: objects outside
 * of extensions, sequences of columns with their tables. */
#define OURS(class, owner)                                                     \
	"SELECT '" class "'::pg_catalog.regclass, oid FROM " class             \
	    " WHERE " owner " = (SELECT oid FROM pg_catalog.pg_roles WHERE "   \
	    "rolname = session_user) AND oid >= 16384 "
static const char ours_sql[] =
    "WITH ours(classid, objid) AS ("
    "SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, oid FROM "
    "pg_catalog.pg_class WHERE relowner = (SELECT oid FROM "
    "pg_catalog.pg_roles WHERE rolname = session_user) AND oid >= 16384 "
    "AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') "
    "AND relnamespace <> 'pg_toast'::pg_catalog.regnamespace "
    "UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid FROM "
    "pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class k "
    "ON k.oid = t.typrelid WHERE typowner = (SELECT oid FROM "
    "pg_catalog.pg_roles WHERE rolname = session_user) AND t.oid >= 16384 "
    "AND typelem = 0 AND typtype IN ('b', 'c', 'd', 'e', 'r') "
    "AND (k.relkind IS NULL OR k.relkind = 'c') "
    "UNION ALL " OURS("pg_catalog.pg_proc", "proowner") "UNION ALL " OURS(
	"pg_catalog.pg_namespace",
	"nspowner") "UNION ALL " OURS("pg_catalog.pg_operator",
	"oprowner") "UNION ALL " OURS("pg_catalog.pg_opclass",
	"opcowner") "UNION ALL " OURS("pg_catalog.pg_opfamily",
	"opfowner") "UNION ALL " OURS("pg_catalog.pg_collation",
	"collowner") "UNION ALL " OURS("pg_catalog.pg_conversion",
	"conowner") "UNION ALL " OURS("pg_catalog.pg_ts_config",
	"cfgowner") "UNION ALL " OURS("pg_catalog.pg_ts_dict",
	"dictowner") "UNION ALL " OURS("pg_catalog.pg_statistic_ext",
	"stxowner") "UNION ALL " OURS("pg_catalog.pg_largeobject_metadata",
	"lomowner") ") SELECT CASE i.type WHEN 'statistics object' THEN 'statistics' "
		    "ELSE i.type END, i.identity FROM ours o, "
		    "LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) i "
		    "WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d "
		    "WHERE d.classid = o.classid AND d.objid = o.objid "
		    "AND (d.deptype = 'e' OR (d.deptype IN ('a', 'i') "
		    "AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
		    "AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
		    "AND d.refobjsubid > 0)))";

int
make_give_away(struct make *m, struct err *e)
{
	const struct target *t = m->h->t;
	SCOPED(pg_clearp) PGresult *r = NULL;
	SCOPED(buf_free) struct buf owner = BUF_INIT;
	int i;

	if (m->source_owners || !t->superuser || strcmp(t->role, t->owner) == 0)
		return (0);
	if ((r = pg_query(m->h->conns[0], ours_sql, 0, NULL, e)) == NULL)
		return (-1);
	pg_add_name(&owner, t->owner);
	for (i = 0; i < PQntuples(r); i++)
		if (pg_exec(m->h->conns[0], e, "ALTER %s %s OWNER TO %s",
			PQgetvalue(r, i, 0), PQgetvalue(r, i, 1),
			buf_text(&owner)) < 0)
			return (err_within(e, "give to %s", t->owner));
	return (0);
}
