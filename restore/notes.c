/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys and notes flow in, notes flow out. An open-addressed table in a mapped
 * file without a name, never more than two thirds full; it is copied into one
 * of twice the size when it would be. Keys are hashes already.
 */
#include "restore/notes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "restore/keyset.h"

#define PLACES_FIRST ((uint64_t)1 << 10)
#define PLACES_MOST  ((uint64_t)1 << 32)

static_assert(sizeof(struct note) == 48, "the header says what a note takes");

struct notes {
	char *folder;
	struct note *table; /* mapped */
	uint64_t places;    /* a power of two */
	uint64_t count;
};

static struct note *
map_table(const char *folder, uint64_t places, struct err *e)
{
	return (scratch_map(folder, (size_t)(places * sizeof(struct note)), e));
}

static void
unmap_table(struct note *table, uint64_t places)
{
	if (table != NULL)
		(void)munmap(table, (size_t)(places * sizeof(*table)));
}

struct notes *
notes_new(const char *folder, struct err *e)
{
	SCOPED(notes_freep) struct notes *n = mem_new(sizeof(*n));

	n->folder = mem_string(folder);
	n->places = PLACES_FIRST;
	if ((n->table = map_table(folder, n->places, e)) == NULL)
		return (NULL);
	return (TAKE(n));
}

void
notes_free(struct notes *n)
{
	if (n == NULL)
		return;
	unmap_table(n->table, n->places);
	free(n->folder);
	free(n);
}

void
notes_freep(struct notes **n)
{
	notes_free(*n);
	*n = NULL;
}

/* Where the key's note is, or would go. */
static struct note *
place_of(struct note *table, uint64_t places, const uint8_t key[NAMED_KEY])
{
	uint64_t at;

	memcpy(&at, key, sizeof(at));
	for (at &= places - 1; table[at].is_used != 0 &&
	     memcmp(table[at].key, key, NAMED_KEY) != 0;
	     at = (at + 1) & (places - 1))
		;
	return (&table[at]);
}

static int
grow(struct notes *n, struct err *e)
{
	uint64_t places = n->places * 2;
	struct note *table;

	if (places > PLACES_MOST)
		return (err_set(e, ERR_CORRUPT, "more than 2^31 names"));
	if ((table = map_table(n->folder, places, e)) == NULL)
		return (-1);
	for (uint64_t i = 0; i < n->places; i++)
		if (n->table[i].is_used != 0)
			*place_of(table, places, n->table[i].key) = n->table[i];
	unmap_table(n->table, n->places);
	n->table = table;
	n->places = places;
	return (0);
}

struct note *
notes_add(struct notes *n, const uint8_t key[NAMED_KEY], struct err *e)
{
	struct note *note;

	if ((n->count + 1) * 3 > n->places * 2 && grow(n, e) < 0)
		return (NULL);
	note = place_of(n->table, n->places, key);
	if (note->is_used != 0)
		return (NULL);
	memcpy(note->key, key, NAMED_KEY);
	note->is_used = 1;
	n->count++;
	return (note);
}

struct note *
notes_find(const struct notes *n, const uint8_t key[NAMED_KEY])
{
	struct note *note = place_of(n->table, n->places, key);

	return (note->is_used != 0 ? note : NULL);
}

uint64_t
notes_count(const struct notes *n)
{
	return (n->count);
}
