/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every command has: its words, the settings, how to answer. A command
 * returns 0 or -1 with an error; what it has to say goes into answer (for
 * --json) or to standard output (for people), and its exit status into status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/json.h"
#include "base/progress.h"
#include "cli/args.h"
#include "repository/catalog.h"
#include "repository/replicate.h"
#include "repository/settings.h"

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_LOOK = 3, /* done, with something to look at */
	EXIT_NOT_THERE = 4,
	EXIT_HELD = 5,
	EXIT_KEY = 6,
	EXIT_DAMAGE = 7,
	EXIT_REFUSED = 8,
	EXIT_INTERRUPTED = 130
};

struct cli {
	struct args args;
	bool json, quiet;
	const char *conf_path;	   /* as found, or NULL */
	struct settings *settings; /* read by cli_settings; owned */
	struct progress *progress;
	struct live *live;   /* tells the progress, or NULL */
	struct json *answer; /* owned */
	int status;	     /* of a command that returned 0 */
};

struct repo;
struct command {
	const char *name;
	const char *usage; /* "BACKUP --to BRANCH …" */
	const char *about; /* one sentence, then more lines of help */
	const struct args_option *options;
	size_t least, most; /* operands */
	int (*run)(struct cli *c, struct err *e);
};

/* One a file, cmd_<name>.c. */
extern const struct command cmd_init, cmd_backup, cmd_list, cmd_show,
    cmd_restore, cmd_verify, cmd_audit, cmd_sync, cmd_prune, cmd_pin, cmd_unpin,
    cmd_diff, cmd_find, cmd_storage, cmd_status, cmd_doctor, cmd_recover,
    cmd_neutralize, cmd_key, cmd_version;

/* Reads the configuration once. Fails: ERR_CONFIG. */
int cli_settings(struct cli *c, struct err *e) MUST_USE;
/*
 * The repository, to write in it, with the progress of c. Interrupted restores
 * are finished or undone first; where that can't be, it is logged. The caller's
 * to free. Fails: as repo_open.
 */
struct repo *cli_open_writer(
    struct cli *c, unsigned flags, struct err *e) MUST_USE;
/* A later, graver status wins: 130, 8, 6, 7, 5, 4, 2, 1, 3, 0. */
void cli_raise(struct cli *c, int status);
/* Asks on the terminal, while progress is silent; false off a terminal, and
 * after a stop. */
bool cli_ask(struct cli *c, const char *question);
/* Until standard input has something. Fails: ERR_STOPPED. */
int cli_await_input(struct err *e) MUST_USE;

/* Kinds to exit statuses and to CLI.md's error.kind: the one table. */
int exits_status(const struct err *e);
const char *exits_kind(const struct err *e);
/* {"kind","message","hint"} */
struct json *exits_json(const struct err *e);

/* Text for people, in out: "12.3 MiB", "2 min 5 s", "3 h ago". */
#define SAY_TEXT 40
const char *say_bytes(uint64_t bytes, char out[SAY_TEXT]);
const char *say_seconds(uint64_t seconds, char out[SAY_TEXT]);
const char *say_age(int64_t when, char out[SAY_TEXT]);
/* To standard output, control characters of names replaced; silent with --json.
 */
void say(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* To standard error: "warning: …". */
void say_warning(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds a warning to a JSON array and says it. */
void say_warnings_of(const struct cli *c, const struct json *warnings);

/* Endpoint objects that several commands print. */
struct json *view_backup(
    const struct catalog_entry *entry, const struct settings *s);
void view_endpoint_states(const struct catalog_entry *entry,
    const struct settings *s, struct json *into);
/* A name as JSON can have it, as "path", and where that isn't all of it its
 * bytes as "path_hex". */
void view_path(struct json *into, const char *path);

/* The live line, or lines, on standard error while work goes on. */
enum progress_style { PROGRESS_TEXT, PROGRESS_JSON, PROGRESS_NONE };
struct live;
struct live *live_start(struct progress *p, enum progress_style style);
void live_stop(struct live *l);
/* Silences it while somebody is asked something. */
void live_pause(struct live *l, bool pause);

#endif
