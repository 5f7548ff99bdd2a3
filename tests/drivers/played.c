/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests come in one at a time, are written down, and get what the script has
 * for them.
 */
#include "tests/drivers/played.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define REQUEST_MAX ((size_t)1 << 20)
#define LINE_TIMES  64 /* lines whose uses are counted */
#define SILENCE_S   10

struct played {
	const struct played_line *script;
	size_t n;
	unsigned used[LINE_TIMES];
	int fd;
	unsigned port;
	pthread_t thread;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct buf seen;   /* whole requests */
	struct buf firsts; /* their first lines, a '\n' before each */
	struct buf copy;   /* what played_seen gave out */
};

/* Where the head of a request ends, and how many bytes it and its body have; 0
 * when that isn't known yet. */
static size_t
whole_size(struct buf *request)
{
	const char *text = buf_text(request);
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "\r\ncontent-length:");
	size_t head;

	if (end == NULL)
		return (0);
	head = (size_t)(end - text) + 4;
	if (length == NULL || length > end)
		return (head);
	return (
	    head + strtoul(length + strlen("\r\ncontent-length:"), NULL, 10));
}

static bool
receive(int fd, struct buf *request)
{
	char part[16384];
	size_t whole;
	ssize_t got;

	for (;;) {
		whole = whole_size(request);
		if (whole > 0 && request->n >= whole)
			return (true);
		if (request->n > REQUEST_MAX ||
		    (got = read(fd, part, sizeof(part))) <= 0)
			return (false);
		buf_add(request, part, (size_t)got);
	}
}

static const struct played_line *
choose(struct played *p, const char *request)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct played_line *line = &p->script[i];

		if (strncmp(request, line->request, strlen(line->request)) != 0)
			continue;
		if (line->times > 0 && p->used[i] >= line->times)
			continue;
		p->used[i]++;
		return (line);
	}
	return (NULL);
}

static void
make_answer(
    const struct played_line *line, const char *request, struct buf *out)
{
	const char *body = line != NULL && line->body != NULL ? line->body : "";

	buf_printf(out,
	    "HTTP/1.1 %d Played\r\n%sContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    line != NULL ? line->status : 418,
	    line != NULL && line->headers != NULL ? line->headers : "",
	    strlen(body));
	if (strncmp(request, "HEAD ", 5) != 0)
		buf_add_string(out, body);
}

static void
serve(struct played *p, int fd)
{
	SCOPED(buf_free) struct buf request = BUF_INIT, answer = BUF_INIT;
	const struct timeval silence = { .tv_sec = SILENCE_S };
	const char *text;

	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	if (!receive(fd, &request))
		return;
	text = buf_text(&request);
	(void)pthread_mutex_lock(&p->lock);
	buf_add(&p->seen, request.p, request.n);
	buf_printf(&p->firsts, "\n%.*s", (int)strcspn(text, "\r\n"), text);
	make_answer(choose(p, text), text, &answer);
	(void)pthread_mutex_unlock(&p->lock);
	for (size_t sent = 0; sent < answer.n;) {
		ssize_t n = send(
		    fd, answer.p + sent, answer.n - sent, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		sent += (size_t)n;
	}
}

static void *
play(void *arg)
{
	struct played *p = arg;
	int fd;

	while ((fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(p, fd);
		(void)close(fd);
	}
	return (NULL);
}

struct played *
played_start(const struct played_line *script, size_t n)
{
	struct played *p = mem_new(sizeof(*p));
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t bytes = sizeof(at);

	p->script = script;
	p->n = n;
	(void)pthread_mutex_init(&p->lock, NULL);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (n > LINE_TIMES || p->fd < 0 ||
	    bind(p->fd, (struct sockaddr *)&at, bytes) < 0 ||
	    listen(p->fd, 16) < 0 ||
	    getsockname(p->fd, (struct sockaddr *)&at, &bytes) < 0)
		abort();
	p->port = ntohs(at.sin_port);
	if (pthread_create(&p->thread, NULL, play, p) != 0)
		abort();
	return (p);
}

void
played_freep(struct played **at)
{
	struct played *p = *at;

	*at = NULL;
	if (p == NULL)
		return;
	(void)shutdown(p->fd, SHUT_RDWR); /* accept ends */
	(void)pthread_join(p->thread, NULL);
	(void)close(p->fd);
	(void)pthread_mutex_destroy(&p->lock);
	buf_free(&p->seen);
	buf_free(&p->firsts);
	buf_free(&p->copy);
	free(p);
}

unsigned
played_port(const struct played *p)
{
	return (p->port);
}

const char *
played_seen(struct played *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->copy.n = 0;
	buf_add(&p->copy, p->seen.p, p->seen.n);
	(void)pthread_mutex_unlock(&p->lock);
	return (buf_text(&p->copy));
}

size_t
played_count(struct played *p, const char *request)
{
	size_t count = 0;

	(void)pthread_mutex_lock(&p->lock);
	for (const char *at = strchr(buf_text(&p->firsts), '\n'); at != NULL;
	     at = strchr(at + 1, '\n'))
		count += strncmp(at + 1, request, strlen(request)) == 0;
	(void)pthread_mutex_unlock(&p->lock);
	return (count);
}
