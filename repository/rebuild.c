/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local state that is lost or damaged: what the endpoints hold flows in, a new
 * database flows out and takes the old one's place by a rename. The old one is
 * kept beside it. The spool stays where it is: its packs are taken in by the
 * next run that writes. Nothing is touched before the new one is whole.
 */
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "repository/config_object.h"
#include "repository/recover_impl.h"
#include "repository/state.h"

/* Did another process do it while we waited for the lock? */
static bool
is_sound(const struct settings *s, const struct keys *k)
{
	struct err ignored = ERR_INIT;
	SCOPED(state_freep)
	struct state *state = state_open(s->state, keys_repo(k), &ignored);
	struct state_object config;
	bool found = false;

	return (state != NULL &&
	    state_find(state, CONFIG_OBJECT_NAME, &config, &found, &ignored) ==
		0 &&
	    found);
}

/* The damaged database gets another name; *aside is "" when there is none. */
static int
set_aside(const struct settings *s, char **aside, struct err *e)
{
	SCOPED(scope_free) char *db = file_join(s->state, "db");
	char now[CLOCK_TEXT], few[9];

	if (!file_exists(db)) {
		*aside = mem_string("");
		return (0);
	}
	clock_stamp(clock_now(), now);
	random_hex(few, 4);
	*aside = mem_printf("%s.damaged-%s-%s", db, now, few);
	return (file_rename(db, *aside, e));
}

static int
mark_rebuilt(const char *folder, const struct keys *k, struct err *e)
{
	SCOPED(state_freep)
	struct state *state = state_open(folder, keys_repo(k), e);
	SCOPED(state_abortp) struct state_txn *t = NULL;

	if (state == NULL || (t = state_begin(state, e)) == NULL ||
	    state_set_rebuilt(t, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

static int
put_in_place(const struct settings *s, const char *made, const struct err *why,
    const struct recover_result *found, struct err *e)
{
	SCOPED(scope_free) char *from = file_join(made, "db");
	SCOPED(scope_free) char *db = file_join(s->state, "db");
	SCOPED(scope_free) char *aside = NULL;

	if (set_aside(s, &aside, e) < 0 || file_rename(from, db, e) < 0 ||
	    file_sync_parent(db, e) < 0 || file_remove_tree(made, e) < 0)
		return (-1);
	log_warning(
	    "%s; it was rebuilt from the endpoints: %llu backups, newest %s%s%s",
	    why->kind == ERR_MISSING ? "local state was gone" : why->text,
	    (unsigned long long)found->backups,
	    found->newest[0] != '\0' ? found->newest : "none",
	    aside[0] != '\0' ? "; what was there is kept in " : "", aside);
	if (found->damaged > 0)
		log_warning("%llu objects could not be read for it",
		    (unsigned long long)found->damaged);
	return (0);
}

/* No endpoint gave it: what is to be said? */
static int
fail(const struct err *why, struct err *e)
{
	if (e->kind == ERR_STOPPED || e->kind == ERR_FULL ||
	    e->kind == ERR_KEY || e->kind == ERR_LOCKED)
		return (-1);
	if (e->kind == ERR_MISSING) {
		*e = *why;
		return (-1);
	}
	e->kind = ERR_NETWORK;
	(void)err_within(e, "%s; it can't be rebuilt now", why->text);
	return (err_hint(e,
	    "mend what keeps the endpoints away; the next command rebuilds "
	    "local state by itself"));
}

int
recover_rebuild(const struct settings *s, struct keys *k, const struct err *why,
    struct err *e)
{
	SCOPED(recover_result_free)
	struct recover_result found = { .epoch = 0 };
	SCOPED(scope_free) char *path = file_join(s->state, "lock");
	SCOPED(scope_free) char *made = file_join(s->state, "rebuild");
	SCOPED(scope_close) int lock = -1;
	struct settings there = *s;

	there.state = made;
	if (file_make_folders(s->state, 0700, e) < 0 ||
	    (lock = file_lock(path, e)) < 0)
		return (fail(why, e));
	if (is_sound(s, k))
		return (0);
	if (file_remove_tree(made, e) < 0 ||
	    recover_state(&there, k, NULL, &found, e) < 0)
		return (fail(why, e));
	if (mark_rebuilt(made, k, e) < 0)
		return (-1);
	return (put_in_place(s, made, why, &found, e));
}
