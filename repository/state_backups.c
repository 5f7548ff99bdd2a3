/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Manifests, their closures and the audit chain in local state. A closure is
 * kept as it stands in the manifest, with numbers for names:
 *
 *   closure = { index:u64 bitmap-bytes:u32 bitmap }*
 *   audit key = epoch:u32 seq:u64 (big-endian) first 8 bytes of its hash
 */
#include "repository/state_backups.h"

#include <stdlib.h>
#include <string.h>

#include "repository/state_chunks.h"
#include "repository/state_impl.h"

#define AUDIT_KEY 20

/* --- manifests --- */

int
state_manifest_head(
    struct state_txn *t, struct state_manifest_head *out, struct err *e)
{
	uint8_t raw[44] = { 0 };
	struct bytes b = bytes_of(raw, sizeof(raw));
	bool found;

	if (state_meta_get(t, "manifest", raw, sizeof(raw), &found, e) < 0)
		return (-1);
	out->sequence = bytes_u64(&b);
	bytes_u32(&b); /* epoch */
	bytes_copy(&b, out->sha.b, sizeof(out->sha.b));
	return (0);
}

/* The newest is that of the highest sequence, then of the highest epoch. */
static int
move_head(struct state_txn *t, const struct manifest *m,
    const struct sha256 *sha, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t raw[44] = { 0 };
	struct bytes was = bytes_of(raw, sizeof(raw));
	uint64_t sequence;
	bool found;

	if (state_meta_get(t, "manifest", raw, sizeof(raw), &found, e) < 0)
		return (-1);
	sequence = bytes_u64(&was);
	if (sequence > m->sequence ||
	    (sequence == m->sequence && bytes_u32(&was) > m->epoch))
		return (0);
	buf_add_u64(&b, m->sequence);
	buf_add_u32(&b, m->epoch);
	buf_add(&b, sha->b, sizeof(sha->b));
	return (state_meta_put(t, "manifest", b.p, b.n, e));
}

static int
put_closure(struct state_txn *t, uint64_t manifest, const struct manifest *m,
    struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	for (size_t i = 0; i < m->nindexes; i++) {
		const struct index_ref *ref = &m->indexes[i];
		uint64_t index;

		if (state_add_index(t, ref->object, &ref->sha, ref->bytes,
			false, NULL, 0, &index, e) < 0)
			return (-1);
		buf_add_u64(&b, index);
		buf_add_u32(&b, (uint32_t)ref->used.n);
		buf_add(&b, ref->used.p, ref->used.n);
	}
	state_number_key(manifest, key);
	return (state_db_put(t, DB_CLOSURES, key, sizeof(key), b.p, b.n, e));
}

int
state_add_manifest(struct state_txn *t, const struct manifest *m, const void *p,
    size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf body = BUF_INIT;
	char name[OBJECT_NAME_TEXT];
	uint8_t key[NUMBER_KEY];
	struct state_object o;
	bool known;

	manifest_name(m->id, name);
	buf_add(&body, p, n);
	if (state_object_add_body(
		t, name, STATE_MANIFEST, &body, &o, &known, e) < 0)
		return (-1);
	if (known)
		return (0);
	state_number_key(o.number, key);
	if (state_db_put(t, DB_MANIFESTS, m->id, strlen(m->id), key,
		sizeof(key), e) < 0 ||
	    put_closure(t, o.number, m, e) < 0)
		return (-1);
	return (move_head(t, m, &o.sha, e));
}

/* The object that the next entry of a walk names, with its bytes. */
static int
next_body(struct state *s, struct state_walk *w, struct state_object *o,
    struct buf *body, bool *found, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct bytes v;
	bool has_body;

	if (state_read(s, &t, e) < 0 || state_db_next(&t, w, found, e) < 0)
		return (-1);
	if (!*found)
		return (0);
	if (w->value.n != NUMBER_KEY)
		return (state_damaged(e, "an object's number"));
	if (state_object_must(&t, state_key_number(w->value.p), o, e) < 0 ||
	    state_db_get(
		&t, DB_BODIES, w->value.p, w->value.n, &v, &has_body, e) < 0)
		return (-1);
	if (!has_body)
		return (state_damaged(e, "an object without its bytes"));
	body->n = 0;
	buf_add(body, v.p, v.n);
	return (0);
}

static int
each_body(struct state *s, enum state_db db,
    int (*each)(const struct state_object *o, const void *p, size_t n,
	void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(state_walk_free) struct state_walk w = { .db = db };
	SCOPED(buf_free) struct buf body = BUF_INIT;

	for (;;) {
		struct state_object o;
		bool found;
		int answer;

		if (next_body(s, &w, &o, &body, &found, e) < 0)
			return (-1);
		if (!found)
			return (0);
		if ((answer = each(&o, body.p, body.n, arg, e)) != 0)
			return (answer);
	}
}

int
state_each_manifest(struct state *s,
    int (*each)(const struct state_object *o, const void *p, size_t n,
	void *arg, struct err *e),
    void *arg, struct err *e)
{
	return (each_body(s, DB_MANIFESTS, each, arg, e));
}

/* --- when they were received --- */

static int
get_received(
    struct state_txn *t, uint64_t manifest, int64_t *when, struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct bytes v;
	bool found;

	*when = INT64_MAX;
	state_number_key(manifest, key);
	if (state_db_get(t, DB_RECEIVED, key, sizeof(key), &v, &found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	*when = bytes_i64(&v);
	return (bytes_done(&v) ? 0 : state_damaged(e, "a manifest's date"));
}

int
state_received(struct state *s, const struct state_object *manifest,
    int64_t *when, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	if (state_read(s, &t, e) < 0 ||
	    get_received(&t, manifest->number, when, e) < 0)
		return (-1);
	if (*when == INT64_MAX)
		*when = manifest->created;
	return (0);
}

int
state_note_received(
    struct state *s, uint64_t manifest, int64_t when, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	SCOPED(buf_free) struct buf v = BUF_INIT;
	uint8_t key[NUMBER_KEY];
	int64_t before;

	if (t == NULL || get_received(t, manifest, &before, e) < 0)
		return (-1);
	if (when >= before)
		return (0);
	state_number_key(manifest, key);
	buf_add_i64(&v, when);
	if (state_db_put(t, DB_RECEIVED, key, sizeof(key), v.p, v.n, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* --- the audit chain --- */

static void
audit_key(const struct audit_entry *a, uint8_t key[AUDIT_KEY])
{
	for (size_t i = 0; i < 4; i++)
		key[i] = (uint8_t)(a->epoch >> (24 - 8 * i));
	state_number_key(a->seq, key + 4);
	memcpy(key + 12, a->self.b, 8);
}

int
state_audit_head(
    struct state_txn *t, struct state_audit_head *out, struct err *e)
{
	uint8_t raw[44] = { 0 };
	struct bytes b = bytes_of(raw, sizeof(raw));
	bool found;

	if (state_meta_get(t, "audit", raw, sizeof(raw), &found, e) < 0)
		return (-1);
	out->epoch = bytes_u32(&b);
	out->seq = bytes_u64(&b);
	bytes_copy(&b, out->sha.b, sizeof(out->sha.b));
	return (0);
}

int
state_read_audit_head(
    struct state *s, struct state_audit_head *out, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	if (state_read(s, &t, e) < 0)
		return (-1);
	return (state_audit_head(&t, out, e));
}

static int
move_audit_head(struct state_txn *t, const struct audit_entry *a, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;
	struct state_audit_head head;

	if (state_audit_head(t, &head, e) < 0)
		return (-1);
	if (head.epoch > a->epoch ||
	    (head.epoch == a->epoch && head.seq >= a->seq))
		return (0);
	buf_add_u32(&b, a->epoch);
	buf_add_u64(&b, a->seq);
	buf_add(&b, a->self.b, sizeof(a->self.b));
	return (state_meta_put(t, "audit", b.p, b.n, e));
}

int
state_add_audit(struct state_txn *t, const struct audit_entry *a, const void *p,
    size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf body = BUF_INIT;
	char name[OBJECT_NAME_TEXT];
	uint8_t key[AUDIT_KEY], number[NUMBER_KEY];
	struct state_object o;
	bool known;

	audit_name(a, name);
	buf_add(&body, p, n);
	if (state_object_add_body(t, name, STATE_AUDIT, &body, &o, &known, e) <
	    0)
		return (-1);
	if (known)
		return (0);
	audit_key(a, key);
	state_number_key(o.number, number);
	if (state_db_put(
		t, DB_AUDIT, key, sizeof(key), number, sizeof(number), e) < 0 ||
	    move_audit_head(t, a, e) < 0)
		return (-1);
	return (state_apply_marks(t, a, e));
}

int
state_each_audit(struct state *s,
    int (*each)(const struct state_object *o, const void *p, size_t n,
	void *arg, struct err *e),
    void *arg, struct err *e)
{
	return (each_body(s, DB_AUDIT, each, arg, e));
}
