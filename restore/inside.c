/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Relative paths flow in; each step is an openat with O_NOFOLLOW, so a link
 * that somebody puts in the way makes an error, not a way out.
 */
#include "restore/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "repository/tree.h"

#define DEPTH_MAX 200 /* folders in folders */

int
inside_open(const char *folder, bool make, struct err *e)
{
	int fd;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		if (file_make_folders(folder, 0755, e) < 0)
			return (-1);
		fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOTDIR) {
		(void)err_set(e, ERR_EXISTS,
		    "%s: a file is where a folder should be", folder);
		return (err_hint(e, "choose another folder, or move it away"));
	}
	if (fd < 0)
		return (err_errno(e, "folder %s", folder));
	return (fd);
}

/* Enters one folder, making it when it is missing. */
static int
enter(int at, const char *name, bool make, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);

	if (fd < 0 && errno == ENOENT && make) {
		file_step("mkdir");
		if (mkdirat(at, name, 0755) != 0 && errno != EEXIST)
			return (err_errno(e, "make folder %s", name));
		if (fsync(at) != 0)
			return (err_errno(e, "fsync of a folder"));
		fd = openat(at, name, flags);
	}
	if (fd >= 0)
		return (fd);
	if (errno == ELOOP || errno == ENOTDIR) {
		(void)err_set(e, ERR_REFUSED,
		    "%s is a link or a file where a folder should be", name);
		return (err_hint(e, "look who put it there, and move it away"));
	}
	return (err_errno(e, "folder %s", name));
}

int
inside_parent(
    int root, const char *path, bool make, const char **leaf, struct err *e)
{
	SCOPED(scope_close) int at = -1;
	const char *slash;
	char name[256];
	int next;

	if (!tree_path_stays_inside(path))
		return (err_set(e, ERR_REFUSED,
		    "the path %.100s could leave its folder", path));
	if ((at = fcntl(root, F_DUPFD_CLOEXEC, 3)) < 0)
		return (err_errno(e, "dup"));
	while ((slash = strchr(path, '/')) != NULL) {
		if ((size_t)(slash - path) >= sizeof(name))
			return (err_set(
			    e, ERR_SYSTEM, "a name of more than 255 bytes"));
		memcpy(name, path, (size_t)(slash - path));
		name[slash - path] = '\0';
		if ((next = enter(at, name, make, e)) < 0)
			return (-1);
		(void)close(at);
		at = next;
		path = slash + 1;
	}
	*leaf = path;
	next = at;
	at = -1;
	return (next);
}

int
inside_stat(
    int root, const char *path, struct stat *st, bool *found, struct err *e)
{
	const char *leaf;
	SCOPED(scope_close) int at = inside_parent(root, path, false, &leaf, e);

	*found = false;
	if (at < 0 && e->kind == ERR_MISSING) {
		err_clear(e);
		return (0);
	}
	if (at < 0)
		return (-1);
	if (fstatat(at, leaf, st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return (0);
		return (err_errno(e, "stat %s", path));
	}
	*found = true;
	return (0);
}

int
inside_read(int root, const char *path, struct err *e)
{
	const char *leaf;
	SCOPED(scope_close) int at = inside_parent(root, path, false, &leaf, e);
	SCOPED(scope_close) int fd = -1;
	struct stat st;
	int out;

	if (at < 0)
		return (-1);
	/* O_NONBLOCK: a pipe that took the file's place must not hold us. */
	fd = openat(at, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return (err_errno(e, "open %s", path));
	if (fstat(fd, &st) != 0)
		return (err_errno(e, "stat %s", path));
	if (!S_ISREG(st.st_mode))
		return (err_set(e, ERR_REFUSED, "%s is no file", path));
	out = fd;
	fd = -1;
	return (out);
}

int
inside_create(int root, const char *path, mode_t mode, struct err *e)
{
	const char *leaf;
	SCOPED(scope_close) int at = inside_parent(root, path, true, &leaf, e);
	int fd;

	if (at < 0)
		return (-1);
	file_step("create");
	fd = openat(at, leaf,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return (err_errno(e, "create %s", path));
	return (fd);
}

int
inside_rename(int root, const char *from, const char *to, struct err *e)
{
	const char *from_leaf, *to_leaf;
	SCOPED(scope_close)
	int from_at = inside_parent(root, from, false, &from_leaf, e);
	SCOPED(scope_close) int to_at = -1;

	if (from_at < 0 ||
	    (to_at = inside_parent(root, to, false, &to_leaf, e)) < 0)
		return (-1);
	file_step("rename");
	if (renameat(from_at, from_leaf, to_at, to_leaf) != 0)
		return (err_errno(e, "rename %s to %s", from, to));
	return (0);
}

int
inside_sync(int root, struct err *e)
{
	file_step("fsync");
	/* One call for all names: a fsync of each folder for each file would
	 * double what a filestore takes. */
	if (syncfs(root) != 0)
		return (err_errno(e, "syncfs"));
	return (0);
}

int
inside_link(int at, const char *leaf, const char *target, struct err *e)
{
	char there[TREE_PATH_MAX + 1];
	ssize_t n = readlinkat(at, leaf, there, sizeof(there) - 1);

	if (n >= 0 && (size_t)n == strlen(target) &&
	    memcmp(there, target, (size_t)n) == 0)
		return (0);
	file_step("symlink");
	if (symlinkat(target, at, leaf) != 0)
		return (err_errno(e, "make link %s", leaf));
	return (0);
}

int
inside_remove(int root, const char *path, struct err *e)
{
	const char *leaf;
	SCOPED(scope_close) int at = inside_parent(root, path, false, &leaf, e);

	if (at < 0 && e->kind == ERR_MISSING) {
		err_clear(e);
		return (0);
	}
	if (at < 0)
		return (-1);
	file_step("remove");
	if (unlinkat(at, leaf, 0) != 0 && errno != ENOENT)
		return (err_errno(e, "remove %s", path));
	return (0);
}

/* A call whose failure is a matter of rights that we may not have. */
static void
try(int rc)
{
	(void)rc;
}

void
inside_dress(int fd, const struct inside_look *look)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = look->mtime, .tv_nsec = (long)look->nsec },
	};

	/* The owner first: a change of owner may take mode bits away. */
	if (look->owned)
		try(fchown(fd, look->uid, look->gid));
	try(fchmod(fd, look->mode & 0777));
	try(futimens(fd, times));
}

/* --- walking --- */

struct walk {
	int (*each)(
	    const char *path, const struct stat *st, void *arg, struct err *e);
	void *arg;
	char path[TREE_PATH_MAX + 1];
	unsigned depth;
};

static void
close_folder(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static int walk_folder(struct walk *w, int fd, size_t length, struct err *e);

/* One name in a folder, whose path so far has length bytes. */
static int
walk_name(
    struct walk *w, int at, const char *name, size_t length, struct err *e)
{
	size_t n = strlen(name);
	struct stat st;
	int fd, rc = 0;

	if (length + 1 + n > TREE_PATH_MAX)
		return (0); /* no backup has it, and we can't name it */
	if (length > 0)
		w->path[length++] = '/';
	memcpy(w->path + length, name, n + 1);
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (errno == ENOENT ? 0 : err_errno(e, "stat %s", w->path));
	if (S_ISDIR(st.st_mode)) {
		fd = enter(at, name, false, e);
		if (fd < 0 && e->kind == ERR_MISSING) {
			err_clear(e); /* somebody else is at work here */
			return (0);
		}
		if (fd < 0)
			return (-1);
		rc = walk_folder(w, fd, length + n, e);
		w->path[length + n] = '\0';
	}
	return (rc != 0 ? rc : w->each(w->path, &st, w->arg, e));
}

/* Takes fd. */
static int
walk_folder(struct walk *w, int fd, size_t length, struct err *e)
{
	SCOPED(close_folder) DIR *d = fdopendir(fd);
	const struct dirent *entry;
	int rc = 0;

	if (d == NULL) {
		(void)close(fd);
		return (err_errno(e, "read folder %s", w->path));
	}
	if (++w->depth > DEPTH_MAX)
		return (err_set(
		    e, ERR_SYSTEM, "folders too deep below %.100s", w->path));
	/* Removing while reading is fine: POSIX leaves open only whether what
	 * was added or removed shows up. */
	while (rc == 0) {
		errno = 0;
		/* Each walk has a stream of its own, as readdir demands. */
		entry = readdir(d); /* NOLINT(concurrency-mt-unsafe) */
		if (entry == NULL) {
			rc = errno != 0
			    ? err_errno(e, "read folder %s", w->path)
			    : 0;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = walk_name(w, fd, entry->d_name, length, e);
	}
	w->depth--;
	return (rc);
}

int
inside_each(int root,
    int (*each)(
	const char *path, const struct stat *st, void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(scope_free) struct walk *w = mem_new(sizeof(*w));
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return (err_errno(e, "read a folder"));
	w->each = each;
	w->arg = arg;
	return (walk_folder(w, fd, 0, e));
}
