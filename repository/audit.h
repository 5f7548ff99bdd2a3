/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log: an append-only chain of signed entries,
 * audit/<epoch>-<seq>-<first 16 hex digits of its SHA-256>.
 *
 *   entry = header epoch:u32 seq:u64 previous[32] when:i64 text-bytes:u32
 *           index-sealed(JSON, padded with spaces to Padme) signature[68]
 *   JSON  = {"event","backup","branch","actor","detail":{…}}
 *
 * Events that change what is known of a backup (the newest wins): removal, pin,
 * unpin, comment, verify, drill, heal. Others: init, take-over, backup,
 * restore, neutralize, import, export, repack, policy, key, login.
 */
#ifndef REPOSITORY_AUDIT_H
#define REPOSITORY_AUDIT_H

#include "base/json.h"
#include "repository/seal.h"

struct audit_entry {
	uint32_t epoch;
	uint64_t seq;		/* from 1, without gaps */
	struct sha256 previous; /* SHA-256 of the entry with seq - 1; zeros for
				   the first */
	struct sha256 self;	/* of this entry's bytes */
	int64_t when;
	char event[24];
	char backup[BACKUP_ID_TEXT]; /* or "" */
	char branch[64];	     /* or "" */
	char actor[128];	     /* "user@host" */
	struct json *detail;	     /* owned, may be NULL */
};
void audit_entry_init(struct audit_entry *a);
void audit_entry_free(struct audit_entry *a);
/* Fills self; out gets the object. A detail that would make the JSON longer
 * than 48 KiB is replaced by {"left_out_bytes": n}: keep lists short. */
void audit_encode(const struct keys *k, struct audit_entry *a, struct buf *out);
void audit_name(const struct audit_entry *a, char out[OBJECT_NAME_TEXT]);
int audit_decode(const struct keys *k, const char *object, const void *p,
    size_t n, struct audit_entry *a, struct err *e) MUST_USE;

#endif
