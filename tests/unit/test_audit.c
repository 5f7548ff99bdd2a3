/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base repository */
/* Audit entries: what happened comes back, and a chain can be followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "repository/audit.h"
#include "tests/unit/known.h"

#define ID "20261122T023000Z-0a1b2c3d"

static void
make_entry(struct audit_entry *a)
{
	audit_entry_init(a);
	a->epoch = 2;
	a->seq = 17;
	known_noise(a->previous.b, 32, 1);
	a->when = 1795401000;
	strcpy(a->event, "pin");
	strcpy(a->backup, ID);
	strcpy(a->branch, "main");
	strcpy(a->actor, "anna@backup");
	a->detail = json_object();
	json_set_string(a->detail, "text", "keep this one");
}

static void
assert_same(const struct audit_entry *a, const struct audit_entry *b)
{
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->seq, b->seq);
	assert_memory_equal(a->previous.b, b->previous.b, 32);
	assert_memory_equal(a->self.b, b->self.b, 32);
	assert_true(a->when == b->when);
	assert_string_equal(a->event, b->event);
	assert_string_equal(a->backup, b->backup);
	assert_string_equal(a->branch, b->branch);
	assert_string_equal(a->actor, b->actor);
	assert_string_equal(json_get_string(a->detail, "text"),
	    json_get_string(b->detail, "text"));
}

static void
an_entry_goes_there_and_back_with_the_agent_key(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(71);
	SCOPED(keys_freep) struct keys *agent = known_agent_half(k);
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(audit_entry_free) struct audit_entry back;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	(void)state;
	make_entry(&a);
	audit_entry_init(&back);
	audit_encode(agent, &a, &object);
	audit_name(&a, name);
	assert_memory_equal(name, "audit/2-17-", 11);
	assert_memory_equal(name + 11, known_sha(object.p, object.n), 16);
	assert_int_equal(strlen(name), 27);
	assert_int_equal(
	    audit_decode(agent, name, object.p, object.n, &back, &e), 0);
	assert_same(&a, &back);
}

static void
an_entry_without_backup_branch_or_detail_is_fine(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(71);
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	(void)state;
	audit_entry_init(&a);
	a.epoch = 1;
	a.seq = 1;
	strcpy(a.event, "init");
	audit_encode(k, &a, &object);
	audit_name(&a, name);
	assert_int_equal(audit_decode(k, name, object.p, object.n, &a, &e), 0);
	assert_string_equal(a.event, "init");
	assert_string_equal(a.backup, "");
	assert_int_equal(json_count(a.detail), 0);
}

static void
a_chain_of_entries_can_be_followed(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(71);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct sha256 before = { { 0 } };
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];
	uint64_t seq;

	(void)state;
	for (seq = 1; seq <= 5; seq++) {
		SCOPED(audit_entry_free) struct audit_entry a, back;

		make_entry(&a);
		audit_entry_init(&back);
		a.seq = seq;
		a.previous = before;
		audit_encode(k, &a, &object);
		audit_name(&a, name);
		assert_int_equal(
		    audit_decode(k, name, object.p, object.n, &back, &e), 0);
		assert_memory_equal(back.previous.b, before.b, 32);
		before = back.self;
	}
}

struct place {
	const struct keys *k;
	char name[OBJECT_NAME_TEXT];
};

static bool
takes(const uint8_t *p, size_t n, const void *arg)
{
	const struct place *at = arg;
	SCOPED(audit_entry_free) struct audit_entry back;
	struct err e = ERR_INIT;

	audit_entry_init(&back);
	if (audit_decode(at->k, at->name, p, n, &back, &e) == 0)
		return (true);
	assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_VERSION);
	return (false);
}

static void
a_changed_cut_longer_or_renamed_entry_is_refused(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(71);
	SCOPED(keys_freep) struct keys *other = known_keys(72);
	SCOPED(audit_entry_free) struct audit_entry entry;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	struct place at = { .k = k };
	struct attempt a = { takes, &at };

	(void)state;
	make_entry(&entry);
	audit_encode(k, &entry, &object);
	audit_name(&entry, at.name);
	assert_true(takes(object.p, object.n, &at));
	assert_int_equal(known_flips_taken(&object, 1, &a), 0);
	assert_int_equal(known_cuts_taken(&object, &a), 0);
	assert_int_equal(known_longer_taken(&object, &a), 0);
	at.name[strlen(at.name) - 1] ^= 1;
	assert_false(takes(object.p, object.n, &at));
	at.name[strlen(at.name) - 1] ^= 1;
	at.name[6] = '3';
	assert_false(takes(object.p, object.n, &at));
	at.name[6] = '2';
	at.k = other;
	assert_false(takes(object.p, object.n, &at));
}

/* An entry with these places and text, sealed and signed as it should be. */
static enum err_kind
read_made_up(uint32_t epoch, uint64_t seq, uint8_t previous, const char *text)
{
	SCOPED(keys_freep) struct keys *k = known_keys(73);
	SCOPED(buf_free) struct buf object = BUF_INIT, sealed = BUF_INIT;
	SCOPED(audit_entry_free) struct audit_entry a, back;
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT], context[64];

	audit_entry_init(&a);
	audit_entry_init(&back);
	snprintf(context, sizeof(context), "audit %u-%llu", epoch,
	    (unsigned long long)seq);
	seal_index(k, context, text, strlen(text), &sealed);
	format_add_header(&object, FORMAT_AUDIT, keys_repo(k));
	buf_add_u32(&object, epoch);
	buf_add_u64(&object, seq);
	buf_add_zeros(&object, 31);
	buf_add_u8(&object, previous);
	buf_add_i64(&object, 0);
	buf_add_u32(&object, (uint32_t)sealed.n);
	buf_add(&object, sealed.p, sealed.n);
	seal_sign(k, "audit", &object);
	a.epoch = epoch;
	a.seq = seq;
	assert_true(hex_parse(known_sha(object.p, object.n), a.self.b, 32));
	audit_name(&a, name);
	if (audit_decode(k, name, object.p, object.n, &back, &e) == 0)
		return (ERR_NONE);
	return (e.kind);
}

static void
an_entry_that_breaks_a_rule_is_corrupt(void **state)
{
	static const char good[] = "{\"event\":\"x\"}";
	static const char *const bad[] = { "", "{", "[]", "null", "{}",
		"{\"event\":\"\"}", "{\"event\":7}",
		"{\"event\":\"x\",\"backup\":\"latest\"}",
		"{\"event\":\"x\",\"event\":\"x\"}" };
	size_t i;

	(void)state;
	assert_int_equal(read_made_up(1, 1, 0, good), ERR_NONE);
	assert_int_equal(read_made_up(1, 2, 1, good), ERR_NONE);
	assert_int_equal(read_made_up(0, 1, 0, good), ERR_CORRUPT);
	assert_int_equal(read_made_up(1, 0, 0, good), ERR_CORRUPT);
	assert_int_equal(read_made_up(1, 0, 1, good), ERR_CORRUPT);
	assert_int_equal(read_made_up(1, 1, 1, good), ERR_CORRUPT);
	assert_int_equal(read_made_up(1, 2, 0, good), ERR_CORRUPT);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_made_up(1, 1, 0, bad[i]), ERR_CORRUPT);
}

static void
a_detail_too_long_for_an_entry_is_left_out_and_said_to_be(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(71);
	SCOPED(audit_entry_free) struct audit_entry a, back;
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(scope_free) char *text = mem_new(60001);
	struct err e = ERR_INIT;
	char name[OBJECT_NAME_TEXT];

	(void)state;
	make_entry(&a);
	audit_entry_init(&back);
	memset(text, 'x', 60000);
	json_set_string(a.detail, "text", text);
	audit_encode(k, &a, &object);
	assert_true(object.n <= AUDIT_MAX);
	audit_name(&a, name);
	assert_int_equal(
	    audit_decode(k, name, object.p, object.n, &back, &e), 0);
	assert_string_equal(back.event, "pin");
	assert_null(json_get_string(back.detail, "text"));
	assert_true(json_get_integer(back.detail, "left_out_bytes", 0) > 60000);
	text[48000] = '\0'; /* and one that just fits is there */
	json_set_string(a.detail, "text", text);
	audit_encode(k, &a, &object);
	assert_true(object.n <= AUDIT_MAX);
	audit_name(&a, name);
	assert_int_equal(
	    audit_decode(k, name, object.p, object.n, &back, &e), 0);
	assert_int_equal(strlen(json_get_string(back.detail, "text")), 48000);
}

static void
the_sealed_text_has_a_padme_length(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(71);
	SCOPED(buf_free) struct buf object = BUF_INIT;
	SCOPED(audit_entry_free) struct audit_entry a;
	size_t i, sealed;

	(void)state;
	make_entry(&a);
	for (i = 0; i < 100; i++) {
		strncat(a.actor, "a", sizeof(a.actor) - strlen(a.actor) - 1);
		audit_encode(k, &a, &object);
		sealed = object.n - 32 - 4 - 8 - 32 - 8 - 4 - SEAL_SIGNATURE;
		assert_int_equal(sealed, format_padme(sealed));
	}
}

static void
the_bytes_of_a_known_entry_do_not_change(void **state)
{
	SCOPED(keys_freep) struct keys *k = known_keys(74);
	SCOPED(audit_entry_free) struct audit_entry a;
	SCOPED(buf_free) struct buf object = BUF_INIT;

	(void)state;
	make_entry(&a);
	audit_encode(k, &a, &object);
	assert_string_equal(known_sha(object.p, object.n),
	    "a0347d7687e62349909dbb45d0b4c18fd026f4766373666473d1dd9efcac9edf");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_entry_goes_there_and_back_with_the_agent_key),
		cmocka_unit_test(
		    an_entry_without_backup_branch_or_detail_is_fine),
		cmocka_unit_test(a_chain_of_entries_can_be_followed),
		cmocka_unit_test(
		    a_changed_cut_longer_or_renamed_entry_is_refused),
		cmocka_unit_test(an_entry_that_breaks_a_rule_is_corrupt),
		cmocka_unit_test(
		    a_detail_too_long_for_an_entry_is_left_out_and_said_to_be),
		cmocka_unit_test(the_sealed_text_has_a_padme_length),
		cmocka_unit_test(the_bytes_of_a_known_entry_do_not_change),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
