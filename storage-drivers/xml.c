/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes come in, calls for elements go out; expat does the parsing. Only an
 * element's own text is kept, and only until it ends: lists of S3 and WebDAV
 * have theirs at the leaves.
 */
#include "storage-drivers/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

#define SEPARATOR '\x01' /* between namespace and local name */

struct reading {
	XML_Parser parser;
	const struct xml_calls *calls;
	void *arg;
	struct err *e;
	unsigned depth;
	bool has_failed;
	struct buf text;
};

static void
fail(struct reading *r)
{
	r->has_failed = true;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static const char *
local(const char *name)
{
	const char *at = strrchr(name, SEPARATOR);

	return (at != NULL ? at + 1 : name);
}

static void XMLCALL
begin(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;

	(void)attributes;
	r->text.n = 0;
	if (++r->depth > XML_DEPTH_MAX) {
		(void)err_set(r->e, ERR_CORRUPT, "XML that is nested too deep");
		fail(r);
		return;
	}
	if (r->calls->begin != NULL &&
	    r->calls->begin(local(name), r->arg, r->e) < 0)
		fail(r);
}

static void XMLCALL
end(void *arg, const XML_Char *name)
{
	struct reading *r = arg;

	r->depth--;
	if (r->calls->end != NULL &&
	    r->calls->end(local(name), buf_text(&r->text), r->arg, r->e) < 0)
		fail(r);
	r->text.n = 0;
}

static void XMLCALL
characters(void *arg, const XML_Char *p, int n)
{
	struct reading *r = arg;

	if (r->text.n + (size_t)n > XML_TEXT_MAX) {
		(void)err_set(r->e, ERR_CORRUPT, "XML with a text too long");
		fail(r);
		return;
	}
	buf_add(&r->text, p, (size_t)n);
}

/* Document types bring entities, and entities bombs. */
static void XMLCALL
doctype(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int has_internal)
{
	struct reading *r = arg;

	(void)name;
	(void)system;
	(void)public;
	(void)has_internal;
	(void)err_set(r->e, ERR_CORRUPT, "XML with a document type");
	fail(r);
}

int
xml_read(const void *p, size_t n, const struct xml_calls *calls, void *arg,
    struct err *e)
{
	struct reading r = { .calls = calls, .arg = arg, .e = e };
	enum XML_Status status = XML_STATUS_ERROR;

	if ((r.parser = XML_ParserCreateNS(NULL, SEPARATOR)) == NULL)
		mem_out();
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, begin, end);
	XML_SetCharacterDataHandler(r.parser, characters);
	XML_SetStartDoctypeDeclHandler(r.parser, doctype);
	if (n <= INT_MAX)
		status = XML_Parse(r.parser, p, (int)n, 1);
	if (status != XML_STATUS_OK && !r.has_failed)
		(void)err_set(e, ERR_CORRUPT, "not XML: %s at line %lu",
		    XML_ErrorString(XML_GetErrorCode(r.parser)),
		    (unsigned long)XML_GetCurrentLineNumber(r.parser));
	XML_ParserFree(r.parser);
	buf_free(&r.text);
	return (status == XML_STATUS_OK && !r.has_failed ? 0 : -1);
}
