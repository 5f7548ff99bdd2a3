/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an endpoint's settings to its store, and who writes there.
 */
#ifndef REPOSITORY_ENDPOINT_H
#define REPOSITORY_ENDPOINT_H

#include "repository/config_object.h"
#include "repository/settings.h"
#include "storage-drivers/store.h"

/* Fails: as store_open. */
struct store *endpoint_open_store(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e) MUST_USE;

/* Are its objects locked (object-lock)? */
bool endpoint_locks(const struct endpoint_settings *conf);

/* Is there a login of its own for deleting? */
bool endpoint_has_deleter(const struct endpoint_settings *conf);
/* The same with the login for deleting where there is one. For retention/. */
struct store *endpoint_open_deleter(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e) MUST_USE;
/* As the first, but what is put is not locked: for probes, which shall go. */
struct store *endpoint_open_unlocked(const struct endpoint_settings *conf,
    uint64_t give_up_after_s, struct err *e) MUST_USE;

/*
 * Before anything is put back where config is missing or damaged: does what is
 * left of it name another repository?
 * Fails: ERR_KEY when it does, or the endpoint's error.
 */
int endpoint_check_owner(
    struct store *s, const struct keys *k, struct err *e) MUST_USE;

/* Reads a writer's record and checks it; where versions are kept, also one that
 * was overwritten or deleted. Fails: as object_load_or_first. */
int endpoint_read_writer(struct store *s, const struct keys *k,
    const char *name, struct writer *out, struct err *e) MUST_USE;
/*
 * The writer with the highest epoch of those listed at an endpoint; epoch 0
 * when there is none. Its record is read and checked; one that cannot be read
 * still counts by its name (host "unknown").
 * Fails: the endpoint's errors.
 */
int endpoint_newest_writer(struct store *s, const struct keys *k,
    struct writer *out, struct err *e) MUST_USE;
/* The same of those alone that our keys signed: a name proves nothing. */
int endpoint_newest_signed_writer(struct store *s, const struct keys *k,
    struct writer *out, struct err *e) MUST_USE;

#endif
