/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dates flow in and out by endpoint and object.
 *
 *   lock = endpoint:u8 number:u64 (big-endian) -> until:i64
 */
#include "repository/state_locks.h"

#include "repository/state_impl.h"

#define LOCK_KEY (1 + NUMBER_KEY)

static void
make_key(uint8_t endpoint, uint64_t number, uint8_t key[LOCK_KEY])
{
	key[0] = endpoint;
	state_number_key(number, key + 1);
}

int
state_set_lock(struct state *s, uint64_t number, uint8_t endpoint,
    int64_t until, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = state_begin(s, e);
	SCOPED(buf_free) struct buf value = BUF_INIT;
	uint8_t key[LOCK_KEY];

	make_key(endpoint, number, key);
	buf_add_i64(&value, until);
	if (t == NULL ||
	    state_db_put(t, DB_LOCKS, key, sizeof(key), value.p, value.n, e) <
		0)
		return (-1);
	return (state_commit(&t, e));
}

int
state_get_lock(struct state *s, uint64_t number, uint8_t endpoint,
    int64_t *until, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	uint8_t key[LOCK_KEY];
	struct bytes value;
	bool found;

	make_key(endpoint, number, key);
	*until = 0;
	if (state_read(s, &t, e) < 0 ||
	    state_db_get(&t, DB_LOCKS, key, sizeof(key), &value, &found, e) < 0)
		return (-1);
	if (!found)
		return (0);
	*until = bytes_i64(&value);
	return (bytes_done(&value) ? 0 : state_damaged(e, "a lock's date"));
}
