/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells people: mail and webhooks when something went wrong or is well again,
 * a digest, and the heartbeat that a dead man's switch waits for. In a thread
 * of its own; a recipient that is away is tried again, and never holds up a
 * job.
 */
#ifndef BACKUPD_NOTIFY_H
#define BACKUPD_NOTIFY_H

#include "backupd/current.h"
#include "base/json.h"

struct notify;

/* What is known of recipients and open troubles is kept in state_folder/notify.
 * Owned: notify_stop. */
struct notify *notify_start(
    struct current *current, const char *state_folder, struct err *e) MUST_USE;
/* Sends what is ready within 5 s, keeps the rest for the next start. */
void notify_stop(struct notify *n);
/* A job ended: job is as jobs_json gives it, and stays the caller's. */
void notify_job(struct notify *n, const struct json *job);
/* The verdict as `triplicate status --json` gives it (the whole document), and
 * what a digest needs: `list`'s document. Called each minute or so. */
void notify_status(
    struct notify *n, const struct json *status, const struct json *backups);
/* Sends a test to every recipient now, and waits (30 s at most). The answer is
 * {"notify":{"recipients":[{"to","ok","error"}]}}. */
struct json *notify_test(struct notify *n);

#endif
