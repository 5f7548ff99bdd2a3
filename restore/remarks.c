/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sentences flow in from any thread, a JSON array flows out. A sentence that
 * was said already is not said again.
 */
#include "restore/remarks.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define SENTENCE_MAX 1000

void
remarks_init(struct remarks *r)
{
	*r = (struct remarks){ .list = json_array() };
	(void)pthread_mutex_init(&r->lock, NULL);
}

void
remarks_free(struct remarks *r)
{
	if (r->list == NULL)
		return;
	json_free(r->list);
	r->list = NULL;
	(void)pthread_mutex_destroy(&r->lock);
}

static bool
was_said(const struct json *list, const char *text)
{
	size_t i, n = json_count(list);

	for (i = 0; i < n; i++)
		if (strcmp(json_text(json_at(list, i)), text) == 0)
			return (true);
	return (false);
}

static void say(struct remarks *r, bool look_at, bool damage, const char *fmt,
    va_list words) __attribute__((format(printf, 4, 0)));

static void
say(struct remarks *r, bool look_at, bool damage, const char *fmt,
    va_list words)
{
	char text[SENTENCE_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, words);
	(void)pthread_mutex_lock(&r->lock);
	r->look_at = r->look_at || look_at;
	r->damage = r->damage || damage;
	if (json_count(r->list) >= REMARKS_MAX)
		r->left_out++;
	else if (!was_said(r->list, text))
		json_append_string(r->list, text);
	(void)pthread_mutex_unlock(&r->lock);
}

void
remarks_warn(struct remarks *r, const char *fmt, ...)
{
	va_list words;

	va_start(words, fmt);
	say(r, false, false, fmt, words);
	va_end(words);
}

void
remarks_look_at(struct remarks *r, const char *fmt, ...)
{
	va_list words;

	va_start(words, fmt);
	say(r, true, false, fmt, words);
	va_end(words);
}

void
remarks_damage(struct remarks *r, const char *fmt, ...)
{
	va_list words;

	va_start(words, fmt);
	say(r, false, true, fmt, words);
	va_end(words);
}

void
remarks_move(struct remarks *r, struct json *array)
{
	char more[64];
	size_t i, n;

	(void)pthread_mutex_lock(&r->lock);
	n = json_count(r->list);
	for (i = 0; i < n; i++)
		json_append_string(array, json_text(json_at(r->list, i)));
	if (r->left_out > 0) {
		(void)snprintf(
		    more, sizeof(more), "and %u warnings more", r->left_out);
		json_append_string(array, more);
	}
	json_free(r->list);
	r->list = json_array();
	r->left_out = 0;
	(void)pthread_mutex_unlock(&r->lock);
}
