/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * triplicate: finds the command, reads its words, runs it, and turns what came
 * of it into an answer and an exit status. One small file a command does the
 * rest.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/stop.h"
#include "base/text.h"
#include "cli/cli.h"
#include "repository/state.h"

static const struct command *const commands[] = { &cmd_init, &cmd_backup,
	&cmd_list, &cmd_show, &cmd_restore, &cmd_verify, &cmd_audit, &cmd_sync,
	&cmd_prune, &cmd_pin, &cmd_unpin, &cmd_status, &cmd_diff, &cmd_find,
	&cmd_storage, &cmd_doctor, &cmd_recover, &cmd_neutralize, &cmd_key,
	&cmd_version };
#define COMMANDS    (sizeof(commands) / sizeof(commands[0]))
#define OPTIONS_MAX 40

static const struct args_option global_options[] = {
	{ "-c", "FILE" },
	{ "--config", "FILE" },
	{ "--json", NULL },
	{ "-q", NULL },
	{ "-v", NULL },
	{ "--progress", "json, text or none" },
	{ "--help", NULL },
	{ "-h", NULL },
	{ "--version", NULL },
	{ NULL, NULL },
};

static void
help(void)
{
	(void)printf(
	    "usage: triplicate [-c FILE] [--json] [-q|-v] COMMAND …\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		(void)printf("  %-11s %.*s\n", commands[i]->name,
		    (int)strcspn(commands[i]->about, "\n"), commands[i]->about);
	(void)printf(
	    "\ntriplicate COMMAND --help tells more about one.\n"
	    "-c FILE         configuration (else $TRIPLICATE_CONF, ./triplicate.conf,\n"
	    "                /etc/triplicate/triplicate.conf)\n"
	    "--json          one JSON document on standard output\n"
	    "--progress=json one JSON object a line on standard error\n"
	    "-q, -v          say less, say more\n");
}

static void
help_command(const struct command *cmd)
{
	(void)printf("usage: triplicate %s %s\n\n%s\n", cmd->name, cmd->usage,
	    cmd->about);
	for (const struct args_option *o = cmd->options; o->name != NULL; o++)
		(void)printf("  %s%s%s\n", o->name, o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");
}

/* The first word that is neither a global option nor its value. */
static int
find_command(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			return (i);
		for (const struct args_option *o = global_options;
		     o->name != NULL; o++)
			if (o->value != NULL && strcmp(argv[i], o->name) == 0) {
				i++;
				break;
			}
	}
	return (0);
}

static const struct command *
command_of(const char *word, struct err *e)
{
	const char *nearest = NULL;
	size_t least = 4;

	for (size_t i = 0; i < COMMANDS; i++) {
		size_t d = text_distance(word, commands[i]->name);

		if (d == 0)
			return (commands[i]);
		if (d < least) {
			least = d;
			nearest = commands[i]->name;
		}
	}
	(void)err_set(e, ERR_USAGE, "unknown command '%s'", word);
	(void)(nearest != NULL ? err_hint(e, "did you mean %s?", nearest)
			       : err_hint(e, "triplicate --help lists them"));
	return (NULL);
}

int
cli_settings(struct cli *c, struct err *e)
{
	static const char *const places[] = { "triplicate.conf",
		"/etc/triplicate/triplicate.conf" };

	if (c->settings != NULL)
		return (0);
	if (c->conf_path == NULL)
		c->conf_path = getenv("TRIPLICATE_CONF");
	for (size_t i = 0; i < 2 && c->conf_path == NULL; i++)
		if (file_exists(places[i]))
			c->conf_path = places[i];
	if (c->conf_path == NULL) {
		(void)err_set(e, ERR_CONFIG,
		    "no configuration: neither $TRIPLICATE_CONF, ./triplicate.conf nor /etc/triplicate/triplicate.conf");
		return (err_hint(e,
		    "name it with -c FILE; conf/triplicate.conf is a sample"));
	}
	c->settings = settings_read(c->conf_path, e);
	return (c->settings == NULL ? -1 : 0);
}

/* Global options and the command's, as one list for the parser. */
static void
join_options(
    const struct command *cmd, struct args_option joined[OPTIONS_MAX + 1])
{
	size_t n = 0;

	for (const struct args_option *o = global_options; o->name != NULL; o++)
		joined[n++] = *o;
	for (const struct args_option *o = cmd->options;
	     o->name != NULL && n < OPTIONS_MAX; o++)
		joined[n++] = *o;
	joined[n] = (struct args_option){ NULL, NULL };
}

static int
check_operands(const struct command *cmd, const struct args *a, struct err *e)
{
	if (a->noperands >= cmd->least && a->noperands <= cmd->most)
		return (0);
	return (err_set(e, ERR_USAGE, "%s: usage: triplicate %s %s",
	    a->noperands < cmd->least ? "something is missing"
				      : "one word too many",
	    cmd->name, cmd->usage));
}

static int
progress_style(const struct cli *c, enum progress_style *style, struct err *e)
{
	const char *text = args_value(&c->args, "--progress");

	*style = c->quiet || (c->json && !isatty(STDERR_FILENO))
	    ? PROGRESS_NONE
	    : PROGRESS_TEXT;
	if (text == NULL)
		return (0);
	if (strcmp(text, "json") == 0)
		*style = PROGRESS_JSON;
	else if (strcmp(text, "text") == 0)
		*style = PROGRESS_TEXT;
	else if (strcmp(text, "none") == 0)
		*style = PROGRESS_NONE;
	else
		return (err_set(e, ERR_USAGE,
		    "--progress: expected json, text or none, not '%s'", text));
	return (0);
}

/* Options that all commands share, out of the parsed words. */
static void
take_globals(struct cli *c)
{
	c->json = args_flag(&c->args, "--json");
	c->quiet = args_flag(&c->args, "-q");
	c->conf_path = args_value(&c->args, "-c");
	if (c->conf_path == NULL)
		c->conf_path = args_value(&c->args, "--config");
	log_set_level(args_flag(&c->args, "-v") ? LOG_DEBUGS
		: c->quiet			? LOG_ERRORS
						: LOG_WARNINGS);
}

/* What is to be done where the disk is full; which one, the text says. */
static void
hint_at_room(const struct cli *c, struct err *e)
{
	struct err ignored = ERR_INIT;
	char left[SAY_TEXT];
	uint64_t bytes;

	if (e->kind != ERR_FULL || e->hint[0] != '\0')
		return;
	if (c->settings == NULL ||
	    file_free_space(c->settings->state, &bytes, &ignored) < 0)
		(void)err_hint(
		    e, "make room there and run the same command again");
	else
		(void)err_hint(e,
		    "make room there and run the same command again: what was acknowledged is safe (the state's disk has %s left)",
		    say_bytes(bytes, left));
}

/* Where the text says what is wrong and not what is right, the help does. */
static int
hint_at_help(const struct command *cmd, struct err *e)
{
	if (e->kind == ERR_USAGE && e->hint[0] == '\0')
		(void)err_hint(e, "triplicate %s --help shows what it takes",
		    cmd != NULL ? cmd->name : "");
	return (-1);
}

static int
run_command(struct cli *c, const struct command *cmd, struct err *e)
{
	enum progress_style style;
	int rc;

	if (check_operands(cmd, &c->args, e) < 0 ||
	    progress_style(c, &style, e) < 0)
		return (-1);
	c->progress = progress_new();
	c->live = live_start(c->progress, style);
	rc = cmd->run(c, e);
	live_stop(c->live);
	progress_free(c->progress);
	return (rc);
}

/* Prints the error for people, or puts it into the JSON answer. */
static void
report(struct cli *c, const struct err *e)
{
	if (c->json) {
		if (c->answer == NULL)
			c->answer = json_object();
		json_set(c->answer, "error", exits_json(e));
	}
	(void)fprintf(stderr, "triplicate: %s\n", e->text);
	if (e->hint[0] != '\0')
		(void)fprintf(stderr, "  hint: %s\n", e->hint);
}

static void
print_answer(const struct cli *c)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;

	if (!c->json || c->answer == NULL)
		return;
	json_write(c->answer, isatty(STDOUT_FILENO), &text);
	buf_add_u8(&text, '\n');
	(void)fputs(buf_text(&text), stdout);
}

/* An answer that could not be written is a failure, not a success. */
static int
flush_answer(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return (status);
	(void)fputs("triplicate: cannot write to standard output\n", stderr);
	return (status == EXIT_DONE ? EXIT_FAILED : status);
}

static int
run(struct cli *c, int argc, char **argv, struct err *e)
{
	struct args_option joined[OPTIONS_MAX + 1];
	int at = find_command(argc, argv);
	const struct command *cmd;

	/* What cannot be parsed is answered in JSON too, when that was asked.
	 */
	for (int i = 1; i < argc; i++)
		c->json |= strcmp(argv[i], "--json") == 0;
	cmd = at == 0 ? NULL : command_of(argv[at], e);
	if (at != 0 && cmd == NULL)
		return (-1);
	join_options(cmd != NULL ? cmd : &cmd_version, joined);
	/* The command's word leaves the list; everything else is parsed. */
	if (at != 0)
		memmove(&argv[at], &argv[at + 1],
		    (size_t)(argc - at) * sizeof(*argv));
	if (args_parse(&c->args, argc - 1 - (at != 0), argv + 1, joined, e) < 0)
		return (hint_at_help(cmd, e));
	take_globals(c);
	if (cmd == NULL && args_flag(&c->args, "--version"))
		cmd = &cmd_version;
	if (cmd == NULL || args_flag(&c->args, "--help") ||
	    args_flag(&c->args, "-h")) {
		if (cmd != NULL)
			help_command(cmd);
		else
			help();
		if (cmd == NULL && !args_flag(&c->args, "--help") &&
		    !args_flag(&c->args, "-h"))
			c->status = EXIT_USAGE;
		return (0);
	}
	return (run_command(c, cmd, e) < 0 ? hint_at_help(cmd, e) : 0);
}

/* A closed standard descriptor must not become one of our files. */
static void
fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

/*
 * What is freed goes back to the system: large buffers are mapped one by one
 * (glibc would begin to keep them, up to 32 MiB, after the first), and threads
 * share two heaps instead of having one each, of which every one would keep
 * its own peak.
 */
static void
tame_malloc(void)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet */
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
	(void)mallopt(M_ARENA_MAX, 2);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

int
main(int argc, char **argv)
{
	struct cli c = { .conf_path = NULL };
	struct err e = ERR_INIT;
	int status;

	tame_malloc();
	fill_descriptors();
	/* Keys are in memory: no core file may hold them. */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (argc == 4 && strcmp(argv[1], STATE_CHECK_WORD) == 0)
		return (state_check_main(argv[2], argv[3]));
	state_set_checker("/proc/self/exe");
	secret_start();
	stop_on_signals();
	if (run(&c, argc, argv, &e) < 0) {
		hint_at_room(&c, &e);
		/* What fails then, fails for it: a child that was ended, … */
		if (stop_is_requested() && e.kind != ERR_STOPPED) {
			(void)err_within(&e, "interrupted");
			e.kind = ERR_STOPPED;
		}
		report(&c, &e);
		cli_raise(&c, exits_status(&e));
	}
	print_answer(&c);
	status = flush_answer(c.status);
	json_free(c.answer);
	settings_free(c.settings);
	args_free(&c.args);
	return (status);
}
