/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An endpoint and a name flow in, one call that deletes flows out, with the
 * login that may do it.
 */
#include "retention/remove.h"

#include <pthread.h>
#include <stdlib.h>

#include "repository/endpoint.h"
#include "storage-drivers/store_drop.h"

struct remover {
	struct repo *repo;
	pthread_mutex_t lock;
	/* With logins for deleting; NULL until needed. By place in repo;
	 * guarded by lock */
	struct store *deleters[SETTINGS_ENDPOINTS_MAX];
};

struct remover *
remover_new(struct repo *r)
{
	struct remover *m = mem_new(sizeof(*m));

	m->repo = r;
	(void)pthread_mutex_init(&m->lock, NULL);
	return (m);
}

void
remover_free(struct remover *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < SETTINGS_ENDPOINTS_MAX; i++)
		store_free(m->deleters[i]);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

void
remover_freep(struct remover **m)
{
	remover_free(*m);
	*m = NULL;
}

static struct store *
store_at(struct remover *m, const struct endpoint *ep, struct err *e)
{
	struct store **at = &m->deleters[ep - m->repo->endpoints], *s;

	if (!endpoint_has_deleter(ep->conf))
		return (ep->store);
	(void)pthread_mutex_lock(&m->lock);
	if (*at == NULL)
		*at = endpoint_open_deleter(
		    ep->conf, m->repo->settings->give_up_after_s, e);
	s = *at;
	(void)pthread_mutex_unlock(&m->lock);
	return (s);
}

static int
advise(const struct endpoint *ep, struct err *e)
{
	if (e->kind == ERR_LOCKED)
		return (err_hint(e, "it can be removed after that date"));
	if (e->kind != ERR_DENIED)
		return (-1);
	return (err_hint(e,
	    endpoint_has_deleter(ep->conf)
		? "the login that delete-access-key, delete-identity or delete-user gives may not delete there"
		: "set delete-access-key, delete-identity or delete-user to a login that may delete there"));
}

int
remover_drop(
    void *remover, const struct endpoint *ep, const char *name, struct err *e)
{
	struct store *s = store_at(remover, ep, e);

	if (s != NULL && store_drop(s, name, e) == 0)
		return (0);
	return (advise(ep, e));
}

int
remover_unhide(
    void *remover, const struct endpoint *ep, const char *name, struct err *e)
{
	struct store *s = store_at(remover, ep, e);

	if (s != NULL && store_unhide(s, name, e) == 0)
		return (0);
	return (advise(ep, e));
}
