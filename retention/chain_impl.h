/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of chain*.c share: local state's entries and manifests, read
 * once, and what was seen of each at an endpoint. Only they include it.
 */
#ifndef RETENTION_CHAIN_IMPL_H
#define RETENTION_CHAIN_IMPL_H

#include "repository/state.h"
#include "retention/chain.h"

#define CHAIN_HERE "local state" /* the subject of its findings */

/* An entry of local state. */
struct link {
	uint64_t number; /* in local state */
	uint64_t seq;
	uint32_t epoch;
	uint32_t expected; /* endpoints (a bit a number) that have had it */
	int64_t when;
	struct sha256 self, previous;
	bool is_main;	   /* the newest entry's chain goes through it */
	bool is_displaced; /* of a writer that was replaced, beside the chain */
	char event[24];
};

/* A manifest of local state. */
struct known {
	uint64_t number, sequence, audit_seq;
	uint32_t epoch, expected;
	int64_t started;
	bool is_removed;
	struct sha256 self, previous, audit_head;
	char id[BACKUP_ID_TEXT];
};

/* A backup that an entry tells of. */
struct told {
	uint64_t sequence;
	size_t link; /* the entry */
	char id[BACKUP_ID_TEXT];
};

struct chain {
	struct repo *repo;
	struct findings *f;
	struct chain_result *out;
	size_t nlinks, nknown, ntold;
	struct link *links;	    /* by epoch, number, hash; owned */
	struct link **by_seq;	    /* the same by number, epoch, hash; owned */
	struct known *known;	    /* by id; owned */
	struct known **by_sequence; /* the same by sequence number; owned */
	struct told *told;	    /* by sequence number; owned */
};
void chain_free(struct chain *c); /* what it owns; also for SCOPED */

/* Local state's, by an object's name or a backup's id. NULL when there is none.
 */
const struct link *chain_link_named(const struct chain *c, const char *name);
const struct known *chain_known_named(const struct chain *c, const char *id);
/* The entry with this number and hash, or NULL. */
struct link *chain_link_of(
    const struct chain *c, uint64_t seq, const struct sha256 *self);

/* "12 (backup, 2026-11-22T02:30:00Z)"; "entry 12", "entries 12 to 15". */
#define CHAIN_LINK_TEXT	 96
#define CHAIN_RANGE_TEXT 64
const char *chain_link_text(const struct link *l, char out[CHAIN_LINK_TEXT]);
const char *chain_range_text(
    uint64_t from, uint64_t to, char out[CHAIN_RANGE_TEXT]);

/* --- local state (chain_local.c, chain_links.c, chain_manifests.c) --- */

int chain_read(struct chain *c,
    int (*each)(const struct audit_entry *a, void *arg, struct err *e),
    void *arg, struct err *e) MUST_USE;
/* Findings of the entries among themselves, and of the manifests. */
void chain_judge_links(struct chain *c);
int chain_judge_manifests(struct chain *c, struct err *e) MUST_USE;

/* --- one endpoint (chain_look.c) --- */

enum chain_seen {
	CHAIN_UNSEEN,
	CHAIN_SEEN,   /* listed */
	CHAIN_HIDDEN, /* deleted, where versions are kept */
	CHAIN_WHOLE,  /* read, and its very bytes */
	CHAIN_EDITED
};

/* What local state does not know, and what it is. */
enum chain_stranger {
	CHAIN_FOREIGN, /* no key of ours vouches for it */
	CHAIN_OURS,    /* authentic */
	CHAIN_UNREAD   /* gone meanwhile, or from a newer program */
};
struct stranger {
	enum chain_stranger is;
	bool is_hidden;
	char name[OBJECT_NAME_TEXT];
	/* Of an authentic audit entry; seq 0: it is a manifest. */
	uint64_t seq;
	uint32_t epoch;
};

#define CHAIN_STRANGERS_MAX 1000 /* judged at one endpoint */

struct look {
	const struct chain *c;
	struct endpoint *ep;
	struct err away;	/* not looked through; kind ERR_NONE: it was */
	struct err config;	/* why it is not, or no longer, ours */
	uint8_t *links, *known; /* enum chain_seen of each; owned */
	size_t nstrangers, left_out;
	struct stranger *strangers; /* owned */
};

/* Fills a look; thread: one of its own. */
void chain_look(struct look *l);
void chain_look_free(struct look *l);

/* --- what was seen, as findings (chain_judge.c) --- */

int chain_judge_look(struct chain *c, struct look *l,
    struct chain_endpoint *out, struct err *e) MUST_USE;

#endif
