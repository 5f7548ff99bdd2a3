/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A merge of two sorted lists. What is in the database's alone is missing, what
 * is in the folder's alone is an orphan, what is in both is compared. A
 * store_fname that isn't of the filestore's form (an add-on keeps files in an
 * object store) and has no file is none of ours.
 */
#include "backupd/proof.h"

#include <stdlib.h>
#include <string.h>

#include "backupd/judge.h"

#define PAGE_SQL      "FETCH 5000 FROM triplicate_files"
#define CLOSE_SQL     "CLOSE triplicate_files"
#define LOOK_AGAIN    1000 /* names a query */
#define LOCK_WAIT_SQL "SET lock_timeout = '5s'"
#define HASH_HEX      40

enum column { COLUMN_PATH, COLUMN_LEAST, COLUMN_MOST };

bool
proof_is_hash_path(const char *path)
{
	size_t n = strspn(path, "0123456789abcdef");

	if ((n != 2 && n != 3) || path[n] != '/')
		return (false);
	path += n + 1;
	return (strspn(path, "0123456789abcdef") == HASH_HEX &&
	    path[HASH_HEX] == '\0');
}

static void
add_table(const struct proof *p, struct buf *sql)
{
	pg_add_qualified(sql, p->schema, "ir_attachment");
}

static int
read_sum(struct proof *p, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;
	SCOPED(scope_free) char *sum = NULL;

	buf_add_string(&sql,
	    "SELECT coalesce(sum(f.size), 0)::int8 FROM"
	    " (SELECT max(file_size) AS size FROM ");
	add_table(p, &sql);
	buf_add_string(
	    &sql, " WHERE store_fname IS NOT NULL GROUP BY store_fname) f");
	if ((sum = pg_value(p->c, buf_text(&sql), 0, NULL, e)) == NULL)
		return (-1);
	p->bytes = strtoull(sum, NULL, 10);
	return (0);
}

int
proof_open(PGconn *c, const struct odoo *odoo, struct proof *out, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT;

	*out = (struct proof){ .c = NULL };
	if (!odoo->has_attachments)
		return (0);
	out->c = c;
	out->schema = mem_string(odoo->schema);
	out->mismatches = json_array();
	out->orphans = json_array();
	out->links = json_array();
	buf_add_string(&sql,
	    "DECLARE triplicate_files NO SCROLL CURSOR WITH HOLD FOR"
	    " SELECT store_fname::text, min(file_size), max(file_size) FROM ");
	add_table(out, &sql);
	buf_add_string(&sql,
	    " WHERE store_fname IS NOT NULL GROUP BY store_fname"
	    " ORDER BY store_fname::text COLLATE \"C\"");
	if (read_sum(out, e) < 0 || pg_exec(c, e, "%s", buf_text(&sql)) < 0)
		return (err_within(e, "list the attachments"));
	return (0);
}

void
proof_free(struct proof *p)
{
	pg_clearp(&p->page);
	free(p->schema);
	free(p->list);
	json_freep(&p->mismatches);
	json_freep(&p->orphans);
	json_freep(&p->links);
	*p = (struct proof){ .c = NULL };
}

/* The list's next name, in place; NULL at its end. */
static int
peek(struct proof *p, const char **path, struct err *e)
{
	if (!p->has_ended &&
	    (p->page == NULL || p->row == PQntuples(p->page))) {
		pg_clearp(&p->page);
		p->row = 0;
		if ((p->page = pg_query(p->c, PAGE_SQL, 0, NULL, e)) == NULL)
			return (err_within(e, "read the list of attachments"));
		p->has_ended = PQntuples(p->page) == 0;
	}
	*path = p->has_ended ? NULL : PQgetvalue(p->page, p->row, COLUMN_PATH);
	return (0);
}

static int64_t
size_at(const struct proof *p, int column)
{
	return (PQgetisnull(p->page, p->row, column)
		? -1
		: strtoll(PQgetvalue(p->page, p->row, column), NULL, 10));
}

/* The name that peek gave has no file. */
static void
note_missing(struct proof *p, const char *path)
{
	struct proof_missing *one;

	if (size_at(p, COLUMN_MOST) > 0)
		p->missing_bytes += (uint64_t)size_at(p, COLUMN_MOST);
	if (!proof_is_hash_path(path)) {
		p->external++;
		return;
	}
	p->referenced++;
	if (p->missing++ >= PROOF_LIST_MAX)
		return;
	if (p->list == NULL)
		p->list = mem_array(PROOF_LIST_MAX, sizeof(*p->list));
	one = &p->list[p->n++];
	(void)snprintf(one->path, sizeof(one->path), "%s", path);
	one->size = size_at(p, COLUMN_MOST);
}

static void
note_present(struct proof *p, const char *path, uint64_t size, const char *sha1)
{
	int64_t least = size_at(p, COLUMN_LEAST),
		most = size_at(p, COLUMN_MOST);
	struct json *one;

	p->referenced++;
	p->present++;
	if (sha1 == NULL && (least < 0 || (uint64_t)least == size) &&
	    (most < 0 || (uint64_t)most == size))
		return;
	if (p->mismatched++ >= PROOF_LIST_MAX)
		return;
	one = json_object();
	json_set_string(one, "path", path);
	if (sha1 == NULL && proof_is_hash_path(path))
		sha1 = strchr(path, '/') + 1; /* only the size is wrong */
	json_set_string(one, "sha1", sha1);
	json_set_integer(one, "size", (int64_t)size);
	json_set_integer(one, "expected", most);
	json_append(p->mismatches, one);
}

int
proof_see(struct proof *p, const char *path, uint64_t size, const char *sha1,
    struct err *e)
{
	const char *named = NULL;
	int order;

	if (p->c == NULL)
		return (0);
	for (;;) {
		if (peek(p, &named, e) < 0)
			return (-1);
		order = named == NULL ? 1 : strcmp(named, path);
		if (order > 0)
			break;
		if (order == 0)
			note_present(p, path, size, sha1);
		else
			note_missing(p, named);
		p->row++;
		if (order == 0)
			return (0);
	}
	p->orphaned_bytes += size;
	if (p->orphaned++ < PROOF_LIST_MAX)
		json_append_string(p->orphans, path);
	return (0);
}

void
proof_note_link(struct proof *p, const char *path)
{
	if (p->c == NULL || (strlen(path) > 3 && !proof_is_hash_path(path)))
		return;
	if (json_count(p->links) < PROOF_LIST_MAX)
		json_append_string(p->links, path);
	else
		p->links_cut = true;
}

bool
proof_is_linked(const struct proof *p, const char *path)
{
	const char *link;
	size_t i, n;

	for (i = 0; i < json_count(p->links); i++) {
		link = json_text(json_at(p->links, i));
		n = strlen(link);
		if (strncmp(path, link, n) == 0 &&
		    (path[n] == '\0' || path[n] == '/'))
			return (true);
	}
	return (p->links_cut);
}

uint64_t
proof_bytes_there(const struct proof *p)
{
	uint64_t all = p->bytes + p->orphaned_bytes;

	if (p->c == NULL)
		return (0);
	return (all > p->missing_bytes ? all - p->missing_bytes : 0);
}

static int
by_path(const void *a, const void *b)
{
	const struct proof_missing *left = a, *right = b;

	return (strcmp(left->path, right->path));
}

/* Marks those of n missing ones as deleted that the live table names no more.
 */
static int
look_again(struct proof *p, size_t first, size_t n, struct err *e)
{
	SCOPED(buf_free) struct buf sql = BUF_INIT, names = BUF_INIT;
	SCOPED(pg_clearp) PGresult *r = NULL;
	struct proof_missing key = { .size = -1 }, *found;
	const char *params[1];

	for (size_t i = first; i < first + n; i++) {
		p->list[i].is_deleted = true;
		buf_printf(
		    &names, "%c%s", i == first ? '{' : ',', p->list[i].path);
	}
	buf_add_string(&names, "}");
	params[0] = buf_text(&names);
	buf_add_string(&sql, "SELECT DISTINCT store_fname::text FROM ");
	add_table(p, &sql);
	buf_add_string(&sql, " WHERE store_fname = ANY ($1::text[])");
	if ((r = pg_query(p->c, buf_text(&sql), 1, params, e)) == NULL)
		return (-1);
	for (int i = 0; i < PQntuples(r); i++) {
		(void)snprintf(
		    key.path, sizeof(key.path), "%s", PQgetvalue(r, i, 0));
		found = bsearch(&key, p->list, p->n, sizeof(*p->list), by_path);
		if (found != NULL)
			found->is_deleted = false;
	}
	return (0);
}

/*
 * The tables are not held any more: an upgrade may hold ir_attachment now, for
 * as long as it likes, or may have taken it away. That is no reason to wait,
 * nor to lose a backup; only a connection that is gone is.
 */
static int
look_all_again(struct proof *p, struct err *e)
{
	size_t n;
	int rc = p->n > 0 ? pg_exec(p->c, e, LOCK_WAIT_SQL) : 0;

	for (size_t i = 0; rc == 0 && i < p->n; i += n) {
		n = p->n - i < LOOK_AGAIN ? p->n - i : LOOK_AGAIN;
		rc = look_again(p, i, n, e);
	}
	if (rc == 0)
		return (0);
	if (e->kind == ERR_STOPPED || PQstatus(p->c) != CONNECTION_OK)
		return (err_within(e, "look for missing attachments"));
	for (size_t i = 0; i < p->n; i++)
		p->list[i].is_deleted = false;
	p->unasked = *e;
	err_clear(e);
	return (0);
}

int
proof_end(struct proof *p, struct err *e)
{
	const char *named = NULL;

	if (p->c == NULL)
		return (0);
	for (;;) {
		if (peek(p, &named, e) < 0)
			return (-1);
		if (named == NULL)
			break;
		note_missing(p, named);
		p->row++;
	}
	pg_clearp(&p->page);
	if (pg_exec(p->c, e, CLOSE_SQL) < 0)
		return (err_within(e, "end the list of attachments"));
	if (look_all_again(p, e) < 0)
		return (-1);
	for (size_t i = 0; i < p->n; i++)
		p->deleted += p->list[i].is_deleted;
	return (0);
}

uint64_t
proof_count_new(struct proof *p, const struct previous *previous)
{
	uint64_t known = 0, lost = p->missing - p->deleted;
	bool is_listed = previous->is_there && previous->has_list;

	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].is_deleted)
			continue;
		p->list[i].is_known = is_listed
		    ? previous_lacked(previous, p->list[i].path)
		    : !previous->is_there;
		known += p->list[i].is_known;
	}
	if (!is_listed)
		known = previous->missing;
	return (
	    judge_new_missing(previous->is_there, p->referenced, lost, known));
}

struct json *
proof_facts(const struct proof *p)
{
	struct json *j, *missing, *one;

	if (p->c == NULL)
		return (json_null());
	j = json_object();
	missing = json_array();
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].is_found)
			continue;
		one = json_object();
		json_set_string(one, "path", p->list[i].path);
		if (p->list[i].size >= 0)
			json_set_integer(one, "size", p->list[i].size);
		else
			json_set_null(one, "size");
		json_set_bool(one, "known", p->list[i].is_known);
		json_set_bool(one, "deleted", p->list[i].is_deleted);
		json_append(missing, one);
	}
	json_set(j, "missing", missing);
	json_set(j, "mismatched", json_ref(p->mismatches));
	json_set(j, "orphans", json_ref(p->orphans));
	json_set_integer(j, "missing_count", (int64_t)(p->missing - p->found));
	json_set_integer(j, "mismatched_count", (int64_t)p->mismatched);
	json_set_integer(j, "orphans_count", (int64_t)p->orphaned);
	return (j);
}

struct json *
proof_counts(const struct proof *p)
{
	struct json *j;

	if (p->c == NULL)
		return (json_null());
	j = json_object();
	json_set_integer(j, "referenced", (int64_t)p->referenced);
	json_set_integer(j, "present", (int64_t)(p->present + p->found));
	json_set_integer(j, "missing", (int64_t)(p->missing - p->found));
	json_set_integer(j, "mismatched", (int64_t)p->mismatched);
	json_set_integer(j, "orphaned", (int64_t)p->orphaned);
	return (j);
}
