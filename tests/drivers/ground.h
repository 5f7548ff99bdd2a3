/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A temporary folder with an endpoint's folder in it, for tests of the file
 * driver. Everything goes when it is freed.
 */
#ifndef TESTS_DRIVERS_GROUND_H
#define TESTS_DRIVERS_GROUND_H

#include <stdbool.h>

#include "storage-drivers/store_impl.h"

struct ground {
	char *top;  /* "/tmp/triplicate-drivers-XXXXXX" */
	char *root; /* "TOP/endpoint", made */
};

/* These three fit struct suite_subject; ground is a struct ground. */
void *ground_new(void);
struct store *ground_open(void *ground);
void ground_free(void *ground);
void ground_freep(struct ground **ground);

/* A bare file store on a folder, with the suite's name. */
struct store *ground_open_at(const char *path);
/* A path below root; valid until the call after the next. */
const char *ground_path(const struct ground *g, const char *name);
/* Writes or appends to a file below root behind the driver's back. */
void ground_write(const struct ground *g, const char *name, const char *text);
/* How many entries a folder below root has; 0 when there is none. */
size_t ground_count(const struct ground *g, const char *name);
bool ground_has(const struct ground *g, const char *name);

/* Runs body in a child process, so that it may change its user or its mounts
 * or be killed. Returns its exit status, or minus the signal's number. */
int ground_in_child(int (*body)(void *arg), void *arg);

#endif
