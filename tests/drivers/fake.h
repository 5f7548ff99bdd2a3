/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A clock that no one waits for, and an endpoint whose calls fail by script.
 */
#ifndef TESTS_DRIVERS_FAKE_H
#define TESTS_DRIVERS_FAKE_H

#include "storage-drivers/store_impl.h"

#define FAKE_SLEEPS 256
#define FAKE_BEGIN  5000000 /* ms */

/* Sleeping moves it on at once, and is noted. May be used by several threads.
 */
extern const struct store_clock FAKE_CLOCK;

void fake_clock_reset(void);
uint64_t fake_clock_ms(void); /* since the reset */
unsigned fake_clock_sleeps(void);
unsigned fake_clock_slept(unsigned which); /* ms, of the first FAKE_SLEEPS */
void fake_clock_stop_at(unsigned sleep);   /* that one fails: ERR_STOPPED */

/*
 * A store whose every call but prepare answers with the next of these, and then
 * well, doing nothing. entries is what list gives, with any name. Both stay the
 * caller's.
 */
struct fake_answer {
	enum err_kind kind; /* ERR_NONE: well */
	const char *text, *hint;
	unsigned takes_ms; /* of the fake clock */
};
struct fake_script {
	const struct fake_answer *answers;
	size_t n;
	size_t calls; /* out: how many came */
	const struct store_entry *entries;
	size_t n_entries;
};
struct store *fake_store(struct fake_script *script);

#endif
