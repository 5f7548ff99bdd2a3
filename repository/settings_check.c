/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole settings flow in; the first contradiction flows out. Folders are
 * compared by their spelling, without asking the disk: a network share that
 * hangs must not stop a command that doesn't need it. Only filestores, which a
 * restore overwrites, are followed through links as well.
 */
#include "repository/settings_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "repository/memory.h"
#include "repository/settings.h"
#include "storage-drivers/url.h"

static bool
same(const char *a, const char *b)
{
	return (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* --- places -------------------------------------------------------------- */

enum place_kind { STATE, ENDPOINT, FILESTORE, KEY };

/* One thing on this machine's disks. */
struct place {
	enum place_kind kind;
	const char *name; /* of the endpoint, branch or key */
	unsigned line;
	char *path; /* plain: without "//", ".", ".." */
};

#define PLACES_MAX (SETTINGS_ENDPOINTS_MAX + SETTINGS_BRANCHES_MAX + 3)

struct places {
	size_t n;
	struct place at[PLACES_MAX];
};

static void
places_free(struct places **p)
{
	if (*p == NULL)
		return;
	for (size_t i = 0; i < (*p)->n; i++)
		free((*p)->at[i].path);
	free(*p);
}

/* An absolute path as it is without "//", "." and "..". */
static char *
plain(const char *path)
{
	char *out = mem_new(strlen(path) + 2), *to = out;
	size_t n;

	while (*(path += strspn(path, "/")) != '\0') {
		n = strcspn(path, "/");
		if (n == 2 && strncmp(path, "..", 2) == 0) {
			while (to > out && *--to != '/')
				continue;
		} else if (n != 1 || *path != '.') {
			*to++ = '/';
			memcpy(to, path, n);
			to += n;
		}
		path += n;
	}
	if (to == out)
		*to++ = '/';
	*to = '\0';
	return (out);
}

static void
add(struct places *p, enum place_kind kind, const char *name, unsigned line,
    const char *path)
{
	if (path == NULL)
		return;
	p->at[p->n++] = (struct place){ kind, name, line, plain(path) };
}

static int
gather(const struct settings *s, struct places *p, struct err *e)
{
	add(p, STATE, "", s->state_line, s->state);
	for (size_t i = 0; i < s->nendpoints; i++) {
		const struct endpoint_settings *ep = &s->endpoints[i];
		SCOPED(scope_free) char *folder = NULL;

		if (!url_is_local(ep->url))
			continue;
		if ((folder = url_folder(ep->url, e)) == NULL)
			return (-1);
		add(p, ENDPOINT, ep->name, ep->line, folder);
	}
	for (size_t i = 0; i < s->nbranches; i++)
		add(p, FILESTORE, s->branches[i].name, s->branches[i].line,
		    s->branches[i].filestore);
	add(p, KEY, "agent-key", s->agent_key_line, s->agent_key);
	add(p, KEY, "restore-key", s->restore_key_line, s->restore_key);
	return (0);
}

/* Is a the folder that b is in, or b itself? */
static bool
holds(const char *a, const char *b)
{
	size_t n = strlen(a);

	if (n == 1) /* the root */
		return (true);
	return (strncmp(a, b, n) == 0 && (b[n] == '/' || b[n] == '\0'));
}

/* Its name in a sentence. */
static void
say_place(const struct place *p, struct buf *out)
{
	switch (p->kind) {
	case STATE: buf_add_string(out, "the state folder"); break;
	case ENDPOINT:
		buf_printf(out, "the folder of [endpoint %s]", p->name);
		break;
	case FILESTORE:
		buf_printf(out, "the filestore of [branch %s]", p->name);
		break;
	case KEY: buf_printf(out, "%s", p->name); break;
	}
}

/* What would come of it. */
static const char *
consequence(const struct place *inner, const struct place *outer)
{
	if (outer->kind == FILESTORE)
		return ("a restore makes that folder equal to the backup's and "
			"removes what is not in it");
	if (inner->kind == KEY)
		return ("whoever has the copies would have the key to them");
	if (outer->kind == ENDPOINT && inner->kind == ENDPOINT)
		return ("what takes one copy would take the other");
	return ("what takes the one would take the other");
}

static int
refuse_inside(const struct settings *s, const struct place *inner,
    const struct place *outer, struct err *e)
{
	SCOPED(buf_free) struct buf a = BUF_INIT, b = BUF_INIT;

	say_place(inner, &a);
	say_place(outer, &b);
	(void)err_set(e, ERR_CONFIG,
	    "%s:%u: %s is inside %s; expected a place of its own", s->path,
	    inner->line, buf_text(&a), buf_text(&b));
	return (err_hint(e, "%s", consequence(inner, outer)));
}

/* Keys may lie in the state folder, and beside each other. */
static bool
may_hold(const struct place *outer, const struct place *inner)
{
	return (
	    outer->kind == KEY || (outer->kind == STATE && inner->kind == KEY));
}

static int
check_two_places(const struct settings *s, const struct place *a,
    const struct place *b, struct err *e)
{
	if (a->kind == ENDPOINT && b->kind == ENDPOINT &&
	    strcmp(a->path, b->path) == 0)
		return (err_set(e, ERR_CONFIG,
		    "%s:%u: [endpoint %s] has the same folder as [endpoint %s]; expected another: two copies in one place are one",
		    s->path, b->line, b->name, a->name));
	if (a->kind == FILESTORE && b->kind == FILESTORE &&
	    strcmp(a->path, b->path) == 0)
		return (0); /* told by check_two_branches */
	if (holds(a->path, b->path) && !may_hold(a, b))
		return (refuse_inside(s, b, a, e));
	if (holds(b->path, a->path) && !may_hold(b, a))
		return (refuse_inside(s, a, b, e));
	return (0);
}

static int
check_places(const struct settings *s, struct err *e)
{
	SCOPED(places_free) struct places *p = mem_new(sizeof(*p));

	p->n = 0;
	if (gather(s, p, e) < 0)
		return (-1);
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < i; j++)
			if (check_two_places(s, &p->at[j], &p->at[i], e) < 0)
				return (-1);
	return (0);
}

/* --- endpoints ----------------------------------------------------------- */

static int
check_endpoints(const struct settings *s, struct err *e)
{
	for (size_t i = 0; i < s->nendpoints; i++)
		for (size_t j = 0; j < i; j++)
			if (same(s->endpoints[i].url, s->endpoints[j].url))
				return (err_set(e, ERR_CONFIG,
				    "%s:%u: [endpoint %s] has the same url as [endpoint %s]; expected another: two copies in one place are one",
				    s->path, s->endpoints[i].line,
				    s->endpoints[i].name,
				    s->endpoints[j].name));
	return (0);
}

/* --- branches ------------------------------------------------------------ */

/* Paths that lead to one folder by links are one. */
static bool
same_folder(const char *a, const char *b)
{
	SCOPED(scope_free) char *real_a = a != NULL ? realpath(a, NULL) : NULL;
	SCOPED(scope_free) char *real_b = b != NULL ? realpath(b, NULL) : NULL;

	return (same(a, b) || same(real_a, real_b));
}

static int
check_two_branches(const struct settings *s, const struct branch_settings *a,
    const struct branch_settings *b, struct err *e)
{
	const char *what = NULL;

	if (same(a->place, b->place))
		what = "database";
	else if (same_folder(a->filestore, b->filestore))
		what = "filestore";
	if (what == NULL)
		return (0);
	(void)err_set(e, ERR_CONFIG,
	    "%s:%u: [branch %s] has the same %s as [branch %s]; expected one of its own",
	    s->path, b->line, b->name, what, a->name);
	return (
	    err_hint(e, "a restore into the one would overwrite the other"));
}

static int
check_branches(const struct settings *s, struct err *e)
{
	for (size_t i = 0; i < s->nbranches; i++)
		for (size_t j = 0; j < i; j++)
			if (check_two_branches(
				s, &s->branches[j], &s->branches[i], e) < 0)
				return (-1);
	return (0);
}

/* --- all of it ----------------------------------------------------------- */

static int
check_quorum(struct settings *s, struct err *e)
{
	if (s->write_quorum == 0)
		s->write_quorum = (unsigned)(s->nendpoints / 2 + 1);
	if (s->write_quorum > s->nendpoints)
		return (err_set(e, ERR_CONFIG,
		    "%s:%u: write-quorum = %u: expected at most the number of endpoints, %zu",
		    s->path, s->quorum_line, s->write_quorum, s->nendpoints));
	return (0);
}

/* Too little is refused; what does not fit side by side goes one after the
 * other. */
static int
share_memory(struct settings *s, struct err *e)
{
	uint64_t least = memory_least(s->compression);
	struct memory_plan plan;

	if (s->memory < least)
		return (err_set(e, ERR_CONFIG,
		    "%s:%u: memory = %lluM: expected at least %lluM with compression = %d",
		    s->path, s->memory_line,
		    (unsigned long long)(s->memory >> 20),
		    (unsigned long long)(least >> 20), s->compression));
	plan = memory_plan(
	    s->memory, s->compression, s->jobs, (unsigned)s->nendpoints);
	s->jobs = plan.jobs;
	s->transfers = plan.transfers;
	return (0);
}

int
settings_check(struct settings *s, struct err *e)
{
	if (s->state == NULL || s->agent_key == NULL)
		return (err_set(e, ERR_CONFIG,
		    "%s: [repository] has no %s: expected the path of a %s",
		    s->path, s->state == NULL ? "state" : "agent-key",
		    s->state == NULL ? "folder for local state"
				     : "key file (init writes it)"));
	if (s->nendpoints == 0)
		return (err_set(e, ERR_CONFIG,
		    "%s: no endpoint: expected [endpoint NAME] with a url, best three of them",
		    s->path));
	if (check_endpoints(s, e) < 0 || check_quorum(s, e) < 0 ||
	    share_memory(s, e) < 0 || check_branches(s, e) < 0)
		return (-1);
	return (check_places(s, e));
}
