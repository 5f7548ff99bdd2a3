/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the audit log says of each backup, kept as entries come in, in any order
 * (recover reads them as an endpoint lists them): of each mark the entry with
 * the newest (epoch, seq) wins. A verification or drill that failed is no mark,
 * so the newest success stays.
 *
 *   marks  = 5 { epoch:u32 seq:u64 } removed:u8 pinned:u8 verified:i64
 *            depth-bytes:u8 depth drilled:i64 comment-bytes:u8 comment
 *
 * The same of a branch's policy, in DB_META under "policy/" and its name, and
 * of the newest one that it was pruned by under "pruned/":
 *
 *   policy = epoch:u32 seq:u64 JSON
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "repository/state_backups.h"
#include "repository/state_impl.h"

enum { MARK_REMOVED, MARK_PINNED, MARK_COMMENT, MARK_VERIFIED, MARK_DRILLED };
#define MARKS 5

struct stamp {
	uint32_t epoch;
	uint64_t seq;
};
struct mark_record {
	struct stamp by[MARKS];
	struct state_marks m;
};

static void
get_text(struct bytes *b, char *out, size_t room)
{
	size_t n = bytes_u8(b);

	if (n >= room)
		b->bad = true;
	else
		bytes_copy(b, out, n);
}

static int
get(struct state_txn *t, const char *backup, struct mark_record *r,
    struct err *e)
{
	struct bytes b;
	bool found;

	memset(r, 0, sizeof(*r));
	if (state_db_get(t, DB_MARKS, backup, strlen(backup), &b, &found, e) <
	    0)
		return (-1);
	if (!found)
		return (0);
	for (size_t i = 0; i < MARKS; i++) {
		r->by[i].epoch = bytes_u32(&b);
		r->by[i].seq = bytes_u64(&b);
	}
	r->m.removed = bytes_u8(&b) != 0;
	r->m.pinned = bytes_u8(&b) != 0;
	r->m.verified = bytes_i64(&b);
	get_text(&b, r->m.verified_depth, sizeof(r->m.verified_depth));
	r->m.drilled = bytes_i64(&b);
	get_text(&b, r->m.comment, sizeof(r->m.comment));
	r->m.has_comment = r->by[MARK_COMMENT].seq > 0;
	return (bytes_done(&b) ? 0 : state_damaged(e, "a backup's marks"));
}

static void
put_text(struct buf *b, const char *text)
{
	size_t n = strlen(text);

	buf_add_u8(b, (uint8_t)n);
	buf_add(b, text, n);
}

static int
put(struct state_txn *t, const char *backup, const struct mark_record *r,
    struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	for (size_t i = 0; i < MARKS; i++) {
		buf_add_u32(&b, r->by[i].epoch);
		buf_add_u64(&b, r->by[i].seq);
	}
	buf_add_u8(&b, r->m.removed);
	buf_add_u8(&b, r->m.pinned);
	buf_add_i64(&b, r->m.verified);
	put_text(&b, r->m.verified_depth);
	buf_add_i64(&b, r->m.drilled);
	put_text(&b, r->m.comment);
	return (state_db_put(t, DB_MARKS, backup, strlen(backup), b.p, b.n, e));
}

/* --- policies --- */

#define POLICY_KEY_TEXT 80 /* "policy/" and a branch's name */

static void
policy_key(const char *branch, bool pruned, char out[POLICY_KEY_TEXT])
{
	(void)snprintf(out, POLICY_KEY_TEXT, "%s/%s",
	    pruned ? "pruned" : "policy", branch);
}

static int
read_policy(struct state_txn *t, const char *key, struct stamp *by,
    struct bytes *detail, bool *found, struct err *e)
{
	if (state_db_get(t, DB_META, key, strlen(key), detail, found, e) < 0)
		return (-1);
	if (!*found)
		return (0);
	by->epoch = bytes_u32(detail);
	by->seq = bytes_u64(detail);
	return (detail->bad ? state_damaged(e, "a branch's policy") : 0);
}

int
state_get_policy(struct state *s, const char *branch, bool pruned,
    struct buf *detail, bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	char key[POLICY_KEY_TEXT];
	struct stamp by;
	struct bytes v;

	policy_key(branch, pruned, key);
	if (state_read(s, &t, e) < 0 ||
	    read_policy(&t, key, &by, &v, found, e) < 0)
		return (-1);
	if (*found)
		buf_add(detail, v.p, v.n);
	return (0);
}

/* Is the entry newer than what made this mark? Then it makes it now. */
static bool
claim(struct stamp *by, const struct audit_entry *a)
{
	if (by->epoch > a->epoch ||
	    (by->epoch == a->epoch && by->seq >= a->seq))
		return (false);
	by->epoch = a->epoch;
	by->seq = a->seq;
	return (true);
}

static void
copy_text(char *out, size_t room, const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	if (n >= room)
		n = room - 1;
	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
	text_mend_end(out);
}

static int
apply_policy(struct state_txn *t, const char *key, const struct audit_entry *a,
    struct err *e)
{
	SCOPED(buf_free) struct buf value = BUF_INIT;
	struct stamp by = { .epoch = 0 };
	struct bytes was;
	bool found;

	if (read_policy(t, key, &by, &was, &found, e) < 0)
		return (-1);
	if (!claim(&by, a))
		return (0);
	buf_add_u32(&value, a->epoch);
	buf_add_u64(&value, a->seq);
	json_write(a->detail, false, &value);
	return (
	    state_db_put(t, DB_META, key, strlen(key), value.p, value.n, e));
}

static int
apply_policies(struct state_txn *t, const struct audit_entry *a, struct err *e)
{
	char key[POLICY_KEY_TEXT];

	policy_key(a->branch, false, key);
	if (apply_policy(t, key, a, e) < 0)
		return (-1);
	if (!json_get_bool(a->detail, "pruned", false))
		return (0);
	policy_key(a->branch, true, key);
	return (apply_policy(t, key, a, e));
}

/* Which mark an entry makes, or -1. */
static int
mark_of(const struct audit_entry *a)
{
	if (strcmp(a->event, "removal") == 0)
		return (MARK_REMOVED);
	if (strcmp(a->event, "pin") == 0 || strcmp(a->event, "unpin") == 0)
		return (MARK_PINNED);
	if (strcmp(a->event, "comment") == 0)
		return (MARK_COMMENT);
	if (strcmp(a->event, "verify") == 0)
		return (
		    json_get_bool(a->detail, "ok", false) ? MARK_VERIFIED : -1);
	if (strcmp(a->event, "drill") == 0)
		return (
		    json_get_bool(a->detail, "ok", false) ? MARK_DRILLED : -1);
	if (strcmp(a->event, "restore") == 0)
		return (json_get_bool(a->detail, "proven", false) ? MARK_DRILLED
								  : -1);
	return (-1);
}

static void
make(struct state_marks *m, int mark, const struct audit_entry *a)
{
	switch (mark) {
	case MARK_REMOVED: m->removed = true; break;
	case MARK_PINNED: m->pinned = strcmp(a->event, "pin") == 0; break;
	case MARK_COMMENT:
		copy_text(m->comment, sizeof(m->comment),
		    json_get_string(a->detail, "text"));
		break;
	case MARK_VERIFIED:
		m->verified = a->when;
		copy_text(m->verified_depth, sizeof(m->verified_depth),
		    json_get_string(a->detail, "depth"));
		break;
	default: m->drilled = a->when; break;
	}
}

static int
apply(struct state_txn *t, const char *backup, int mark,
    const struct audit_entry *a, struct err *e)
{
	struct mark_record r;

	if (!format_backup_id_is_good(backup))
		return (0);
	if (get(t, backup, &r, e) < 0)
		return (-1);
	if (!claim(&r.by[mark], a))
		return (0);
	make(&r.m, mark, a);
	return (put(t, backup, &r, e));
}

int
state_apply_marks(
    struct state_txn *t, const struct audit_entry *a, struct err *e)
{
	const struct json *list = json_get(a->detail, "backups");
	int mark = mark_of(a);

	if (strcmp(a->event, "policy") == 0 && a->detail != NULL)
		return (apply_policies(t, a, e));
	if (mark < 0)
		return (0);
	if (a->backup[0] != '\0')
		return (apply(t, a->backup, mark, a, e));
	for (size_t i = 0; i < json_count(list); i++) {
		const char *backup = json_text(json_at(list, i));

		if (backup != NULL && apply(t, backup, mark, a, e) < 0)
			return (-1);
	}
	return (0);
}

int
state_marks_read(struct state_txn *t, const char *backup,
    struct state_marks *out, struct err *e)
{
	struct mark_record r;

	memset(out, 0, sizeof(*out));
	if (backup[0] == '\0')
		return (0);
	if (get(t, backup, &r, e) < 0)
		return (-1);
	*out = r.m;
	return (0);
}

int
state_get_marks(
    struct state *s, const char *backup, struct state_marks *out, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	if (state_read(s, &t, e) < 0)
		return (-1);
	return (state_marks_read(&t, backup, out, e));
}
