/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of state*.c share: the environment, its databases, and the
 * few calls through which all of them read and write. lmdb.h is included here
 * and nowhere else. Keys are bytes in memcmp order, numbers in them
 * big-endian; values are little-endian and decoded with a cursor that notices
 * damage.
 */
#ifndef REPOSITORY_STATE_IMPL_H
#define REPOSITORY_STATE_IMPL_H

#include <lmdb.h>
#include <pthread.h>

#include "repository/state.h"

enum state_db {
	DB_META,	/* text -> value, see state.c */
	DB_ENDPOINTS,	/* number:u8 -> record */
	DB_NAMES,	/* object name -> number */
	DB_OBJECTS,	/* number -> record */
	DB_PENDING,	/* endpoint:u8 class:u8 number -> "" */
	DB_BODIES,	/* number -> object bytes (root, audit, manifest) */
	DB_CHUNKS,	/* chunk name -> its copies (sorted duplicates) */
	DB_PACKS,	/* number -> index number, slots */
	DB_DIRECTORIES, /* number -> directory, while no index has it */
	DB_INDEXES,	/* index number -> its packs' numbers */
	DB_MANIFESTS,	/* backup id -> number */
	DB_CLOSURES,	/* manifest number -> index numbers and bitmaps */
	DB_AUDIT,	/* epoch:u32 seq:u64 hash[8] -> number */
	DB_MARKS,	/* backup id -> newest marks */
	DB_FILES,	/* identity[16] -> what the caller remembers */
	DB_LOCKS,	/* endpoint:u8 number -> until when it is locked */
	DB_CONDEMNED,	/* number -> since when nobody needs it, or it goes */
	DB_DELETING,	/* endpoint:u8 class:u8 number -> "" */
	DB_CLAIMS,	/* job:u64 number -> "" */
	DB_RECEIVED,	/* manifest's number -> when an endpoint had it:i64 */
	DB_REPLACED,	/* pack's sha256[32] -> index number */
	DB_COVERS,	/* index number -> ids of backups */
	DB_COUNT
};

#define NUMBER_KEY  8
#define PENDING_KEY 10

struct state {
	char *folder;
	MDB_env *env;
	MDB_dbi dbi[DB_COUNT];
	/* Transactions hold it shared; the map is resized while it is held
	 * exclusively, that is with none open in this process. */
	pthread_rwlock_t map;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t changes; /* guarded by lock */
	uint32_t senders; /* guarded by lock; endpoints that are sent to */
	int held;	  /* db/clean, shared with all who have it open */
};

struct state_txn {
	struct state *s;
	MDB_txn *txn;
	bool changed; /* wake those who wait, once it is committed */
};
#define STATE_TXN_INIT                                                         \
	{                                                                      \
		.s = NULL                                                      \
	}

extern const char *const state_db_names[DB_COUNT];

/* Tests: the same with a first map of their own size. */
struct state *state_open_sized(const char *folder, const struct repo_id *repo,
    size_t map_bytes, struct err *e) MUST_USE;

/* --- is the database sound? (state_check.c) --- */

/*
 * Before the environment is opened: looks through it when it is not as the
 * last process left it. *held is given back with state_check_leave, after the
 * environment was closed. Fails: ERR_CORRUPT.
 */
int state_check_enter(
    const char *folder, size_t map_bytes, int *held, struct err *e) MUST_USE;
void state_check_leave(const char *folder, int held);
/* Walks through all of it. On a damaged one it may end the process. */
int state_check_entries(struct state *s, struct err *e) MUST_USE;
/* Opens, walks through, closes; in the process that may come to harm. */
int state_try(const char *folder, size_t map_bytes, struct err *e) MUST_USE;
/* An entry was bad: the next process to open it looks through all of it. */
void state_note_damage(void);

/* mdb_txn_begin with the map held shared; it stays held when that works. */
int state_txn_open(
    struct state *s, unsigned flags, MDB_txn **out, struct err *e) MUST_USE;
/* A short read transaction on the stack; state_read_end is its releaser. */
int state_read(struct state *s, struct state_txn *t, struct err *e) MUST_USE;
void state_read_end(struct state_txn *t);

/* The one place where LMDB's answers become ours. Returns -1. */
int state_fail(struct err *e, int rc, const char *what);
/* The same for what writes: names the folder, and knows a full disk. */
int state_fail_write(
    const struct state *s, struct err *e, int rc, const char *what);
/* A value that cannot be ours. Returns -1. */
int state_damaged(struct err *e, const char *what);

/* Values point into the map: valid until the next write or the end of t. */
int state_db_get(struct state_txn *t, enum state_db db, const void *key,
    size_t key_bytes, struct bytes *value, bool *found, struct err *e) MUST_USE;
int state_db_put(struct state_txn *t, enum state_db db, const void *key,
    size_t key_bytes, const void *p, size_t n, struct err *e) MUST_USE;
/* A missing key is success. */
int state_db_drop(struct state_txn *t, enum state_db db, const void *key,
    size_t key_bytes, struct err *e) MUST_USE;
/* A walk over entries by key, also over many short transactions. */
struct state_walk {
	enum state_db db;
	struct buf key;	  /* where it stands; empty: before the first */
	struct buf value; /* of the entry found last */
};
void state_walk_free(struct state_walk *w);
/* The next entry after w->key, copied out. */
int state_db_next(struct state_txn *t, struct state_walk *w, bool *found,
    struct err *e) MUST_USE;

void state_number_key(uint64_t number, uint8_t key[NUMBER_KEY]);
uint64_t state_key_number(const uint8_t key[NUMBER_KEY]);

/* Meta values by name; *found false leaves out as it is. */
int state_meta_get(struct state_txn *t, const char *name, void *out, size_t n,
    bool *found, struct err *e) MUST_USE;
int state_meta_put(struct state_txn *t, const char *name, const void *p,
    size_t n, struct err *e) MUST_USE;
int state_mask(
    struct state_txn *t, uint32_t *configured, struct err *e) MUST_USE;

/* --- objects (state_objects.c) --- */

int state_object_highest(
    struct state_txn *t, uint64_t *number, struct err *e) MUST_USE;
int state_object_get(struct state_txn *t, uint64_t number,
    struct state_object *o, bool *found, struct err *e) MUST_USE;
/* The same; one that is gone is damage. */
int state_object_must(struct state_txn *t, uint64_t number,
    struct state_object *o, struct err *e) MUST_USE;
int state_object_find(struct state_txn *t, const char *name,
    struct state_object *o, bool *found, struct err *e) MUST_USE;
/*
 * Writes a record and what follows from it: the pending keys and the spool's
 * totals. was is NULL for a new object, which gets its number here.
 */
int state_object_put(struct state_txn *t, const struct state_object *was,
    struct state_object *o, struct err *e) MUST_USE;
/* A new object, pending at all configured endpoints, or the known one. */
int state_object_add(struct state_txn *t, const char *name,
    enum state_class class, struct state_object *o, bool *known,
    struct err *e) MUST_USE;
/* One that keeps its bytes here. */
int state_object_add_body(struct state_txn *t, const char *name,
    enum state_class class, const struct buf *body, struct state_object *o,
    bool *known, struct err *e) MUST_USE;
/* Is it one of those with a file in the spool? NULL is not. */
bool state_object_has_file(const struct state_object *o);
void state_pending_key(
    uint8_t endpoint, uint8_t class, uint64_t number, uint8_t key[PENDING_KEY]);
/* Are its bytes anywhere that counts? */
bool state_object_lives(const struct state_object *o, uint32_t configured);

int state_endpoint_listed(
    struct state_txn *t, uint8_t number, int64_t when, struct err *e) MUST_USE;

/* state_closure.c: sets the bits of all index objects and packs that a manifest
 * needs. *is_whole becomes false when an index object of it was never read. */
struct number_bits;
int state_closure_mark(struct state_txn *t, uint64_t manifest,
    struct number_bits *into, bool *is_whole, struct err *e) MUST_USE;
/* state_sweep.c: since when an object is condemned, or goes; 0 neither. */
int state_get_since(struct state_txn *t, uint64_t number, int64_t *since,
    struct err *e) MUST_USE;
int state_put_since(struct state_txn *t, uint64_t number, int64_t since,
    struct err *e) MUST_USE;
/* state_chunks.c: a copy as it stands under a chunk's name. */
struct state_copy;
int state_copy_decode(const struct name *name, struct bytes *b,
    struct state_copy *c, struct err *e) MUST_USE;
/* state_chunks.c: the index object that describes a pack, 0 none. */
int state_index_of(struct state_txn *t, uint64_t pack, uint64_t *index,
    struct err *e) MUST_USE;

/* state_replaced.c: the index object whose packs stand for a pack, as far as a
 * backup goes (NULL: any), 0 none. */
int state_replacement(struct state_txn *t, const struct state_object *pack,
    const char *backup, uint64_t *index, struct err *e) MUST_USE;

struct audit_entry;
/* state_marks.c: what a new audit entry says of backups. */
int state_apply_marks(
    struct state_txn *t, const struct audit_entry *a, struct err *e) MUST_USE;

/* Which endpoints senders work for (spool.c). */
void state_set_sender(struct state *s, uint8_t endpoint, bool works);
uint32_t state_senders(struct state *s);

#endif
