/* SPDX-License-Identifier: BSD-2-Clause */
/* A passphrase from --passphrase-file, TRIPLICATE_PASSPHRASE_FILE or the
 * terminal; never from the command line. */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include "base/secret.h"
#include "cli/cli.h"

/* True when a file is named, or there is a terminal to ask on. */
bool passphrase_is_at_hand(const struct cli *c);
/*
 * Reads it; twice asks again on the terminal and compares. An empty answer
 * leaves out empty (n 0). Fails: ERR_USAGE when there is no way to get one,
 * ERR_KEY for an empty, over-long or unreadable file.
 */
int passphrase_get(const struct cli *c, bool twice, struct secret *out,
    struct err *e) MUST_USE;

#endif
