/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for us? A thread looks at the server's locks several times a
 * second. A session that waits longer than yield-to-ddl is given way: the guard
 * lets go of ir_attachment; where the snapshot's own locks are in the way, the
 * backup fails and says for whom. At once, and to begin again (ERR_AGAIN), when
 * pg_dump waits behind a session that waits for us.
 */
#ifndef BACKUPD_WATCH_H
#define BACKUPD_WATCH_H

#include "backupd/snapshot.h"

struct watch;

/*
 * Starts watching for s, whose guard is the thread's from now on.
 * Fails: ERR_DATABASE when a third connection can't be had.
 */
struct watch *watch_start(
    struct run *run, struct snapshot *s, struct err *e) MUST_USE;
/* After snapshot_end: the leader may go. Its guard is still watched. */
void watch_snapshot_ended(struct watch *w);
void watch_free(struct watch *w); /* ends the thread; the guard is s's again */
void watch_freep(struct watch **w);

#endif
