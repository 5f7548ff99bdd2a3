/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders: made, listed, removed. The second half of base/file.h. A folder is
 * walked by descriptors (openat, unlinkat) that never follow a link, so that
 * nobody who may write in a tree can lead the walk out of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define DEPTH_MOST   256 /* each level holds a descriptor open */

/* mkdir, made durable; being there is success, being something else is not. */
static int
make_folder(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		file_step("mkdir");
		if (mkdir(path, mode) == 0)
			return (file_sync_parent(path, e));
		if (errno != EEXIST || lstat(path, &st) != 0)
			return (err_errno(e, "make folder %s", path));
	}
	if (!S_ISDIR(st.st_mode))
		return (err_set(
		    e, ERR_EXISTS, "%s is there and is not a folder", path));
	return (0);
}

int
file_make_folders(const char *path, mode_t mode, struct err *e)
{
	SCOPED(scope_free) char *above = mem_string(path);
	struct stat st;
	char *slash;

	if (*path == '\0')
		return (err_set(e, ERR_MISSING, "make folder: no name"));
	/* Links above are the operator's and followed: stat, not lstat. */
	for (slash = strchr(above + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (stat(above, &st) != 0 &&
		    make_folder(above, mode & 0777, e) < 0)
			return (-1);
		*slash = '/';
	}
	return (make_folder(path, mode, e));
}

int
file_make_parent(const char *path, mode_t mode, struct err *e)
{
	SCOPED(scope_free) char *copy = mem_string(path);
	const char *folder = dirname(copy);
	struct stat st;

	if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
		return (0);
	return (file_make_folders(folder, mode, e));
}

static void
close_folder(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

struct names {
	char **p;
	size_t n, cap;
};

static void
free_names(struct names *names)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		free(names->p[i]);
	free(names->p);
}

static int
by_bytes(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* All names in the folder that fd is open on, sorted. Takes fd. */
static int
read_names(int fd, struct names *names, struct err *e)
{
	SCOPED(close_folder) DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		(void)err_errno(e, "read folder");
		(void)close(fd);
		return (-1);
	}
	for (;;) {
		errno = 0;
		if ((entry = readdir(dir)) == NULL)
			break;
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (names->n == names->cap) {
			names->cap = names->cap > 0 ? names->cap * 2 : 64;
			names->p = mem_grow(
			    names->p, names->cap, sizeof(*names->p));
		}
		names->p[names->n++] = mem_string(entry->d_name);
	}
	if (errno != 0)
		return (err_errno(e, "read folder"));
	if (names->n > 0)
		qsort(names->p, names->n, sizeof(*names->p), by_bytes);
	return (0);
}

int
file_each(const char *folder,
    int (*each)(const char *name, void *arg, struct err *e), void *arg,
    struct err *e)
{
	SCOPED(free_names) struct names names = { 0 };
	int fd = file_open(folder, O_RDONLY | O_DIRECTORY, e);
	size_t i;
	int rc;

	if (fd < 0)
		return (-1);
	if (read_names(fd, &names, e) < 0)
		return (err_within(e, "%s", folder));
	for (i = 0; i < names.n; i++)
		if ((rc = each(names.p[i], arg, e)) != 0)
			return (rc);
	return (0);
}

static int remove_one(
    int folder, const char *name, unsigned depth, struct err *e);

/* Everything in the folder that fd is open on. Takes fd. */
static int
remove_contents(int fd, unsigned depth, struct err *e)
{
	SCOPED(free_names) struct names names = { 0 };
	SCOPED(scope_close) int own = fd;
	int listing = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	size_t i;

	if (listing < 0)
		return (err_errno(e, "read folder"));
	if (read_names(listing, &names, e) < 0)
		return (-1);
	for (i = 0; i < names.n; i++)
		if (remove_one(own, names.p[i], depth, e) < 0)
			return (-1);
	return (0);
}

static int
remove_one(int folder, const char *name, unsigned depth, struct err *e)
{
	int fd;

	file_step("unlink");
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return (0);
	if (errno != EISDIR && errno != EPERM)
		return (err_errno(e, "remove %s", name));
	if (depth >= DEPTH_MOST)
		return (err_set(e, ERR_SYSTEM,
		    "remove %s: more than %u folders deep", name, depth));
	if ((fd = openat(folder, name, FOLDER_FLAGS)) < 0)
		return (err_errno(e, "remove %s", name));
	if (remove_contents(fd, depth + 1, e) < 0)
		return (-1);
	file_step("rmdir");
	if (unlinkat(folder, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return (err_errno(e, "remove %s", name));
	return (0);
}

int
file_remove_tree(const char *path, struct err *e)
{
	/* The top and the last name; all between would push out the cause. */
	if (remove_one(AT_FDCWD, path, 0, e) < 0)
		return (err_within(e, "%s", path));
	return (0);
}
