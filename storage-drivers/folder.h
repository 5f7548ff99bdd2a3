/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways below an endpoint's folder, for the file driver alone. Names are good
 * ones (store_name_is_good), or prefixes that end in '/'. Symbolic links are
 * not followed, but for the root itself: that is the operator's word.
 */
#ifndef STORAGE_DRIVERS_FOLDER_H
#define STORAGE_DRIVERS_FOLDER_H

#include <fcntl.h>
#include <stdatomic.h>

#include "storage-drivers/pace.h"
#include "storage-drivers/store_impl.h"

#define FOLDER_OPEN (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define FOLDER_MODE 0700

struct folder {
	struct store store;
	char *path;	   /* of the root, without a '/' at its end */
	atomic_bool swept; /* old temporaries were looked for */
	struct pace *pace; /* of uploads, or NULL; owned */
};

/*
 * Record a failure and return -1: of the system call that did what to name
 * (errno tells), or of a call into base/ (e tells). All errors of the driver
 * get their kind here.
 */
int folder_failed(
    const struct folder *f, const char *what, const char *name, struct err *e);
int folder_failed_within(
    const struct folder *f, const char *name, struct err *e);

/* Opens the root. Fails: ERR_MISSING, with a hint; nothing is made. */
int folder_root(const struct folder *f, struct err *e) MUST_USE;

/*
 * Opens one part of the way to name, below the folder at. With make it is made
 * when missing, and durable in any case.
 * Fails: ERR_MISSING; ERR_CORRUPT when a link or a file is in the way.
 */
int folder_part(const struct folder *f, int at, const char *part,
    const char *name, bool make, struct err *e) MUST_USE;
/* Opens the folder in which name stands: what is before its last '/'. */
int folder_parent(const struct folder *f, int root, const char *name, bool make,
    struct err *e) MUST_USE;
/* What stands behind the last '/'. */
const char *folder_leaf(const char *name);

/* fsync, where the file system has one for folders. */
int folder_sync(
    const struct folder *f, int fd, const char *name, struct err *e) MUST_USE;

/* Finds an object: its folder, opened, and its size. Fails: ERR_MISSING;
 * ERR_CORRUPT when it is no plain file. */
int folder_find(const struct folder *f, const char *name, int *parent,
    uint64_t *bytes, struct err *e) MUST_USE;

#endif
