/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of each kind of section, and what their texts become: those that are
 * a text, a path, a size or a time, as they stand. What needs more than that is
 * settings.c's to read.
 */
#ifndef REPOSITORY_SETTINGS_KEYS_H
#define REPOSITORY_SETTINGS_KEYS_H

#include <stddef.h>

#include "base/err.h"

struct conf;

/* What is read while a struct is filled. */
struct settings_reading {
	const struct conf *conf;
	const char *folder; /* of the file */
};

/* As conf_read, with the sections and keys that there are. */
struct conf *settings_keys_read(const char *path, struct err *e) MUST_USE;

/* Fills the struct of the section's kind with what its keys say; others are as
 * they were. Fails: ERR_CONFIG; what is filled by then stays. */
int settings_keys_fill(const struct settings_reading *in, size_t section,
    void *target, struct err *e) MUST_USE;
/* The same without a struct, of a section that another program reads. */
int settings_keys_check(
    const struct settings_reading *in, size_t section, struct err *e) MUST_USE;
/* Frees what settings_keys_fill has allocated for a section of that kind. */
void settings_keys_free(const char *kind, void *target);

#endif
