/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writers/<epoch>-<id>: which machine writes since when. The epoch and the id
 * stand in the name, so that one listing tells whether a later writer exists;
 * the object proves that the keys' owner wrote it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "repository/config_object.h"

#define DOMAIN	     "writer"
#define PREFIX	     "writers/"
#define CONTEXT_TEXT (OBJECT_NAME_TEXT + 8)
#define ID_DIGITS    16
#define MACHINE_ID   "/etc/machine-id"
#define MACHINE_TEXT 256

void
writer_name(const struct writer *w, char out[OBJECT_NAME_TEXT])
{
	char id[ID_DIGITS + 1];

	hex_of(w->id, sizeof(w->id), id);
	snprintf(out, OBJECT_NAME_TEXT, PREFIX "%" PRIu32 "-%s", w->epoch, id);
}

bool
writer_parse_name(const char *object, uint32_t *epoch, uint8_t id[8])
{
	const size_t prefix = sizeof(PREFIX) - 1;
	struct writer w = { .epoch = 0 };
	char again[OBJECT_NAME_TEXT];
	const char *dash;
	unsigned long long number;

	if (strncmp(object, PREFIX, prefix) != 0 || object[prefix] < '1' ||
	    object[prefix] > '9' ||
	    (dash = strchr(object + prefix, '-')) == NULL ||
	    strlen(dash + 1) != ID_DIGITS ||
	    !hex_parse(dash + 1, w.id, sizeof(w.id)))
		return (false);
	number = strtoull(object + prefix, NULL, 10);
	if (number > UINT32_MAX)
		return (false);
	/* One spelling only: what we would write ourselves. */
	w.epoch = (uint32_t)number;
	writer_name(&w, again);
	if (strcmp(again, object) != 0)
		return (false);
	*epoch = w.epoch;
	memcpy(id, w.id, sizeof(w.id));
	return (true);
}

void
writer_of_this_machine(
    const struct keys *k, const char *state_folder, struct writer *w)
{
	SCOPED(buf_free) struct buf id = BUF_INIT;
	struct err ignored = ERR_INIT;

	if (gethostname(w->host, sizeof(w->host) - 1) < 0)
		(void)snprintf(w->host, sizeof(w->host), "unknown");
	/* Without one, as in a container, the other two have to do. */
	if (file_load_followed(MACHINE_ID, MACHINE_TEXT, &id, &ignored) < 0)
		id.n = 0;
	buf_printf(&id, "\n%s", state_folder);
	seal_identity(k, "machine", w->host, buf_text(&id), w->machine);
}

static bool
says_machine(const struct writer *w)
{
	static const uint8_t none[WRITER_MACHINE];

	return (memcmp(w->machine, none, sizeof(none)) != 0);
}

static void
context_of(const struct writer *w, char out[CONTEXT_TEXT])
{
	char name[OBJECT_NAME_TEXT];

	writer_name(w, name);
	snprintf(out, CONTEXT_TEXT, "writer %s", name);
}

void
writer_encode(const struct keys *k, const struct writer *w, struct buf *out)
{
	SCOPED(json_freep) struct json *o = json_object();
	SCOPED(buf_free) struct buf text = BUF_INIT, sealed = BUF_INIT;
	char context[CONTEXT_TEXT], machine[2 * WRITER_MACHINE + 1];

	assert(w->epoch > 0);
	json_set_string(o, "host", w->host);
	hex_of(w->machine, sizeof(w->machine), machine);
	if (says_machine(w))
		json_set_string(o, "machine", machine);
	json_set_integer(o, "version", FORMAT_VERSION);
	json_write(o, false, &text);
	format_pad(&text, SEAL_INDEX_OVERHEAD, ' ');
	context_of(w, context);
	seal_index(k, context, text.p, text.n, &sealed);

	out->n = 0;
	format_add_header(out, FORMAT_WRITER, keys_repo(k));
	buf_add_u32(out, w->epoch);
	buf_add(out, w->id, sizeof(w->id));
	buf_add_i64(out, w->started);
	buf_add_u32(out, (uint32_t)sealed.n);
	buf_add(out, sealed.p, sealed.n);
	seal_sign(k, DOMAIN, out);
}

static int
read_text(const struct buf *text, struct writer *w, struct err *e)
{
	SCOPED(json_freep)
	struct json *o = json_parse((const char *)text->p, text->n, e);
	const char *host, *machine;

	if (o == NULL)
		return (-1);
	host = json_get_string(o, "host");
	snprintf(w->host, sizeof(w->host), "%s", host != NULL ? host : "");
	text_mend_end(w->host);
	machine = json_get_string(o, "machine");
	if (machine == NULL || strlen(machine) != 2 * sizeof(w->machine) ||
	    !hex_parse(machine, w->machine, sizeof(w->machine)))
		memset(w->machine, 0, sizeof(w->machine));
	return (0);
}

int
writer_decode(const struct keys *k, const char *object, const void *p, size_t n,
    struct writer *w, struct err *e)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct bytes b = bytes_of(p, n);
	struct writer got = { .epoch = 0 };
	char name[OBJECT_NAME_TEXT], context[CONTEXT_TEXT];
	const uint8_t *sealed;
	uint32_t bytes;

	if (n > WRITER_MAX)
		return (err_set(e, ERR_CORRUPT, "%zu bytes are too many", n));
	if (format_check_header(&b, FORMAT_WRITER, keys_repo(k), NULL, e) < 0 ||
	    seal_check_signature(k, DOMAIN, p, n, e) < 0)
		return (-1);
	got.epoch = bytes_u32(&b);
	bytes_copy(&b, got.id, sizeof(got.id));
	got.started = bytes_i64(&b);
	bytes = bytes_u32(&b);
	sealed = bytes_take(&b, bytes);
	if (b.bad || b.n != SEAL_SIGNATURE)
		return (err_set(e, ERR_CORRUPT, "the parts don't fit in"));
	writer_name(&got, name);
	if (got.epoch == 0 || strcmp(name, object) != 0)
		return (err_set(e, ERR_CORRUPT, "it is %s by its bytes", name));
	context_of(&got, context);
	if (unseal_index(k, context, sealed, bytes, &text, e) < 0 ||
	    read_text(&text, &got, e) < 0)
		return (-1);
	*w = got;
	return (0);
}
