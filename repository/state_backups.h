/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local state, continued: manifests with their closures, the audit chain, and
 * what the newest audit entries say of each backup. Manifests and audit entries
 * are decoded by the caller; their bytes are kept here for good.
 */
#ifndef REPOSITORY_STATE_BACKUPS_H
#define REPOSITORY_STATE_BACKUPS_H

#include "repository/audit.h"
#include "repository/manifest.h"
#include "repository/state.h"

/* --- manifests --- */

/* Of the newest manifest; zeros when there is none. */
struct state_manifest_head {
	uint64_t sequence;
	struct sha256 sha;
};
int state_manifest_head(struct state_txn *t, struct state_manifest_head *out,
    struct err *e) MUST_USE;
/*
 * Adds a manifest: m's indexes give its closure (index objects that are not
 * known are added by name alone); p is the object. Known already: nothing.
 */
int state_add_manifest(struct state_txn *t, const struct manifest *m,
    const void *p, size_t n, struct err *e) MUST_USE;
/* Every manifest by id, with its bytes, valid during the call. */
int state_each_manifest(struct state *s,
    int (*each)(const struct state_object *o, const void *p, size_t n,
	void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

/*
 * What of a manifest's closure is not confirmed at an endpoint: index objects
 * and the packs that they name for it. 0: the manifest may go there. A closure
 * with an index object that was never read counts at least that one.
 */
int state_closure_missing(struct state *s, uint64_t manifest, uint8_t endpoint,
    uint64_t *missing, struct err *e) MUST_USE;
/* Every object of a closure, index objects first, each once. */
int state_closure_each(struct state *s, uint64_t manifest,
    int (*each)(const struct state_object *o, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

/* --- when it was received --- */

/* An endpoint's listing says since when it has a manifest: the earliest of all
 * of them counts, since a copy that is put back later says nothing. */
int state_note_received(
    struct state *s, uint64_t manifest, int64_t when, struct err *e) MUST_USE;
/* The earliest, or when this machine got to know it, where no listing told. */
int state_received(struct state *s, const struct state_object *manifest,
    int64_t *when, struct err *e) MUST_USE;

/* --- the audit chain --- */

/* Newest entry of the newest epoch; zeros when there is none. */
struct state_audit_head {
	uint32_t epoch;
	uint64_t seq;
	struct sha256 sha;
};
int state_audit_head(
    struct state_txn *t, struct state_audit_head *out, struct err *e) MUST_USE;
int state_read_audit_head(
    struct state *s, struct state_audit_head *out, struct err *e) MUST_USE;
/* Adds an entry with its object's bytes, and applies it to the marks below.
 * Known already: nothing. */
int state_add_audit(struct state_txn *t, const struct audit_entry *a,
    const void *p, size_t n, struct err *e) MUST_USE;
/* By epoch, then sequence number; bytes valid during the call. */
int state_each_audit(struct state *s,
    int (*each)(const struct state_object *o, const void *p, size_t n,
	void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;

/* --- what the newest entries say of a backup --- */

/*
 * From the events removal; pin, unpin; comment {"text"}; verify {"ok",
 * "depth"}; drill {"ok"}, and restore {"proven":true}, which counts as one. An
 * entry speaks of its backup, or, where that is "", of each id in its detail's
 * array "backups".
 */
struct state_marks {
	bool removed, pinned, has_comment;
	char comment[256];
	int64_t verified; /* 0 never */
	char verified_depth[12];
	int64_t drilled; /* 0 never */
};
int state_get_marks(struct state *s, const char *backup,
    struct state_marks *out, struct err *e) MUST_USE;
/* The same as a step of the batch that writes a mark: no other comes between.
 */
int state_marks_read(struct state_txn *t, const char *backup,
    struct state_marks *out, struct err *e) MUST_USE;

/* The detail of a branch's newest policy entry, as JSON, appended; pruned: of
 * the newest one that it was pruned by. */
int state_get_policy(struct state *s, const char *branch, bool pruned,
    struct buf *detail, bool *found, struct err *e) MUST_USE;

#endif
