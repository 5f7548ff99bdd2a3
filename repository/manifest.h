/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backups/<id>: one backup's signed description. The summary is under the index
 * key: everything a write-only host needs to list, verify, retain and
 * replicate. The private part is under the restore key.
 *
 *   object  = header id[25] summary-bytes:u32 index-sealed(part)
 *             private-bytes:u32 private-sealed(part) signature[68]
 *
 * Both parts (compress.h) hold JSON, and each sealed length is a Padme length.
 * docs/format.md lists the keys. Texts longer than their fields here are
 * refused, but for the comment, which is cut.
 */
#ifndef REPOSITORY_MANIFEST_H
#define REPOSITORY_MANIFEST_H

#include "base/json.h"
#include "repository/seal.h"

#define MANIFEST_INDEXES_MAX 65536
#define MANIFEST_NAMES_MAX   ((size_t)1 << 20)

struct name_list {
	size_t n, cap;
	struct name *v; /* owned */
};
void name_list_add(struct name_list *l, const struct name *name);
void name_list_free(struct name_list *l);

/* One index object that describes packs of the closure. */
struct index_ref {
	char object[OBJECT_NAME_TEXT];
	struct sha256 sha;
	uint64_t bytes;
	struct buf used; /* bitmap, bit i (LSB first): its i-th pack is in the
			    closure */
};

struct manifest {
	char id[BACKUP_ID_TEXT];
	/* summary */
	char branch[64], stage[16], type[24];
	char state[12]; /* complete, degraded or incomplete */
	char zone[64];
	char comment[256];
	int64_t started, finished;
	uint64_t sequence;	/* of this repository's manifests, from 1 */
	struct sha256 previous; /* of the manifest with sequence - 1; zeros for
				   the first */
	uint32_t epoch;		/* writer epoch */
	uint64_t audit_seq; /* newest audit entry before this backup, 0 none */
	struct sha256 audit_head;
	struct name_list recipes; /* chunks of the recipe stream */
	uint64_t recipe_bytes;
	uint64_t streams;
	size_t nindexes;
	struct index_ref *indexes; /* the closure, newest last; owned */
	uint64_t closure_packs, closure_bytes;
	struct json *counts; /* CLI.md's keys of backup: bytes_read …
				attachments, warnings; owned */
	/* private; absent without the restore key */
	bool has_private;
	struct name_list tree; /* chunks of the tree stream */
	uint64_t tree_bytes;
	uint64_t tree_entries;
	struct json *facts; /* of server, database, Odoo, branch: owned; see
			       docs/format.md */
};

void manifest_init(struct manifest *m);
void manifest_free(struct manifest *m); /* also a SCOPED releaser */
void manifest_name(const char *id, char out[OBJECT_NAME_TEXT]);
/* Needs both parts filled; sealed with the public restore key. */
int manifest_encode(const struct keys *k, const struct manifest *m,
    struct buf *out, struct err *e) MUST_USE;
/*
 * Checks id, signature and lengths, opens the summary, and the private part
 * when keys has the restore half. Fails: ERR_CORRUPT, ERR_VERSION, ERR_KEY.
 */
int manifest_decode(const struct keys *k, const char *id, const void *p,
    size_t n, struct manifest *m, struct err *e) MUST_USE;
/* The same without the private part, whatever keys has. */
int manifest_decode_summary(const struct keys *k, const char *id, const void *p,
    size_t n, struct manifest *m, struct err *e) MUST_USE;
/* Lets go of all that grows with the repository: what is left (heading, counts
 * without the warnings) is for lists. */
void manifest_shorten(struct manifest *m);

#endif
