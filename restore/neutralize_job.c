/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ground that neutralize_run and neutralize_prove stand on.
 */
#include "restore/neutralize_job.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/secret.h"

/* The row of ours in ir_mail_server. */
#define OWN_MAIL_SERVER "Triplicate neutralization"
#define NO_MAIL_HOST	"invalid" /* never resolves: RFC 6761 */
#define NO_MAIL_PORT	"1025"
/* The discard port: nobody but root could listen there. */
#define NOWHERE_URL "http://127.0.0.1:9"
#define BASE_URL    "http://localhost:8069"

#define HOST_ROOM 256
#define PORT_ROOM 8
#define PORT_MOST 65535

bool
neutralize_split_catcher(
    const char *catcher, char host[HOST_ROOM], char port[PORT_ROOM])
{
	const char *colon = strrchr(catcher, ':'), *start = catcher;
	size_t n;
	long number = 0;

	if (colon == NULL)
		return (false);
	n = (size_t)(colon - catcher);
	if (n >= 2 && catcher[0] == '[' && catcher[n - 1] == ']') {
		start++;
		n -= 2;
	} else if (memchr(catcher, ':', n) != NULL)
		return (false);
	if (n == 0 || n >= HOST_ROOM || strlen(colon + 1) >= PORT_ROOM)
		return (false);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)start[i]) &&
		    strchr(".-_:", start[i]) == NULL)
			return (false);
	for (const char *p = colon + 1; *p != '\0'; p++) {
		if (!isdigit((unsigned char)*p))
			return (false);
		number = number * 10 + (*p - '0');
	}
	if (number < 1 || number > PORT_MOST)
		return (false);
	memcpy(host, start, n);
	host[n] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return (true);
}

/* Names of the machine itself: equal ones say nothing about where it is. */
static bool
is_loopback(const char *host)
{
	return (strcmp(host, "localhost") == 0 ||
	    strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0 ||
	    strcmp(host, "0.0.0.0") == 0);
}

char *
neutralize_url_host(const char *url)
{
	const char *start = url != NULL ? strstr(url, "://") : NULL, *at;
	SCOPED(scope_free) char *host = NULL;
	size_t n;

	if (start == NULL)
		return (NULL);
	start += 3;
	n = strcspn(start, "/?#");
	host = mem_printf("%.*s", (int)n, start);
	if ((at = strrchr(host, '@')) != NULL)
		memmove(host, at + 1, strlen(at + 1) + 1);
	if (host[0] == '[')
		n = strcspn(host, "]") + 1;
	else
		n = strcspn(host, ":");
	if (n < strlen(host))
		host[n] = '\0';
	for (char *p = host; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (*host == '\0' || is_loopback(host))
		return (NULL);
	return (TAKE(host));
}

/* A random UUID of version 8, which nobody else uses: so that we know our own
 * again, and leave it as it is the next time. */
static char *
new_uuid(void)
{
	char hex[33], variant;

	random_hex(hex, 16);
	variant = "89ab"[random_below(4)];
	return (mem_printf("%.8s-%.4s-8%.3s-%c%.3s-%.12s", hex, hex + 8,
	    hex + 12, variant, hex + 15, hex + 18));
}

/* text is owned by the job from here on, and wiped with it. */
static void
add_value(struct neutralize_job *job, const char *name, char *text)
{
	size_t i = 0;

	while (job->values[i].name != NULL)
		i++;
	job->values[i] = (struct neutralize_value){ name, text };
	job->owned[i] = text;
}

static char *
copied(const char *text)
{
	return (text != NULL ? mem_string(text) : NULL);
}

static int
add_values(struct neutralize_job *job, struct err *e)
{
	const struct neutralize_conf *conf = job->conf;
	char host[HOST_ROOM] = NO_MAIL_HOST, port[PORT_ROOM] = NO_MAIL_PORT;
	char salt[33];

	if (conf->mail_catcher != NULL &&
	    !neutralize_split_catcher(conf->mail_catcher, host, port))
		return (err_set(e, ERR_CONFIG,
		    "mail-catcher = %s: expected HOST:PORT",
		    conf->mail_catcher));
	random_hex(salt, 16);
	add_value(job, "own_mail_server", mem_string(OWN_MAIL_SERVER));
	add_value(job, "mail_host", mem_string(host));
	add_value(job, "mail_port", mem_string(port));
	add_value(job, "nowhere_url", mem_string(NOWHERE_URL));
	add_value(job, "base_url",
	    mem_string(conf->base_url != NULL ? conf->base_url : BASE_URL));
	add_value(job, "new_uuid", new_uuid());
	add_value(job, "new_secret", new_uuid());
	add_value(job, "salt", mem_string(salt));
	add_value(job, "source_uuid", copied(conf->source_uuid));
	add_value(job, "source_secret", copied(conf->source_secret));
	add_value(
	    job, "source_host", neutralize_url_host(conf->source_base_url));
	return (0);
}

int
neutralize_job_open(struct neutralize_job *job, PGconn *c,
    const struct neutralize_conf *conf, struct neutralize_report *out,
    struct err *e)
{
	*job = (struct neutralize_job){ .c = c, .conf = conf, .out = out };
	job->rules = rules_new();
	if (PQtransactionStatus(c) != PQTRANS_IDLE)
		return (err_set(e, ERR_DATABASE,
		    "neutralization needs an idle connection"));
	if (rules_add_embedded(job->rules, e) < 0)
		return (-1);
	return (add_values(job, e));
}

void
neutralize_job_close(struct neutralize_job *job)
{
	for (size_t i = 0; i < NEUTRALIZE_VALUES; i++) {
		if (job->owned[i] != NULL)
			secret_wipe(job->owned[i], strlen(job->owned[i]));
		free(job->owned[i]);
	}
	rules_free(job->rules);
	neutralize_catalog_free(job->catalog);
	*job = (struct neutralize_job){ .c = NULL };
}

int
neutralize_job_look(struct neutralize_job *job, struct err *e)
{
	neutralize_catalog_free(job->catalog);
	job->catalog = neutralize_catalog_read(job->c, e);
	return (job->catalog != NULL ? 0 : -1);
}

size_t
neutralize_job_places(const struct neutralize_job *job)
{
	return (job->catalog->nodoos > 0 ? job->catalog->nodoos : 1);
}

struct neutralize_place
neutralize_job_place(const struct neutralize_job *job, size_t i)
{
	return ((struct neutralize_place){
	    .catalog = job->catalog,
	    .odoo = job->catalog->nodoos > 0 ? &job->catalog->odoos[i] : NULL,
	    .values = job->values,
	});
}

int
neutralize_job_mark(struct neutralize_job *job, struct err *e)
{
	return (pg_exec(job->c, e, "SAVEPOINT triplicate"));
}

int
neutralize_job_keep(struct neutralize_job *job, struct err *e)
{
	return (pg_exec(job->c, e, "RELEASE SAVEPOINT triplicate"));
}

int
neutralize_job_forget(struct neutralize_job *job, struct err *e)
{
	return (pg_exec(job->c, e,
	    "ROLLBACK TO SAVEPOINT triplicate; RELEASE SAVEPOINT triplicate"));
}

bool
neutralize_job_is_over(const struct neutralize_job *job, const struct err *e)
{
	return (e->kind == ERR_STOPPED || PQstatus(job->c) != CONNECTION_OK);
}

int
neutralize_job_count(struct neutralize_job *job, const char *sql,
    int64_t *counts, size_t n, struct err *e)
{
	SCOPED(pg_clearp) PGresult *r = pg_query(job->c, sql, 0, NULL, e);

	if (r == NULL)
		return (-1);
	if (PQntuples(r) != 1 || (size_t)PQnfields(r) != n)
		return (err_set(
		    e, ERR_DATABASE, "expected one row of %zu counts", n));
	for (size_t i = 0; i < n; i++)
		counts[i] = strtoll(PQgetvalue(r, 0, (int)i), NULL, 10);
	return (0);
}
