/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that an endpoint lists where our objects stand, and that local state
 * does not know, flow in; each is read and judged. What our keys vouch for is
 * unknown: another machine's, an unfinished backup's, an older state's. What
 * they don't is foreign. In doubt nothing is: not where another machine took
 * over, whose damaged objects look the same, nor what needs a later program.
 */
#include <string.h>

#include "base/gate.h"
#include "base/log.h"
#include "base/stop.h"
#include "repository/config_object.h"
#include "repository/object.h"
#include "repository/pack.h"
#include "repository/verify_impl.h"

#define UNKNOWN_MAX ((size_t)100000) /* judged in one run */

/* Our places at an endpoint, and how large an object there can be. Not config:
 * local state always knows it. */
static const struct place {
	const char *prefix;
	size_t most;
} places[] = { { "packs/", PACK_MAX }, { "index/", INDEX_MAX },
	{ "backups/", MANIFEST_MAX }, { "audit/", AUDIT_MAX },
	{ "writers/", WRITER_MAX }, { "keys/", SLOT_MAX } };

static bool
begins(const char *name, const char *prefix)
{
	return (strncmp(name, prefix, strlen(prefix)) == 0);
}

/* NULL: others' business. */
static const struct place *
place_of(const char *name)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (begins(name, places[i].prefix))
			return (&places[i]);
	return (NULL);
}

void
verify_note_unknown(struct checker *c, const char *name)
{
	if (place_of(name) == NULL)
		return;
	if (c->nunknown++ < UNKNOWN_MAX)
		buf_add(&c->unknown, name, strlen(name) + 1);
	else if (c->nunknown == UNKNOWN_MAX + 1)
		log_warning(
		    "endpoint %s lists more than %zu objects that local state does not know: the rest is not judged now",
		    c->ep->conf->name, UNKNOWN_MAX);
}

/* Can an object of ours have this name at all? The others' bytes say it. */
static bool
can_be_ours(const char *name)
{
	struct sha256 pack;
	uint32_t epoch;
	uint8_t id[8];

	if (begins(name, "packs/"))
		return (format_parse_pack_name(name, &pack));
	if (begins(name, "backups/"))
		return (format_backup_id_is_good(name + strlen("backups/")));
	if (begins(name, "writers/"))
		return (writer_parse_name(name, &epoch, id));
	if (begins(name, "keys/"))
		return (slot_name_is_good(name + strlen("keys/")));
	return (strlen(name) < OBJECT_NAME_TEXT);
}

/* A pack proves itself by its directory; its name anybody can give. */
static int
check_bytes(
    const struct keys *k, const char *name, const struct buf *b, struct err *e)
{
	SCOPED(directory_free) struct directory d = DIRECTORY_INIT;

	if (object_check(k, name, NULL, b->p, b->n, e) < 0)
		return (-1);
	return (
	    begins(name, "packs/") ? pack_read(k, b->p, b->n, NULL, &d, e) : 0);
}

static int
read_and_check(struct checker *c, const char *name, struct err *e)
{
	SCOPED(buf_free) struct buf bytes = BUF_INIT;
	int rc;

	if (!can_be_ours(name))
		return (err_set(e, ERR_CORRUPT, "%s: no object's name", name));
	if (gate_enter(c->v->transfers, e) < 0)
		return (-1);
	rc = store_load(c->ep->store, name, place_of(name)->most, &bytes, e);
	if (rc == 0)
		rc = check_bytes(c->v->repo->keys, name, &bytes, e);
	gate_leave(c->v->transfers);
	return (rc);
}

/* What reading it said, as a judgement. */
static int
judge(const struct checker *c, const char *name, enum verify_judgement *is,
    struct err *e)
{
	*is = VERIFY_NOT_JUDGED;
	if (e->kind == ERR_STOPPED)
		return (-1);
	if (e->kind == ERR_VERSION || e->kind == ERR_KEY ||
	    (e->kind == ERR_CORRUPT && c->later_writer))
		*is = VERIFY_UNKNOWN;
	else if (e->kind == ERR_CORRUPT)
		*is = VERIFY_FOREIGN;
	log_info("endpoint %s: %s is unknown here: %s", c->ep->conf->name, name,
	    e->text);
	err_clear(e);
	return (0);
}

int
verify_judge(struct checker *c, const char *name, enum verify_judgement *is,
    struct err *e)
{
	if (read_and_check(c, name, e) < 0)
		return (judge(c, name, is, e));
	*is = VERIFY_UNKNOWN;
	return (0);
}

static int
judge_one(struct checker *c, const char *name, struct err *e)
{
	enum verify_judgement is;
	uint32_t epoch;
	uint8_t id[8];

	if (stop_check(e) < 0 || verify_judge(c, name, &is, e) < 0)
		return (-1);
	if (is == VERIFY_FOREIGN)
		json_append_string(c->result->foreign, name);
	if (is != VERIFY_UNKNOWN)
		return (0);
	c->result->unknown++;
	if (writer_parse_name(name, &epoch, id) && epoch > c->v->repo->epoch)
		c->later_writer = true;
	return (0);
}

/* Writers first: what a later one left is never foreign. */
int
verify_judge_unknown(struct checker *c, struct err *e)
{
	for (int writers = 1; writers >= 0; writers--)
		for (size_t at = 0; at < c->unknown.n;) {
			const char *name = (const char *)c->unknown.p + at;

			at += strlen(name) + 1;
			if (begins(name, "writers/") == (writers == 1) &&
			    judge_one(c, name, e) < 0)
				return (-1);
		}
	return (0);
}
