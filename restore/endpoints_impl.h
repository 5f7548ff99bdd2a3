/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What endpoints.c (whom to ask) and endpoints_outcome.c (what came of it)
 * share.
 */
#ifndef RESTORE_ENDPOINTS_IMPL_H
#define RESTORE_ENDPOINTS_IMPL_H

#include <pthread.h>

#include "restore/endpoints.h"

struct endpoints {
	struct repo *r;
	struct remarks *remarks;
	struct store *quick[SETTINGS_ENDPOINTS_MAX];
	bool owns_quick;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct {
		unsigned damage; /* objects */
		unsigned lies;	 /* of them, of wrong bytes */
		unsigned busy;	 /* calls under way */
		bool is_warned;
		unsigned calls;		      /* that went well */
		uint64_t bytes;		      /* had from it */
		uint64_t rate_bytes, rate_ms; /* lately */
		uint64_t last_ms;	      /* when it gave something */
		uint64_t lost_ms;  /* with the last call that failed */
		unsigned pause_ms; /* 0: it is not set aside */
		uint64_t until_ms;
	} at[SETTINGS_ENDPOINTS_MAX];
};

/* Its time is not over yet. The lock is held. */
bool endpoints_is_aside(const struct endpoints *p, size_t i, uint64_t now);

#endif
