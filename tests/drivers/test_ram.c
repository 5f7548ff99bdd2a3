/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * The reference driver keeps every promise of the storage contract.
 */
#include <stdlib.h>

#include "tests/drivers/suite.h"

static void *
make(void)
{
	return (mem_new(1));
}

static struct store *
open_store(void *ground)
{
	(void)ground;
	return (store_ram_new(SUITE_ENDPOINT));
}

int
main(void)
{
	static const struct suite_subject ram = {
		.what = "ram", .make = make, .open = open_store, .unmake = free
	};

	return (suite_run(&ram) == 0 ? 0 : 1);
}
