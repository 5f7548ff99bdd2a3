/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of entries flow out to pg_restore, its SQL into sessions. Who makes
 * what: for a copy that belongs to one role, that role makes everything that an
 * ordinary role had made at the source, so that no code of the source's runs as
 * a superuser here; what a superuser had made, and extensions, we make
 * ourselves and give away at the end. With the source's owners, pg_restore's
 * own ALTER … OWNER is used wherever the owner is here and ours to give to.
 */
#include "restore/make.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"

void
make_free(struct make *m)
{
	free(m->roles);
	free(m->role_names);
	free(m->template_has);
	m->template_has = NULL;
	m->roles = NULL;
	m->role_names = NULL;
	m->nroles = 0;
}

/* --- what the target knows ---
 * Asked inside the hidden database, whose encoding the names are of. */

static int
ask_role(struct make *m, struct make_role *role, struct err *e)
{
	const char *params[] = { role->name };
	SCOPED(pg_clearp)
	PGresult *r = pg_query(m->h->conns[0],
	    "SELECT rolsuper, pg_catalog.pg_has_role(session_user, oid, "
	    "'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = $1",
	    1, params, e);

	if (r == NULL)
		return (-1);
	role->there = PQntuples(r) > 0;
	role->superuser = role->there && PQgetvalue(r, 0, 0)[0] == 't';
	role->ours = role->there && PQgetvalue(r, 0, 1)[0] == 't';
	return (0);
}

static int
ask_tablespaces(struct make *m, struct err *e)
{
	const struct json *names = json_get(m->facts, "tablespaces");
	size_t i, n = json_count(names);

	for (i = 0; i < n; i++) {
		const char *params[] = { json_text(json_at(names, i)) };
		SCOPED(scope_free) char *found = NULL;

		if (params[0] == NULL)
			continue;
		found = pg_value(m->h->conns[0],
		    "SELECT spcname FROM pg_catalog.pg_tablespace "
		    "WHERE spcname = $1 AND pg_catalog.has_tablespace_privilege"
		    "(session_user, oid, 'CREATE')",
		    1, params, e);
		if (found == NULL && e->kind != ERR_NONE)
			return (-1);
		if (found == NULL) {
			m->no_tablespaces = true;
			remarks_warn(m->remarks,
			    "tablespace %s is not here: everything goes to the "
			    "default one",
			    params[0]);
		}
	}
	return (0);
}

int
make_prepare(struct make *m, struct err *e)
{
	const struct json *roles = json_get(m->facts, "roles");
	size_t i, n = json_count(roles);
	const char *name;

	m->roles = mem_array(n + 1, sizeof(*m->roles));
	m->role_names = mem_array(n + 1, sizeof(*m->role_names));
	for (i = 0; i < n; i++) {
		if ((name = json_text(json_at(roles, i))) == NULL)
			continue;
		m->role_names[m->nroles] = name;
		m->roles[m->nroles].name = name;
		if (ask_role(m, &m->roles[m->nroles++], e) < 0)
			return (-1);
	}
	return (ask_tablespaces(m, e));
}

static const struct make_role *
owner_of(const struct make *m, const struct toc_entry *a)
{
	const char *owner = toc_entry_owner(a, m->nroles, m->role_names);
	size_t i;

	for (i = 0; i < m->nroles; i++)
		if (strcmp(m->roles[i].name, owner) == 0)
			return (&m->roles[i]);
	return (NULL);
}

/* --- as whom --- */

/* How a run of entries is made. */
struct manner {
	bool as_owner;	 /* SET ROLE to the one owner */
	bool keep_owner; /* pg_restore's ALTER … OWNER */
};

static bool
is_of_extension(const struct toc_entry *a)
{
	return (toc_entry_is(a, "EXTENSION") ||
	    (toc_entry_is(a, "COMMENT") &&
		strncmp(a->what, "- EXTENSION ", 12) == 0));
}

static struct manner
manner_of(const struct make *m, const struct toc_entry *a)
{
	const struct target *t = m->h->t;
	const struct make_role *owner = owner_of(m, a);
	struct manner how = { .as_owner = false };

	if (m->source_owners) {
		how.keep_owner = owner != NULL && owner->ours;
		return (how);
	}
	if (strcmp(t->role, t->owner) == 0)
		return (how);
	how.as_owner = !t->superuser ||
	    (!is_of_extension(a) && (owner == NULL || !owner->superuser));
	return (how);
}

/* Writes a list of entries to a file for pg_restore, whose name it gives. */
static char *
write_list(const struct make *m, const size_t *entries, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	SCOPED(scope_close) int fd = -1;
	SCOPED(scope_free) char *path = NULL;
	char id[17];
	size_t i;

	for (i = 0; i < n; i++)
		toc_entry_select(&m->toc->v[entries[i]], &text);
	random_hex(id, 8);
	path = mem_printf("%s/list-%s", m->folder, id);
	fd = file_create(path, O_WRONLY | O_CREAT | O_EXCL, 0600, e);
	if (fd < 0)
		return (NULL);
	if (file_write(fd, text.p, text.n, e) < 0) {
		(void)err_within(e, "%s", path);
		return (NULL);
	}
	return (TAKE(path));
}

/* Runs entries of one manner. */
static int
make_run(struct make *m, struct session *s, const size_t *entries, size_t n,
    struct manner how, struct err *e)
{
	SCOPED(scope_free) char *list = write_list(m, entries, n, e);
	SCOPED(buf_free) struct buf role = BUF_INIT;
	const char *argv[10];
	struct err ignored = ERR_INIT;
	size_t i = 0;
	int rc;

	if (list == NULL)
		return (-1);
	argv[i++] = m->h->place.pg_restore;
	argv[i++] = "--file=-";
	argv[i++] = "--use-list";
	argv[i++] = list;
	if (!how.keep_owner)
		argv[i++] = "--no-owner";
	if (m->no_tablespaces)
		argv[i++] = "--no-tablespaces";
	argv[i++] = m->archive;
	argv[i] = NULL;
	if (how.as_owner) {
		buf_add_string(&role, "SET ROLE ");
		pg_add_name(&role, m->h->t->owner);
		buf_add_string(&role, ";\n");
		if (session_run(s, buf_text(&role), e) < 0)
			return (-1);
	}
	rc = session_run_output(s, argv, e);
	if (rc == 0 && how.as_owner)
		rc = session_run(s, "RESET ROLE;\n", e);
	(void)!file_remove(list, &ignored);
	return (rc);
}

int
make_entries(struct make *m, struct session *s, const size_t *entries, size_t n,
    struct err *e)
{
	struct manner how, next;
	size_t i, begin;

	for (begin = 0; begin < n; begin = i) {
		how = manner_of(m, &m->toc->v[entries[begin]]);
		for (i = begin + 1; i < n; i++) {
			next = manner_of(m, &m->toc->v[entries[i]]);
			if (next.as_owner != how.as_owner ||
			    next.keep_owner != how.keep_owner)
				break;
		}
		if (make_run(m, s, entries + begin, i - begin, how, e) < 0)
			return (-1);
	}
	return (0);
}
