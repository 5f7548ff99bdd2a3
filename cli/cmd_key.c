/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate key: what the keys are, passphrase slots at the endpoints, and the
 * kit for paper.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/kit.h"
#include "cli/passphrase.h"
#include "repository/audit_log.h"
#include "repository/config_object.h"
#include "repository/state.h"
#include "retention/slots.h"

#define DEFAULT_SLOT "passphrase"
#define WEAK_BITS    60

/* --- show --- */

static int
add_slot_name(const struct state_object *o, void *arg, struct err *e)
{
	(void)e;
	if (strncmp(o->name, "keys/", 5) == 0)
		json_append_string(arg, o->name + 5);
	return (0);
}

static int
show(struct cli *c, struct err *e)
{
	SCOPED(repo_freep)
	struct repo *r = repo_open(
	    c->settings, REPO_READ, REPO_TRIES_RESTORE_KEY, e);
	struct json *j, *slots;
	char id[33], print[17], pem[KEYS_PEM_TEXT];

	if (r == NULL)
		return (-1);
	slots = json_array();
	if (state_each(r->state, STATE_ROOT, add_slot_name, slots, e) < 0) {
		json_free(slots);
		return (-1);
	}
	keys_repo_text(r->keys, id);
	keys_fingerprint(r->keys, print);
	keys_signing_pem(r->keys, pem);
	j = json_object();
	json_set_string(j, "repository", id);
	json_set_string(j, "fingerprint", print);
	json_set_string(j, "agent_key", c->settings->agent_key);
	json_set_bool(j, "restore_key_at_hand", keys_have_restore(r->keys));
	json_set(j, "slots", slots);
	json_set_string(j, "signing_key", pem);
	json_set(c->answer, "key", j);
	say(c, "repository  %s\nfingerprint %s\nagent key   %s\n", id, print,
	    c->settings->agent_key);
	say(c, "restore key %s\n",
	    keys_have_restore(r->keys) ? c->settings->restore_key
		: c->settings->restore_key != NULL
		? "configured, not to be read here"
		: "kept elsewhere (write-only host)");
	for (size_t i = 0; i < json_count(slots); i++)
		say(c, "slot        %s\n", json_text(json_at(slots, i)));
	say(c, "signing key, which reports are checked with (PEM):\n%s", pem);
	return (0);
}

/* --- kit --- */

static int
kit(struct cli *c, struct err *e)
{
	if (c->settings->restore_key == NULL) {
		(void)err_set(e, ERR_KEY,
		    "the kit is made of the restore key, and this host has none");
		return (err_hint(e,
		    "run it where restore.key is, with restore-key in the configuration"));
	}
	if (c->json)
		return (err_set(
		    e, ERR_USAGE, "key kit: a page for paper has no JSON"));
	return (kit_print(c->settings->restore_key, e));
}

/* --- passphrase slots --- */

static int
get_passphrase(struct cli *c, struct secret *out, struct err *e)
{
	unsigned bits;

	if (passphrase_get(c, true, out, e) < 0)
		return (-1);
	if (out->n == 0) {
		slot_generate_passphrase(out);
		(void)fputs("Your passphrase, to be kept on paper: ", stdout);
		(void)fwrite(out->p, 1, out->n, stdout);
		(void)fputc('\n', stdout);
		return (0);
	}
	bits = slot_passphrase_bits(out);
	if (bits >= WEAK_BITS || args_flag(&c->args, "--force"))
		return (0);
	(void)err_set(e, ERR_REFUSED,
	    "this passphrase holds about %u bits against guessing offline, fewer than %d",
	    bits, WEAK_BITS);
	return (err_hint(e,
	    "use a longer one, an empty answer for a generated one, or --force"));
}

static int
put_slot(
    struct repo *r, const char *name, const struct buf *slot, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(r->state, e);
	char object[OBJECT_NAME_TEXT];

	slot_object(name, object);
	if (t == NULL || state_put_root(t, object, slot->p, slot->n, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

/* Sends what is new to the endpoints and says where it arrived. */
static int
send_slot(struct cli *c, struct repo *r, struct json *endpoints, struct err *e)
{
	struct endpoint_report reports[SETTINGS_ENDPOINTS_MAX] = {
		{ .packs = 0 }
	};
	SCOPED(replicate_freep)
	struct replicate *rep = replicate_start(r, 0, 0, e);

	if (rep == NULL || replicate_finish(rep, reports, e) < 0)
		return (-1);
	for (size_t i = 0; i < r->nendpoints; i++) {
		bool there = reports[i].reached && reports[i].up_to_date;

		json_set_string(endpoints, r->endpoints[i].conf->name,
		    there ? "stored" : "pending");
		if (there)
			continue;
		say_warning(c, "%s", reports[i].error.text);
		cli_raise(c, EXIT_LOOK);
	}
	return (0);
}

static int
record(struct repo *r, const char *act, const char *slot, struct err *e)
{
	struct json *detail = json_object();

	json_set_string(detail, "act", act);
	json_set_string(detail, "slot", slot);
	return (audit_log_add(r, "key", NULL, NULL, detail, e));
}

static int
add_passphrase(struct cli *c, const char *name, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = NULL;
	SCOPED(secret_free) struct secret passphrase = SECRET_INIT;
	SCOPED(buf_free) struct buf slot = BUF_INIT;
	struct json *j, *endpoints;

	if (!slot_name_is_good(name))
		return (err_set(e, ERR_USAGE,
		    "'%s': expected a name of 1-32 of a-z, 0-9 and '-'", name));
	r = cli_open_writer(c, REPO_NEEDS_RESTORE_KEY, e);
	if (r == NULL || get_passphrase(c, &passphrase, e) < 0 ||
	    slot_encode(
		r->keys, name, &passphrase, &slot_cost_default, &slot, e) < 0 ||
	    put_slot(r, name, &slot, e) < 0 ||
	    record(r, "add-passphrase", name, e) < 0)
		return (-1);
	j = json_object();
	endpoints = json_object();
	json_set_string(j, "slot", name);
	json_set(j, "endpoints", endpoints);
	json_set(c->answer, "key", j);
	if (send_slot(c, r, endpoints, e) < 0)
		return (-1);
	say(c,
	    "slot '%s' is at the endpoints: with its passphrase, recover needs no key file\n",
	    name);
	return (0);
}

static int
remove_slot(struct cli *c, const char *name, struct err *e)
{
	SCOPED(repo_freep) struct repo *r = cli_open_writer(c, 0, e);
	struct slot_removal removal;
	struct json *j;

	if (r == NULL || slots_remove(r, name, &removal, e) < 0 ||
	    record(r, "remove", name, e) < 0 || slots_forget(r, name, e) < 0 ||
	    replicate_audit(r, 0, e) < 0)
		return (-1);
	j = json_object();
	json_set_string(j, "slot", name);
	json_set_integer(j, "removed", removal.removed);
	json_set(c->answer, "key", j);
	for (size_t i = 0; i < r->nendpoints; i++) {
		if (removal.error[i].kind == ERR_NONE)
			continue;
		say_warning(c,
		    "%s: the slot may still be there; run key remove again when it is back",
		    removal.error[i].text);
		cli_raise(c, EXIT_LOOK);
	}
	say(c, "slot '%s' removed at %u endpoints\n", name, removal.removed);
	return (0);
}

static int
run(struct cli *c, struct err *e)
{
	const char *act = c->args.operands[0];
	const char *name = c->args.noperands > 1 ? c->args.operands[1]
						 : DEFAULT_SLOT;

	c->answer = json_object();
	if (cli_settings(c, e) < 0)
		return (-1);
	if (strcmp(act, "show") == 0)
		return (show(c, e));
	if (strcmp(act, "kit") == 0)
		return (kit(c, e));
	if (strcmp(act, "add-passphrase") == 0)
		return (add_passphrase(c, name, e));
	if (strcmp(act, "remove") == 0)
		return (remove_slot(c, name, e));
	return (err_set(e, ERR_USAGE,
	    "key %s: expected show, kit, add-passphrase or remove", act));
}

static const struct args_option options[] = { { "--passphrase-file", "FILE" },
	{ "--force", NULL }, { NULL, NULL } };

const struct command cmd_key = { "key",
	"show | kit | add-passphrase [NAME] | remove [NAME]",
	"key files, passphrase slots at the endpoints, the paper kit\n"
	"A slot wraps the restore key with a passphrase (Argon2id), so that a\n"
	"bare machine needs only an endpoint and the passphrase. An empty\n"
	"answer on the terminal generates one.",
	options, 1, 2, run };
