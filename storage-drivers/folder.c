/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways below an endpoint's folder, for the file driver. A name comes in and is
 * gone part by part from the root's descriptor; a descriptor of the folder in
 * which the object stands goes out. It always holds that no symbolic link is
 * followed below the root, and that a folder made here is durable.
 */
#include "storage-drivers/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* --- errors -------------------------------------------------------------- */

/*
 * The one place that says what the system's errors mean here: those of a share
 * whose server is away for a while are worth another try. Returns -1.
 */
static int
judge(const struct folder *f, struct err *e)
{
	switch (e->sys) {
	case ESTALE:
	case ETIMEDOUT:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENOTCONN: e->kind = ERR_AGAIN; break;
	default: break;
	}
	if (e->kind == ERR_DENIED)
		err_hint(e, "let the user of this program read and write %s",
		    f->path);
	if (e->kind == ERR_FULL)
		err_hint(e, "free space at %s, then run: triplicate sync %s",
		    f->path, f->store.name);
	return (-1);
}

int
folder_failed(
    const struct folder *f, const char *what, const char *name, struct err *e)
{
	err_errno(e, "%s %s/%s", what, f->path, name);
	return (judge(f, e));
}

int
folder_failed_within(const struct folder *f, const char *name, struct err *e)
{
	err_within(e, "%s/%s", f->path, name);
	return (judge(f, e));
}

/* --- ways to folders and objects ----------------------------------------- */

int
folder_root(const struct folder *f, struct err *e)
{
	int fd = open(f->path, FOLDER_OPEN & ~O_NOFOLLOW);

	if (fd >= 0)
		return (fd);
	if (errno == ENOENT) {
		err_set(
		    e, ERR_MISSING, "endpoint folder %s is missing", f->path);
		err_hint(e, "mount it, or make it and run: triplicate sync %s",
		    f->store.name);
		return (-1);
	}
	if (errno == ENOTDIR)
		return (err_set(e, ERR_CONFIG, "%s is not a folder", f->path));
	err_errno(e, "open endpoint folder %s", f->path);
	return (judge(f, e));
}

int
folder_sync(const struct folder *f, int fd, const char *name, struct err *e)
{
	if (file_sync(fd, e) == 0)
		return (0);
	if (e->sys != EINVAL)
		return (folder_failed_within(f, name, e));
	err_clear(e); /* some shares know no fsync of a folder */
	return (0);
}

int
folder_part(const struct folder *f, int at, const char *part, const char *name,
    bool make, struct err *e)
{
	int fd = openat(at, part, FOLDER_OPEN);

	if (fd < 0 && errno == ENOENT && make) {
		file_step("mkdir");
		if (mkdirat(at, part, FOLDER_MODE) < 0 && errno != EEXIST)
			return (
			    folder_failed(f, "make the folder of", name, e));
		fd = openat(at, part, FOLDER_OPEN);
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return (err_set(e, ERR_CORRUPT,
		    "%s/%s: '%s' is no folder (symbolic links are not "
		    "followed)",
		    f->path, name, part));
	if (fd < 0)
		return (folder_failed(f, "open the folder of", name, e));
	/* Also when it was there: who made it, a moment or a crash ago, may
	 * not have come to this. */
	if (make && folder_sync(f, at, name, e) < 0) {
		close(fd);
		return (-1);
	}
	return (fd);
}

int
folder_parent(const struct folder *f, int root, const char *name, bool make,
    struct err *e)
{
	const char *slash;
	int at, next;

	if ((at = openat(root, ".", FOLDER_OPEN)) < 0)
		return (folder_failed(f, "open the folder of", name, e));
	for (const char *from = name; (slash = strchr(from, '/')) != NULL;
	     from = slash + 1) {
		char part[STORE_NAME_MAX] = "";

		memcpy(part, from, (size_t)(slash - from));
		next = folder_part(f, at, part, name, make, e);
		close(at);
		if ((at = next) < 0)
			return (-1);
	}
	return (at);
}

const char *
folder_leaf(const char *name)
{
	const char *slash = strrchr(name, '/');

	return (slash == NULL ? name : slash + 1);
}

static int
missing(const struct folder *f, const char *name, struct err *e)
{
	return (err_set(e, ERR_MISSING, "there is no %s/%s", f->path, name));
}

int
folder_find(const struct folder *f, const char *name, int *parent,
    uint64_t *bytes, struct err *e)
{
	SCOPED(scope_close) int root = folder_root(f, e);
	struct stat st;

	if (root < 0)
		return (-1);
	if ((*parent = folder_parent(f, root, name, false, e)) < 0)
		return (e->kind == ERR_MISSING ? missing(f, name, e) : -1);
	if (fstatat(*parent, folder_leaf(name), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (errno == ENOENT ? missing(f, name, e)
					: folder_failed(f, "look at", name, e));
	if (!S_ISREG(st.st_mode))
		return (err_set(
		    e, ERR_CORRUPT, "%s/%s is no plain file", f->path, name));
	*bytes = (uint64_t)st.st_size;
	return (0);
}
