/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate audit: plan against fact for every branch, endpoint and backup,
 * and whether the record of it is whole; as text, JSON or a page, signed.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "repository/audit_log.h"
#include "repository/repo.h"
#include "repository/seal.h"
#include "retention/audit_html.h"
#include "retention/audit_json.h"
#include "retention/audit_text.h"

#define REPORT_MODE 0644

enum format { AS_TEXT, AS_JSON, AS_HTML };

static int
take_format(const struct cli *c, enum format *out, struct err *e)
{
	static const char *const words[] = { "text", "json", "html" };
	const char *text = args_value(&c->args, "--format");

	*out = c->json ? AS_JSON : AS_TEXT;
	if (text == NULL)
		return (0);
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, words[i]) == 0) {
			*out = (enum format)i;
			if (!c->json || *out == AS_JSON ||
			    args_value(&c->args, "-o") != NULL)
				return (0);
			return (err_set(e, ERR_USAGE,
			    "--json prints JSON: with --format %s give -o FILE",
			    text));
		}
	return (err_set(
	    e, ERR_USAGE, "--format %s: expected text, json or html", text));
}

/* --- the report --- */

static void
render(const struct audit_facts *f, enum format format, struct buf *out)
{
	SCOPED(json_freep) struct json *whole = NULL;

	switch (format) {
	case AS_TEXT: audit_text(f, out); return;
	case AS_HTML: audit_html(f, out); return;
	case AS_JSON:
		whole = json_object();
		json_set(whole, "audit", audit_json(f));
		json_write(whole, true, out);
		buf_add_u8(out, '\n');
		return;
	}
}

/* The signature first: where the report is new, so is its signature. */
static int
save(const struct repo *r, const char *path, const struct buf *report,
    struct err *e)
{
	SCOPED(scope_free) char *beside = mem_printf("%s.sig", path);
	uint8_t signature[SEAL_BARE_SIGNATURE];

	if (seal_sign_bare(r->keys, report->p, report->n, signature, e) < 0 ||
	    file_save(beside, REPORT_MODE, signature, sizeof(signature), e) <
		0 ||
	    file_save(path, REPORT_MODE, report->p, report->n, e) < 0)
		return (err_within(e, "the report"));
	return (0);
}

static int
give(struct cli *c, const struct repo *r, enum format format,
    const struct buf *report, struct err *e)
{
	const char *path = args_value(&c->args, "-o");

	if (path != NULL) {
		if (save(r, path, report, e) < 0)
			return (-1);
		say(c, "report written to %s, its signature to %s.sig\n", path,
		    path);
		return (0);
	}
	if (c->json)
		return (0);
	if (format == AS_TEXT)
		say(c, "%.*s", (int)report->n, (const char *)report->p);
	else
		(void)fwrite(report->p, 1, report->n, stdout);
	return (0);
}

/* --- what is recorded of it --- */

static struct json *
describe(
    const struct cli *c, const struct audit_facts *f, const struct buf *report)
{
	struct json *detail = json_object();
	uint8_t sha[HASH_SHA256];
	char hex[2 * HASH_SHA256 + 1];

	json_set_bool(detail, "ok", f->verdict == AUDIT_WELL);
	json_set_integer(detail, "findings",
	    (int64_t)audit_count(f, FINDING_ERROR) +
		(int64_t)audit_count(f, FINDING_WARNING));
	json_set_integer(
	    detail, "damage", (int64_t)audit_count(f, FINDING_ERROR));
	if (args_value(&c->args, "-o") == NULL)
		return (detail);
	hash_of(HASH_IS_SHA256, report->p, report->n, sha);
	hex_of(sha, sizeof(sha), hex);
	json_set_string(detail, "sha256", hex);
	return (detail);
}

/* Those that it waited for in vain, a bit each. */
static unsigned
away(const struct audit_facts *f)
{
	unsigned which = 0;

	for (size_t i = 0; i < f->nendpoints; i++)
		if (!f->chain.at[i].reached)
			which |= 1U << i;
	return (which);
}

/* By the writer alone, and only where it knows that the number is free. */
static int
record(struct cli *c, struct repo *r, const struct audit_facts *f,
    const struct buf *report, struct err *e)
{
	if (!f->may_write) {
		if (r->epoch != 0)
			say_warning(c,
			    "this audit is not recorded: an endpoint knows more of the audit log than this machine");
		return (0);
	}
	if (audit_log_add(r, "audit", NULL, NULL, describe(c, f, report), e) <
	    0)
		return (-1);
	return (replicate_audit(r, away(f), e));
}

/* --- the whole --- */

static int
judge(struct cli *c, const struct audit_facts *f, struct err *e)
{
	if (f->verdict == AUDIT_LOOK)
		cli_raise(c, EXIT_LOOK);
	if (f->verdict != AUDIT_DAMAGE)
		return (0);
	for (size_t i = 0; i < f->findings.n; i++) {
		const struct finding *one = &f->findings.v[i];

		if (one->state != FINDING_ERROR)
			continue;
		(void)err_set(e, ERR_CORRUPT, "the audit found damage: %s: %s",
		    one->subject, one->detail);
		return (err_hint(e, "%s", one->hint));
	}
	return (0);
}

static int
run(struct cli *c, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(audit_facts_free) struct audit_facts facts = { .now = 0 };
	SCOPED(buf_free) struct buf report = BUF_INIT;
	enum format format;

	c->answer = json_object();
	if (take_format(c, &format, e) < 0 || cli_settings(c, e) < 0 ||
	    (r = repo_open(c->settings, REPO_READ, 0, e)) == NULL)
		return (-1);
	r->progress = c->progress;
	progress_phase(c->progress, "audit", 0);
	if (audit_facts_read(r, clock_now(), &facts, e) < 0)
		return (-1);
	render(&facts, format, &report);
	json_set(c->answer, "audit", audit_json(&facts));
	if (give(c, r, format, &report, e) < 0 ||
	    record(c, r, &facts, &report, e) < 0)
		return (-1);
	return (judge(c, &facts, e));
}

static const struct args_option options[] = { { "--format", "text|json|html" },
	{ "-o", "FILE" }, { NULL, NULL } };

const struct command cmd_audit = { "audit",
	"[--format text|json|html] [-o FILE]",
	"the retention audit: plan against fact, and the audit log checked\n"
	"--format  text (default), json, or html: one page that prints\n"
	"-o FILE   writes it to FILE, and a signature of it to FILE.sig",
	options, 0, 0, run };
