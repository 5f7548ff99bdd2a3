/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A real server that the environment names as a configuration would: REMOTE_URL
 * and REMOTE_ with the setting's name (the secret key itself is in
 * REMOTE_SECRET_KEY, or in the file REMOTE_SECRET_KEY_FILE).
 */
#ifndef TESTS_DRIVERS_REMOTE_H
#define TESTS_DRIVERS_REMOTE_H

#include "storage-drivers/store.h"

/* The value of REMOTE_ and name; NULL when it is empty or not set. */
const char *remote_setting(const char *name);

/* The endpoint that the environment says, but at this URL. */
struct store_conf remote_conf(const char *url);

/* Opens it; the running test fails when that does. */
struct store *remote_open(const struct store_conf *conf);

#endif
