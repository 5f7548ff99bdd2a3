/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files: the only door to them. Everything durable goes through here, so that
 * a test can count the steps and stop the program at any of them.
 * Paths are absolute or relative to the working folder. Nothing follows a
 * symbolic link in the last component unless it says so.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct stat;

/* O_CLOEXEC is added. Returns a descriptor or -1. */
int file_open(const char *path, int flags, struct err *e) MUST_USE;
/* The same with a mode, for O_CREAT. */
int file_create(
    const char *path, int flags, mode_t mode, struct err *e) MUST_USE;
/* As file_open, but follows a link: for what the operator named himself. */
int file_open_followed(const char *path, int flags, struct err *e) MUST_USE;

/* Reads until n bytes or the end. Returns the count, or -1. */
ssize_t file_read(int fd, void *p, size_t n, struct err *e) MUST_USE;
/* pread until n bytes or the end. Returns the count, or -1. */
ssize_t file_read_at(
    int fd, uint64_t off, void *p, size_t n, struct err *e) MUST_USE;
/* Writes all of it. After failure: the file may hold a part. */
int file_write(int fd, const void *p, size_t n, struct err *e) MUST_USE;
int file_sync(int fd, struct err *e) MUST_USE;

/* Reads a whole file of at most limit bytes into out (appended).
 * Fails: ERR_CORRUPT when it is longer. */
int file_load(
    const char *path, size_t limit, struct buf *out, struct err *e) MUST_USE;
/* As file_load, but follows a link: for what the operator named himself. */
int file_load_followed(
    const char *path, size_t limit, struct buf *out, struct err *e) MUST_USE;
/* Maps an open file of n bytes (1 or more), to be read. It must not be cut
 * while it is mapped. NULL when that fails. */
void *file_map(int fd, size_t n, struct err *e) MUST_USE;
void file_unmap(void *p, size_t n);
/*
 * Writes a whole file so that a reader, or a crash, sees the old contents, the
 * new ones, never a mixture: temporary name, fsync, rename, fsync of the
 * folder.
 */
int file_save(const char *path, mode_t mode, const void *p, size_t n,
    struct err *e) MUST_USE;
/* As file_save, but fails with ERR_EXISTS when path is there already. The
 * temporary is PATH.new: what a crash left of one, maybe of a key, the next try
 * removes. */
int file_save_new(const char *path, mode_t mode, const void *p, size_t n,
    struct err *e) MUST_USE;

/* Makes path and the missing folders above it, durably, all with this mode
 * (less the umask). A folder being there is success. */
int file_make_folders(const char *path, mode_t mode, struct err *e) MUST_USE;
/* Makes the folders above a file that is about to be written. */
int file_make_parent(const char *path, mode_t mode, struct err *e) MUST_USE;
int file_rename(const char *from, const char *to, struct err *e) MUST_USE;
/* fsync of the folder that holds path. */
int file_sync_parent(const char *path, struct err *e) MUST_USE;
/* Removes a file; a missing one is success. */
int file_remove(const char *path, struct err *e) MUST_USE;
/* Removes a folder and everything below it, never leaving it by a link. Missing
 * is success. */
int file_remove_tree(const char *path, struct err *e) MUST_USE;

/* lstat. Fails with ERR_MISSING when there is nothing. */
int file_stat(const char *path, struct stat *st, struct err *e) MUST_USE;
bool file_exists(const char *path);

/*
 * Calls each for every entry of a folder, sorted by bytes, without "." and
 * "..". Stops at the first call that returns non-zero and returns that.
 */
int file_each(const char *folder,
    int (*each)(const char *name, void *arg, struct err *e), void *arg,
    struct err *e) MUST_USE;

/* Takes an exclusive flock on path (made when missing) without waiting.
 * Returns the descriptor that holds it. Fails: ERR_LOCKED. */
int file_lock(const char *path, struct err *e) MUST_USE;
/*
 * Changes the flock that an open file's descriptor holds: alone without
 * waiting (fails: ERR_LOCKED), shared as soon as nobody holds it alone.
 */
enum file_hold { FILE_ALONE, FILE_SHARED };
int file_hold(int fd, enum file_hold how, struct err *e) MUST_USE;

/* Bytes that an unprivileged user may still write on path's file system. */
int file_free_space(const char *path, uint64_t *bytes, struct err *e) MUST_USE;
/* True for NFS, SMB, FUSE and the like, where LMDB must not live. */
bool file_is_on_network(const char *path);

/* "a" + "/" + "b", allocated. */
char *file_join(const char *folder, const char *name);

/*
 * For crash tests: every durable step (write, fsync, rename, remove, mkdir)
 * calls this; with TRIPLICATE_CRASH_AT=N in the environment the Nth call ends
 * the process by SIGKILL. Others with durable steps of their own call it too.
 */
void file_step(const char *what);

#endif
