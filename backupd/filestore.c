/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One level of the walk is one open folder with its names, read and sorted at
 * once: a folder of a million attachments costs some 60 bytes a name while it
 * is being walked. To sort whole paths, a folder's name sorts as if a '/' stood
 * behind it; then the walk's order is that of ORDER BY path COLLATE "C", and
 * can be compared with the database's side by side.
 */
#include "backupd/filestore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stage.h"
#include "base/stop.h"

#define DEPTH_MAX   64
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)
#define OPEN_FILE   (O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define STOP_EACH   1024 /* names read between two looks for a stop */
#define MARK_FOLDER 'd'
#define MARK_OTHER  '-'

/* An open folder. A name is stored with a mark before it and a NUL behind. */
struct level {
	int fd;
	struct buf names;
	size_t *at; /* of each name in names; owned */
	size_t n, cap, next;
	size_t path_bytes; /* of the walk's path that lead here */
};

struct filestore {
	size_t depth; /* levels that are open */
	struct level levels[DEPTH_MAX];
	struct stat root;
	char path[TREE_PATH_MAX + 1]; /* of the folder being walked, with '/' */
	const char *name;	      /* given last, of the topmost level */
	int name_fd;		      /* the folder that holds it */
};

static void
level_close(struct level *l)
{
	scope_close(&l->fd);
	buf_free(&l->names);
	free(l->at);
	*l = (struct level){ .fd = -1 };
}

static const char *
name_at(const struct level *l, size_t i)
{
	return ((const char *)l->names.p + l->at[i] + 1);
}

/* qsort_r: two places in names. */
static int
by_path(const void *a, const void *b, void *arg)
{
	const uint8_t *names = arg, *left = names + *(const size_t *)a,
		      *right = names + *(const size_t *)b;
	uint8_t left_end = left[0] == MARK_FOLDER ? '/' : '\0',
		right_end = right[0] == MARK_FOLDER ? '/' : '\0';
	size_t i = 1;

	while (left[i] != '\0' && left[i] == right[i])
		i++;
	left_end = left[i] != '\0' ? left[i] : left_end;
	right_end = right[i] != '\0' ? right[i] : right_end;
	return ((left_end > right_end) - (left_end < right_end));
}

static void
add_name(struct level *l, const struct dirent *d)
{
	struct stat st;
	bool is_folder = d->d_type == DT_DIR;

	if (d->d_type == DT_UNKNOWN &&
	    fstatat(l->fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		is_folder = S_ISDIR(st.st_mode);
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->at = mem_grow(l->at, l->cap, sizeof(*l->at));
	}
	l->at[l->n++] = l->names.n;
	buf_add_u8(&l->names, is_folder ? MARK_FOLDER : MARK_OTHER);
	buf_add(&l->names, d->d_name, strlen(d->d_name) + 1);
}

static bool
is_dots(const char *name)
{
	return (strcmp(name, ".") == 0 || strcmp(name, "..") == 0);
}

/* Odoo's own, at the top of its filestore. */
static bool
is_left_out(const struct dirent *d)
{
	return (strcmp(d->d_name, "checklist") == 0 ||
	    strcmp(d->d_name, "sessions") == 0);
}

/* Takes fd. Returns 0, an errno, or -1 after a stop. */
static int
level_open(struct level *l, int fd, bool is_top, struct err *e)
{
	const struct dirent *d;
	DIR *dir;
	int sys;

	*l = (struct level){ .fd = fd };
	/* The stream closes its descriptor; the walk needs one for longer. */
	if ((fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0)) < 0)
		return (errno);
	if ((dir = fdopendir(fd)) == NULL) {
		sys = errno;
		(void)close(fd);
		return (sys);
	}
	for (;;) {
		errno = 0;
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own */
		d = readdir(dir);
		sys = errno;
		if (d == NULL)
			break;
		if (!is_dots(d->d_name) && !(is_top && is_left_out(d)))
			add_name(l, d);
		if (l->n % STOP_EACH == 0 && stop_check(e) < 0) {
			sys = -1;
			break;
		}
	}
	(void)closedir(dir);
	stage_reached("folder listed");
	if (l->n > 0)
		qsort_r(l->at, l->n, sizeof(*l->at), by_path, l->names.p);
	return (sys);
}

struct filestore *
filestore_open(const char *folder, struct err *e)
{
	SCOPED(filestore_freep) struct filestore *f = mem_new(sizeof(*f));
	int fd = open(folder, OPEN_FOLDER), sys;

	if (fd >= 0 && fstat(fd, &f->root) == 0) {
		f->depth = 1;
		sys = level_open(&f->levels[0], fd, true, e);
		if (sys == 0)
			return (TAKE(f));
		if (sys < 0)
			return (NULL);
		errno = sys;
	}
	(void)err_errno(e, "filestore %s", folder);
	e->kind = ERR_SOURCE;
	(void)err_hint(
	    e, "check the branch's filestore setting, and that it is mounted");
	return (NULL);
}

void
filestore_free(struct filestore *f)
{
	if (f == NULL)
		return;
	while (f->depth > 0)
		level_close(&f->levels[--f->depth]);
	free(f);
}

void
filestore_freep(struct filestore **f)
{
	filestore_free(*f);
	*f = NULL;
}

static int
unreadable(struct filestore_entry *out, int sys)
{
	out->kind = FILESTORE_UNREADABLE;
	out->sys = sys;
	return (1);
}

/* Goes down into the folder that was just met. 1: said in out, 0: it is gone,
 * or -1. */
static int
enter(struct filestore *f, struct level *in, const char *name,
    struct filestore_entry *out, struct err *e)
{
	size_t bytes = strlen(out->path);
	int fd, sys;

	if (f->depth == DEPTH_MAX || bytes + 1 >= sizeof(f->path))
		return (unreadable(out, ENAMETOOLONG));
	fd = openat(in->fd, name, OPEN_FOLDER | O_NOFOLLOW);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return (err_errno(e, "open a folder of the filestore"));
	if (fd < 0)
		return (errno == ENOENT ? 0 : unreadable(out, errno));
	sys = level_open(&f->levels[f->depth], fd, false, e);
	if (sys != 0)
		level_close(&f->levels[f->depth]);
	if (sys < 0)
		return (-1);
	if (sys > 0)
		return (unreadable(out, sys));
	memcpy(f->path, out->path, bytes);
	f->path[bytes] = '/';
	f->path[bytes + 1] = '\0';
	f->levels[f->depth++].path_bytes = bytes + 1;
	out->kind = FILESTORE_FOLDER;
	return (1);
}

static int
read_link(const struct level *in, const char *name, struct filestore_entry *out)
{
	ssize_t n = readlinkat(
	    in->fd, name, out->target, sizeof(out->target) - 1);

	if (n < 0)
		return (errno == ENOENT ? 0 : unreadable(out, errno));
	out->target[n] = '\0';
	out->kind = FILESTORE_LINK;
	return (1);
}

/* One name of the topmost level. 0: it is gone meanwhile. */
static int
look_at(struct filestore *f, struct level *in, const char *name,
    struct filestore_entry *out, struct err *e)
{
	int n = snprintf(out->path, sizeof(out->path), "%.*s%s",
	    (int)in->path_bytes, f->path, name);

	out->st = (struct stat){ .st_mode = 0 };
	if ((size_t)n >= sizeof(out->path))
		return (unreadable(out, ENAMETOOLONG));
	if (fstatat(in->fd, name, &out->st, AT_SYMLINK_NOFOLLOW) != 0)
		return (errno == ENOENT ? 0 : unreadable(out, errno));
	switch (out->st.st_mode & S_IFMT) {
	case S_IFDIR: return (enter(f, in, name, out, e));
	case S_IFLNK: return (read_link(in, name, out));
	case S_IFREG: out->kind = FILESTORE_FILE; return (1);
	default: out->kind = FILESTORE_SPECIAL; return (1);
	}
}

int
filestore_next(struct filestore *f, struct filestore_entry *out, struct err *e)
{
	struct level *in;
	size_t i;
	int rc = 0;

	while (rc == 0 && f->depth > 0) {
		in = &f->levels[f->depth - 1];
		if (in->next == in->n) {
			level_close(in);
			f->depth--;
			continue;
		}
		i = in->next++;
		f->name = name_at(in, i);
		f->name_fd = in->fd;
		rc = look_at(f, in, f->name, out, e);
	}
	return (rc);
}

int
filestore_open_file(const struct filestore *f, int *sys)
{
	struct stat st;
	int fd = openat(f->name_fd, f->name, OPEN_FILE);

	*sys = errno;
	if (fd < 0)
		return (-1);
	/* Swapped for something else since it was looked at? */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return (fd);
	*sys = ENOENT;
	(void)close(fd);
	return (-1);
}

const struct stat *
filestore_root(const struct filestore *f)
{
	return (&f->root);
}
