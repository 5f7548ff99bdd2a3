/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recovery kit: the restore key on paper, as text to type and as a QR code
 * to photograph.
 */
#ifndef CLI_KIT_H
#define CLI_KIT_H

#include "base/err.h"

/* Prints the kit of a restore key file to standard output. */
int kit_print(const char *restore_key_path, struct err *e) MUST_USE;

#endif
