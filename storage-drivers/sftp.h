/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the SFTP driver share: sftp.c (objects), sftp_list.c
 * (listings), sftp_steps.c (single exchanges), sftp_session.c (a connection,
 * who is at its other end, who we are). libssh2 itself and not libcurl, which
 * has no fsync, no sizes in listings and no renaming that says why it failed.
 * draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL for fsync.
 */
#ifndef STORAGE_DRIVERS_SFTP_H
#define STORAGE_DRIVERS_SFTP_H

#include <libssh2.h>
#include <libssh2_sftp.h>

#include "storage-drivers/credential.h"
#include "storage-drivers/pace.h"
#include "storage-drivers/store_impl.h"

#define SFTP_SESSIONS_MAX 4 /* connections at a time; others wait */

struct sftp_conf {
	char *host, *port, *user;
	char *identity, *known_hosts, *host_key; /* or NULL */
	struct credential password;		 /* with has_password */
	bool has_password;
	unsigned timeout_s;
};

/* A connection that is logged in. Used by one thread at a time. */
struct sftp_session {
	int fd;
	int left_lying; /* bytes to be read that the last call did not take */
	unsigned timeout_s;
	LIBSSH2_SESSION *ssh;
	LIBSSH2_SFTP *sftp;
};

/*
 * Connects, makes sure that the server is the one that known-hosts or host-key
 * says, and logs in by identity, password-file or the agent.
 * Fails: ERR_NETWORK, ERR_CONFIG (host key not known, or another one),
 * ERR_DENIED, ERR_STOPPED.
 */
struct sftp_session *sftp_session_open(
    struct sftp_conf *conf, struct err *e) MUST_USE;
/* Without a word to the server when the line is dead. NULL allowed. */
void sftp_session_free(struct sftp_session *s);

/*
 * After LIBSSH2_ERROR_EAGAIN: waits until the call is worth repeating.
 * Fails: ERR_NETWORK when the line is silent for the timeout; ERR_STOPPED.
 */
int sftp_wait(struct sftp_session *s, struct err *e) MUST_USE;

/* The failure of a libssh2 call that answered rc, by libssh2's and the server's
 * codes. Returns -1. */
int sftp_failed(
    const struct sftp_session *s, int rc, const char *what, struct err *e);

struct sftp {
	struct store store;
	struct sftp_conf conf;
	char *root; /* "/srv/triplicate", or relative to the user's home */
	struct pace *pace; /* of uploads, or NULL; owned */
	pthread_mutex_t lock;
	pthread_cond_t freed;
	/* guarded by lock */
	struct sftp_session *idle[SFTP_SESSIONS_MAX];
	size_t nidle, nbusy;
};

/* A call under way: its session, and the store. */
struct sftp_call {
	struct sftp *s;
	struct sftp_session *on;
};

/* Borrows a session, a new one when none is idle; waits when all are busy.
 * Fails: as sftp_session_open. */
int sftp_begin(
    struct store *store, struct sftp_call *c, struct err *e) MUST_USE;
/* Gives it back after a call that ended with rc and e. Returns rc. */
int sftp_end(struct sftp_call *c, int rc, const struct err *e);

/* Steps. Each fails as sftp_failed. */
char *sftp_path(const struct sftp *s, const char *name); /* allocated */
LIBSSH2_SFTP_HANDLE *sftp_open(struct sftp_call *c, const char *path,
    unsigned long flags, long mode, int type, struct err *e) MUST_USE;
/* Closes h, and returns rc; a failure of closing counts only after rc 0. */
int sftp_close(struct sftp_call *c, LIBSSH2_SFTP_HANDLE *h, int rc,
    struct err *e) MUST_USE;
int sftp_find(struct sftp_call *c, const char *path,
    LIBSSH2_SFTP_ATTRIBUTES *out, struct err *e) MUST_USE;
/* Being there is success. */
int sftp_make_folder(
    struct sftp_call *c, const char *path, struct err *e) MUST_USE;
int sftp_rename(
    struct sftp_call *c, const char *from, const char *to, struct err *e);
int sftp_unlink(struct sftp_call *c, const char *path, struct err *e);
/* After an ERR_MISSING below the endpoint's folder: 0 when that itself is
 * there. */
int sftp_find_root(struct sftp_call *c, struct err *e) MUST_USE;

/* The driver's list. */
int sftp_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e);

#endif
