/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of replication share: replicate.c starts and ends senders,
 * sender.c is one endpoint's thread, sender_scout.c what looks around there
 * meanwhile, sender_send.c what it sends, and sender_count.c what of that is
 * told as progress.
 */
#ifndef REPOSITORY_REPLICATE_IMPL_H
#define REPOSITORY_REPLICATE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "repository/replicate.h"
#include "repository/state.h"

#define REPLICATE_WAIT_MS 500

struct sender {
	struct replicate *rep;
	struct endpoint *ep;
	pthread_t thread;
	bool is_wanted;	 /* set before any of them runs: others read it */
	bool has_thread; /* the owner's */
	/* guarded by the replicate's lock while lanes send */
	struct endpoint_report report; /* until the thread is joined */
	bool any;		       /* something was sent in this pass */
	uint64_t sent_before;	       /* bytes, when it was last set aside */
	/* guarded by the replicate's lock */
	bool has_ended;
	uint64_t expected, counted; /* bytes, after nothing more is coming */
	atomic_bool known; /* what the endpoint holds is, or it was set aside */
	atomic_bool listed; /* and where: others may have it from there */
	/* The scout of this time is back: what it set aside before it came back
	 * is known and listed, yet nobody has looked since. */
	atomic_bool looked;
	pthread_t scout;
	bool has_scout;
	atomic_bool scout_failed;
	struct err scouted; /* why; the scout's until it is joined */
};

struct replicate {
	struct repo *repo;
	unsigned flags;
	atomic_bool finishing;	/* nothing more is coming */
	atomic_bool abandoned;	/* do not even send what is there */
	atomic_bool taken_over; /* a sender has met a later writer */
	struct err overtaken;	/* as that sender put it; guarded by lock */
	struct gate *transfers; /* an object in memory each */
	pthread_mutex_t lock;
	size_t n;
	struct sender senders[SETTINGS_ENDPOINTS_MAX];
};

/* The thread of one sender; arg is its struct sender. */
void *sender_run(void *arg);

/* Looks around at the endpoint in a thread of its own: known and listed are set
 * in turn. */
int sender_scout_start(struct sender *s, struct err *e) MUST_USE;
/* Waits for it. Fails as it did, unless e tells of another failure already. */
int sender_scout_join(struct sender *s, struct err *e) MUST_USE;
/* They are set in any case in the end: others wait for that. */
void sender_set_known(struct sender *s);
void sender_set_listed(struct sender *s);

/* Sends until nothing is left that can be sent and nothing more is coming.
 * Fails as the endpoint does, which is to be set aside then. */
int sender_send_all(struct sender *s, struct err *e) MUST_USE;

/* Where the endpoint locks objects: those whose date comes near get a later
 * one.
 */
int sender_renew_locks(struct sender *s, struct err *e) MUST_USE;

/* --- progress --- */

/* So many bytes of an object got there. */
void sender_count_sent(struct sender *s, uint64_t bytes);
/* Its listing has told what is missing there. */
void sender_count_in(struct sender *s);
/* It ends: what it has not sent, nobody will in this run. */
void sender_count_out(struct sender *s);
/* Nothing more is coming: what is left to send is the last phase. */
void sender_begin_last_phase(struct replicate *rep);

#endif
