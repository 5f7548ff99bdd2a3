/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of the command line, checked against what a command takes: options
 * with or without a value, and operands. Global options may stand before or
 * after the command.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define ARGS_MAX 4096

struct args_option {
	const char *name;  /* "--to" */
	const char *value; /* what it takes, for messages ("BRANCH"; "TABLE…"
			      where it may be repeated), or NULL for a flag */
};

struct args {
	const struct args_option *known; /* ends with a NULL name */
	size_t ngiven, noperands;
	struct {
		const char *name, *value;
	} * given;
	const char **operands;
};

/*
 * Sorts argv into given options and operands; "--" ends the options, "-" is an
 * operand, "--name=value" and "--name value" are the same, "-o" and other
 * single letters stand in known like long ones. Owns: points into argv.
 * Fails: ERR_USAGE, naming the nearest known option; a value that is left out;
 * one that is given twice.
 */
int args_parse(struct args *a, int argc, char **argv,
    const struct args_option *known, struct err *e) MUST_USE;
void args_free(struct args *a);

bool args_flag(const struct args *a, const char *name);
const char *args_value(
    const struct args *a, const char *name); /* the last, or NULL */
/* The i-th value of an option that may be repeated, or NULL. */
const char *args_nth(const struct args *a, const char *name, size_t i);
size_t args_count(const struct args *a, const char *name);

#endif
