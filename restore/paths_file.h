/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list of paths in a file, each ended by NUL, appended while work goes on, so
 * that a later run knows what this one had begun.
 */
#ifndef RESTORE_PATHS_FILE_H
#define RESTORE_PATHS_FILE_H

#include "base/err.h"

/* Opens for appending; made when missing (0600). */
int paths_file_open(const char *file, struct err *e) MUST_USE;
/* Appends one, in a single write. */
int paths_file_add(int fd, const char *path, struct err *e) MUST_USE;
/* Calls each for every whole path; a missing file has none. A non-zero answer
 * ends it and is returned. */
int paths_file_each(const char *file,
    int (*each)(const char *path, void *arg, struct err *e), void *arg,
    struct err *e) MUST_USE;

#endif
