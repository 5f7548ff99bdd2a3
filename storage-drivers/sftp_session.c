/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of a host and a user come in, a connection that is logged in goes out.
 * Servers have several host keys, and show the one of the kind that we like
 * best: kinds are tried one after the other until a key is shown that is known.
 * It always holds that nothing is said about us, not even the user's name,
 * before the server has proved to be the one that is meant.
 */
#include "storage-drivers/sftp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/stop.h"

#define PORT		"22"
#define WAIT_SLICE_MS	200
#define KNOWN_HOSTS_MAX ((size_t)4 << 20)

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
start_libssh2(void)
{
	(void)libssh2_init(0);
}

/* --- waiting ------------------------------------------------------------- */

/* Until the descriptor is ready for events. */
static int
wait_for(int fd, short events, unsigned timeout_s, struct err *e)
{
	uint64_t end_ms = clock_ticks_ms() + (uint64_t)timeout_s * 1000;
	struct pollfd look = { .fd = fd, .events = events };
	int n;

	for (;;) {
		if (stop_check(e) < 0)
			return (-1);
		n = poll(&look, 1, WAIT_SLICE_MS);
		if (n > 0)
			return (0);
		if (n < 0 && errno != EINTR)
			return (err_errno(e, "poll"));
		if (clock_ticks_ms() >= end_ms)
			return (err_set(e, ERR_NETWORK,
			    "the line was silent for %u s", timeout_s));
	}
}

static int
unread_bytes(int fd)
{
	int n;

	return (ioctl(fd, FIONREAD, &n) == 0 ? n : 0);
}

/* With a packet half sent libssh2 reads nothing, but may say that it waits for
 * that as well: bytes that it has left lying are no reason to call it again. On
 * a line that was cut it would be called for ever. */
int
sftp_wait(struct sftp_session *s, struct err *e)
{
	int directions = libssh2_session_block_directions(s->ssh), rc;
	bool outbound = (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
	short events = outbound ? POLLOUT : POLLIN;

	if (outbound && (directions & LIBSSH2_SESSION_BLOCK_INBOUND) != 0 &&
	    unread_bytes(s->fd) != s->left_lying)
		events |= POLLIN;
	rc = wait_for(s->fd, events, s->timeout_s, e);
	s->left_lying = unread_bytes(s->fd);
	return (rc);
}

/* --- what failed --------------------------------------------------------- */

static enum err_kind
kind_of_status(unsigned long status)
{
	switch (status) {
	case LIBSSH2_FX_NO_SUCH_FILE:
	case LIBSSH2_FX_NO_SUCH_PATH: return (ERR_MISSING);
	case LIBSSH2_FX_PERMISSION_DENIED:
	case LIBSSH2_FX_WRITE_PROTECT: return (ERR_DENIED);
	case LIBSSH2_FX_FILE_ALREADY_EXISTS: return (ERR_EXISTS);
	case LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM:
	case LIBSSH2_FX_QUOTA_EXCEEDED: return (ERR_FULL);
	case LIBSSH2_FX_NO_CONNECTION:
	case LIBSSH2_FX_CONNECTION_LOST: return (ERR_NETWORK);
	default: return (ERR_SYSTEM);
	}
}

int
sftp_failed(
    const struct sftp_session *s, int rc, const char *what, struct err *e)
{
	unsigned long status;
	char *words = NULL;

	if (rc == LIBSSH2_ERROR_SFTP_PROTOCOL && s->sftp != NULL) {
		status = libssh2_sftp_last_error(s->sftp);
		return (err_set(e, kind_of_status(status),
		    "%s: the server answers with status %lu", what, status));
	}
	(void)libssh2_session_last_error(s->ssh, &words, NULL, 0);
	return (err_set(e, ERR_NETWORK, "%s: %s", what,
	    words != NULL && *words != '\0' ? words : "the line is dead"));
}

/* --- the socket ---------------------------------------------------------- */

static void
free_addresses(struct addrinfo **list)
{
	if (*list != NULL)
		freeaddrinfo(*list);
}

/* Requests go out as they are made. By default the kernel holds a small one
 * back until what went before it is acknowledged: one a round trip then, of the
 * hundreds that are asked ahead. */
static void
make_prompt(int fd)
{
	const int yes = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

static int
connect_one(const struct addrinfo *a, unsigned timeout_s, struct err *e)
{
	SCOPED(scope_close)
	int fd = socket(
	    a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int problem = 0, given;
	socklen_t n = sizeof(problem);

	if (fd < 0)
		return (err_errno(e, "socket"));
	make_prompt(fd);
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			problem = errno;
		else if (wait_for(fd, POLLOUT, timeout_s, e) < 0)
			return (-1);
		else
			(void)getsockopt(
			    fd, SOL_SOCKET, SO_ERROR, &problem, &n);
	}
	if (problem != 0) {
		errno = problem;
		(void)err_errno(e, "connect");
		e->kind = ERR_NETWORK;
		return (-1);
	}
	given = fd;
	fd = -1;
	return (given);
}

static int
connect_host(const struct sftp_conf *conf, struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	SCOPED(free_addresses) struct addrinfo *list = NULL;
	SCOPED(scope_free) char *bare = mem_string(conf->host);
	size_t n = strlen(bare);
	int rc, fd = -1;

	if (bare[0] == '[' && bare[n - 1] == ']') {
		memmove(bare, bare + 1, n - 2);
		bare[n - 2] = '\0';
	}
	rc = getaddrinfo(
	    bare, conf->port != NULL ? conf->port : PORT, &hints, &list);
	if (rc != 0)
		return (err_set(
		    e, ERR_NETWORK, "%s: %s", conf->host, gai_strerror(rc)));
	for (const struct addrinfo *a = list; a != NULL && fd < 0;
	     a = a->ai_next) {
		err_clear(e);
		fd = connect_one(a, conf->timeout_s, e);
		if (fd < 0 && e->kind == ERR_STOPPED)
			return (-1);
	}
	return (fd);
}

/* --- is it the right host? ----------------------------------------------- */

enum verdict { KNOWN, UNKNOWN, ANOTHER };

/* "SHA256:" and base64 without '=', as ssh-keygen -l prints it. */
static enum verdict
compare_pin(const struct sftp_session *s, const char *pin)
{
	const char *hash = libssh2_hostkey_hash(
	    s->ssh, LIBSSH2_HOSTKEY_HASH_SHA256);
	char text[HASH_BASE64];
	size_t n;

	if (hash == NULL)
		return (UNKNOWN);
	hash_base64((const uint8_t *)hash, HASH_SHA256, text);
	n = strlen(text);
	while (n > 0 && text[n - 1] == '=')
		text[--n] = '\0';
	if (strncmp(pin, "SHA256:", 7) == 0)
		pin += 7;
	return (strncmp(pin, text, n) == 0 &&
		    strspn(pin + n, "=") == strlen(pin + n)
		? KNOWN
		: ANOTHER);
}

/* Line by line: one that libssh2 doesn't understand spoils no other. */
static int
read_known_hosts(LIBSSH2_KNOWNHOSTS *hosts, const char *path, struct err *e)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	const char *line;
	size_t n;

	if (file_load_followed(path, KNOWN_HOSTS_MAX, &text, e) < 0) {
		e->kind = ERR_CONFIG;
		return (err_within(e, "known-hosts"));
	}
	buf_add_string(&text, "\n"); /* libssh2 takes a line with its end */
	line = buf_text(&text);
	for (const char *end = line + text.n; line < end; line += n) {
		n = strcspn(line, "\n") + 1;
		(void)libssh2_knownhost_readline(
		    hosts, line, n, LIBSSH2_KNOWNHOST_FILE_OPENSSH);
	}
	return (0);
}

static int
look_up(const struct sftp_session *s, const struct sftp_conf *conf,
    enum verdict *out, struct err *e)
{
	LIBSSH2_KNOWNHOSTS *hosts = libssh2_knownhost_init(s->ssh);
	const char *port = conf->port != NULL ? conf->port : PORT;
	size_t n = 0;
	int type = 0, rc = 0, answer;
	const char *key = libssh2_session_hostkey(s->ssh, &n, &type);

	if (hosts == NULL)
		mem_out();
	*out = UNKNOWN;
	if (key != NULL &&
	    (rc = read_known_hosts(hosts, conf->known_hosts, e)) == 0) {
		answer = libssh2_knownhost_checkp(hosts, conf->host,
		    (int)strtol(port, NULL, 10), key, n,
		    LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW,
		    NULL);
		if (answer == LIBSSH2_KNOWNHOST_CHECK_MATCH)
			*out = KNOWN;
		else if (answer == LIBSSH2_KNOWNHOST_CHECK_MISMATCH)
			*out = ANOTHER;
	}
	libssh2_knownhost_free(hosts);
	return (rc);
}

static int
judge_host(const struct sftp_session *s, const struct sftp_conf *conf,
    enum verdict *out, struct err *e)
{
	if (conf->host_key == NULL)
		return (look_up(s, conf, out, e));
	*out = compare_pin(s, conf->host_key);
	return (0);
}

static int
distrust(const struct sftp_conf *conf, enum verdict worst, struct err *e)
{
	if (worst == UNKNOWN) {
		(void)err_set(e, ERR_CONFIG, "the host key of %s is not known",
		    conf->host);
		return (err_hint(e,
		    "compare it (ssh-keyscan, ssh-keygen -lf) with what the server's operator says, then add it to known-hosts"));
	}
	(void)err_set(e, ERR_CONFIG,
	    "%s shows another host key than the one that is known", conf->host);
	return (err_hint(e,
	    "someone may stand in between: ask the server's operator before you change known-hosts or host-key"));
}

/* --- who are we? --------------------------------------------------------- */

static int
log_in_by_file(struct sftp_session *s, struct sftp_conf *conf, struct err *e)
{
	unsigned n = (unsigned)strlen(conf->user);
	int rc;

	if (access(conf->identity, R_OK) < 0) {
		(void)err_errno(e, "identity %s", conf->identity);
		e->kind = ERR_CONFIG;
		return (-1);
	}
	while ((rc = libssh2_userauth_publickey_fromfile_ex(s->ssh, conf->user,
		    n, NULL, conf->identity, NULL)) == LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(s, e) < 0)
			return (-1);
	return (rc);
}

static int
log_in_by_password(
    struct sftp_session *s, struct sftp_conf *conf, struct err *e)
{
	const struct secret *password = credential_value(&conf->password, e);
	unsigned n = (unsigned)strlen(conf->user);
	int rc;

	if (password == NULL)
		return (-1);
	while ((rc = libssh2_userauth_password_ex(s->ssh, conf->user, n,
		    (const char *)password->p, (unsigned)password->n, NULL)) ==
	    LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(s, e) < 0)
			return (-1);
	return (rc);
}

/* Each key of the agent until one opens. The agent is asked over a socket of
 * this machine, which doesn't keep us waiting. */
static int
try_keys(struct sftp_session *s, const struct sftp_conf *conf,
    LIBSSH2_AGENT *agent, struct err *e)
{
	struct libssh2_agent_publickey *key = NULL;
	int rc = LIBSSH2_ERROR_AUTHENTICATION_FAILED;

	if (libssh2_agent_connect(agent) != 0 ||
	    libssh2_agent_list_identities(agent) != 0)
		return (rc);
	while (libssh2_agent_get_identity(agent, &key, key) == 0) {
		while ((rc = libssh2_agent_userauth(agent, conf->user, key)) ==
		    LIBSSH2_ERROR_EAGAIN)
			if (sftp_wait(s, e) < 0)
				return (-1);
		if (rc == 0)
			break;
	}
	return (rc);
}

static int
log_in_by_agent(
    struct sftp_session *s, const struct sftp_conf *conf, struct err *e)
{
	LIBSSH2_AGENT *agent = libssh2_agent_init(s->ssh);
	int rc;

	if (agent == NULL)
		mem_out();
	rc = try_keys(s, conf, agent, e);
	(void)libssh2_agent_disconnect(agent);
	libssh2_agent_free(agent);
	return (rc);
}

static int
log_in(struct sftp_session *s, struct sftp_conf *conf, struct err *e)
{
	const char *by = "identity";
	int rc;

	if (conf->identity != NULL) {
		rc = log_in_by_file(s, conf, e);
	} else if (conf->has_password) {
		by = "password-file";
		rc = log_in_by_password(s, conf, e);
	} else {
		by = "the ssh agent's keys";
		rc = log_in_by_agent(s, conf, e);
	}
	if (rc == 0)
		return (0);
	if (e->kind != ERR_NONE)
		return (-1);
	if (rc == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
	    rc == LIBSSH2_ERROR_SOCKET_RECV || rc == LIBSSH2_ERROR_SOCKET_SEND)
		return (sftp_failed(s, rc, "log in", e));
	(void)err_set(e, ERR_DENIED, "%s does not let %s in by %s", conf->host,
	    conf->user, by);
	return (err_hint(e,
	    "check user and %s; the key must be ed25519 or ECDSA, without a passphrase",
	    by));
}

/* --- opening ------------------------------------------------------------- */

/* Does libssh2 know this kind of host key? Asked before it is told to like it:
 * it copies over itself when it leaves an unknown kind out. */
static bool
can_check(LIBSSH2_SESSION *ssh, const char *kind)
{
	const char **known = NULL;
	int n = libssh2_session_supported_algs(
	    ssh, LIBSSH2_METHOD_HOSTKEY, &known);
	bool found = false;
	void *list;

	for (int i = 0; i < n && !found; i++)
		found = strcmp(known[i], kind) == 0;
	/* An array of ours to free, of texts that are not. */
	memcpy(&list, &known, sizeof(list));
	if (list != NULL)
		libssh2_free(ssh, list);
	return (found);
}

static int
shake(struct sftp_session *s, struct err *e)
{
	int rc;

	while ((rc = libssh2_session_handshake(s->ssh, s->fd)) ==
	    LIBSSH2_ERROR_EAGAIN)
		if (sftp_wait(s, e) < 0)
			return (-1);
	if (rc == LIBSSH2_ERROR_KEX_FAILURE ||
	    rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE)
		return (-1);
	return (rc == 0 ? 0 : sftp_failed(s, rc, "SSH handshake", e));
}

/* Connects with a host key of this kind. NULL without a failure: there is none.
 */
static struct sftp_session *
shake_hands(const struct sftp_conf *conf, const char *kind, struct err *e)
{
	LIBSSH2_SESSION *ssh = libssh2_session_init();
	struct sftp_session *s;

	if (ssh == NULL)
		mem_out();
	s = mem_new(sizeof(*s));
	s->ssh = ssh;
	s->timeout_s = conf->timeout_s;
	s->fd = -1;
	libssh2_session_set_blocking(ssh, 0);
	if (can_check(ssh, kind) && (s->fd = connect_host(conf, e)) >= 0 &&
	    libssh2_session_method_pref(ssh, LIBSSH2_METHOD_HOSTKEY, kind) ==
		0 &&
	    shake(s, e) == 0)
		return (s);
	sftp_session_free(s);
	return (NULL);
}

/* A connection to the host that is meant, not yet logged in. */
static struct sftp_session *
find_host(const struct sftp_conf *conf, struct err *e)
{
	static const char *const kinds[] = { "ssh-ed25519",
		"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256",
		"ssh-rsa" };
	enum verdict verdict, worst = UNKNOWN;
	struct sftp_session *s;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((s = shake_hands(conf, kinds[i], e)) == NULL) {
			if (e->kind != ERR_NONE)
				return (NULL);
			continue; /* the server has no key of this kind */
		}
		if (judge_host(s, conf, &verdict, e) < 0) {
			sftp_session_free(s);
			return (NULL);
		}
		if (verdict == KNOWN)
			return (s);
		if (verdict == ANOTHER)
			worst = ANOTHER;
		sftp_session_free(s);
	}
	(void)distrust(conf, worst, e);
	return (NULL);
}

struct sftp_session *
sftp_session_open(struct sftp_conf *conf, struct err *e)
{
	struct sftp_session *s;

	(void)pthread_once(&once, start_libssh2);
	if ((s = find_host(conf, e)) == NULL)
		return (NULL);
	if (log_in(s, conf, e) < 0) {
		sftp_session_free(s);
		return (NULL);
	}
	while ((s->sftp = libssh2_sftp_init(s->ssh)) == NULL) {
		int rc = libssh2_session_last_errno(s->ssh);

		if (rc == LIBSSH2_ERROR_EAGAIN && sftp_wait(s, e) == 0)
			continue;
		if (e->kind == ERR_NONE)
			(void)sftp_failed(s, rc, "start SFTP", e);
		sftp_session_free(s);
		return (NULL);
	}
	return (s);
}

void
sftp_session_free(struct sftp_session *s)
{
	if (s == NULL)
		return;
	/* Not blocking: what can't be said at once is left unsaid. */
	if (s->sftp != NULL)
		(void)libssh2_sftp_shutdown(s->sftp);
	if (s->ssh != NULL) {
		(void)libssh2_session_disconnect(s->ssh, "done");
		while (libssh2_session_free(s->ssh) == LIBSSH2_ERROR_EAGAIN)
			(void)shutdown(s->fd, SHUT_RDWR);
	}
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s);
}
