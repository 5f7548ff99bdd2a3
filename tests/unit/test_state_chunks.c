/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers repository */
/* Local state, continued: where chunks are and when they count as known, what a
 * manifest needs, and what the audit log says of a backup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "repository/state_backups.h"
#include "tests/unit/known.h"
#include "tests/unit/state_rig.h"

/* --- chunks --- */

static void
a_chunk_is_known_while_its_pack_is_somewhere(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	struct err e = ERR_INIT;

	assert_true(state_rig_knows(f, 1, 2));
	assert_false(state_rig_knows(f, 1, 3));
	state_rig_must(state_set_spooled(f->s, pack, false, &e), &e);
	assert_false(state_rig_knows(f, 1, 2));
	state_rig_confirm(f, pack, 1, false);
	assert_true(state_rig_knows(f, 1, 2));
	state_rig_must(
	    state_mark(f->s, pack, f->numbers[1], STATE_MISSING, &e), &e);
	assert_false(state_rig_knows(f, 1, 2));
}

static void
a_chunk_is_not_known_as_another_kind(void **arg)
{
	struct state_rig *f = *arg;
	struct state_use use;
	struct name name;
	struct err e = ERR_INIT;
	bool known;

	state_rig_add_pack(f, 1, 3, true);
	state_rig_chunk_name(1, 0, &name);
	state_rig_must(
	    state_knows(f->s, &name, RECORD_RECIPE, &use, &known, &e), &e);
	assert_false(known);
}

/* A pack with one delta on the first chunks of two other packs. */
static uint64_t
add_delta(struct state_rig *f, const struct name *name)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct placed placed = { .offset = 117 };
	struct directory d = { .kind = PACK_DATA,
		.pack = { { 77 } },
		.bytes = 500,
		.n = 1,
		.records = &placed };
	struct err e = ERR_INIT;
	uint64_t number;

	placed.record = (struct record){ .name = *name,
		.kind = RECORD_DATA,
		.codec = CODEC_DELTA,
		.nbases = 2,
		.plain_bytes = 90,
		.box_bytes = 60 };
	state_rig_chunk_name(1, 0, &placed.record.bases[0]);
	state_rig_chunk_name(2, 0, &placed.record.bases[1]);
	t = state_begin(f->s, &e);
	state_rig_must(t == NULL, &e);
	state_rig_must(state_add_pack(t, &d, true, false, &number, &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	return (number);
}

static void
a_delta_is_known_and_needs_the_packs_of_its_bases(void **arg)
{
	struct state_rig *f = *arg;
	struct name name = { { 42 } };
	uint64_t base1 = state_rig_add_pack(f, 1, 1, true), base2, delta;
	struct state_use use;
	struct err e = ERR_INIT;
	bool known;

	delta = add_delta(f, &name);
	state_rig_must(
	    state_knows(f->s, &name, RECORD_DATA, &use, &known, &e), &e);
	assert_false(known); /* its second base is not there */
	base2 = state_rig_add_pack(f, 2, 1, true);
	state_rig_must(
	    state_knows(f->s, &name, RECORD_DATA, &use, &known, &e), &e);
	assert_true(known);
	assert_int_equal(use.n, 3);
	assert_int_equal(use.packs[0], delta);
	assert_int_equal(use.packs[1], base1);
	assert_int_equal(use.packs[2], base2);
}

static void
copies_that_live_come_first_and_full_ones_before_deltas(void **arg)
{
	struct state_rig *f = *arg;
	struct state_copy copies[LOOKUP_COPIES_MAX];
	struct name name;
	uint64_t full, delta;
	struct err e = ERR_INIT;
	size_t n;

	state_rig_add_pack(f, 1, 1, true);
	state_rig_add_pack(f, 2, 1, true);
	full = state_rig_add_pack(f, 3, 1, true);
	state_rig_chunk_name(3, 0, &name);
	delta = add_delta(f, &name);
	state_rig_must(state_copies(f->s, &name, copies, &n, &e), &e);
	assert_int_equal(n, 2);
	assert_int_equal(copies[0].pack, full);
	assert_int_equal(copies[1].pack, delta);
	assert_int_equal(copies[1].record.nbases, 2);
	state_rig_must(state_set_spooled(f->s, full, false, &e), &e);
	state_rig_must(state_copies(f->s, &name, copies, &n, &e), &e);
	assert_int_equal(n, 2);
	assert_int_equal(copies[0].pack, delta);
	state_rig_chunk_name(99, 0, &name);
	state_rig_must(state_copies(f->s, &name, copies, &n, &e), &e);
	assert_int_equal(n, 0);
}

static int
count_undescribed(uint64_t pack, struct directory *d, void *arg, struct err *e)
{
	uint64_t *sum = arg;

	(void)e;
	*sum += pack * 100 + d->n;
	assert_int_equal(d->nslots, 1);
	assert_int_equal(d->records[1].offset, 117 + 140);
	return (0);
}

static void
packs_are_undescribed_until_an_index_names_them(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(scope_free) uint64_t *listed = NULL;
	uint64_t packs[2], index, by, sum = 0;
	struct err e = ERR_INIT;
	size_t n;

	packs[0] = state_rig_add_pack(f, 1, 2, true);
	packs[1] = state_rig_add_pack(f, 2, 3, true);
	state_rig_must(
	    state_undescribed(f->s, count_undescribed, &sum, &e), &e);
	assert_int_equal(sum, packs[0] * 100 + 2 + packs[1] * 100 + 3);
	index = state_rig_add_index(f, "index/1-1-0123456789abcdef", packs, 2);
	sum = 0;
	state_rig_must(
	    state_undescribed(f->s, count_undescribed, &sum, &e), &e);
	assert_int_equal(sum, 0);
	state_rig_must(state_described_by(f->s, packs[1], &by, &e), &e);
	assert_int_equal(by, index);
	state_rig_must(state_index_packs(f->s, index, &listed, &n, &e), &e);
	assert_int_equal(n, 2);
	assert_memory_equal(listed, packs, sizeof(packs));
}

static void
a_pack_that_comes_again_keeps_its_number(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, false);

	assert_false(state_rig_get(f, pack).spooled);
	assert_int_equal(state_rig_add_pack(f, 1, 3, true), pack);
	assert_true(state_rig_get(f, pack).spooled);
}

static void
a_key_slot_that_is_not_there_is_missing(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t pack = state_rig_add_pack(f, 1, 3, true);
	uint8_t slot[SEAL_KEY_SLOT], expected[SEAL_KEY_SLOT];
	struct err e = ERR_INIT;

	state_rig_must(state_slot(f->s, pack, 0, slot, &e), &e);
	known_noise(expected, sizeof(expected), 2);
	assert_memory_equal(slot, expected, sizeof(slot));
	assert_int_equal(state_slot(f->s, pack, 1, slot, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	err_clear(&e);
	assert_int_equal(state_slot(f->s, 99, 0, slot, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
}

/* --- manifests and closures --- */

static uint64_t
add_manifest(
    struct state_rig *f, const char *id, uint64_t sequence, const char *index)
{
	struct state_txn *t;
	struct manifest m;
	struct state_object o;
	char name[OBJECT_NAME_TEXT];
	struct err e = ERR_INIT;
	bool found;

	manifest_init(&m);
	snprintf(m.id, sizeof(m.id), "%s", id);
	m.sequence = sequence;
	m.nindexes = 1;
	m.indexes = mem_array(1, sizeof(*m.indexes));
	snprintf(m.indexes[0].object, OBJECT_NAME_TEXT, "%s", index);
	m.indexes[0].bytes = 50;
	buf_add_u8(&m.indexes[0].used, 1 | 1 << 2);
	t = state_begin(f->s, &e);
	state_rig_must(state_add_manifest(t, &m, id, strlen(id), &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	manifest_name(id, name);
	state_rig_must(state_find(f->s, name, &o, &found, &e), &e);
	assert_true(found);
	manifest_free(&m);
	return (o.number);
}

#define ID_1	"20261122T020000Z-00000001"
#define ID_2	"20261123T020000Z-00000002"
#define INDEX_1 "index/1-1-0123456789abcdef"

static uint64_t
missing_of(struct state_rig *f, uint64_t manifest, size_t endpoint)
{
	uint64_t missing;
	struct err e = ERR_INIT;

	state_rig_must(state_closure_missing(
			   f->s, manifest, f->numbers[endpoint], &missing, &e),
	    &e);
	return (missing);
}

static int
note_object(const struct state_object *o, void *arg, struct err *e)
{
	(void)e;
	buf_printf(arg, "%d:%llu ", o->class, (unsigned long long)o->number);
	return (0);
}

static void
a_closure_is_its_index_objects_and_the_packs_they_are_used_for(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	SCOPED(buf_free) struct buf expected = BUF_INIT;
	uint64_t packs[3], index, manifest;
	struct err e = ERR_INIT;

	for (uint32_t i = 0; i < 3; i++)
		packs[i] = state_rig_add_pack(f, 1 + i, 1, true);
	index = state_rig_add_index(f, INDEX_1, packs, 3);
	manifest = add_manifest(f, ID_1, 1, INDEX_1);
	assert_int_equal(missing_of(f, manifest, 0), 3);
	state_rig_confirm(f, packs[0], 0, false);
	state_rig_confirm(f, index, 0, false);
	assert_int_equal(missing_of(f, manifest, 0), 1);
	state_rig_confirm(f, packs[2], 0, false);
	assert_int_equal(missing_of(f, manifest, 0), 0);
	assert_int_equal(missing_of(f, manifest, 1), 3);
	state_rig_must(
	    state_closure_each(f->s, manifest, note_object, &seen, &e), &e);
	buf_printf(&expected, "2:%llu 1:%llu 1:%llu ",
	    (unsigned long long)index, (unsigned long long)packs[0],
	    (unsigned long long)packs[2]);
	assert_string_equal(buf_text(&seen), buf_text(&expected));
}

static void
a_closure_with_an_unread_index_is_never_whole(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t manifest = add_manifest(f, ID_1, 1, INDEX_1);
	uint64_t packs[3], index;
	struct state_object o;
	struct err e = ERR_INIT;
	bool found;

	state_rig_must(state_find(f->s, INDEX_1, &o, &found, &e), &e);
	assert_true(found);
	assert_true(missing_of(f, manifest, 0) > 0);
	state_rig_confirm(f, o.number, 0, false);
	assert_true(missing_of(f, manifest, 0) > 0);
	/* It is read at last, but has fewer packs than are asked for. */
	packs[0] = state_rig_add_pack(f, 1, 1, true);
	index = state_rig_add_index(f, INDEX_1, packs, 1);
	assert_int_equal(index, o.number);
	state_rig_confirm(f, packs[0], 0, false);
	assert_true(missing_of(f, manifest, 0) > 0);
	packs[1] = state_rig_add_pack(f, 2, 1, true);
	packs[2] = state_rig_add_pack(f, 3, 1, true);
	state_rig_add_index(f, INDEX_1, packs, 3);
	state_rig_confirm(f, packs[2], 0, false);
	assert_int_equal(missing_of(f, manifest, 0), 0);
}

static void
the_newest_manifest_is_that_of_the_highest_sequence(void **arg)
{
	struct state_rig *f = *arg;
	struct state_manifest_head head;
	struct state_txn *t;
	struct sha256 sha;
	struct err e = ERR_INIT;

	add_manifest(f, ID_2, 8, INDEX_1);
	add_manifest(f, ID_1, 7, INDEX_1);
	t = state_begin(f->s, &e);
	state_rig_must(state_manifest_head(t, &head, &e), &e);
	state_abort(t);
	assert_int_equal(head.sequence, 8);
	hash_of(HASH_IS_SHA256, ID_2, strlen(ID_2), sha.b);
	assert_memory_equal(&head.sha, &sha, sizeof(sha));
}

/* --- audit entries and marks --- */

static void
add_entry(struct state_rig *f, uint32_t epoch, uint64_t seq, const char *event,
    const char *detail)
{
	struct state_txn *t;
	struct audit_entry a;
	char body[64];
	struct err e = ERR_INIT;

	audit_entry_init(&a);
	a.epoch = epoch;
	a.seq = seq;
	a.when = (int64_t)(UINT64_C(1000) * epoch + seq);
	snprintf(a.event, sizeof(a.event), "%s", event);
	if (strstr(detail, "backups") == NULL)
		snprintf(a.backup, sizeof(a.backup), "%s", ID_1);
	a.detail = json_parse(detail, strlen(detail), &e);
	state_rig_must(a.detail == NULL, &e);
	snprintf(body, sizeof(body), "%u-%u", epoch, (unsigned)seq);
	hash_of(HASH_IS_SHA256, body, strlen(body), a.self.b);
	t = state_begin(f->s, &e);
	state_rig_must(state_add_audit(t, &a, body, strlen(body), &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	audit_entry_free(&a);
}

static struct state_marks
marks_of(struct state_rig *f, const char *id)
{
	struct state_marks marks;
	struct err e = ERR_INIT;

	state_rig_must(state_get_marks(f->s, id, &marks, &e), &e);
	return (marks);
}

static void
the_newest_mark_wins_in_whatever_order_entries_come(void **arg)
{
	struct state_rig *f = *arg;

	assert_false(marks_of(f, ID_1).pinned);
	add_entry(f, 1, 9, "pin", "{}");
	add_entry(f, 1, 8, "unpin", "{}");
	assert_true(marks_of(f, ID_1).pinned);
	add_entry(f, 2, 3, "unpin", "{}");
	assert_false(marks_of(f, ID_1).pinned);
	add_entry(f, 1, 4, "comment", "{\"text\":\"first\"}");
	add_entry(f, 1, 3, "comment", "{\"text\":\"before\"}");
	assert_true(marks_of(f, ID_1).has_comment);
	assert_string_equal(marks_of(f, ID_1).comment, "first");
}

static void
only_what_went_well_is_a_mark(void **arg)
{
	struct state_rig *f = *arg;

	add_entry(f, 1, 1, "verify", "{\"ok\":true,\"depth\":\"hash\"}");
	add_entry(f, 1, 2, "verify", "{\"ok\":false,\"depth\":\"data\"}");
	add_entry(f, 1, 3, "restore", "{\"proven\":true}");
	add_entry(f, 1, 4, "drill", "{\"ok\":false}");
	add_entry(f, 1, 5, "login", "{}");
	assert_int_equal(marks_of(f, ID_1).verified, 1001);
	assert_string_equal(marks_of(f, ID_1).verified_depth, "hash");
	assert_int_equal(marks_of(f, ID_1).drilled, 1003);
	assert_false(marks_of(f, ID_2).removed);
}

static void
one_entry_may_speak_of_many_backups(void **arg)
{
	struct state_rig *f = *arg;

	add_entry(f, 1, 1, "verify",
	    "{\"ok\":true,\"depth\":\"data\",\"backups\":[\"" ID_1
	    "\",7,\"../x\",\"" ID_2 "\"]}");
	assert_string_equal(marks_of(f, ID_1).verified_depth, "data");
	assert_int_equal(marks_of(f, ID_2).verified, 1001);
}

static void
a_removed_backup_is_not_sent_again(void **arg)
{
	struct state_rig *f = *arg;
	struct state_object o;
	uint64_t removed = add_manifest(f, ID_1, 1, INDEX_1);
	uint64_t kept = add_manifest(f, ID_2, 2, INDEX_1);
	struct state_object after = { .class = STATE_AUDIT,
		.number = UINT64_MAX };
	struct err e = ERR_INIT;
	bool found;

	state_rig_must(
	    state_next_pending(f->s, f->numbers[0], &after, &o, &found, &e),
	    &e);
	assert_int_equal(o.number, removed);
	add_entry(f, 1, 1, "removal", "{}");
	state_rig_must(
	    state_next_pending(f->s, f->numbers[0], &after, &o, &found, &e),
	    &e);
	assert_true(found);
	assert_int_equal(o.number, kept);
}

static int
note_body(const struct state_object *o, const void *p, size_t n, void *arg,
    struct err *e)
{
	(void)o;
	(void)e;
	buf_add(arg, p, n);
	buf_add_u8(arg, ' ');
	return (0);
}

static void
the_audit_chain_is_walked_by_epoch_and_number(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(buf_free) struct buf seen = BUF_INIT;
	struct state_audit_head head;
	struct err e = ERR_INIT;

	add_entry(f, 2, 2, "key", "{}");
	add_entry(f, 1, 10, "key", "{}");
	add_entry(f, 1, 9, "key", "{}");
	add_entry(f, 1, 9, "key", "{}"); /* known already */
	state_rig_must(state_each_audit(f->s, note_body, &seen, &e), &e);
	assert_string_equal(buf_text(&seen), "1-9 1-10 2-2 ");
	state_rig_must(state_read_audit_head(f->s, &head, &e), &e);
	assert_int_equal(head.epoch, 2);
	assert_int_equal(head.seq, 2);
}

/* --- the rest --- */

static void
files_are_remembered_until_they_are_remembered_otherwise(void **arg)
{
	struct state_rig *f = *arg;
	SCOPED(buf_free) struct buf out = BUF_INIT;
	const uint8_t id[16] = { 1 }, other[16] = { 2 };
	struct state_txn *t;
	struct err e = ERR_INIT;
	bool found;

	for (size_t n = 3; n < 5; n++) {
		t = state_begin(f->s, &e);
		state_rig_must(state_remember(t, id, "abcd", n, &e), &e);
		state_rig_must(state_commit(&t, &e), &e);
	}
	state_rig_must(state_recall(f->s, id, &out, &found, &e), &e);
	assert_true(found);
	assert_int_equal(out.n, 4);
	state_rig_must(state_recall(f->s, other, &out, &found, &e), &e);
	assert_false(found);
}

static void
the_writer_is_kept(void **arg)
{
	struct state_rig *f = *arg;
	struct state_writer w, mine = { .epoch = 4, .id = { 9 }, .started = 5 };
	struct state_txn *t;
	struct err e = ERR_INIT;

	state_rig_must(state_get_writer(f->s, &w, &e), &e);
	assert_int_equal(w.epoch, 0);
	t = state_begin(f->s, &e);
	state_rig_must(state_set_writer(t, &mine, &e), &e);
	state_rig_must(state_commit(&t, &e), &e);
	state_rig_reopen(f);
	state_rig_must(state_get_writer(f->s, &w, &e), &e);
	assert_int_equal(w.epoch, 4);
	assert_int_equal(w.id[0], 9);
	assert_int_equal(w.started, 5);
}

static void
a_wait_ends_at_a_change_a_wake_or_its_time(void **arg)
{
	struct state_rig *f = *arg;
	uint64_t seen = state_changes(f->s);
	struct err e = ERR_INIT;

	state_rig_add_pack(f, 1, 1, true);
	assert_true(state_changes(f->s) != seen);
	state_rig_must(state_wait(f->s, seen, 100000, &e), &e);
	seen = state_changes(f->s);
	state_rig_must(state_wait(f->s, seen, 20, &e), &e);
	assert_int_equal(state_changes(f->s), seen);
	state_wake(f->s);
	state_rig_must(state_wait(f->s, seen, 100000, &e), &e);
}

#define STATE_TEST(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, state_rig_setup, state_rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STATE_TEST(a_chunk_is_known_while_its_pack_is_somewhere),
		STATE_TEST(a_chunk_is_not_known_as_another_kind),
		STATE_TEST(a_delta_is_known_and_needs_the_packs_of_its_bases),
		STATE_TEST(
		    copies_that_live_come_first_and_full_ones_before_deltas),
		STATE_TEST(packs_are_undescribed_until_an_index_names_them),
		STATE_TEST(a_pack_that_comes_again_keeps_its_number),
		STATE_TEST(a_key_slot_that_is_not_there_is_missing),
		STATE_TEST(
		    a_closure_is_its_index_objects_and_the_packs_they_are_used_for),
		STATE_TEST(a_closure_with_an_unread_index_is_never_whole),
		STATE_TEST(the_newest_manifest_is_that_of_the_highest_sequence),
		STATE_TEST(the_newest_mark_wins_in_whatever_order_entries_come),
		STATE_TEST(only_what_went_well_is_a_mark),
		STATE_TEST(one_entry_may_speak_of_many_backups),
		STATE_TEST(a_removed_backup_is_not_sent_again),
		STATE_TEST(the_audit_chain_is_walked_by_epoch_and_number),
		STATE_TEST(
		    files_are_remembered_until_they_are_remembered_otherwise),
		STATE_TEST(the_writer_is_kept),
		STATE_TEST(a_wait_ends_at_a_change_a_wake_or_its_time),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
