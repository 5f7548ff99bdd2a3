/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One entry of the audit log to a signed object and back. Writing one never
 * fails: what happened must be recorded, so a detail that is too long for an
 * entry is left out, and the entry says so.
 */
#include "repository/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

#define DOMAIN	     "audit"
#define TEXT_MAX     ((size_t)48 << 10)
#define CONTEXT_TEXT 48
#define SELF_DIGITS  8 /* bytes of its hash that the name shows */

static_assert(TEXT_MAX + TEXT_MAX / 8 + 1024 <= AUDIT_MAX,
    "the longest text, padded and signed, is within the limit");

void
audit_entry_init(struct audit_entry *a)
{
	memset(a, 0, sizeof(*a));
}

void
audit_entry_free(struct audit_entry *a)
{
	json_free(a->detail);
	audit_entry_init(a);
}

void
audit_name(const struct audit_entry *a, char out[OBJECT_NAME_TEXT])
{
	char hex[2 * SELF_DIGITS + 1];

	hex_of(a->self.b, SELF_DIGITS, hex);
	snprintf(out, OBJECT_NAME_TEXT, "audit/%" PRIu32 "-%" PRIu64 "-%s",
	    a->epoch, a->seq, hex);
}

/* The name holds a hash of the bytes, so it can't be what they are bound to. */
static void
context_of(const struct audit_entry *a, char out[CONTEXT_TEXT])
{
	snprintf(
	    out, CONTEXT_TEXT, "audit %" PRIu32 "-%" PRIu64, a->epoch, a->seq);
}

static void
write_text(const struct audit_entry *a, struct json *detail, struct buf *text)
{
	SCOPED(json_freep) struct json *o = json_object();

	json_set_string(o, "event", a->event);
	json_set_string(o, "backup", a->backup);
	json_set_string(o, "branch", a->branch);
	json_set_string(o, "actor", a->actor);
	json_set(o, "detail", detail);
	text->n = 0;
	json_write(o, false, text);
}

static struct json *
detail_left_out(size_t bytes)
{
	struct json *o = json_object();

	json_set_integer(o, "left_out_bytes", (int64_t)bytes);
	return (o);
}

void
audit_encode(const struct keys *k, struct audit_entry *a, struct buf *out)
{
	SCOPED(buf_free) struct buf text = BUF_INIT, sealed = BUF_INIT;
	char context[CONTEXT_TEXT];

	/* What audit_decode would refuse is a mistake of ours. */
	assert(a->epoch > 0 && a->seq > 0 && a->event[0] != '\0');
	assert(a->backup[0] == '\0' || format_backup_id_is_good(a->backup));
	write_text(
	    a, a->detail != NULL ? json_ref(a->detail) : json_object(), &text);
	if (text.n > TEXT_MAX)
		write_text(a, detail_left_out(text.n), &text);
	format_pad(&text, SEAL_INDEX_OVERHEAD, ' ');
	context_of(a, context);
	seal_index(k, context, text.p, text.n, &sealed);

	out->n = 0;
	format_add_header(out, FORMAT_AUDIT, keys_repo(k));
	buf_add_u32(out, a->epoch);
	buf_add_u64(out, a->seq);
	buf_add(out, a->previous.b, sizeof(a->previous.b));
	buf_add_i64(out, a->when);
	buf_add_u32(out, (uint32_t)sealed.n);
	buf_add(out, sealed.p, sealed.n);
	seal_sign(k, DOMAIN, out);
	hash_of(HASH_IS_SHA256, out->p, out->n, a->self.b);
}

/* A text of the entry, cut where it is too long for its field. */
static void
get_text(const struct json *o, const char *key, char *out, size_t size)
{
	const char *text = json_get_string(o, key);

	snprintf(out, size, "%s", text != NULL ? text : "");
	text_mend_end(out);
}

static int
read_text(const struct buf *text, struct audit_entry *a, struct err *e)
{
	SCOPED(json_freep)
	struct json *o = json_parse((const char *)text->p, text->n, e);
	SCOPED(buf_free) struct buf detail = BUF_INIT;

	if (o == NULL)
		return (-1);
	get_text(o, "event", a->event, sizeof(a->event));
	get_text(o, "backup", a->backup, sizeof(a->backup));
	get_text(o, "branch", a->branch, sizeof(a->branch));
	get_text(o, "actor", a->actor, sizeof(a->actor));
	if (a->event[0] == '\0' ||
	    (a->backup[0] != '\0' && !format_backup_id_is_good(a->backup)))
		return (err_set(e, ERR_CORRUPT, "an entry without an event"));
	if (json_get(o, "detail") == NULL)
		return (0);
	json_write(json_get(o, "detail"), false, &detail);
	a->detail = json_parse((const char *)detail.p, detail.n, e);
	return (a->detail == NULL ? -1 : 0);
}

/* The object's name, sequence and hash agree. */
static int
check_place(const struct audit_entry *a, const char *object, struct err *e)
{
	static const struct sha256 none = { { 0 } };
	char name[OBJECT_NAME_TEXT];

	audit_name(a, name);
	if (strcmp(name, object) != 0)
		return (err_set(e, ERR_CORRUPT, "it is %s by its bytes", name));
	if (a->epoch == 0 || a->seq == 0 ||
	    (a->seq == 1) !=
		(memcmp(a->previous.b, none.b, sizeof(none.b)) == 0))
		return (err_set(e, ERR_CORRUPT, "an entry without a place"));
	return (0);
}

int
audit_decode(const struct keys *k, const char *object, const void *p, size_t n,
    struct audit_entry *a, struct err *e)
{
	SCOPED(audit_entry_free) struct audit_entry got;
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct bytes b = bytes_of(p, n);
	char context[CONTEXT_TEXT];
	const uint8_t *sealed;
	uint32_t bytes;

	audit_entry_init(&got);
	if (n > AUDIT_MAX)
		return (err_set(e, ERR_CORRUPT, "%zu bytes are too many", n));
	if (format_check_header(&b, FORMAT_AUDIT, keys_repo(k), NULL, e) < 0 ||
	    seal_check_signature(k, DOMAIN, p, n, e) < 0)
		return (-1);
	got.epoch = bytes_u32(&b);
	got.seq = bytes_u64(&b);
	bytes_copy(&b, got.previous.b, sizeof(got.previous.b));
	got.when = bytes_i64(&b);
	bytes = bytes_u32(&b);
	sealed = bytes_take(&b, bytes);
	if (b.bad || b.n != SEAL_SIGNATURE)
		return (err_set(e, ERR_CORRUPT, "the parts don't fit in"));
	hash_of(HASH_IS_SHA256, p, n, got.self.b);
	if (check_place(&got, object, e) < 0)
		return (-1);
	context_of(&got, context);
	if (unseal_index(k, context, sealed, bytes, &text, e) < 0 ||
	    read_text(&text, &got, e) < 0)
		return (-1);
	audit_entry_free(a);
	*a = got;
	audit_entry_init(&got);
	return (0);
}
