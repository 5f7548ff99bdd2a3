/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints that are a folder of this machine: a disk, a mounted share. An
 * object is a plain file of that name below the root. Each call opens the root
 * anew, so a disk that was unmounted is noticed, and goes on from there as
 * folder.h says. An upload is written below ".tmp~", synced, and renamed into
 * place, so that a reader never sees half of it; '~' stands in no object's
 * name. Only prepare makes the root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "storage-drivers/folder.h"

#define TEMPORARY_FOLDER ".tmp~"
#define TEMPORARY_ID	 16 /* random bytes in its name */
#define OBJECT_MODE	 0600
#define A_DAY_S		 86400L

static struct folder *
folder_of(struct store *s)
{
	return ((struct folder *)s);
}

/* --- putting ------------------------------------------------------------- */

/* A file that is being written. */
struct temporary {
	int folder;
	char name[2 * TEMPORARY_ID + 1]; /* "": there is none, or no more */
	time_t made;			 /* by the endpoint's clock */
};

static void
temporary_drop(struct temporary *t)
{
	if (t->name[0] == '\0')
		return;
	file_step("remove");
	(void)unlinkat(t->folder, t->name, 0);
}

/* A limit is kept for a share, too, that is mounted from far away. */
static int
write_paced(
    struct pace *pace, int fd, const uint8_t *p, size_t n, struct err *e)
{
	for (size_t at = 0, piece; at < n; at += piece) {
		piece = pace_piece(pace, n - at);
		if (pace_wait(pace, piece, e) < 0 ||
		    file_write(fd, p + at, piece, e) < 0)
			return (-1);
	}
	return (0);
}

static int
temporary_write(const struct folder *f, struct temporary *t, const char *name,
    const void *p, size_t n, struct err *e)
{
	char id[sizeof(t->name)];
	SCOPED(scope_close) int fd = -1;
	struct stat st;

	random_hex(id, TEMPORARY_ID);
	fd = openat(t->folder, id,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, OBJECT_MODE);
	if (fd < 0)
		return (folder_failed(f, "make a temporary file for", name, e));
	memcpy(t->name, id, sizeof(id));
	if (write_paced(f->pace, fd, p, n, e) < 0 || file_sync(fd, e) < 0)
		return (folder_failed_within(f, name, e));
	/* By the call that looks at the others, too (sweep): libfaketime shifts
	 * what fstat says, and not that. */
	if (fstatat(t->folder, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (folder_failed(f, "look at", name, e));
	t->made = st.st_mtime;
	return (0);
}

static void
close_folder(DIR **folder)
{
	if (*folder != NULL)
		closedir(*folder);
}

/* The next name of a folder; NULL, with errno 0, at its end. */
static const char *
next_name(DIR *folder)
{
	const struct dirent *entry;

	errno = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has it */
	entry = readdir(folder);
	return (entry == NULL ? NULL : entry->d_name);
}

/*
 * Removes what a killed upload left behind a day ago or earlier, once in a
 * store's life. That it works is not needed for anything, so failures are
 * ignored. Ages are by the endpoint's clock, not by this machine's.
 */
static void
sweep(struct folder *f, const struct temporary *t)
{
	SCOPED(close_folder) DIR *folder = NULL;
	const char *name;
	struct stat st;
	int fd;

	if (atomic_exchange(&f->swept, true))
		return;
	if ((fd = openat(t->folder, ".", FOLDER_OPEN)) < 0)
		return;
	if ((folder = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	while ((name = next_name(folder)) != NULL) {
		if (fstatat(t->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode) || t->made - st.st_mtime <= A_DAY_S)
			continue;
		file_step("remove");
		(void)unlinkat(t->folder, name, 0);
	}
}

/*
 * Gives a temporary its name. Where the file system can't rename without
 * replacing (NFS), a second link says just as well who was first.
 */
static int
place(struct temporary *t, int parent, const char *leaf, unsigned flags)
{
	unsigned how = flags & STORE_PUT_NEW ? RENAME_NOREPLACE : 0;

	file_step("rename");
	if (renameat2(t->folder, t->name, parent, leaf, how) == 0) {
		t->name[0] = '\0';
		return (0);
	}
	if (how == 0 ||
	    (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP))
		return (-1);
	return (linkat(t->folder, t->name, parent, leaf, 0));
}

static int
file_put(struct store *s, const char *name, const void *p, size_t n,
    unsigned flags, struct err *e)
{
	struct folder *f = folder_of(s);
	SCOPED(scope_close) int root = -1, tmp = -1, parent = -1;
	SCOPED(temporary_drop) struct temporary t = { .name = "" };

	if ((root = folder_root(f, e)) < 0)
		return (-1);
	tmp = folder_part(f, root, TEMPORARY_FOLDER, name, true, e);
	if (tmp < 0 || (parent = folder_parent(f, root, name, true, e)) < 0)
		return (-1);
	t.folder = tmp;
	if (temporary_write(f, &t, name, p, n, e) < 0)
		return (-1);
	sweep(f, &t);
	if (place(&t, parent, folder_leaf(name), flags) < 0)
		return (folder_failed(f, "store", name, e));
	return (folder_sync(f, parent, name, e));
}

/* --- the other calls ----------------------------------------------------- */

/* One folder, and never those above it: if they are missing, it is the disk
 * that is. */
static int
file_prepare(struct store *s, struct err *e)
{
	struct folder *f = folder_of(s);
	SCOPED(scope_close) int root = -1;

	file_step("mkdir");
	if (mkdir(f->path, FOLDER_MODE) == 0)
		return (file_sync_parent(f->path, e));
	if (errno == ENOENT) {
		err_errno(e, "the folder above %s is missing", f->path);
		return (err_hint(e, "mount it, or make it"));
	}
	if (errno != EEXIST) {
		err_errno(e, "make endpoint folder %s", f->path);
		return (-1);
	}
	root = folder_root(f, e); /* it may not be a folder */
	return (root < 0 ? -1 : 0);
}

/* A disk that can't read its own bytes has lost them: EIO is damage. */
static int
file_get(struct store *s, const char *name, uint64_t off, void *p, size_t n,
    struct err *e)
{
	const struct folder *f = folder_of(s);
	SCOPED(scope_close) int parent = -1, fd = -1;
	uint64_t bytes;
	ssize_t got;

	if (folder_find(f, name, &parent, &bytes, e) < 0)
		return (-1);
	if (off > bytes || n > bytes - off)
		return (err_set(e, ERR_CORRUPT,
		    "%s/%s has only %llu bytes, not %zu from %llu", f->path,
		    name, (unsigned long long)bytes, n,
		    (unsigned long long)off));
	fd = openat(parent, folder_leaf(name),
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return (folder_failed(f, "open", name, e));
	if ((got = file_read_at(fd, off, p, n, e)) < 0) {
		if (e->sys == EIO)
			e->kind = ERR_CORRUPT;
		return (folder_failed_within(f, name, e));
	}
	if ((size_t)got < n)
		return (err_set(e, ERR_CORRUPT, "%s/%s ended while it was read",
		    f->path, name));
	return (0);
}

static int
file_object_stat(
    struct store *s, const char *name, uint64_t *bytes, struct err *e)
{
	SCOPED(scope_close) int parent = -1;

	return (folder_find(folder_of(s), name, &parent, bytes, e));
}

static int
file_drop(struct store *s, const char *name, struct err *e)
{
	const struct folder *f = folder_of(s);
	SCOPED(scope_close) int root = folder_root(f, e), parent = -1;

	if (root < 0)
		return (-1);
	if ((parent = folder_parent(f, root, name, false, e)) < 0) {
		if (e->kind != ERR_MISSING)
			return (-1);
		err_clear(e);
		return (0);
	}
	file_step("remove");
	if (unlinkat(parent, folder_leaf(name), 0) < 0 && errno != ENOENT)
		return (folder_failed(f, "remove", name, e));
	return (folder_sync(f, parent, name, e));
}

/* --- listing ------------------------------------------------------------- */

struct listing {
	const struct folder *f;
	int root;
	struct buf todo; /* folders to read, "packs/aa/", each with its NUL */
	int (*each)(const struct store_entry *entry, void *arg, struct err *e);
	void *arg;
};

/*
 * One entry of a folder: a folder is read later, a plain file is handed out.
 * What can't be an object (temporaries, lost+found, links) is passed over, and
 * so is what went away meanwhile.
 */
static int
list_entry(struct listing *l, int fd, const char *folder, const char *leaf,
    struct err *e)
{
	struct store_entry entry = { .is_hidden = false };
	struct stat st;
	int n = snprintf(entry.name, sizeof(entry.name), "%s%s", folder, leaf);

	if (n < 0 || (size_t)n >= sizeof(entry.name) ||
	    !store_name_is_good(entry.name))
		return (0);
	if (fstatat(fd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (errno == ENOENT
			? 0
			: folder_failed(l->f, "look at", entry.name, e));
	if (S_ISDIR(st.st_mode)) {
		buf_add(&l->todo, entry.name, (size_t)n);
		buf_add(&l->todo, "/", sizeof("/"));
	}
	if (!S_ISREG(st.st_mode))
		return (0);
	entry.bytes = (uint64_t)st.st_size;
	entry.modified = st.st_mtime;
	return (l->each(&entry, l->arg, e));
}

static int
list_folder(struct listing *l, const char *name, struct err *e)
{
	SCOPED(close_folder) DIR *folder = NULL;
	const char *leaf;
	int fd, rc;

	if ((fd = folder_parent(l->f, l->root, name, false, e)) < 0) {
		if (e->kind != ERR_MISSING)
			return (-1);
		err_clear(e);
		return (0);
	}
	if ((folder = fdopendir(fd)) == NULL) {
		close(fd);
		return (folder_failed(l->f, "read", name, e));
	}
	while ((leaf = next_name(folder)) != NULL)
		if ((rc = list_entry(l, fd, name, leaf, e)) != 0)
			return (rc);
	return (errno == 0 ? 0 : folder_failed(l->f, "read", name, e));
}

static void
listing_end(struct listing *l)
{
	scope_close(&l->root);
	buf_free(&l->todo);
}

static int
file_list(struct store *s, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	SCOPED(listing_end)
	struct listing l = { .f = folder_of(s), .each = each, .arg = arg };
	char name[STORE_NAME_MAX + 1];
	size_t n;
	int rc;

	if ((l.root = folder_root(l.f, e)) < 0)
		return (-1);
	buf_add(&l.todo, prefix, strlen(prefix) + 1);
	for (size_t at = 0; at < l.todo.n; at += n) {
		n = strlen((const char *)l.todo.p + at) + 1;
		memcpy(name, l.todo.p + at, n); /* todo may move */
		if ((rc = list_folder(&l, name, e)) != 0)
			return (rc);
	}
	return (0);
}

/* --- making -------------------------------------------------------------- */

static void
file_free(struct store *s)
{
	struct folder *f = folder_of(s);

	pace_free(f->pace);
	free(f->path);
	free(f->store.name);
	free(f);
}

static const struct store_ops FILE_OPS = {
	.scheme = "file",
	.parallel = 1,
	.prepare = file_prepare,
	.put = file_put,
	.get = file_get,
	.stat = file_object_stat,
	.list = file_list,
	.drop = file_drop,
	.free = file_free,
};

struct store *
store_file_new(const struct store_conf *conf, const char *path, struct err *e)
{
	struct folder *f;
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	if (path[0] != '/' || n == 0) {
		err_set(e, ERR_CONFIG,
		    "an endpoint's folder is an absolute path, and not '/'");
		return (NULL);
	}
	f = mem_new(sizeof(*f));
	f->store = (struct store){ .ops = &FILE_OPS,
		.name = mem_string(conf->name) };
	f->path = mem_printf("%.*s", (int)n, path);
	f->pace = pace_new(conf->upload_limit);
	return (&f->store);
}
