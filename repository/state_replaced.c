/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packs by their hash, since an endpoint may show the new index object before
 * the old one; backups by their ids, sorted, under the index object's number.
 *
 *   replaced = sha256[32] -> index:u64
 *   covers   = index:u64 (big-endian) -> id[25]*
 */
#include "repository/state_replaced.h"

#include <stdlib.h>
#include <string.h>

#include "repository/state_impl.h"

#define ID_BYTES (BACKUP_ID_TEXT - 1)

static int
by_text(const void *a, const void *b)
{
	return (memcmp(a, b, ID_BYTES));
}

int
state_add_replaced(struct state_txn *t, uint64_t index,
    const struct index_replaced *replaced, struct err *e)
{
	SCOPED(buf_free) struct buf ids = BUF_INIT;
	SCOPED(buf_free) struct buf value = BUF_INIT;
	uint8_t key[NUMBER_KEY];

	for (size_t i = 0; i < replaced->nbackups; i++)
		buf_add(&ids, replaced->backups[i], ID_BYTES);
	if (replaced->nbackups > 0)
		qsort(ids.p, replaced->nbackups, ID_BYTES, by_text);
	state_number_key(index, key);
	if (state_db_put(t, DB_COVERS, key, sizeof(key), ids.p, ids.n, e) < 0)
		return (-1);
	buf_add_u64(&value, index);
	for (size_t i = 0; i < replaced->npacks; i++)
		if (state_db_put(t, DB_REPLACED, replaced->packs[i].b,
			sizeof(replaced->packs[i].b), value.p, value.n, e) < 0)
			return (-1);
	return (0);
}

/* Is the backup one of those that the index object's packs stand in for? */
static int
covers(struct state_txn *t, uint64_t index, const char *backup, bool *it_does,
    struct err *e)
{
	uint8_t key[NUMBER_KEY];
	struct bytes ids;

	state_number_key(index, key);
	if (state_db_get(t, DB_COVERS, key, sizeof(key), &ids, it_does, e) < 0)
		return (-1);
	*it_does = *it_does && strlen(backup) == ID_BYTES && ids.n > 0 &&
	    bsearch(backup, ids.p, ids.n / ID_BYTES, ID_BYTES, by_text) != NULL;
	return (0);
}

int
state_replacement(struct state_txn *t, const struct state_object *pack,
    const char *backup, uint64_t *index, struct err *e)
{
	struct bytes v;
	bool found;

	*index = 0;
	if (state_db_get(t, DB_REPLACED, pack->sha.b, sizeof(pack->sha.b), &v,
		&found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	*index = bytes_u64(&v);
	if (!bytes_done(&v))
		return (state_damaged(e, "a pack that was replaced"));
	if (backup == NULL)
		return (0);
	if (covers(t, *index, backup, &found, e) < 0)
		return (-1);
	if (!found)
		*index = 0;
	return (0);
}
