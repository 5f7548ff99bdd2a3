/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders for tests.
 */
#include "tests/unit/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/scope.h"

char *
place_new(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no test changes it */
	const char *above = getenv("TMPDIR");
	char *folder = mem_printf("%s/triplicate-test-XXXXXX",
	    above != NULL && *above != '\0' ? above : "/tmp");

	assert_non_null(mkdtemp(folder));
	return (folder);
}
