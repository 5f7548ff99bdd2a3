/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects as files of an SFTP folder. Uploads go to a temporary name, are
 * synced where the server can (OpenSSH can), and renamed. A rename of version 3
 * of the protocol fails when the name is taken: that makes STORE_PUT_NEW exact,
 * and anything else move the old file out of the way first.
 */
#include "storage-drivers/sftp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/random.h"
#include "storage-drivers/address.h"

#define TEMPORARY	  ".tmp~" /* no object's name can have a '~' */
#define NAME_BYTES	  8
#define MODE_FILE	  0600
#define PIECE		  ((size_t)4 << 20) /* in flight at a time */
#define READ_PIECE	  ((size_t)512 << 10)
#define READ_AHEAD	  4 /* pieces that libssh2 asks for at a time */
#define REPLACE_TRIES_MAX 10
#define UPLOAD_FLAGS	  (LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_EXCL)

/* --- put ----------------------------------------------------------------- */

/* OpenSSH tells a full disk as "failure": the disk is asked. */
static int
explain_full(struct sftp_call *c, size_t n, struct err *e)
{
	LIBSSH2_SFTP_STATVFS disk;
	struct err ignored = ERR_INIT;
	int rc;

	if (e->kind != ERR_SYSTEM)
		return (-1);
	while ((rc = libssh2_sftp_statvfs(c->on->sftp, c->s->root,
		    strlen(c->s->root), &disk)) == LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(c->on, &ignored) < 0)
			return (-1);
	if (rc == 0 && disk.f_bavail * disk.f_frsize < n)
		return (err_set(e, ERR_FULL,
		    "the disk of the server is full: %llu bytes are left, %zu are needed",
		    (unsigned long long)(disk.f_bavail * disk.f_frsize), n));
	return (-1);
}

static int
write_all(struct sftp_call *c, LIBSSH2_SFTP_HANDLE *h, const uint8_t *p,
    size_t n, struct err *e)
{
	ssize_t sent;
	size_t paid =
	    0; /* pieces are offered again until all of one is taken */

	for (size_t at = 0; at < n;) {
		size_t piece = pace_piece(
		    c->s->pace, n - at < PIECE ? n - at : PIECE);

		if (at + piece > paid) {
			if (pace_wait(c->s->pace, at + piece - paid, e) < 0)
				return (-1);
			paid = at + piece;
		}
		sent = libssh2_sftp_write(h, (const char *)p + at, piece);
		if (sent == LIBSSH2_ERROR_EAGAIN) {
			if (sftp_wait(c->on, e) < 0)
				return (-1);
			continue;
		}
		if (sent < 0) {
			(void)sftp_failed(c->on, (int)sent, "write", e);
			return (explain_full(c, n - at, e));
		}
		at += (size_t)sent;
	}
	return (0);
}

/* A server without the extension has no way to be asked. */
static int
sync_handle(struct sftp_call *c, LIBSSH2_SFTP_HANDLE *h, struct err *e)
{
	int rc;

	while ((rc = libssh2_sftp_fsync(h)) == LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(c->on, e) < 0)
			return (-1);
	if (rc == 0 ||
	    (rc == LIBSSH2_ERROR_SFTP_PROTOCOL &&
		libssh2_sftp_last_error(c->on->sftp) ==
		    LIBSSH2_FX_OP_UNSUPPORTED))
		return (0);
	return (sftp_failed(c->on, rc, "fsync", e));
}

/* Opens a new file in the folder of temporary ones, made when missing. */
static LIBSSH2_SFTP_HANDLE *
open_temporary(struct sftp_call *c, const char *path, struct err *e)
{
	SCOPED(scope_free) char *folder = sftp_path(c->s, TEMPORARY);
	LIBSSH2_SFTP_HANDLE *h;

	h = sftp_open(
	    c, path, UPLOAD_FLAGS, MODE_FILE, LIBSSH2_SFTP_OPENFILE, e);
	if (h != NULL || e->kind != ERR_MISSING)
		return (h);
	err_clear(e);
	if (sftp_find_root(c, e) < 0 || sftp_make_folder(c, folder, e) < 0)
		return (NULL);
	return (sftp_open(
	    c, path, UPLOAD_FLAGS, MODE_FILE, LIBSSH2_SFTP_OPENFILE, e));
}

static int
upload(struct sftp_call *c, const char *path, const void *p, size_t n,
    struct err *e)
{
	LIBSSH2_SFTP_HANDLE *h = open_temporary(c, path, e);
	int rc;

	if (h == NULL)
		return (-1);
	rc = write_all(c, h, p, n, e);
	if (rc == 0)
		rc = sync_handle(c, h, e);
	return (sftp_close(c, h, rc, e));
}

/* The folders above an object. Never the endpoint's own. */
static int
make_parents(struct sftp_call *c, const char *name, struct err *e)
{
	for (size_t i = 1; name[i] != '\0'; i++) {
		SCOPED(scope_free) char *path = NULL;

		if (name[i] != '/')
			continue;
		path = mem_printf("%s/%.*s", c->s->root, (int)i, name);
		if (sftp_make_folder(c, path, e) < 0)
			return (-1);
	}
	return (0);
}

/* The old file goes out of the way, and only then away. Another writer may put
 * his in between: then that one goes, too. */
static int
replace(struct sftp_call *c, const char *from, const char *to, struct err *e)
{
	SCOPED(scope_free) char *aside = mem_printf("%s-old", from);
	struct err ignored = ERR_INIT;

	for (unsigned tries = 0; tries < REPLACE_TRIES_MAX; tries++) {
		err_clear(e);
		(void)sftp_rename(c, to, aside, &ignored);
		if (sftp_rename(c, from, to, e) == 0) {
			(void)sftp_unlink(c, aside, &ignored);
			return (0);
		}
		if (e->kind != ERR_SYSTEM && e->kind != ERR_EXISTS)
			return (-1);
		(void)sftp_unlink(c, aside, &ignored);
	}
	return (-1);
}

static int
move(struct sftp_call *c, const char *from, const char *name, bool is_new,
    struct err *e)
{
	SCOPED(scope_free) char *to = sftp_path(c->s, name);
	LIBSSH2_SFTP_ATTRIBUTES a;
	struct err missing = ERR_INIT;

	if (sftp_rename(c, from, to, e) == 0)
		return (0);
	if (e->kind != ERR_MISSING && e->kind != ERR_SYSTEM &&
	    e->kind != ERR_EXISTS)
		return (-1);
	/* Why did it fail? The server's status doesn't say. */
	if (sftp_find(c, to, &a, &missing) == 0) {
		if (is_new)
			return (err_set(
			    e, ERR_EXISTS, "%s is there already", name));
		err_clear(e);
		return (replace(c, from, to, e));
	}
	if (missing.kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	if (make_parents(c, name, e) < 0)
		return (-1);
	if (!is_new)
		return (replace(c, from, to, e));
	if (sftp_rename(c, from, to, e) == 0)
		return (0);
	if (sftp_find(c, to, &a, &missing) == 0)
		e->kind = ERR_EXISTS;
	return (-1);
}

static int
put(struct sftp_call *c, const char *name, const void *p, size_t n, bool is_new,
    struct err *e)
{
	char random[2 * NAME_BYTES + 1];
	SCOPED(scope_free) char *path = NULL;
	struct err ignored = ERR_INIT;

	random_hex(random, NAME_BYTES);
	path = mem_printf("%s/" TEMPORARY "/%s", c->s->root, random);
	if (upload(c, path, p, n, e) == 0 &&
	    move(c, path, name, is_new, e) == 0)
		return (0);
	if (e->kind != ERR_NETWORK && e->kind != ERR_STOPPED)
		(void)sftp_unlink(c, path, &ignored);
	return (-1);
}

static int
sftp_put(struct store *store, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct sftp_call c;

	if (sftp_begin(store, &c, e) < 0)
		return (-1);
	return (sftp_end(
	    &c, put(&c, name, p, n, (flags & STORE_PUT_NEW) != 0, e), e));
}

/* --- get, stat, drop, prepare -------------------------------------------- */

static int
find_object(
    struct sftp_call *c, const char *name, uint64_t *bytes, struct err *e)
{
	SCOPED(scope_free) char *path = sftp_path(c->s, name);
	LIBSSH2_SFTP_ATTRIBUTES a = { .flags = 0 };

	if (sftp_find(c, path, &a, e) < 0)
		return (-1);
	if ((a.flags & LIBSSH2_SFTP_ATTR_SIZE) == 0 ||
	    !LIBSSH2_SFTP_S_ISREG(a.permissions))
		return (err_set(e, ERR_MISSING, "%s is no file", name));
	*bytes = a.filesize;
	return (0);
}

static int
sftp_stat(struct store *store, const char *name, uint64_t *bytes, struct err *e)
{
	struct sftp_call c;

	if (sftp_begin(store, &c, e) < 0)
		return (-1);
	return (sftp_end(&c, find_object(&c, name, bytes, e), e));
}

/* How much to read next, of n: libssh2 asks for several times as much at once,
 * and that must not be past the range's end. */
static size_t
piece_of(size_t n)
{
	size_t piece = n / READ_AHEAD;

	if (piece > READ_PIECE)
		return (READ_PIECE);
	return (piece > 0 ? piece : n);
}

static int
read_range(struct sftp_call *c, LIBSSH2_SFTP_HANDLE *h, uint64_t off,
    uint8_t *p, size_t n, struct err *e)
{
	ssize_t got;

	libssh2_sftp_seek64(h, off);
	for (size_t at = 0; at < n;) {
		got = libssh2_sftp_read(h, (char *)p + at, piece_of(n - at));
		if (got == LIBSSH2_ERROR_EAGAIN) {
			if (sftp_wait(c->on, e) < 0)
				return (-1);
			continue;
		}
		if (got < 0)
			return (sftp_failed(c->on, (int)got, "read", e));
		if (got == 0)
			return (err_set(
			    e, ERR_CORRUPT, "the range is not all there"));
		at += (size_t)got;
	}
	return (0);
}

static int
get(struct sftp_call *c, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	SCOPED(scope_free) char *path = sftp_path(c->s, name);
	LIBSSH2_SFTP_HANDLE *h;
	uint64_t bytes;

	if (n == 0 || off > STORE_OBJECT_MAX) {
		if (find_object(c, name, &bytes, e) < 0)
			return (-1);
		return (n > 0 || off > bytes
			? err_set(e, ERR_CORRUPT, "the range is not all there")
			: 0);
	}
	h = sftp_open(c, path, LIBSSH2_FXF_READ, 0, LIBSSH2_SFTP_OPENFILE, e);
	if (h == NULL)
		return (-1);
	return (sftp_close(c, h, read_range(c, h, off, p, n, e), e));
}

static int
sftp_get(struct store *store, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	struct sftp_call c;

	if (sftp_begin(store, &c, e) < 0)
		return (-1);
	if (get(&c, name, off, p, n, e) < 0)
		return (sftp_end(&c, err_within(e, "%s", name), e));
	return (sftp_end(&c, 0, e));
}

static int
sftp_drop(struct store *store, const char *name, struct err *e)
{
	SCOPED(scope_free) char *path = sftp_path((struct sftp *)store, name);
	struct sftp_call c;
	int rc;

	if (sftp_begin(store, &c, e) < 0)
		return (-1);
	rc = sftp_unlink(&c, path, e);
	if (rc < 0 && e->kind == ERR_MISSING) {
		err_clear(e);
		rc = sftp_find_root(&c, e);
	}
	return (sftp_end(&c, rc, e));
}

static int
sftp_prepare(struct store *store, struct err *e)
{
	struct sftp_call c;

	if (sftp_begin(store, &c, e) < 0)
		return (-1);
	return (sftp_end(&c, sftp_make_folder(&c, c.s->root, e), e));
}

/* --- making -------------------------------------------------------------- */

static void
sftp_free(struct store *store)
{
	struct sftp *s = (struct sftp *)store;

	for (size_t i = 0; i < s->nidle; i++)
		sftp_session_free(s->idle[i]);
	credential_free(&s->conf.password);
	pace_free(s->pace);
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->freed);
	free(s->conf.host);
	free(s->conf.port);
	free(s->conf.user);
	free(s->conf.identity);
	free(s->conf.known_hosts);
	free(s->conf.host_key);
	free(s->root);
	free(s->store.name);
	free(s);
}

static const struct store_ops SFTP_OPS = {
	.scheme = "sftp",
	.parallel = SFTP_SESSIONS_MAX,
	.prepare = sftp_prepare,
	.put = sftp_put,
	.get = sftp_get,
	.stat = sftp_stat,
	.list = sftp_list,
	.drop = sftp_drop,
	.free = sftp_free,
};

static int
check_conf(
    const struct store_conf *conf, const struct address *u, struct err *e)
{
	if (conf->user == NULL && u->user == NULL)
		return (err_set(
		    e, ERR_CONFIG, "no user: write sftp://user@host/folder"));
	if (conf->user != NULL && u->user != NULL &&
	    strcmp(conf->user, u->user) != 0)
		return (err_set(
		    e, ERR_CONFIG, "user differs from the one in the url"));
	if (u->path[0] == '\0' || strcmp(u->path, "/~") == 0)
		return (err_set(e, ERR_CONFIG, "the url names no folder"));
	if (conf->known_hosts != NULL || conf->host_key != NULL)
		return (0);
	(void)err_set(e, ERR_CONFIG, "neither known-hosts nor host-key is set");
	return (err_hint(e,
	    "the server must prove who it is: known-hosts = FILE as ssh-keyscan makes it, once compared"));
}

static char *
copy(const char *text)
{
	return (text != NULL ? mem_string(text) : NULL);
}

struct store *
store_sftp_new(const struct store_conf *conf, struct err *e)
{
	SCOPED(address_free) struct address u = { .host = NULL };
	struct sftp *s;

	if (address_parse(conf->url, &u, e) < 0 || check_conf(conf, &u, e) < 0)
		return (NULL);
	s = mem_new(sizeof(*s));
	s->store = (struct store){ .ops = &SFTP_OPS,
		.name = mem_string(conf->name) };
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->freed, NULL);
	s->conf.host = TAKE(u.host);
	s->conf.port = TAKE(u.port);
	s->conf.user = conf->user != NULL ? copy(conf->user) : TAKE(u.user);
	s->conf.identity = copy(conf->identity);
	s->conf.known_hosts = copy(conf->known_hosts);
	s->conf.host_key = copy(conf->host_key);
	credential_init(
	    &s->conf.password, "password-file", conf->password_file, NULL);
	s->conf.has_password = conf->password_file != NULL;
	s->conf.timeout_s = conf->timeout_s;
	s->pace = pace_new(conf->upload_limit);
	/* "/~/folder" is below the user's home, as with scp. */
	s->root = copy(strncmp(u.path, "/~/", 3) == 0 ? u.path + 3 : u.path);
	return (&s->store);
}
