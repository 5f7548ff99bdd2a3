/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the conformance suite share. Each part fills in its tests
 * and returns how many they are.
 */
#ifndef TESTS_DRIVERS_SUITE_PARTS_H
#define TESTS_DRIVERS_SUITE_PARTS_H

#include "tests/drivers/suite.h"

#define SUITE_MAX 64

struct CMUnitTest;

/* The state of each test. */
struct suite {
	const struct suite_subject *subject;
	void *ground;
	struct store *s;
};

struct store *suite_store(void **state);

size_t suite_objects(struct CMUnitTest *to);
size_t suite_names(struct CMUnitTest *to);
size_t suite_threads(struct CMUnitTest *to);

#endif
