/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named places in a long job, where a test may want the job to stand still
 * while it changes the world around it. Without the two variables in the
 * environment a stage is a step (base/file.h) and nothing more.
 *   TRIPLICATE_PAUSE_AT=NAME     the stage at which to wait, the first time
 *   TRIPLICATE_PAUSE_FILE=PATH   is made when it is reached; waits until it
 *                                is gone, or the job is told to stop
 */
#ifndef BASE_STAGE_H
#define BASE_STAGE_H

/*
 * Says that the job has come here: name is a constant, "after snapshot".
 * Returns at once unless a test has asked to wait, and then after 5 minutes at
 * the latest. Thread: only the calling thread waits.
 */
void stage_reached(const char *name);

#endif
