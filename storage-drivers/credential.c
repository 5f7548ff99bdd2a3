/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name of a file or variable comes in, guarded memory goes out. A failed
 * reading is tried again the next time: the operator may have mended it.
 */
#include "storage-drivers/credential.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

void
credential_init(struct credential *c, const char *setting, const char *file,
    const char *variable)
{
	*c = (struct credential){ .setting = setting };
	if (file != NULL)
		c->file = mem_string(file);
	if (variable != NULL)
		c->variable = mem_string(variable);
	(void)pthread_mutex_init(&c->lock, NULL);
}

void
credential_free(struct credential *c)
{
	free(TAKE(c->file));
	free(TAKE(c->variable));
	secret_free(&c->value);
	(void)pthread_mutex_destroy(&c->lock);
}

static int
take(struct credential *c, const void *p, size_t n, const char *where,
    struct err *e)
{
	const char *text = p;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n == 0)
		return (err_set(e, ERR_CONFIG, "%s is empty", where));
	if (memchr(text, '\0', n) != NULL || memchr(text, '\n', n) != NULL)
		return (err_set(e, ERR_CONFIG,
		    "%s holds more than one line of text", where));
	secret_copy(&c->value, text, n);
	c->is_read = true;
	return (0);
}

static int
read_file(struct credential *c, struct err *e)
{
	SCOPED(buf_wipe) struct buf text = BUF_INIT;

	/* Room at once, so that no copy stays behind in freed memory. */
	buf_reserve(&text, CREDENTIAL_MAX + 1);
	if (file_load_followed(c->file, CREDENTIAL_MAX, &text, e) < 0) {
		e->kind = ERR_CONFIG;
		return (err_within(e, "%s", c->setting));
	}
	return (take(c, text.p, text.n, c->file, e));
}

static int
read_variable(struct credential *c, struct err *e)
{
	const char *text = getenv(c->variable);

	if (text != NULL)
		return (take(c, text, strlen(text), c->variable, e));
	return (err_set(
	    e, ERR_CONFIG, "%s is not in the environment", c->variable));
}

static int
read_once(struct credential *c, struct err *e)
{
	if (c->is_read)
		return (0);
	if (c->file != NULL)
		return (read_file(c, e));
	if (c->variable != NULL)
		return (read_variable(c, e));
	return (err_set(e, ERR_CONFIG, "%s is not set", c->setting));
}

const struct secret *
credential_value(struct credential *c, struct err *e)
{
	int rc;

	(void)pthread_mutex_lock(&c->lock);
	rc = read_once(c, e);
	(void)pthread_mutex_unlock(&c->lock);
	return (rc == 0 ? &c->value : NULL);
}
