/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries flow in and are numbered, chained, signed and kept, all within one
 * write transaction of local state, which puts the writers of all processes in
 * a row: a reader that notes its restore and a backup that ends never take the
 * same number. The entry's bytes lie in local state until every endpoint has
 * them, and after.
 */
#include "repository/audit_log.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "repository/state_backups.h"

#define PASSWD_ROOM 4096

/* "user@host": the real user, also behind a set-user-id program. */
static void
name_actor(char *out, size_t room)
{
	char host[64] = "", buffer[PASSWD_ROOM];
	struct passwd entry, *found = NULL;

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	if (getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &found) != 0)
		found = NULL;
	if (found != NULL)
		snprintf(out, room, "%s@%s", found->pw_name, host);
	else
		snprintf(out, room, "%lu@%s", (unsigned long)getuid(), host);
}

void
audit_log_fill(struct audit_entry *a, const char *event, const char *backup,
    const char *branch, struct json *detail)
{
	audit_entry_init(a);
	a->detail = detail;
	snprintf(a->event, sizeof(a->event), "%s", event);
	snprintf(
	    a->backup, sizeof(a->backup), "%s", backup == NULL ? "" : backup);
	snprintf(
	    a->branch, sizeof(a->branch), "%s", branch == NULL ? "" : branch);
	name_actor(a->actor, sizeof(a->actor));
	a->when = clock_now();
}

int
audit_log_append(struct repo *r, struct state_txn *t, struct audit_entry *a,
    uint64_t *bytes, struct err *e)
{
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct state_audit_head head;

	if (state_audit_head(t, &head, e) < 0)
		return (-1);
	a->epoch = r->epoch;
	a->seq = head.seq + 1;
	a->previous = head.sha;
	audit_encode(r->keys, a, &object);
	if (object.n > AUDIT_MAX)
		return (err_set(e, ERR_SYSTEM,
		    "an audit entry of %zu bytes is longer than allowed",
		    object.n));
	*bytes = object.n;
	return (state_add_audit(t, a, object.p, object.n, e));
}

int
audit_log_add(struct repo *r, const char *event, const char *backup,
    const char *branch, struct json *detail, struct err *e)
{
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(state_abortp) struct state_txn *t = NULL;
	uint64_t bytes;

	audit_log_fill(&a, event, backup, branch, detail);
	if (r->epoch == 0)
		return (err_set(e, ERR_REFUSED,
		    "this repository is read-only here: its audit log is the "
		    "writer's"));
	if ((t = state_begin(r->state, e)) == NULL ||
	    audit_log_append(r, t, &a, &bytes, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

int
audit_log_head(
    struct repo *r, uint64_t *seq, struct sha256 *head, struct err *e)
{
	struct state_audit_head h;

	if (state_read_audit_head(r->state, &h, e) < 0)
		return (-1);
	*seq = h.seq;
	*head = h.sha;
	return (0);
}

struct walk {
	struct repo *r;
	int (*each)(const struct audit_entry *a, void *arg, struct err *e);
	void *arg;
};

static int
decode_entry(const struct state_object *o, const void *p, size_t n, void *arg,
    struct err *e)
{
	struct walk *w = arg;
	SCOPED(audit_entry_free) struct audit_entry a;

	audit_entry_init(&a);
	if (audit_decode(w->r->keys, o->name, p, n, &a, e) < 0)
		return (-1);
	return (w->each(&a, w->arg, e));
}

int
audit_log_each(struct repo *r,
    int (*each)(const struct audit_entry *a, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct walk w = { .r = r, .each = each, .arg = arg };

	return (state_each_audit(r->state, decode_entry, &w, e));
}
