/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single exchanges of the protocol, each on a session that is borrowed for the
 * call. Sessions are kept for the next call; one whose line failed, or that was
 * interrupted in an exchange, can't be trusted to be in step and is given up.
 */
#include "storage-drivers/sftp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MODE_FOLDER 0700

/* --- sessions ------------------------------------------------------------ */

int
sftp_begin(struct store *store, struct sftp_call *c, struct err *e)
{
	struct sftp *s = (struct sftp *)store;

	*c = (struct sftp_call){ .s = s };
	(void)pthread_mutex_lock(&s->lock);
	while (s->nbusy == SFTP_SESSIONS_MAX)
		(void)pthread_cond_wait(&s->freed, &s->lock);
	s->nbusy++;
	if (s->nidle > 0)
		c->on = s->idle[--s->nidle];
	(void)pthread_mutex_unlock(&s->lock);
	if (c->on == NULL)
		c->on = sftp_session_open(&s->conf, e);
	if (c->on != NULL)
		return (0);
	(void)pthread_mutex_lock(&s->lock);
	s->nbusy--;
	(void)pthread_cond_signal(&s->freed);
	(void)pthread_mutex_unlock(&s->lock);
	return (-1);
}

int
sftp_end(struct sftp_call *c, int rc, const struct err *e)
{
	struct sftp *s = c->s;
	bool is_spent = rc < 0 &&
	    (e->kind == ERR_NETWORK || e->kind == ERR_STOPPED);

	if (is_spent)
		sftp_session_free(TAKE(c->on));
	(void)pthread_mutex_lock(&s->lock);
	s->nbusy--;
	if (c->on != NULL)
		s->idle[s->nidle++] = c->on;
	(void)pthread_cond_signal(&s->freed);
	(void)pthread_mutex_unlock(&s->lock);
	return (rc);
}

/* --- single steps of the protocol ---------------------------------------- */

char *
sftp_path(const struct sftp *s, const char *name)
{
	return (mem_printf("%s/%s", s->root, name));
}

LIBSSH2_SFTP_HANDLE *
sftp_open(struct sftp_call *c, const char *path, unsigned long flags, long mode,
    int type, struct err *e)
{
	LIBSSH2_SFTP_HANDLE *h;
	int rc;

	while ((h = libssh2_sftp_open_ex(c->on->sftp, path,
		    (unsigned)strlen(path), flags, mode, type)) == NULL) {
		rc = libssh2_session_last_errno(c->on->ssh);
		if (rc != LIBSSH2_ERROR_EAGAIN) {
			(void)sftp_failed(c->on, rc, "open", e);
			return (NULL);
		}
		if (sftp_wait(c->on, e) < 0)
			return (NULL);
	}
	return (h);
}

int
sftp_close(struct sftp_call *c, LIBSSH2_SFTP_HANDLE *h, int rc, struct err *e)
{
	struct err late = ERR_INIT;
	int closed;

	/* A line that failed has been waited for once: that is enough. */
	if (rc < 0 && (e->kind == ERR_NETWORK || e->kind == ERR_STOPPED))
		(void)shutdown(c->on->fd, SHUT_RDWR);
	while ((closed = libssh2_sftp_close_handle(h)) == LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(c->on, &late) < 0)
			break;
	if (rc < 0 || closed == 0)
		return (rc);
	if (late.kind == ERR_NONE)
		(void)sftp_failed(c->on, closed, "close", &late);
	*e = late;
	return (-1);
}

int
sftp_find(struct sftp_call *c, const char *path, LIBSSH2_SFTP_ATTRIBUTES *out,
    struct err *e)
{
	int rc;

	while ((rc = libssh2_sftp_stat_ex(c->on->sftp, path,
		    (unsigned)strlen(path), LIBSSH2_SFTP_STAT, out)) ==
	    LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(c->on, e) < 0)
			return (-1);
	return (rc == 0 ? 0 : sftp_failed(c->on, rc, "stat", e));
}

int
sftp_make_folder(struct sftp_call *c, const char *path, struct err *e)
{
	LIBSSH2_SFTP_ATTRIBUTES a;
	struct err ignored = ERR_INIT;
	int rc;

	while (
	    (rc = libssh2_sftp_mkdir_ex(c->on->sftp, path,
		 (unsigned)strlen(path), MODE_FOLDER)) == LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(c->on, e) < 0)
			return (-1);
	/* Servers say that it is there in no way that can be told apart. */
	if (rc == 0 ||
	    (rc == LIBSSH2_ERROR_SFTP_PROTOCOL &&
		sftp_find(c, path, &a, &ignored) == 0 &&
		LIBSSH2_SFTP_S_ISDIR(a.permissions)))
		return (0);
	return (sftp_failed(c->on, rc, "mkdir", e));
}

int
sftp_rename(
    struct sftp_call *c, const char *from, const char *to, struct err *e)
{
	int rc;

	while ((rc = libssh2_sftp_rename_ex(c->on->sftp, from,
		    (unsigned)strlen(from), to, (unsigned)strlen(to),
		    LIBSSH2_SFTP_RENAME_ATOMIC | LIBSSH2_SFTP_RENAME_NATIVE)) ==
	    LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(c->on, e) < 0)
			return (-1);
	return (rc == 0 ? 0 : sftp_failed(c->on, rc, "rename", e));
}

int
sftp_unlink(struct sftp_call *c, const char *path, struct err *e)
{
	int rc;

	while ((rc = libssh2_sftp_unlink_ex(c->on->sftp, path,
		    (unsigned)strlen(path))) == LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(c->on, e) < 0)
			return (-1);
	return (rc == 0 ? 0 : sftp_failed(c->on, rc, "remove", e));
}

int
sftp_find_root(struct sftp_call *c, struct err *e)
{
	LIBSSH2_SFTP_ATTRIBUTES a;

	if (sftp_find(c, c->s->root, &a, e) < 0) {
		if (e->kind != ERR_MISSING)
			return (-1);
		return (err_set(
		    e, ERR_MISSING, "the folder %s is not there", c->s->root));
	}
	if (LIBSSH2_SFTP_S_ISDIR(a.permissions))
		return (0);
	return (err_set(e, ERR_CONFIG, "%s is no folder", c->s->root));
}
