/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What pull.c (packs and their owners) and pull_lane.c (those who bring pieces)
 * share.
 */
#ifndef RESTORE_PULL_IMPL_H
#define RESTORE_PULL_IMPL_H

#include <pthread.h>

#include "restore/pull.h"

#define PULL_LANES_EACH 2
#define PULL_LANES_MAX	((size_t)PULL_LANES_EACH * SETTINGS_ENDPOINTS_MAX)
#define PULL_WAIT_MS	100

enum piece_state {
	PIECE_WAITING,
	PIECE_COMING, /* on a lane, or brought by the owner */
	PIECE_HERE
};

struct piece {
	enum piece_state state;
	unsigned failed; /* endpoints that did not give it: a bit each */
	unsigned from;
};

struct pulling {
	struct pulling *next;
	struct pull_pack pack;
	char object[OBJECT_NAME_TEXT];
	size_t piece_bytes;
	unsigned npieces;
	/* guarded by the pull's lock */
	bool first;   /* somebody waits for it */
	bool is_ours; /* it could not be written */
	unsigned ncoming, nhere;
	unsigned gone; /* endpoints that can't give any of it: a bit each */
	struct asking met;
	struct piece pieces[];
};

struct lane {
	pthread_t thread;
	struct pull *pull;
	unsigned endpoint;
	uint8_t *bytes; /* room for a piece */
};

struct pull {
	struct endpoints *endpoints;
	size_t piece_bytes;
	pthread_mutex_t lock;
	pthread_cond_t work; /* there is something to take, or no more */
	pthread_cond_t news; /* of a pulling */
	/* guarded by lock */
	bool has_started, is_closing;
	unsigned served; /* endpoints that have a lane: a bit each */
	struct pulling *queue;
	size_t nlanes;
	struct lane lanes[PULL_LANES_MAX];
};

/* Threads for a first piece to come. The lock is held. */
void pull_start_lanes(struct pull *p);
void pull_join_lanes(struct pull *p);
/* How many an endpoint gets. */
unsigned pull_lanes_of(const struct pull *p, unsigned endpoint);

#endif
