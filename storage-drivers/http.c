/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request comes in, a connection that is free carries it, an answer goes out.
 * The only place where libcurl's errors become ours. It always holds that no
 * transfer outlives the stop flag by more than a second, nor a silent line by
 * more than the timeout, and that no answer takes more memory than its limit.
 */
#include "storage-drivers/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/scope.h"
#include "base/secret.h"
#include "base/stop.h"
#include "storage-drivers/pace.h"

#define SLOWEST_BYTES_S 4096 /* a transfer that is slower is given up, too */
#define UPLOAD_BUFFER	(512L << 10)
#define USER_AGENT	"triplicate"

struct http {
	char *ca_file, *user;
	struct secret password; /* with its NUL */
	atomic_long auth;	/* the ways to log in that may be asked of us */
	unsigned timeout_s;
	struct pace *pace; /* of uploads, or NULL */
	pthread_mutex_t lock;
	pthread_cond_t freed;
	/* guarded by lock */
	CURL *idle[HTTP_PARALLEL];
	size_t nidle, nbusy;
};

/* One transfer under way. */
struct transfer {
	CURL *curl;
	const struct http_request *q;
	struct http_answer *a;
	struct pace *pace;
	size_t sent; /* of the body */
	bool is_too_long;
	/* what had moved when something did last, and when that was */
	curl_off_t moved;
	uint64_t moved_ms, timeout_ms;
	bool is_silent;
	char words[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
start_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *
http_new(const struct http_conf *conf)
{
	struct http *h = mem_new(sizeof(*h));

	(void)pthread_once(&once, start_curl);
	if (conf->ca_file != NULL)
		h->ca_file = mem_string(conf->ca_file);
	if (conf->user != NULL) {
		h->user = mem_string(conf->user);
		secret_new(&h->password, conf->password->n + 1);
		memcpy(h->password.p, conf->password->p, conf->password->n);
	}
	atomic_init(&h->auth,
	    (long)(conf->digest_only ? CURLAUTH_DIGEST
				     : CURLAUTH_DIGEST | CURLAUTH_BASIC));
	h->timeout_s = conf->timeout_s;
	h->pace = pace_new(conf->upload_limit);
	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_cond_init(&h->freed, NULL);
	return (h);
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->nidle; i++)
		curl_easy_cleanup(h->idle[i]);
	free(h->ca_file);
	free(h->user);
	secret_free(&h->password);
	pace_free(h->pace);
	(void)pthread_mutex_destroy(&h->lock);
	(void)pthread_cond_destroy(&h->freed);
	free(h);
}

void
http_answer_free(struct http_answer *a)
{
	buf_free(&a->body);
}

/* --- connections: the one that was used last is warmest ------------------ */

static CURL *
take(struct http *h)
{
	CURL *curl = NULL;

	(void)pthread_mutex_lock(&h->lock);
	while (h->nbusy == HTTP_PARALLEL)
		(void)pthread_cond_wait(&h->freed, &h->lock);
	h->nbusy++;
	if (h->nidle > 0)
		curl = h->idle[--h->nidle];
	(void)pthread_mutex_unlock(&h->lock);
	if (curl == NULL && (curl = curl_easy_init()) == NULL)
		mem_out();
	return (curl);
}

static void
give_back(struct http *h, CURL *curl)
{
	curl_easy_reset(curl); /* keeps the connection */
	(void)pthread_mutex_lock(&h->lock);
	h->idle[h->nidle++] = curl;
	h->nbusy--;
	(void)pthread_cond_signal(&h->freed);
	(void)pthread_mutex_unlock(&h->lock);
}

/* --- what flows ---------------------------------------------------------- */

/* Part of an answer's body. A status is known by now. */
static size_t
take_body(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	long status = 0;

	n *= one;
	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->q->into != NULL && status / 100 == 2) {
		if (n > t->q->into_bytes - t->a->got) {
			t->a->got = t->q->into_bytes + 1;
			return (0);
		}
		memcpy((uint8_t *)t->q->into + t->a->got, p, n);
		t->a->got += n;
		return (n);
	}
	if (n > HTTP_BODY_MAX - t->a->body.n) {
		t->is_too_long = true;
		return (0);
	}
	buf_add(&t->a->body, p, n);
	return (n);
}

/* The next part of the request's body, when its time has come. */
static size_t
give_body(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct err e = ERR_INIT;
	size_t left = t->q->body_bytes - t->sent;

	n *= one;
	n = pace_piece(t->pace, n < left ? n : left);
	if (n == 0)
		return (0);
	if (pace_wait(t->pace, n, &e) < 0)
		return (CURL_READFUNC_ABORT);
	memcpy(p, (const uint8_t *)t->q->body + t->sent, n);
	t->sent += n;
	return (n);
}

/* From the beginning, when the server asks who we are or a kept connection
 * turns out to be dead. */
static int
rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > t->q->body_bytes)
		return (CURL_SEEKFUNC_FAIL);
	t->sent = (size_t)offset;
	return (CURL_SEEKFUNC_OK);
}

/* Is this line that header's? Then its value, or "" when it doesn't fit. */
static bool
is_header(const char *p, size_t n, const char *name, char *out, size_t fits)
{
	size_t skip = strlen(name);

	if (n <= skip || p[skip] != ':' || strncasecmp(p, name, skip) != 0)
		return (false);
	for (skip++; skip < n && (p[skip] == ' ' || p[skip] == '\t');)
		skip++;
	while (n > skip && strchr(" \t\r\n", p[n - 1]) != NULL)
		n--;
	n -= skip;
	if (n >= fits)
		n = 0;
	memcpy(out, p + skip, n);
	out[n] = '\0';
	return (true);
}

static size_t
take_header(char *p, size_t one, size_t n, void *arg)
{
	struct http_answer *a = ((struct transfer *)arg)->a;
	char date[64];
	size_t bytes = n * one;

	if (is_header(p, bytes, "date", date, sizeof(date))) {
		a->date = (int64_t)curl_getdate(date, NULL);
		if (a->date < 0)
			a->date = HTTP_NO_TIME;
		return (bytes);
	}
	if (!is_header(p, bytes, "etag", a->etag, sizeof(a->etag)))
		(void)is_header(p, bytes, "x-amz-version-id", a->version,
		    sizeof(a->version));
	return (bytes);
}

/*
 * libcurl asks at least once a second. Its own limit of speed is no use here:
 * it looks at an average over some seconds, so that a line which is cut in full
 * flow takes those seconds longer to be silent.
 */
static int
ask_whether_to_go_on(void *arg, curl_off_t down_total, curl_off_t down,
    curl_off_t up_total, curl_off_t up)
{
	struct transfer *t = arg;
	uint64_t now = clock_ticks_ms();
	curl_off_t connected = 0, moved;

	(void)down_total;
	(void)up_total;
	(void)curl_easy_getinfo(
	    t->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	moved = down + up + (connected > 0);
	if (moved != t->moved) {
		t->moved = moved;
		t->moved_ms = now;
	}
	t->is_silent = now - t->moved_ms >= t->timeout_ms;
	return (stop_is_requested() || t->is_silent);
}

/* --- a request ----------------------------------------------------------- */

static struct curl_slist *
make_headers(const struct http_request *q)
{
	struct curl_slist *list = NULL, *longer;

	for (size_t i = 0; q->headers != NULL && q->headers[i] != NULL; i++) {
		longer = curl_slist_append(list, q->headers[i]);
		if (longer == NULL)
			mem_out();
		list = longer;
	}
	return (list);
}

static void
set_body(struct transfer *t)
{
	const struct http_request *q = t->q;
	CURL *curl = t->curl;

	if (q->body == NULL && q->body_bytes == 0 &&
	    strcmp(q->method, "PUT") != 0) {
		if (strcmp(q->method, "HEAD") == 0)
			curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
		else
			curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(curl, CURLOPT_READDATA, t);
	curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
	curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(
	    curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_bytes);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
}

static void
set_limits(struct transfer *t, const struct http *h)
{
	const struct http_request *q = t->q;
	CURL *curl = t->curl;
	long timeout_s = (long)h->timeout_s;

	t->timeout_ms = (uint64_t)h->timeout_s * 1000;
	t->moved_ms = clock_ticks_ms();
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout_s);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT,
	    2 * timeout_s +
		(long)((q->body_bytes + q->into_bytes) / SLOWEST_BYTES_S));
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_whether_to_go_on);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
}

static void
set_up(struct transfer *t, const struct http *h, struct curl_slist *headers)
{
	CURL *curl = t->curl;

	curl_easy_setopt(curl, CURLOPT_URL, t->q->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(
	    curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(
	    curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->words);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	if (h->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, h->ca_file);
	if (h->user != NULL) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, atomic_load(&h->auth));
		curl_easy_setopt(curl, CURLOPT_USERNAME, h->user);
		curl_easy_setopt(
		    curl, CURLOPT_PASSWORD, (const char *)h->password.p);
	}
	set_body(t);
	set_limits(t, h);
}

static int
fail(const struct transfer *t, CURLcode rc, struct err *e)
{
	const char *why = t->words[0] != '\0' ? t->words
					      : curl_easy_strerror(rc);

	if (rc == CURLE_ABORTED_BY_CALLBACK && t->is_silent &&
	    !stop_is_requested())
		return (err_set(e, ERR_NETWORK, "the line was silent for %u s",
		    (unsigned)(t->timeout_ms / 1000)));
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return (stop_check(e) < 0 ? -1
					  : err_set(e, ERR_STOPPED, "stopped"));
	if (rc == CURLE_WRITE_ERROR && t->is_too_long)
		return (err_set(e, ERR_CORRUPT,
		    "the answer is longer than %zu MiB", HTTP_BODY_MAX >> 20));
	if (rc == CURLE_PEER_FAILED_VERIFICATION) {
		(void)err_set(e, ERR_CONFIG,
		    "the server's certificate is not to be trusted: %s", why);
		return (err_hint(e,
		    "if the server has a private authority, name its certificate with ca-file"));
	}
	if (rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_URL_MALFORMAT ||
	    rc == CURLE_UNSUPPORTED_PROTOCOL)
		return (err_set(e, ERR_CONFIG, "%s", why));
	return (err_set(e, ERR_NETWORK, "%s", why));
}

static int
perform(struct transfer *t, struct err *e)
{
	curl_off_t length = -1;
	long status = 0;
	CURLcode rc = curl_easy_perform(t->curl);

	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(
	    t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	t->a->status = (int)status;
	t->a->length = length < 0 ? UINT64_MAX : (uint64_t)length;
	/* More than was asked for is the caller's to judge. */
	if (rc == CURLE_WRITE_ERROR && t->a->got > t->q->into_bytes)
		return (0);
	return (rc == CURLE_OK ? 0 : fail(t, rc, e));
}

/* Once a server has said how it wants us to log in, the next request needs no
 * refusal to learn it: with Basic, it goes well at once. */
static void
learn_login(struct http *h, CURL *curl)
{
	long offered = 0, known = atomic_load(&h->auth);

	(void)curl_easy_getinfo(curl, CURLINFO_HTTPAUTH_AVAIL, &offered);
	offered &= known;
	if ((offered & (long)CURLAUTH_DIGEST) != 0)
		atomic_store(&h->auth, (long)CURLAUTH_DIGEST);
	else if (offered != 0)
		atomic_store(&h->auth, offered);
}

int
http_do(struct http *h, const struct http_request *q, struct http_answer *a,
    struct err *e)
{
	struct transfer t = { .q = q, .a = a, .pace = h->pace };
	struct curl_slist *headers = make_headers(q);
	int rc;

	*a = (struct http_answer){ .date = HTTP_NO_TIME };
	t.curl = take(h);
	set_up(&t, h, headers);
	rc = perform(&t, e);
	learn_login(h, t.curl);
	give_back(h, t.curl);
	curl_slist_free_all(headers);
	return (rc);
}

int
http_refused(int status, const char *what, struct err *e)
{
	enum err_kind kind = ERR_SYSTEM;

	if (status == 401 || status == 403)
		kind = ERR_DENIED;
	else if (status == 404 || status == 410)
		kind = ERR_MISSING;
	else if (status == 412)
		kind = ERR_EXISTS;
	else if (status == 416)
		kind = ERR_CORRUPT;
	else if (status == 413 || status == 507)
		kind = ERR_FULL;
	else if (status == 408 || status == 409 || status == 423 ||
	    status == 425 || status == 429 || status / 100 == 5)
		kind = ERR_AGAIN;
	else if (status / 100 == 3)
		kind = ERR_CONFIG;
	(void)err_set(e, kind, "%s: the server answers %d", what, status);
	if (kind == ERR_CONFIG)
		return (err_hint(
		    e, "it sends us elsewhere: write the url of that place"));
	return (-1);
}
