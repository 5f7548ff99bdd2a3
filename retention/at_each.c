/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function flows in, a failure or none for each endpoint flows out.
 */
#include "retention/at_each.h"

#include <pthread.h>

struct hand {
	struct repo *r;
	size_t i;
	int (*work)(struct repo *r, size_t i, void *arg, struct err *e);
	void *arg;
	struct err *error;
	pthread_t thread;
	bool has_thread;
};

static void *
run(void *arg)
{
	struct hand *h = arg;

	(void)h->work(h->r, h->i, h->arg, h->error);
	return (NULL);
}

void
at_each(struct repo *r, const bool wanted[SETTINGS_ENDPOINTS_MAX],
    int (*work)(struct repo *r, size_t i, void *arg, struct err *e), void *arg,
    struct err errors[SETTINGS_ENDPOINTS_MAX])
{
	struct hand hands[SETTINGS_ENDPOINTS_MAX];

	for (size_t i = 0; i < r->nendpoints; i++) {
		struct hand *h = &hands[i];

		*h = (struct hand){ .r = r,
			.i = i,
			.work = work,
			.arg = arg,
			.error = &errors[i] };
		err_clear(&errors[i]);
		if (!wanted[i])
			continue;
		h->has_thread = pthread_create(&h->thread, NULL, run, h) == 0;
		if (!h->has_thread) /* then one after the other */
			(void)run(h);
	}
	for (size_t i = 0; i < r->nendpoints; i++)
		if (hands[i].has_thread)
			(void)pthread_join(hands[i].thread, NULL);
}
