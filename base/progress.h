/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long work tells how far it is. The worker only adds; a printer thread of
 * the command line (or the daemon's page) looks at it when it likes.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress;

#define PROGRESS_PHASE 48 /* bytes of a phase's name, with its NUL */

struct progress_view {
	char phase[PROGRESS_PHASE]; /* "tables", "attachments", … */
	uint64_t done;	/* of total, in the phase's unit (bytes where known) */
	uint64_t total; /* 0: not known */
	uint64_t bytes; /* read or fetched since the start */
	uint64_t phase_bytes; /* of them, since the phase began */
	uint64_t items;	      /* files or tables finished */
	uint64_t ms;	      /* since the phase began */
	char note[160];	      /* endpoint lag and the like, or "" */
};

struct progress *progress_new(void);
void progress_free(struct progress *p);
/* All of these are thread-safe and accept NULL. */
/* A phase begins; it is also the stage "phase NAME" (base/stage.h). */
void progress_phase(struct progress *p, const char *phase, uint64_t total);
void progress_total(struct progress *p, uint64_t total);
/* There is more to do than was known, or (below 0) less. A total that is not
 * known stays so. */
void progress_grow(struct progress *p, int64_t by);
void progress_add(
    struct progress *p, uint64_t done, uint64_t bytes, uint64_t items);
void progress_note(struct progress *p, const char *note);
void progress_look(struct progress *p, struct progress_view *out);
/* How a phase was when it ended, each once, oldest first; false when there is
 * none. Of those that nobody asked for only the last few are kept. */
bool progress_next_ended(struct progress *p, struct progress_view *out);

#endif
