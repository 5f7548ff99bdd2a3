/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading, writing and replacing files, and questions about them; folders are
 * in file_folder.c. Whole bytes or an error, never a short count in silence.
 * A file that is saved is complete under its name or not there: the work is
 * done under a temporary name in the same folder, which a crash may leave
 * behind (".tmp-" and hex digits; whoever owns the folder sweeps it).
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "base/stop.h"

#define TEMPORARY	".tmp-"
#define TEMPORARY_BYTES 8 /* random ones in a temporary name */
#define TRIES		16
#define LOAD_STEP	((size_t)64 << 10)
#define MOST_AT_ONCE	((size_t)1 << 30) /* of one system call */

/* Not in linux/magic.h of every release. */
#define MAGIC_CIFS   0xff534d42U
#define MAGIC_SMB2   0xfe534d42U
#define MAGIC_FUSE   0x65735546U
#define MAGIC_CEPH   0x00c36400U
#define MAGIC_GFS2   0x01161970U
#define MAGIC_OCFS2  0x7461636fU
#define MAGIC_LUSTRE 0x0bd00bd0U
#define MAGIC_GPFS   0x47504653U

/* open(2) as often as signals ask for it. The file never becomes a standard
 * descriptor, not even in a program that was started without one: messages
 * would be written into it. */
static int
open_again(const char *path, int flags, mode_t mode)
{
	int fd, higher;

	do
		fd = open(path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR && !stop_is_requested());
	if (fd < 0 || fd > STDERR_FILENO)
		return (fd);
	higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(fd);
	return (higher);
}

int
file_open(const char *path, int flags, struct err *e)
{
	return (file_create(path, flags, 0600, e));
}

int
file_create(const char *path, int flags, mode_t mode, struct err *e)
{
	int fd = open_again(path, flags | O_NOFOLLOW, mode);

	if (fd < 0 && errno == ELOOP)
		return (err_set(e, ERR_SYSTEM,
		    "open %s: is a symbolic link, which is not followed",
		    path));
	if (fd < 0)
		return (err_errno(e, "open %s", path));
	return (fd);
}

int
file_open_followed(const char *path, int flags, struct err *e)
{
	int fd = open_again(path, flags, 0600);

	if (fd < 0)
		return (err_errno(e, "open %s", path));
	return (fd);
}

ssize_t
file_read(int fd, void *p, size_t n, struct err *e)
{
	uint8_t *to = p;
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		size_t now = n - done < MOST_AT_ONCE ? n - done : MOST_AT_ONCE;

		got = read(fd, to + done, now);
		if (got == 0)
			break;
		if (got > 0)
			done += (size_t)got;
		else if (errno != EINTR)
			return (err_errno(e, "read"));
		else if (stop_check(e) < 0)
			return (-1);
	}
	return ((ssize_t)done);
}

ssize_t
file_read_at(int fd, uint64_t off, void *p, size_t n, struct err *e)
{
	uint8_t *to = p;
	size_t done = 0;
	ssize_t got;

	if (off > INT64_MAX || n > INT64_MAX - off)
		return (err_set(e, ERR_CORRUPT,
		    "read at %llu: beyond what a file can hold",
		    (unsigned long long)off));
	while (done < n) {
		size_t now = n - done < MOST_AT_ONCE ? n - done : MOST_AT_ONCE;

		got = pread(fd, to + done, now, (off_t)(off + done));
		if (got == 0)
			break;
		if (got > 0)
			done += (size_t)got;
		else if (errno != EINTR)
			return (err_errno(
			    e, "read at %llu", (unsigned long long)off));
		else if (stop_check(e) < 0)
			return (-1);
	}
	return ((ssize_t)done);
}

int
file_write(int fd, const void *p, size_t n, struct err *e)
{
	const uint8_t *from = p;
	ssize_t put;

	while (n > 0) {
		file_step("write");
		put = write(fd, from, n < MOST_AT_ONCE ? n : MOST_AT_ONCE);
		if (put >= 0) {
			from += put;
			n -= (size_t)put;
		} else if (errno != EINTR) {
			return (err_errno(e, "write"));
		} else if (stop_check(e) < 0) {
			return (-1);
		}
	}
	return (0);
}

int
file_sync(int fd, struct err *e)
{
	int rc;

	file_step("fsync");
	do
		rc = fsync(fd);
	while (rc != 0 && errno == EINTR);
	return (rc == 0 ? 0 : err_errno(e, "fsync"));
}

/* The rest of fd, of at most limit bytes, appended to out. */
static int
load(int fd, size_t limit, struct buf *out, struct err *e)
{
	size_t had = out->n, room;
	ssize_t got;

	for (;;) {
		/* One byte more than allowed tells a file that is longer. */
		room = limit - (out->n - had);
		room = room < LOAD_STEP ? room + 1 : LOAD_STEP;
		buf_reserve(out, room);
		if ((got = file_read(fd, out->p + out->n, room, e)) < 0)
			return (-1);
		out->n += (size_t)got;
		if (out->n - had > limit)
			return (err_set(e, ERR_CORRUPT,
			    "longer than the allowed %zu bytes", limit));
		if ((size_t)got < room)
			return (0);
	}
}

int
file_load(const char *path, size_t limit, struct buf *out, struct err *e)
{
	SCOPED(scope_close) int fd = file_open(path, O_RDONLY, e);
	size_t had = out->n;

	if (fd < 0)
		return (-1);
	if (load(fd, limit, out, e) < 0) {
		out->n = had;
		return (err_within(e, "%s", path));
	}
	return (0);
}

int
file_load_followed(
    const char *path, size_t limit, struct buf *out, struct err *e)
{
	SCOPED(scope_close) int fd = file_open_followed(path, O_RDONLY, e);
	size_t had = out->n;

	if (fd < 0)
		return (-1);
	if (load(fd, limit, out, e) < 0) {
		out->n = had;
		return (err_within(e, "%s", path));
	}
	return (0);
}

void *
file_map(int fd, size_t n, struct err *e)
{
	void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p != MAP_FAILED)
		return (p);
	(void)err_errno(e, "map");
	return (NULL);
}

void
file_unmap(void *p, size_t n)
{
	(void)munmap(p, n);
}

/* Makes a new file of a random name beside path. Returns its descriptor, and
 * its name in *temporary (allocated). */
static int
open_temporary(const char *path, mode_t mode, char **temporary, struct err *e)
{
	char hex[2 * TEMPORARY_BYTES + 1];
	const char *slash = strrchr(path, '/');
	int folder = slash != NULL ? (int)(slash - path) + 1 : 0;
	int fd, i;

	for (i = 0; i < TRIES; i++) {
		random_hex(hex, TEMPORARY_BYTES);
		free(*temporary);
		*temporary = mem_printf(
		    "%.*s%s%s", folder, path, TEMPORARY, hex);
		fd = file_create(
		    *temporary, O_WRONLY | O_CREAT | O_EXCL, mode, e);
		if (fd >= 0 || e->kind != ERR_EXISTS)
			return (fd);
	}
	return (-1);
}

/* Gives the finished file its name, where nothing may stand yet. Some network
 * file systems know no RENAME_NOREPLACE; a second link does the same. */
static int
name_new(const char *temporary, const char *path, struct err *e)
{
	file_step("rename");
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) ==
	    0)
		return (0);
	if (errno != EINVAL && errno != ENOSYS)
		return (err_errno(e, "create %s", path));
	if (link(temporary, path) != 0)
		return (err_errno(e, "create %s", path));
	return (file_remove(temporary, e));
}

/* A temporary for a file that is not there yet: one name, so that what a crash
 * left of it is found. */
static int
open_unfinished(const char *path, mode_t mode, char **temporary, struct err *e)
{
	*temporary = mem_printf("%s.new", path);
	if (file_remove(*temporary, e) < 0)
		return (-1);
	return (file_create(*temporary, O_WRONLY | O_CREAT | O_EXCL, mode, e));
}

/* Writes and names the file. After failure: the temporary may be there. */
static int
save(int fd, const char *temporary, const char *path, const struct bytes *all,
    bool is_new, struct err *e)
{
	if (file_write(fd, all->p, all->n, e) < 0 || file_sync(fd, e) < 0)
		return (err_within(e, "%s", temporary));
	if (is_new)
		return (name_new(temporary, path, e));
	return (file_rename(temporary, path, e));
}

static int
save_as(const char *path, mode_t mode, const struct bytes *all, bool is_new,
    struct err *e)
{
	SCOPED(scope_free) char *temporary = NULL;
	SCOPED(scope_close) int fd = -1;
	struct err ignored = ERR_INIT;

	fd = is_new ? open_unfinished(path, mode, &temporary, e)
		    : open_temporary(path, mode, &temporary, e);
	if (fd < 0)
		return (-1);
	if (save(fd, temporary, path, all, is_new, e) < 0) {
		/* The first failure is the one to tell. */
		if (file_remove(temporary, &ignored) < 0)
			log_debug("%s", ignored.text);
		return (-1);
	}
	return (file_sync_parent(path, e));
}

int
file_save(const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	struct bytes all = bytes_of(p, n);

	return (save_as(path, mode, &all, false, e));
}

int
file_save_new(
    const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	struct bytes all = bytes_of(p, n);
	struct stat st;

	if (lstat(path, &st) == 0) /* sooner than after writing it all */
		return (err_set(e, ERR_EXISTS, "%s is there already", path));
	return (save_as(path, mode, &all, true, e));
}

int
file_rename(const char *from, const char *to, struct err *e)
{
	file_step("rename");
	if (rename(from, to) != 0)
		return (err_errno(e, "rename %s to %s", from, to));
	return (0);
}

int
file_sync_parent(const char *path, struct err *e)
{
	SCOPED(scope_free) char *copy = mem_string(path);
	SCOPED(scope_close) int fd = -1;
	const char *folder = dirname(copy);

	fd = file_open_followed(folder, O_RDONLY | O_DIRECTORY, e);
	if (fd < 0)
		return (-1);
	if (file_sync(fd, e) == 0)
		return (0);
	/* Some file systems cannot sync a folder and say so; they keep names
	 * durable in their own way. */
	if (e->sys == EINVAL || e->sys == EOPNOTSUPP) {
		err_clear(e);
		return (0);
	}
	return (err_within(e, "%s", folder));
}

int
file_remove(const char *path, struct err *e)
{
	file_step("unlink");
	if (unlink(path) != 0 && errno != ENOENT)
		return (err_errno(e, "remove %s", path));
	return (0);
}

int
file_stat(const char *path, struct stat *st, struct err *e)
{
	if (lstat(path, st) != 0)
		return (err_errno(e, "%s", path));
	return (0);
}

bool
file_exists(const char *path)
{
	struct stat st;

	return (lstat(path, &st) == 0);
}

int
file_lock(const char *path, struct err *e)
{
	int fd = file_create(path, O_RDWR | O_CREAT, 0600, e);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return (fd);
	if (errno == EWOULDBLOCK)
		(void)err_set(
		    e, ERR_LOCKED, "%s is held by another process", path);
	else
		(void)err_errno(e, "lock %s", path);
	(void)close(fd);
	return (-1);
}

int
file_hold(int fd, enum file_hold how, struct err *e)
{
	int flags = how == FILE_SHARED ? LOCK_SH : LOCK_EX | LOCK_NB;

	while (flock(fd, flags) < 0) {
		if (errno == EWOULDBLOCK)
			return (
			    err_set(e, ERR_LOCKED, "held by another process"));
		if (errno != EINTR)
			return (err_errno(e, "lock"));
	}
	return (0);
}

int
file_free_space(const char *path, uint64_t *bytes, struct err *e)
{
	struct statvfs space;

	if (statvfs(path, &space) != 0)
		return (err_errno(e, "free space of %s", path));
	if (__builtin_mul_overflow(
		(uint64_t)space.f_bavail, (uint64_t)space.f_frsize, bytes))
		*bytes = UINT64_MAX;
	return (0);
}

/* The file system of path, or of the nearest folder above it that exists. */
static bool
file_system_of(const char *path, struct statfs *out)
{
	SCOPED(scope_free) char *copy = mem_string(path);
	const char *at = path;

	while (statfs(at, out) != 0) {
		if (errno != ENOENT || strcmp(at, "/") == 0 ||
		    strcmp(at, ".") == 0)
			return (false);
		at = dirname(copy);
	}
	return (true);
}

bool
file_is_on_network(const char *path)
{
	static const unsigned magics[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
		MAGIC_CIFS, MAGIC_SMB2, MAGIC_FUSE, MAGIC_CEPH, MAGIC_GFS2,
		MAGIC_OCFS2, MAGIC_LUSTRE, MAGIC_GPFS, AFS_SUPER_MAGIC,
		CODA_SUPER_MAGIC, NCP_SUPER_MAGIC, V9FS_MAGIC };
	struct statfs system;
	size_t i;

	if (!file_system_of(path, &system))
		return (false);
	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if ((unsigned)system.f_type == magics[i])
			return (true);
	return (false);
}

char *
file_join(const char *folder, const char *name)
{
	size_t n = strlen(folder);
	bool has_slash = n > 0 && folder[n - 1] == '/';

	return (mem_printf("%s%s%s", folder, has_slash ? "" : "/", name));
}
