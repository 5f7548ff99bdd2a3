/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The API and the page over HTTP: on the address of [web], and for this
 * machine's command line on STATE/backupd.sock, where the peer's user id is the
 * login.
 */
#ifndef BACKUPD_WEB_H
#define BACKUPD_WEB_H

#include "backupd/current.h"
#include "backupd/jobs.h"

struct web;
struct notify;

struct web_parts {
	struct current *current;
	struct jobs *jobs;
	struct notify *notify;
	const char *program; /* path of triplicate */
};

/*
 * Listens and answers in threads of its own; says "listening on ADDR:PORT" on
 * standard error. Without a [web] section only the socket is served. Owned:
 * web_stop. Fails: ERR_CONFIG (an address that is not loopback without TLS and
 * without `allow-plain-http = yes`), ERR_DENIED, ERR_SYSTEM (address in use).
 */
struct web *web_start(const struct web_parts *parts, struct err *e) MUST_USE;
/* After a reload: users, tokens and limits are read anew; a changed address is
 * taken at the next start, and a warning says so. */
void web_reload(struct web *w);
/* Ends all connections; watchers are told. Bounded: 2 s. */
void web_stop(struct web *w);

#endif
