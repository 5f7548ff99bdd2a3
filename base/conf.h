/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file's syntax, nothing of its meaning: sections, optional
 * section names, keys, values, and the line each stands on. A value may stand
 * in double quotes (\" and \\ inside); ';' and '#' start a comment outside of
 * quotes; a key may be given once per section. Typed getters say file, line
 * and what is expected.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct conf;

#define CONF_FILE_MAX ((size_t)1 << 20)
#define CONF_LINE_MAX ((size_t)64 << 10)

/* One section that the program knows: its kind and a NULL-ended list of keys.
 */
struct conf_section_def {
	const char *kind;	 /* "repository" */
	bool named;		 /* [endpoint fra] */
	const char *const *keys; /* known keys */
};

/*
 * Reads and checks a file against a NULL-kind-ended list of known sections.
 * Fails: ERR_CONFIG "FILE:LINE: unknown key 'sate' in [repository]; nearest
 * known key: 'state'", the same for sections, duplicates, bad syntax.
 */
struct conf *conf_read(const char *path, const struct conf_section_def *known,
    struct err *e) MUST_USE;
/* The same from memory; path is only for messages. */
struct conf *conf_parse(const char *path, const char *text, size_t n,
    const struct conf_section_def *known, struct err *e) MUST_USE;
void conf_free(struct conf *c);
void conf_freep(struct conf **c);
const char *conf_path(const struct conf *c);

/* The sections in the order of the file. */
size_t conf_sections(const struct conf *c);
const char *conf_section_kind(const struct conf *c, size_t section);
const char *conf_section_name(const struct conf *c, size_t section); /* or "" */
unsigned conf_section_line(const struct conf *c, size_t section);

/* The value, or NULL when the key is not there. Owned by c. */
const char *conf_get(const struct conf *c, size_t section, const char *key);
unsigned conf_line(const struct conf *c, size_t section, const char *key);
/* Fails with ERR_CONFIG "FILE:LINE: KEY = VALUE: expected WHAT". */
int conf_bad(const struct conf *c, size_t section, const char *key,
    const char *expected, struct err *e);

/* Typed getters: *out stays as it is when the key is not there. */
int conf_get_bool(const struct conf *c, size_t section, const char *key,
    bool *out, struct err *e) MUST_USE; /* yes no true false on off 1 0 */
int conf_get_size(const struct conf *c, size_t section, const char *key,
    uint64_t *bytes, struct err *e) MUST_USE; /* 20G, 256M, 10K, 1T, 512 */
int conf_get_count(const struct conf *c, size_t section, const char *key,
    unsigned least, unsigned most, unsigned *out, struct err *e) MUST_USE;
int conf_get_duration(const struct conf *c, size_t section, const char *key,
    uint64_t *seconds,
    struct err *e) MUST_USE; /* 60s 5m 48h, 7 days, 2 weeks */

/* The parsers behind them. */
bool conf_parse_size(const char *text, uint64_t *bytes);
bool conf_parse_duration(const char *text, uint64_t *seconds);

#endif
