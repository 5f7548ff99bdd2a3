/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file or a terminal flows in, a secret flows out. The terminal does not
 * echo while it is typed, and is set back whatever happens.
 */
#include "cli/passphrase.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"

#define PASSPHRASE_MAX 1024

static const char *
file_of(const struct cli *c)
{
	const char *path = args_value(&c->args, "--passphrase-file");

	return (path != NULL ? path : getenv("TRIPLICATE_PASSPHRASE_FILE"));
}

bool
passphrase_is_at_hand(const struct cli *c)
{
	return (file_of(c) != NULL || isatty(STDIN_FILENO));
}

static size_t
without_newline(const uint8_t *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	return (n);
}

static int
from_file(const char *path, struct secret *out, struct err *e)
{
	SCOPED(buf_wipe) struct buf text = BUF_INIT;

	/* Room at once, so that no copy stays behind in freed memory. */
	buf_reserve(&text, PASSPHRASE_MAX + 1);
	if (file_load(path, PASSPHRASE_MAX, &text, e) < 0) {
		e->kind = ERR_KEY;
		(void)err_hint(e,
		    "expected a file of one line, of at most %d bytes, that this user may read",
		    PASSPHRASE_MAX);
		return (err_within(e, "passphrase file"));
	}
	text.n = without_newline(text.p, text.n);
	if (text.n == 0)
		return (err_set(e, ERR_KEY,
		    "passphrase file %s is empty: expected the passphrase in its first line",
		    path));
	secret_copy(out, text.p, text.n);
	return (0);
}

static int
ask(const char *prompt, struct secret *out, struct err *e)
{
	struct termios old, quiet;
	uint8_t line[PASSPHRASE_MAX];
	ssize_t got = -1;

	if (tcgetattr(STDIN_FILENO, &old) < 0)
		return (err_errno(e, "terminal"));
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	(void)!write(STDERR_FILENO, prompt, strlen(prompt));
	if (cli_await_input(e) == 0 &&
	    (got = read(STDIN_FILENO, line, sizeof(line))) < 0)
		(void)err_errno(e, "terminal");
	(void)!write(STDERR_FILENO, "\n", 1);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	if (got < 0)
		return (-1);
	secret_copy(out, line, without_newline(line, (size_t)got));
	secret_wipe(line, sizeof(line));
	return (0);
}

int
passphrase_get(
    const struct cli *c, bool twice, struct secret *out, struct err *e)
{
	SCOPED(secret_free) struct secret again = SECRET_INIT;

	if (file_of(c) != NULL)
		return (from_file(file_of(c), out, e));
	if (!isatty(STDIN_FILENO))
		return (err_set(e, ERR_USAGE,
		    "no passphrase: expected --passphrase-file FILE, TRIPLICATE_PASSPHRASE_FILE, or a terminal"));
	if (ask("Passphrase: ", out, e) < 0)
		return (-1);
	if (!twice || out->n == 0)
		return (0);
	if (ask("Again: ", &again, e) < 0)
		return (-1);
	if (again.n == out->n && memcmp(again.p, out->p, out->n) == 0)
		return (0);
	return (err_set(e, ERR_USAGE, "the two passphrases differ"));
}
