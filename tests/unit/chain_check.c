/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the chain share. Whatever fails here fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/chain_check.h"

#include "repository/audit_log.h"
#include "repository/manifest.h"
#include "storage-drivers/store_drop.h"

void
check_free(struct check *c)
{
	findings_free(&c->f);
}

static int
count_entry(const struct audit_entry *a, void *arg, struct err *e)
{
	struct check *c = arg;

	(void)e;
	assert_true(a->seq > 0);
	c->entries++;
	return (0);
}

void
check_run(struct repo *r, struct check *c)
{
	struct err e = ERR_INIT;

	memset(c, 0, sizeof(*c));
	fixture_must(chain_check(r, count_entry, c, &c->f, &c->out, &e), &e);
}

size_t
check_count(const struct check *c, enum finding_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < c->f.n; i++)
		n += c->f.v[i].state == state;
	return (n);
}

size_t
check_found(const struct check *c, const char *subject, const char *name,
    enum finding_state state, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < c->f.n; i++) {
		const struct finding *f = &c->f.v[i];

		if (f->state == state && strcmp(f->subject, subject) == 0 &&
		    strcmp(f->name, name) == 0 &&
		    (text == NULL || strstr(f->detail, text) != NULL))
			n++;
	}
	return (n);
}

static void
print(const struct check *c)
{
	for (size_t i = 0; i < c->f.n; i++)
		print_error("%s %s %s: %s\n",
		    finding_state_text(c->f.v[i].state), c->f.v[i].subject,
		    c->f.v[i].name, c->f.v[i].detail);
}

void
check_assert_only(const struct check *c, const char *subject, const char *name,
    enum finding_state state, const char *text)
{
	if (check_found(c, subject, name, state, text) != 1 ||
	    check_count(c, FINDING_ERROR) + check_count(c, FINDING_WARNING) !=
		1) {
		print(c);
		fail_msg("not only %s: %s %s", subject, name, text);
	}
	assert_int_equal(c->out.ok, state != FINDING_ERROR);
}

void
check_assert_well(const struct check *c)
{
	if (check_count(c, FINDING_ERROR) + check_count(c, FINDING_WARNING) > 0)
		print(c);
	assert_int_equal(check_count(c, FINDING_ERROR), 0);
	assert_int_equal(check_count(c, FINDING_WARNING), 0);
	assert_true(c->out.ok);
	assert_false(c->out.is_behind);
}

/* --- entries --- */

void
check_add(struct repo *r, const char *event)
{
	struct err e = ERR_INIT;

	fixture_must(audit_log_add(r, event, NULL, NULL, NULL, &e), &e);
}

void
check_name(struct repo *r, uint64_t seq, char out[OBJECT_NAME_TEXT])
{
	for (size_t i = 0;; i++) {
		unsigned long long is;

		fixture_name(r, "audit/", i, out);
		is = strtoull(strchr(out, '-') + 1, NULL, 10);
		if (is == seq)
			return;
	}
}

static void
drop(struct repo *r, size_t i, const char *name)
{
	struct err e = ERR_INIT;

	fixture_must(store_drop(r->endpoints[i].store, name, &e), &e);
}

void
check_drop_entry(struct repo *r, size_t i, uint64_t seq)
{
	char name[OBJECT_NAME_TEXT];

	check_name(r, seq, name);
	drop(r, i, name);
}

void
check_put(struct repo *r, size_t i, const char *name, const void *p, size_t n)
{
	struct err e = ERR_INIT;

	fixture_must(store_put(r->endpoints[i].store, name, p, n, 0, &e), &e);
}

void
check_drop_backup(struct repo *r, size_t i, const char *id)
{
	char name[OBJECT_NAME_TEXT];

	manifest_name(id, name);
	drop(r, i, name);
}
