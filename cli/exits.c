/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one table from error kinds to exit statuses and to the word that scripts
 * read as error.kind (docs: "Exit status").
 */
#include "cli/cli.h"

static const struct {
	enum err_kind kind;
	int status;
	const char *word;
} table[] = {
	{ ERR_USAGE, EXIT_USAGE, "usage" },
	{ ERR_CONFIG, EXIT_USAGE, "config" },
	{ ERR_MISSING, EXIT_NOT_THERE, "not-found" },
	{ ERR_EXISTS, EXIT_REFUSED, "refused" },
	{ ERR_DENIED, EXIT_FAILED, "permission" },
	{ ERR_AGAIN, EXIT_FAILED, "network" },
	{ ERR_NETWORK, EXIT_FAILED, "network" },
	{ ERR_FULL, EXIT_FAILED, "space" },
	{ ERR_CORRUPT, EXIT_DAMAGE, "damage" },
	{ ERR_VERSION, EXIT_FAILED, "version" },
	{ ERR_LOCKED, EXIT_HELD, "busy" },
	{ ERR_TAKEN_OVER, EXIT_HELD, "taken-over" },
	{ ERR_KEY, EXIT_KEY, "key" },
	{ ERR_REFUSED, EXIT_REFUSED, "refused" },
	{ ERR_STOPPED, EXIT_INTERRUPTED, "interrupted" },
	{ ERR_QUORUM, EXIT_FAILED, "quorum" },
	{ ERR_DATABASE, EXIT_FAILED, "database" },
	{ ERR_SOURCE, EXIT_FAILED, "source" },
	{ ERR_SYSTEM, EXIT_FAILED, "internal" },
};
#define ROWS (sizeof(table) / sizeof(table[0]))

int
exits_status(const struct err *e)
{
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].kind == e->kind)
			return (table[i].status);
	return (EXIT_FAILED);
}

const char *
exits_kind(const struct err *e)
{
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].kind == e->kind)
			return (table[i].word);
	return ("internal");
}

struct json *
exits_json(const struct err *e)
{
	struct json *j = json_object();

	json_set_string(j, "kind", exits_kind(e));
	json_set_string(j, "message", e->text);
	json_set_string(j, "hint", e->hint[0] != '\0' ? e->hint : NULL);
	return (j);
}

void
cli_raise(struct cli *c, int status)
{
	static const int order[] = { EXIT_INTERRUPTED, EXIT_REFUSED, EXIT_KEY,
		EXIT_DAMAGE, EXIT_HELD, EXIT_NOT_THERE, EXIT_USAGE, EXIT_FAILED,
		EXIT_LOOK };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (c->status == order[i])
			return;
		if (status == order[i]) {
			c->status = status;
			return;
		}
	}
}
