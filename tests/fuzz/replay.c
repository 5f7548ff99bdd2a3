/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main of a fuzz target in an ordinary build: gives it every file of its
 * corpus, tests/fuzz/corpus/NAME (NAME as in fuzz_NAME), and an empty input, so
 * that what fuzzing once found stays found. Speaks TAP: one point a file.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Gives the target one file, in memory of exactly its size, so that a read of
 * one byte too many is seen. */
static int
replay_file(const char *path)
{
	uint8_t *whole = malloc(INPUT_MAX), *exact = NULL;
	FILE *f = fopen(path, "rb");
	size_t n = 0;
	int bad = -1;

	if (whole != NULL && f != NULL) {
		n = fread(whole, 1, INPUT_MAX, f);
		exact = malloc(n > 0 ? n : 1);
		bad = ferror(f) ? -1 : 0;
	}
	if (bad == 0 && exact != NULL) {
		memcpy(exact, whole, n);
		(void)LLVMFuzzerTestOneInput(exact, n);
	}
	if (f != NULL)
		(void)fclose(f);
	free(exact);
	free(whole);
	return (bad);
}

static unsigned
replay_folder(const char *folder)
{
	struct dirent **entries = NULL;
	char path[4096 + 256];
	unsigned points = 0;
	int n = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] != '.') {
			(void)snprintf(
			    path, sizeof(path), "%s/%s", folder, name);
			printf("%sok %u - %s\n",
			    replay_file(path) < 0 ? "not " : "", ++points,
			    name);
		}
		free(entries[i]);
	}
	free(entries);
	return (points);
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	char folder[4096];
	unsigned points;

	name = name == NULL ? argv[0] : name + 1;
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	(void)snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", name);
	points = replay_folder(argc > 1 ? argv[1] : folder);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("ok %u - nothing at all\n1..%u\n", points + 1, points + 1);
	return (0);
}
