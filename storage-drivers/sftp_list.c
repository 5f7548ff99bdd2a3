/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders of the server come in, objects go out. A folder takes four round
 * trips (open, names, no more names, close), so several are looked at at a
 * time, each on a session of its own.
 */
#include "storage-drivers/sftp.h"

#include <string.h>

#include "storage-drivers/walk.h"

/* One name of a folder: an object, or a folder to look at later. */
static void
take_name(struct walk_found *found, const char *folder, const char *leaf,
    const LIBSSH2_SFTP_ATTRIBUTES *a)
{
	struct store_entry entry = { .bytes = a->filesize,
		.modified = STORE_NO_TIME };
	int n = snprintf(entry.name, sizeof(entry.name), "%s%s", folder, leaf);

	if (n < 0 || (size_t)n >= sizeof(entry.name) ||
	    !store_name_is_good(entry.name))
		return; /* not ours, or temporary: it has a '~' */
	if (LIBSSH2_SFTP_S_ISDIR(a->permissions)) {
		walk_add_folder(found, entry.name);
		return;
	}
	if (!LIBSSH2_SFTP_S_ISREG(a->permissions) ||
	    (a->flags & LIBSSH2_SFTP_ATTR_SIZE) == 0)
		return;
	if ((a->flags & LIBSSH2_SFTP_ATTR_ACMODTIME) != 0)
		entry.modified = (int64_t)a->mtime;
	walk_add_object(found, &entry);
}

static int
read_names(struct sftp_call *c, LIBSSH2_SFTP_HANDLE *h, const char *folder,
    struct walk_found *found, struct err *e)
{
	LIBSSH2_SFTP_ATTRIBUTES a;
	char leaf[STORE_NAME_MAX + 1];
	int n;

	for (;;) {
		n = libssh2_sftp_readdir_ex(
		    h, leaf, sizeof(leaf) - 1, NULL, 0, &a);
		if (n == LIBSSH2_ERROR_EAGAIN) {
			if (sftp_wait(c->on, e) < 0)
				return (-1);
			continue;
		}
		if (n == LIBSSH2_ERROR_BUFFER_TOO_SMALL)
			continue; /* longer than any name of ours */
		if (n < 0)
			return (sftp_failed(c->on, n, "list", e));
		if (n == 0)
			return (0);
		leaf[n] = '\0';
		take_name(found, folder, leaf, &a);
	}
}

static int
list_folder(struct sftp_call *c, const char *folder, struct walk_found *found,
    struct err *e)
{
	SCOPED(scope_free) char *path = sftp_path(c->s, folder);
	LIBSSH2_SFTP_HANDLE *h;
	size_t n = strlen(path);

	if (path[n - 1] == '/')
		path[n - 1] = '\0';
	h = sftp_open(c, path, 0, 0, LIBSSH2_SFTP_OPENDIR, e);
	if (h != NULL)
		return (
		    sftp_close(c, h, read_names(c, h, folder, found, e), e));
	if (e->kind != ERR_MISSING)
		return (-1);
	err_clear(e);
	return (sftp_find_root(c, e));
}

static int
look(struct store *store, const char *folder, struct walk_found *found,
    struct err *e)
{
	struct sftp_call c;

	if (sftp_begin(store, &c, e) < 0)
		return (-1);
	return (sftp_end(&c, list_folder(&c, folder, found, e), e));
}

int
sftp_list(struct store *store, const char *prefix,
    int (*each)(const struct store_entry *entry, void *arg, struct err *e),
    void *arg, struct err *e)
{
	const struct walk w = {
		.store = store, .look = look, .each = each, .arg = arg
	};

	return (walk_folders(&w, prefix, e));
}
