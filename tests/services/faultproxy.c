/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/*
 * A TCP proxy in front of one server, which hurts connections on purpose.
 *   faultproxy ADDRESS PORT SERVER-ADDRESS SERVER-PORT RULES
 * A new connection takes the first line of the file RULES that has a count
 * left and wins its dice; without one it passes. The file is read again when
 * it is another one.
 *   ACTION [N [PERCENT [COUNT]]]          percent 100, without end
 *   pass        refuse (reset at once)    http STATUS (answered, not forwarded)
 *   delay N     (ms, before the first byte)
 *   reset-up N, truncate-up N, stall-up N (after N bytes from the client),
 *   flip-up N   (one bit of byte N),      slow-up N (bytes a second),
 *   and the same with -down, for bytes from the server.
 * Standard output has two lines a connection: "ID begins ACTION N" and
 * "ID ends UP DOWN TURNS": bytes each way, and how often the client spoke after
 * the server did, which counts the requests of a kept connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/stop.h"

#define RULES_MAX      64
#define RULES_BYTES    ((size_t)64 << 10)
#define PIECE	       ((size_t)64 << 10)
#define SLOW_PIECES_S  20
#define SILENT_MOST_MS 120000 /* of a connection that stalls */
#define DRAIN_MOST_MS  2000
#define BACKLOG	       256

enum verb { PASS, REFUSE, HTTP, DELAY, RESET, TRUNCATE, STALL, FLIP, SLOW };

struct rule {
	enum verb verb;
	bool is_down; /* about what the server says */
	uint64_t n;
	uint32_t percent;
	int64_t count; /* connections that it may still take; -1: any */
	char words[24];
};

struct proxy {
	struct sockaddr_in server;
	const char *rules_path;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct rule rules[RULES_MAX];
	size_t nrules;
	struct stat seen;
	uint64_t nconnections;
};

/* One direction of a connection. */
struct flow {
	int from, to;
	bool is_open;
	uint64_t bytes;
};

struct connection {
	struct proxy *proxy;
	uint64_t id;
	struct rule rule;
	int client, server;
	struct flow flows[2]; /* up, down */
	bool client_spoke;
	unsigned turns;
	uint8_t piece[PIECE];
};

/* --- rules --------------------------------------------------------------- */

static const struct {
	const char *word;
	enum verb verb;
	bool has_direction;
} VERBS[] = { { "pass", PASS, false }, { "refuse", REFUSE, false },
	{ "http", HTTP, false }, { "delay", DELAY, false },
	{ "reset", RESET, true }, { "truncate", TRUNCATE, true },
	{ "stall", STALL, true }, { "flip", FLIP, true },
	{ "slow", SLOW, true } };

static bool
read_action(const char *word, struct rule *out)
{
	for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
		size_t n = strlen(VERBS[i].word);

		if (strncmp(word, VERBS[i].word, n) != 0)
			continue;
		out->verb = VERBS[i].verb;
		out->is_down = strcmp(word + n, "-down") == 0;
		return (VERBS[i].has_direction
			? out->is_down || strcmp(word + n, "-up") == 0
			: word[n] == '\0');
	}
	return (false);
}

/* One line; false when there is no rule in it. A word that is none ends the
 * program: a test would go well for the wrong reason. */
static bool
read_rule(char *line, struct rule *out)
{
	char *rest = NULL, *words[4] = { NULL };
	size_t n = 0;

	for (char *word = strtok_r(line, " \t", &rest); word != NULL && n < 4;
	     word = strtok_r(NULL, " \t", &rest))
		words[n++] = word;
	if (n == 0 || words[0][0] == '#')
		return (false);
	*out = (struct rule){ .percent = 100, .count = -1 };
	(void)snprintf(out->words, sizeof(out->words), "%s", words[0]);
	if (!read_action(words[0], out)) {
		(void)fprintf(stderr, "no such action: %s\n", words[0]);
		exit(2); /* NOLINT(concurrency-mt-unsafe): nothing to save */
	}
	if (n > 1)
		out->n = strtoull(words[1], NULL, 10);
	if (n > 2)
		out->percent = (uint32_t)strtoul(words[2], NULL, 10);
	if (n > 3)
		out->count = strtoll(words[3], NULL, 10);
	return (true);
}

/* With the lock held. A file that is being replaced is looked at next time. */
static void
read_rules(struct proxy *p)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	char *rest = NULL;
	struct stat now;

	if (file_stat(p->rules_path, &now, &ignored) < 0 ||
	    (now.st_ino == p->seen.st_ino &&
		now.st_mtim.tv_sec == p->seen.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == p->seen.st_mtim.tv_nsec) ||
	    file_load(p->rules_path, RULES_BYTES, &text, &ignored) < 0)
		return;
	p->seen = now;
	p->nrules = 0;
	buf_add_u8(&text, '\0');
	for (char *line = strtok_r((char *)text.p, "\n", &rest);
	     line != NULL && p->nrules < RULES_MAX;
	     line = strtok_r(NULL, "\n", &rest))
		p->nrules += read_rule(line, &p->rules[p->nrules]);
}

static void
choose_rule(struct connection *c)
{
	struct proxy *p = c->proxy;

	c->rule = (struct rule){ .verb = PASS, .words = "pass" };
	(void)pthread_mutex_lock(&p->lock);
	c->id = ++p->nconnections;
	read_rules(p);
	for (size_t i = 0; i < p->nrules; i++) {
		struct rule *r = &p->rules[i];

		if (r->count == 0 || random_below(100) >= r->percent)
			continue;
		if (r->count > 0)
			r->count--;
		c->rule = *r;
		break;
	}
	(void)pthread_mutex_unlock(&p->lock);
}

/* --- sockets ------------------------------------------------------------- */

/* From now on closing resets the connection. */
static void
make_abrupt(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
make_prompt(int fd)
{
	const int yes = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

static bool
send_all(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;
	ssize_t sent;

	for (; n > 0; n -= (size_t)sent, at += sent)
		if ((sent = send(fd, at, n, MSG_NOSIGNAL)) <= 0)
			return (false);
	return (true);
}

static void
nap(uint64_t ms)
{
	struct err ignored = ERR_INIT;

	(void)!clock_sleep_ms((unsigned)ms, &ignored);
}

/* Takes what a client still says, so that closing doesn't cut our answer off.
 */
static void
drain(struct connection *c)
{
	struct pollfd look = { .fd = c->client, .events = POLLIN };

	(void)shutdown(c->client, SHUT_WR);
	while (poll(&look, 1, DRAIN_MOST_MS) > 0 &&
	    recv(c->client, c->piece, PIECE, 0) > 0)
		;
}

/* --- what is done to a connection ---------------------------------------- */

/* Reads the head of a request, and answers. */
static void
answer_http(struct connection *c)
{
	char answer[160];
	size_t n = 0;
	ssize_t got;
	int length = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %llu Injected\r\nContent-Length: 0\r\n"
	    "Connection: close\r\n\r\n",
	    (unsigned long long)c->rule.n);

	while (n < PIECE &&
	    (got = recv(c->client, c->piece + n, PIECE - n, 0)) > 0) {
		n += (size_t)got;
		if (memmem(c->piece, n, "\r\n\r\n", 4) != NULL)
			break;
	}
	c->flows[0].bytes = n;
	c->turns = n > 0;
	if (send_all(c->client, answer, (size_t)length))
		drain(c);
}

/* The line is there and nothing comes: until the client gives it up. */
static void
be_silent(struct connection *c)
{
	struct pollfd look = { .fd = c->client, .events = POLLRDHUP };

	(void)poll(&look, 1, SILENT_MOST_MS);
	make_abrupt(c->client);
	make_abrupt(c->server);
}

static void
end_by_rule(struct connection *c)
{
	if (c->rule.verb == STALL) {
		be_silent(c);
	} else if (c->rule.verb == TRUNCATE) {
		(void)shutdown(c->server, SHUT_WR);
		drain(c);
	} else {
		make_abrupt(c->client);
		make_abrupt(c->server);
	}
}

/* Is it the byte at which the rule hurts, within the n that come next? */
static bool
is_hit(const struct connection *c, const struct flow *f, size_t n)
{
	return (f == &c->flows[c->rule.is_down] && c->rule.verb >= RESET &&
	    c->rule.verb <= FLIP && c->rule.n >= f->bytes &&
	    c->rule.n - f->bytes < n);
}

static size_t
most_at_once(const struct connection *c, const struct flow *f)
{
	size_t n = (size_t)(c->rule.n / SLOW_PIECES_S) + 1;

	return (
	    c->rule.verb == SLOW && f == &c->flows[c->rule.is_down] && n < PIECE
		? n
		: PIECE);
}

static void
count(struct connection *c, struct flow *f, size_t n)
{
	bool is_up = f == &c->flows[0];

	f->bytes += n;
	c->turns += is_up && !c->client_spoke;
	c->client_spoke = is_up;
	if (c->rule.verb == SLOW && f == &c->flows[c->rule.is_down])
		nap(n * 1000 / (c->rule.n + 1));
}

/* Moves a piece one way. False: this was the connection's end. */
static bool
move_piece(struct connection *c, struct flow *f)
{
	ssize_t got = recv(f->from, c->piece, most_at_once(c, f), 0);
	size_t n = got > 0 ? (size_t)got : 0;
	bool hit, is_end;

	if (got < 0) {
		make_abrupt(f->to);
		return (false);
	}
	if (got == 0) {
		(void)shutdown(f->to, SHUT_WR);
		f->is_open = false;
		return (true);
	}
	hit = is_hit(c, f, n);
	is_end = hit && c->rule.verb != FLIP;
	if (is_end)
		n = (size_t)(c->rule.n - f->bytes);
	else if (hit)
		c->piece[c->rule.n - f->bytes] ^= 1;
	if (!send_all(f->to, c->piece, n))
		return (false);
	count(c, f, n);
	if (is_end)
		end_by_rule(c);
	return (!is_end);
}

static void
relay(struct connection *c)
{
	struct pollfd looks[2];

	for (int i = 0; i < 2; i++)
		c->flows[i] = (struct flow){ .from = i ? c->server : c->client,
			.to = i ? c->client : c->server,
			.is_open = true };
	while (c->flows[0].is_open || c->flows[1].is_open) {
		for (int i = 0; i < 2; i++)
			looks[i] = (struct pollfd){ .fd = c->flows[i].is_open
				    ? c->flows[i].from
				    : -1,
				.events = POLLIN };
		if (poll(looks, 2, -1) < 0)
			return;
		for (int i = 0; i < 2; i++)
			if (looks[i].revents != 0 &&
			    !move_piece(c, &c->flows[i]))
				return;
	}
}

static bool
reach_server(struct connection *c)
{
	c->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->server < 0 ||
	    connect(c->server, (const struct sockaddr *)&c->proxy->server,
		sizeof(c->proxy->server)) < 0)
		return (false);
	make_prompt(c->server);
	return (true);
}

static void
serve(struct connection *c)
{
	if (c->rule.verb == HTTP) {
		answer_http(c);
		return;
	}
	if (c->rule.verb == REFUSE || !reach_server(c)) {
		make_abrupt(c->client);
		return;
	}
	if (c->rule.verb == DELAY)
		nap(c->rule.n);
	relay(c);
}

static void *
run_connection(void *arg)
{
	struct connection *c = arg;

	choose_rule(c);
	(void)printf("%llu begins %s %llu\n", (unsigned long long)c->id,
	    c->rule.words, (unsigned long long)c->rule.n);
	serve(c);
	(void)printf("%llu ends %llu %llu %u\n", (unsigned long long)c->id,
	    (unsigned long long)c->flows[0].bytes,
	    (unsigned long long)c->flows[1].bytes, c->turns);
	if (c->server >= 0)
		(void)close(c->server);
	(void)close(c->client);
	free(c);
	return (NULL);
}

/* --- listening ----------------------------------------------------------- */

static bool
read_address(const char *address, const char *port, struct sockaddr_in *out)
{
	*out = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	return (inet_pton(AF_INET, address, &out->sin_addr) == 1);
}

static int
listen_at(const struct sockaddr_in *where)
{
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (const struct sockaddr *)where, sizeof(*where)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		perror("faultproxy");
		return (-1);
	}
	return (fd);
}

static void
take_in(struct proxy *p, int client)
{
	struct connection *c = mem_new(sizeof(*c));
	pthread_t thread;

	c->proxy = p;
	c->client = client;
	c->server = -1;
	make_prompt(client);
	if (pthread_create(&thread, NULL, run_connection, c) == 0) {
		(void)pthread_detach(thread);
		return;
	}
	(void)close(client);
	free(c);
}

int
main(int argc, char **argv)
{
	static struct proxy p = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct sockaddr_in here;
	int door, client;

	if (argc != 6 || !read_address(argv[1], argv[2], &here) ||
	    !read_address(argv[3], argv[4], &p.server)) {
		(void)fprintf(stderr,
		    "usage: faultproxy ADDRESS PORT SERVER-ADDRESS SERVER-PORT RULES\n");
		return (2);
	}
	p.rules_path = argv[5];
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if ((door = listen_at(&here)) < 0)
		return (1);
	for (;;) {
		client = accept4(door, NULL, NULL, SOCK_CLOEXEC);
		if (client >= 0)
			take_in(&p, client);
		else if (errno != EINTR && errno != ECONNABORTED)
			nap(100);
	}
}
