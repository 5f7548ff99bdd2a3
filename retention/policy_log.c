/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings flow in, an entry for each branch whose policy is new flows out.
 * Policies are compared by what they mean, not by how they are spelled.
 */
#include "retention/policy_log.h"

#include <string.h>

#include "repository/audit_log.h"
#include "repository/state_backups.h"
#include "retention/plan.h"

/* The durations, by their keys in an entry. */
struct duration {
	const char *key;
	uint64_t *s;
};
#define DURATIONS 5

static void
durations_of(struct policy *p, struct duration out[DURATIONS])
{
	out[0] = (struct duration){ "keep_within_s", &p->keep_within_s };
	out[1] = (struct duration){ "keep_manual_s", &p->keep_manual_s };
	out[2] = (struct duration){ "keep_update_s", &p->keep_update_s };
	out[3] = (struct duration){ "keep_pre_restore_s",
		&p->keep_pre_restore_s };
	out[4] = (struct duration){ "keep_pre_upgrade_s",
		&p->keep_pre_upgrade_s };
}

static bool
is_same(struct policy *a, struct policy *b)
{
	struct duration x[DURATIONS], y[DURATIONS];

	durations_of(a, x);
	durations_of(b, y);
	for (size_t i = 0; i < DURATIONS; i++)
		if (*x[i].s != *y[i].s)
			return (false);
	return (memcmp(&a->keep, &b->keep, sizeof(a->keep)) == 0);
}

static struct json *
describe(struct policy *p, enum policy_log sort)
{
	struct json *detail = json_object();
	struct duration d[DURATIONS];
	char text[KEEP_TEXT];

	keep_text(&p->keep, text);
	json_set_string(detail, "keep", text);
	durations_of(p, d);
	for (size_t i = 0; i < DURATIONS; i++)
		json_set_integer(detail, d[i].key, (int64_t)*d[i].s);
	json_set_bool(detail, "pruned", sort == POLICY_LOG_PRUNED);
	return (detail);
}

static int
parse(const struct buf *text, struct policy *out, struct err *e)
{
	SCOPED(json_freep)
	struct json *detail = json_parse((const char *)text->p, text->n, e);
	struct duration d[DURATIONS];
	const char *keep;

	if (detail == NULL)
		return (-1);
	keep = json_get_string(detail, "keep");
	*out = (struct policy){ .zone = NULL };
	if (keep == NULL || !keep_parse(keep, &out->keep))
		return (err_set(e, ERR_CORRUPT, "an entry without a policy"));
	durations_of(out, d);
	for (size_t i = 0; i < DURATIONS; i++) {
		int64_t s = json_get_integer(detail, d[i].key, 0);

		*d[i].s = s > 0 ? (uint64_t)s : 0;
	}
	return (0);
}

int
policy_log_last(struct repo *r, const char *branch, enum policy_log sort,
    struct policy *out, bool *found, struct err *e)
{
	SCOPED(buf_free) struct buf detail = BUF_INIT;

	if (state_get_policy(r->state, branch, sort == POLICY_LOG_PRUNED,
		&detail, found, e) < 0)
		return (-1);
	if (!*found)
		return (0);
	if (parse(&detail, out, e) < 0)
		return (err_within(e, "the last policy of %s", branch));
	return (0);
}

/* An entry that this program can't read is a policy that is another one. */
static int
note_branch(struct repo *r, const struct branch_settings *b,
    enum policy_log sort, struct err *e)
{
	struct policy now, last;
	bool found;

	if (plan_policy(b, &now, e) < 0)
		return (-1);
	if (policy_log_last(r, b->name, sort, &last, &found, e) < 0) {
		if (e->kind != ERR_CORRUPT)
			return (-1);
		err_clear(e);
		found = false;
	}
	if (found && is_same(&now, &last))
		return (0);
	return (
	    audit_log_add(r, "policy", NULL, b->name, describe(&now, sort), e));
}

int
policy_log_note(struct repo *r, enum policy_log sort, struct err *e)
{
	for (size_t i = 0; i < r->settings->nbranches; i++)
		if (note_branch(r, &r->settings->branches[i], sort, e) < 0)
			return (-1);
	return (0);
}
