/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints of local state: a name and its number, which stands for it in every
 * object's bits, and which of them the configuration names. Changing the
 * configuration rewrites those bits in the same transaction, so that no object
 * is ever neither confirmed nor pending at a configured endpoint.
 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "repository/state_impl.h"

struct table {
	struct state_endpoint at[STATE_ENDPOINTS_MAX];
	bool used[STATE_ENDPOINTS_MAX];
};

static int
decode(struct bytes *b, struct state_endpoint *out, struct err *e)
{
	size_t name_bytes, error_bytes;

	memset(out, 0, sizeof(*out));
	out->configured = bytes_u8(b) != 0;
	out->listed = bytes_i64(b);
	out->reached = bytes_i64(b);
	name_bytes = bytes_u8(b);
	if (name_bytes >= sizeof(out->name))
		return (state_damaged(e, "an endpoint's name"));
	bytes_copy(b, out->name, name_bytes);
	error_bytes = bytes_u8(b);
	if (error_bytes >= sizeof(out->last_error))
		return (state_damaged(e, "an endpoint's error"));
	bytes_copy(b, out->last_error, error_bytes);
	return (bytes_done(b) ? 0 : state_damaged(e, "an endpoint's record"));
}

static int
put(struct state_txn *t, uint8_t number, const struct state_endpoint *in,
    struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	buf_add_u8(&b, in->configured);
	buf_add_i64(&b, in->listed);
	buf_add_i64(&b, in->reached);
	buf_add_u8(&b, (uint8_t)strlen(in->name));
	buf_add_string(&b, in->name);
	buf_add_u8(&b, (uint8_t)strlen(in->last_error));
	buf_add_string(&b, in->last_error);
	return (state_db_put(t, DB_ENDPOINTS, &number, 1, b.p, b.n, e));
}

static int
get(struct state_txn *t, uint8_t number, struct state_endpoint *out,
    bool *found, struct err *e)
{
	struct bytes v;

	if (state_db_get(t, DB_ENDPOINTS, &number, 1, &v, found, e) < 0)
		return (-1);
	return (*found ? decode(&v, out, e) : 0);
}

static int
get_table(struct state_txn *t, struct table *table, struct err *e)
{
	for (uint8_t i = 0; i < STATE_ENDPOINTS_MAX; i++)
		if (get(t, i, &table->at[i], &table->used[i], e) < 0)
			return (-1);
	return (0);
}

int
state_mask(struct state_txn *t, uint32_t *configured, struct err *e)
{
	uint8_t raw[4] = { 0 };
	struct bytes b = bytes_of(raw, sizeof(raw));
	bool found;

	if (state_meta_get(t, "configured", raw, sizeof(raw), &found, e) < 0)
		return (-1);
	*configured = bytes_u32(&b);
	return (0);
}

static int
put_mask(struct state_txn *t, uint32_t configured, struct err *e)
{
	SCOPED(buf_free) struct buf b = BUF_INIT;

	buf_add_u32(&b, configured);
	return (state_meta_put(t, "configured", b.p, b.n, e));
}

/* --- bits of all objects --- */

/*
 * Endpoints that came become pending where they are not confirmed; those that
 * left are pending for nothing; forgotten ones lose every bit.
 */
static int
change_bits(struct state_txn *t, uint32_t came, uint32_t left, uint32_t forgot,
    struct err *e)
{
	uint64_t last;

	if (state_object_highest(t, &last, e) < 0)
		return (-1);
	for (uint64_t number = 1; number <= last; number++) {
		struct state_object was, o;
		bool found;

		if (state_object_get(t, number, &was, &found, e) < 0)
			return (-1);
		if (!found)
			continue;
		o = was;
		o.confirmed &= ~forgot;
		o.damaged &= ~forgot;
		o.missing &= ~forgot;
		o.deleting &= ~forgot;
		o.pending &= ~(left | forgot);
		if (!o.is_going)
			o.pending |= came & ~o.confirmed;
		if (state_object_put(t, &was, &o, e) < 0)
			return (-1);
	}
	return (0);
}

/* --- names to numbers --- */

static int
index_of(const struct table *table, const char *name)
{
	for (int i = 0; i < STATE_ENDPOINTS_MAX; i++)
		if (table->used[i] && strcmp(table->at[i].name, name) == 0)
			return (i);
	return (-1);
}

static bool
is_named(const char *const names[], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (true);
	return (false);
}

/* A free number, or that of a name which is neither asked for nor configured.
 */
static int
free_number(const struct table *table, const char *const names[], size_t n)
{
	for (int i = 0; i < STATE_ENDPOINTS_MAX; i++)
		if (!table->used[i])
			return (i);
	for (int i = 0; i < STATE_ENDPOINTS_MAX; i++)
		if (!table->at[i].configured &&
		    !is_named(names, n, table->at[i].name))
			return (i);
	return (-1);
}

static int
add_names(struct table *table, const char *const names[], size_t n,
    uint32_t *forgot, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int number;

		if (strlen(names[i]) >= sizeof(table->at[0].name))
			return (err_set(e, ERR_CONFIG,
			    "endpoint %s: the name is longer than %zu",
			    names[i], sizeof(table->at[0].name) - 1));
		if (index_of(table, names[i]) >= 0)
			continue;
		if ((number = free_number(table, names, n)) < 0)
			return (err_set(e, ERR_CONFIG, "too many endpoints"));
		if (table->used[number])
			*forgot |= (uint32_t)1 << number;
		memset(&table->at[number], 0, sizeof(table->at[number]));
		table->used[number] = true;
		memcpy(table->at[number].name, names[i], strlen(names[i]) + 1);
	}
	return (0);
}

static uint32_t
mask_of(const struct table *table, const char *const names[], size_t n,
    uint8_t numbers[])
{
	uint32_t mask = 0;

	for (size_t i = 0; i < n; i++) {
		numbers[i] = (uint8_t)index_of(table, names[i]);
		mask |= (uint32_t)1 << numbers[i];
	}
	return (mask);
}

static bool
all_known(const struct table *table, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (index_of(table, names[i]) < 0)
			return (false);
	return (true);
}

/* Is there nothing to write? */
static int
is_settled(struct state *s, const char *const names[], size_t n, bool settle,
    uint8_t numbers[], bool *settled, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	struct table table;
	uint32_t mask;

	*settled = false;
	if (state_read(s, &t, e) < 0 || get_table(&t, &table, e) < 0 ||
	    state_mask(&t, &mask, e) < 0)
		return (-1);
	if (!all_known(&table, names, n))
		return (0);
	*settled = mask_of(&table, names, n, numbers) == mask || !settle;
	return (0);
}

static int
put_table(
    struct state_txn *t, struct table *table, uint32_t mask, struct err *e)
{
	for (uint8_t i = 0; i < STATE_ENDPOINTS_MAX; i++) {
		if (!table->used[i])
			continue;
		table->at[i].configured = (mask & (uint32_t)1 << i) != 0;
		if (put(t, i, &table->at[i], e) < 0)
			return (-1);
	}
	return (put_mask(t, mask, e));
}

int
state_configure(struct state *s, const char *const names[], size_t n,
    bool settle, uint8_t numbers[], struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct table table;
	uint32_t was, mask, forgot = 0;
	bool settled;

	if (is_settled(s, names, n, settle, numbers, &settled, e) < 0)
		return (-1);
	if (settled)
		return (0);
	if ((t = state_begin(s, e)) == NULL || get_table(t, &table, e) < 0 ||
	    state_mask(t, &was, e) < 0 ||
	    add_names(&table, names, n, &forgot, e) < 0)
		return (-1);
	mask = mask_of(&table, names, n, numbers);
	if (!settle)
		mask = was;
	if (((was ^ mask) | forgot) != 0 &&
	    change_bits(t, mask & ~was, was & ~mask, forgot, e) < 0)
		return (-1);
	if (put_table(t, &table, mask, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

int
state_configured(struct state *s, uint32_t *mask, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;

	if (state_read(s, &t, e) < 0)
		return (-1);
	return (state_mask(&t, mask, e));
}

/* --- what is noted of them --- */

int
state_get_endpoint(
    struct state *s, uint8_t number, struct state_endpoint *out, struct err *e)
{
	SCOPED(state_read_end) struct state_txn t = STATE_TXN_INIT;
	bool found;

	if (state_read(s, &t, e) < 0 || get(&t, number, out, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_MISSING,
		    "local state: no endpoint with number %u", number));
	return (0);
}

int
state_note_endpoint(
    struct state *s, uint8_t number, const char *text, struct err *e)
{
	SCOPED(state_abortp) struct state_txn *t = NULL;
	struct state_endpoint at;
	size_t n = strlen(text);
	bool found;

	if ((t = state_begin(s, e)) == NULL ||
	    get(t, number, &at, &found, e) < 0)
		return (-1);
	if (!found)
		return (err_set(e, ERR_MISSING,
		    "local state: no endpoint with number %u", number));
	if (n == 0)
		at.reached = clock_now();
	if (n >= sizeof(at.last_error))
		n = sizeof(at.last_error) - 1;
	memcpy(at.last_error, text, n);
	at.last_error[n] = '\0';
	text_mend_end(at.last_error);
	if (put(t, number, &at, e) < 0)
		return (-1);
	return (state_commit(&t, e));
}

int
state_endpoint_listed(
    struct state_txn *t, uint8_t number, int64_t when, struct err *e)
{
	struct state_endpoint at;
	bool found;

	if (get(t, number, &at, &found, e) < 0)
		return (-1);
	if (!found)
		return (state_damaged(e, "an endpoint is gone"));
	at.listed = at.reached = when;
	return (put(t, number, &at, e));
}
