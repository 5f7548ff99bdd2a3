/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The check as a whole: local state first, then all endpoints at once, a thread
 * each, then what was seen of each is judged in the order of the configuration.
 */
#include "retention/chain.h"

#include <pthread.h>
#include <string.h>

#include "base/stop.h"
#include "retention/chain_impl.h"

struct looks {
	size_t n;
	struct look v[SETTINGS_ENDPOINTS_MAX];
};

static void
looks_free(struct looks *looks)
{
	for (size_t i = 0; i < looks->n; i++)
		chain_look_free(&looks->v[i]);
}

static void *
run_look(void *arg)
{
	chain_look(arg);
	return (NULL);
}

static void
look_at_all(struct chain *c, struct looks *looks)
{
	pthread_t threads[SETTINGS_ENDPOINTS_MAX];
	bool started[SETTINGS_ENDPOINTS_MAX] = { false };

	for (size_t i = 0; i < c->repo->nendpoints; i++) {
		looks->v[i] = (struct look){ .c = c,
			.ep = &c->repo->endpoints[i] };
		looks->n = i + 1;
		started[i] = pthread_create(&threads[i], NULL, run_look,
				 &looks->v[i]) == 0;
		if (!started[i])
			chain_look(&looks->v[i]);
	}
	for (size_t i = 0; i < looks->n; i++)
		if (started[i])
			(void)pthread_join(threads[i], NULL);
}

static bool
has_damage(const struct findings *f, size_t from)
{
	for (size_t i = from; i < f->n; i++)
		if (f->v[i].state == FINDING_ERROR)
			return (true);
	return (false);
}

/* The newest entry of the newest writer: the last by epoch and number. */
static void
fill_head(struct chain *c)
{
	struct chain_result *out = c->out;
	const struct link *l;

	out->entries = c->nlinks;
	if (c->nlinks == 0)
		return;
	l = &c->links[c->nlinks - 1];
	out->seq = l->seq;
	out->epoch = l->epoch;
	out->head = l->self;
	out->when = l->when;
}

int
chain_check(struct repo *r,
    int (*each)(const struct audit_entry *a, void *arg, struct err *e),
    void *arg, struct findings *f, struct chain_result *out, struct err *e)
{
	SCOPED(chain_free) struct chain c = { .repo = r, .f = f, .out = out };
	SCOPED(looks_free) struct looks looks = { .n = 0 };
	size_t from = f->n;

	*out = (struct chain_result){ .ok = false };
	if (chain_read(&c, each, arg, e) < 0)
		return (-1);
	fill_head(&c);
	chain_judge_links(&c);
	if (chain_judge_manifests(&c, e) < 0)
		return (-1);
	look_at_all(&c, &looks);
	if (stop_check(e) < 0)
		return (-1);
	for (size_t i = 0; i < looks.n; i++)
		if (chain_judge_look(&c, &looks.v[i], &out->at[i], e) < 0)
			return (-1);
	out->ok = !has_damage(f, from);
	return (0);
}
