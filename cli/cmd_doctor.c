/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate doctor: will a backup and a restore work, and what is to be mended
 * if not? Takes no lock: a backup may run meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stop.h"
#include "cli/doctor.h"

#define GIVE_UP_S 5 /* at most: who asks is waiting */

/* --- telling ------------------------------------------------------------- */

static bool
is_colourful(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0));
}

static void
say_finding(struct cli *c, const struct finding *f, bool colours)
{
	static const char *const on[] = { "\033[32m", "\033[33m", "\033[31m" };

	if (c->json)
		return;
	(void)fputs(colours ? on[f->state] : "", stdout);
	say(c, "  %-7s", finding_state_text(f->state));
	(void)fputs(colours ? "\033[0m" : "", stdout);
	say(c, "  %-14s %s\n", f->name, f->detail);
	if (f->hint != NULL)
		say(c, "           -> %s\n", f->hint);
}

/* Those that have come since: one group. */
static void
say_group(struct doctor *d, size_t from)
{
	bool colours = is_colourful();

	if (from < d->f.n)
		say(d->c, "%s\n", d->f.v[from].subject);
	for (size_t i = from; i < d->f.n; i++)
		say_finding(d->c, &d->f.v[i], colours);
	if (!d->c->json)
		(void)fflush(stdout);
}

static struct json *
check_json(const struct finding *f)
{
	struct json *j = json_object();

	json_set_string(j, "subject", f->subject);
	json_set_string(j, "name", f->name);
	json_set_string(j, "state", finding_state_text(f->state));
	json_set_string(j, "detail", f->detail);
	json_set_string(j, "hint", f->hint);
	return (j);
}

static int
status_of(const struct finding *f)
{
	switch (f->state) {
	case FINDING_OK: return (EXIT_DONE);
	case FINDING_WARNING: return (EXIT_LOOK);
	case FINDING_ERROR: break;
	}
	return (f->kind == ERR_KEY	    ? EXIT_KEY
		: f->kind == ERR_TAKEN_OVER ? EXIT_HELD
					    : EXIT_FAILED);
}

static void
conclude(struct doctor *d, struct json *doctor, bool is_whole)
{
	struct json *checks = json_array();
	size_t count[3] = { 0, 0, 0 };

	for (size_t i = 0; i < d->f.n; i++) {
		json_append(checks, check_json(&d->f.v[i]));
		count[d->f.v[i].state]++;
		cli_raise(d->c, status_of(&d->f.v[i]));
	}
	json_set_bool(doctor, "ok",
	    is_whole && count[FINDING_WARNING] + count[FINDING_ERROR] == 0);
	json_set(doctor, "checks", checks);
	json_set(doctor, "endpoints", json_ref(d->endpoints));
	if (is_whole)
		say(d->c, "%zu ok, %zu warnings, %zu errors\n",
		    count[FINDING_OK], count[FINDING_WARNING],
		    count[FINDING_ERROR]);
}

/* --- looking ------------------------------------------------------------- */

static int
look_at_configuration(struct doctor *d, struct err *e)
{
	struct cli *c = d->c;

	d->f.subject = "configuration";
	if (cli_settings(c, e) < 0) {
		findings_failure(&d->f, FINDING_ERROR, "file", e,
		    "correct it; conf/triplicate.conf is a sample");
		return (-1);
	}
	d->s = *c->settings;
	if (d->s.give_up_after_s > GIVE_UP_S)
		d->s.give_up_after_s = GIVE_UP_S;
	findings_ok(&d->f, "file", "%s: %zu endpoints, %zu branches", d->s.path,
	    d->s.nendpoints, d->s.nbranches);
	if (d->s.nendpoints < 3)
		findings_note(&d->f, "endpoints",
		    "three places keep backups acknowledged while one is away",
		    "%zu", d->s.nendpoints);
	say_group(d, 0);
	return (0);
}

/* Each group is told when it is whole: some take their time. */
static int
look_at_all(struct doctor *d, struct err *e)
{
	static int (*const looks[])(struct doctor *,
	    struct err *) = { doctor_host, doctor_keys, doctor_state };
	size_t from = d->f.n;

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		if (looks[i](d, e) < 0)
			return (-1);
		say_group(d, from);
		from = d->f.n;
	}
	for (size_t i = 0; i < d->s.nbranches; i++) {
		if (stop_check(e) < 0 ||
		    doctor_branch(d, &d->s.branches[i], e) < 0)
			return (-1);
		say_group(d, from);
		from = d->f.n;
	}
	for (size_t i = 0; i < d->s.nendpoints; i++) {
		if (stop_check(e) < 0 || doctor_endpoint(d, i, e) < 0)
			return (-1);
		say_group(d, from);
		from = d->f.n;
	}
	return (0);
}

static void
doctor_end(struct doctor *d)
{
	repo_freep(&d->r);
	keys_freep(&d->keys);
	findings_free(&d->f);
	json_freep(&d->endpoints);
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(doctor_end) struct doctor d = { .c = c };
	struct json *doctor = json_object();
	int rc;

	c->answer = json_object();
	json_set(c->answer, "doctor", doctor);
	d.endpoints = json_object();
	rc = look_at_configuration(&d, e);
	if (rc == 0)
		rc = look_at_all(&d, e);
	conclude(&d, doctor, rc == 0);
	return (rc);
}

static const struct args_option options[] = { { NULL, NULL } };

const struct command cmd_doctor = { "doctor", "",
	"tests all that a backup and a restore will need, and says how to mend it\n"
	"Configuration, clock, memory, keys, space, each branch's database, programs\n"
	"and files, and each endpoint with a round trip of a few small objects.\n"
	"Exit status 0: all is well, 3: warnings, 1: errors, 6: a key is one of them.",
	options, 0, 0, run };
