/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys flow in, answers flow out. An open-addressed table in a mapped file
 * without a name, never more than half full; it is copied into one of twice
 * the size when it would be. Zero marks an empty place, so the key zero is
 * kept as one.
 */
#include "restore/keyset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"

#define PLACES_FIRST ((uint64_t)1 << 12)
#define PLACES_MOST  ((uint64_t)1 << 36)

struct keyset {
	char *folder;
	uint64_t *table; /* mapped */
	uint64_t places; /* a power of two */
	uint64_t count;
};

int
scratch_open(const char *folder, struct err *e)
{
	SCOPED(scope_free) char *path = NULL;
	SCOPED(scope_close) int fd = -1;
	char id[17];
	int out;

	random_hex(id, 8);
	path = mem_printf("%s/.scratch-%s", folder, id);
	fd = file_create(path, O_RDWR | O_CREAT | O_EXCL, 0600, e);
	if (fd < 0 || file_remove(path, e) < 0)
		return (-1);
	out = fd;
	fd = -1;
	return (out);
}

void *
scratch_map(const char *folder, size_t bytes, struct err *e)
{
	SCOPED(scope_close) int fd = scratch_open(folder, e);
	void *p;

	if (fd < 0)
		return (NULL);
	/* Room is taken now: a full disk must be an error here, not a signal
	 * when a page is written. */
	if ((errno = posix_fallocate(fd, 0, (off_t)bytes)) != 0) {
		(void)err_errno(e, "a table of %zu bytes in %s", bytes, folder);
		return (NULL);
	}
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		(void)err_errno(e, "map a table of %zu bytes", bytes);
		return (NULL);
	}
	return (p);
}

static uint64_t *
map_table(const char *folder, uint64_t places, struct err *e)
{
	return (scratch_map(folder, (size_t)(places * sizeof(uint64_t)), e));
}

struct keyset *
keyset_new(const char *folder, struct err *e)
{
	SCOPED(keyset_freep) struct keyset *k = mem_new(sizeof(*k));

	k->folder = mem_string(folder);
	k->places = PLACES_FIRST;
	if ((k->table = map_table(folder, k->places, e)) == NULL)
		return (NULL);
	return (TAKE(k));
}

void
keyset_free(struct keyset *k)
{
	if (k == NULL)
		return;
	if (k->table != NULL)
		(void)munmap(k->table, (size_t)(k->places * sizeof(uint64_t)));
	free(k->folder);
	free(k);
}

void
keyset_freep(struct keyset **k)
{
	keyset_free(*k);
}

/* The place where key is, or where it would go. Keys are hashes already. */
static uint64_t
place_of(const uint64_t *table, uint64_t places, uint64_t key)
{
	uint64_t at = key & (places - 1);

	while (table[at] != 0 && table[at] != key)
		at = (at + 1) & (places - 1);
	return (at);
}

static int
grow(struct keyset *k, struct err *e)
{
	uint64_t places = k->places * 2, i;
	uint64_t *table;

	if (places > PLACES_MOST)
		return (err_set(e, ERR_CORRUPT, "more than 2^35 names"));
	if ((table = map_table(k->folder, places, e)) == NULL)
		return (-1);
	for (i = 0; i < k->places; i++)
		if (k->table[i] != 0)
			table[place_of(table, places, k->table[i])] =
			    k->table[i];
	(void)munmap(k->table, (size_t)(k->places * sizeof(uint64_t)));
	k->table = table;
	k->places = places;
	return (0);
}

int
keyset_add(struct keyset *k, uint64_t key, bool *was_new, struct err *e)
{
	uint64_t at;

	if (key == 0)
		key = 1;
	at = place_of(k->table, k->places, key);
	*was_new = k->table[at] == 0;
	if (!*was_new)
		return (0);
	if (k->count * 2 >= k->places) {
		if (grow(k, e) < 0)
			return (-1);
		at = place_of(k->table, k->places, key);
	}
	k->table[at] = key;
	k->count++;
	return (0);
}

bool
keyset_has(const struct keyset *k, uint64_t key)
{
	if (key == 0)
		key = 1;
	return (k->table[place_of(k->table, k->places, key)] != 0);
}

uint64_t
keyset_count(const struct keyset *k)
{
	return (k->count);
}

uint64_t
keyset_key(const void *p, size_t n)
{
	uint8_t sha[HASH_SHA256];
	uint64_t key;

	hash_of(HASH_IS_SHA256, p, n, sha);
	memcpy(&key, sha, sizeof(key));
	return (key);
}
