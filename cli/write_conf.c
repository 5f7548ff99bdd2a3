/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings flow in, the text of a configuration flows out: what settings_read
 * reads back to the same settings.
 */
#include "cli/write_conf.h"

static void
line(struct buf *out, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, "%s = \"", key);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buf_add_u8(out, '\\');
		buf_add_u8(out, (uint8_t)*value);
	}
	buf_add_string(out, "\"\n");
}

static void
endpoint(struct buf *out, const struct endpoint_settings *p)
{
	buf_printf(out, "\n[endpoint %s]\n", p->name);
	line(out, "url", p->url);
	line(out, "region", p->region);
	line(out, "access-key", p->access_key);
	line(out, "secret-key-file", p->secret_key_file);
	line(out, "secret-key-env", p->secret_key_env);
	line(out, "session-token-file", p->session_token_file);
	line(out, "addressing", p->addressing);
	line(out, "identity", p->identity);
	line(out, "known-hosts", p->known_hosts);
	line(out, "host-key", p->host_key);
	line(out, "user", p->user);
	line(out, "password-file", p->password_file);
	line(out, "ca-file", p->ca_file);
	if (p->timeout_s != 0)
		buf_printf(out, "timeout = %us\n", p->timeout_s);
	line(out, "object-lock", p->object_lock);
}

void
write_conf_text(const struct write_conf *w, struct buf *out)
{
	if (!w->finished)
		buf_add_string(out,
		    "; Written by triplicate recover, which has not finished: run the same\n"
		    "; command again.\n");
	buf_add_string(out,
	    "; Written by triplicate recover. Read-only until this machine takes over:\n"
	    "; triplicate recover --take-over. Add the other endpoints before that.\n"
	    "[repository]\n");
	line(out, "state", w->state);
	line(out, "agent-key", w->agent_key);
	line(out, "restore-key", w->restore_key);
	for (size_t i = 0; i < w->nendpoints; i++)
		endpoint(out, &w->endpoints[i]);
	if (w->nbranches > 0)
		buf_add_string(out,
		    "\n; Branches that the backups know. Take the ';' away and say where they\n"
		    "; belong on this machine; restore a production branch as staging first.\n");
	for (size_t i = 0; i < w->nbranches; i++)
		buf_printf(out,
		    ";\n;[branch %s]\n;stage = staging\n"
		    ";database = host=/run/postgresql dbname=<its database here>\n"
		    ";filestore = /var/lib/odoo/.local/share/Odoo/filestore/<its database here>\n",
		    w->branches[i]);
}
