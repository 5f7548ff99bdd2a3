/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A restore key flows in, a page for the safe flows out. It is the one place
 * where a secret is printed, and only because its owner asked for it.
 */
#include "cli/kit.h"

#include <qrencode.h>
#include <stdio.h>
#include <string.h>

#include "repository/keys.h"

static void
free_code(QRcode **code)
{
	QRcode_free(*code);
}

static bool
dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return (false);
	return ((code->data[y * code->width + x] & 1) != 0);
}

/* Two rows a line by half blocks, with the quiet zone that readers need. */
static void
print_code(const QRcode *code)
{
	for (int y = -2; y < code->width + 2; y += 2) {
		(void)fputs("    ", stdout);
		for (int x = -2; x < code->width + 2; x++) {
			bool up = dark(code, x, y), down = dark(code, x, y + 1);

			(void)fputs(up && down ? " "
				: up	       ? "▄"
				: down	       ? "▀"
					       : "█",
			    stdout);
		}
		(void)fputc('\n', stdout);
	}
}

int
kit_print(const char *path, struct err *e)
{
	SCOPED(keys_freep) struct keys *k = keys_load_restore(path, e);
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	SCOPED(secret_free) struct secret line = SECRET_INIT;
	SCOPED(free_code) QRcode *code = NULL;
	char id[33];

	if (k == NULL || keys_restore_text(k, &text, e) < 0)
		return (-1);
	keys_repo_text(k, id);
	(void)printf(
	    "--- recovery kit: print this, keep it in a safe, then close the window ---\n"
	    "Repository %s\n"
	    "Whoever holds this page and one endpoint can read every backup.\n"
	    "To recover on a bare machine: type the lines below into restore.key\n"
	    "(mode 0600), then: triplicate recover --from URL --key restore.key\n\n",
	    id);
	(void)fwrite(text.p, 1, text.n, stdout);
	secret_new(&line, text.n + 1);
	memcpy(line.p, text.p, text.n);
	code = QRcode_encodeString8bit((const char *)line.p, 0, QR_ECLEVEL_L);
	if (code == NULL)
		return (err_errno(e, "recovery kit: QR code"));
	(void)fputc('\n', stdout);
	print_code(code);
	(void)printf("--- end of the recovery kit ---\n");
	return (0);
}
