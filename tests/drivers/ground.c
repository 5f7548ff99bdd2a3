/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folders for tests, made and looked at without the driver that is tested.
 * What goes wrong here ends the program: there is nothing to test then.
 */
#include "tests/drivers/ground.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/drivers/suite.h"

static void
end_because(const char *what)
{
	perror(what);
	abort();
}

void *
ground_new(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no test changes it */
	const char *tmp = getenv("TMPDIR");
	struct ground *g = mem_new(sizeof(*g));

	g->top = mem_printf(
	    "%s/triplicate-drivers-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(g->top) == NULL)
		end_because(g->top);
	g->root = file_join(g->top, "endpoint");
	if (mkdir(g->root, 0700) < 0)
		end_because(g->root);
	return (g);
}

struct store *
ground_open_at(const char *path)
{
	const struct store_conf conf = { .name = SUITE_ENDPOINT };
	struct err e = ERR_INIT;
	struct store *s = store_file_new(&conf, path, &e);

	if (s == NULL)
		end_because(e.text);
	return (s);
}

struct store *
ground_open(void *ground)
{
	const struct ground *g = ground;

	return (ground_open_at(g->root));
}

void
ground_free(void *ground)
{
	struct ground *g = ground;
	struct err e = ERR_INIT;

	if (g == NULL)
		return;
	if (file_remove_tree(g->top, &e) < 0)
		(void)fprintf(stderr, "%s\n", e.text);
	free(g->root);
	free(g->top);
	free(g);
}

void
ground_freep(struct ground **ground)
{
	ground_free(*ground);
	*ground = NULL;
}

const char *
ground_path(const struct ground *g, const char *name)
{
	static char paths[2][512];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", g->root, name);
	return (path);
}

void
ground_write(const struct ground *g, const char *name, const char *text)
{
	FILE *to = fopen(ground_path(g, name), "a");

	if (to == NULL || fputs(text, to) < 0 || fclose(to) != 0)
		end_because(name);
}

size_t
ground_count(const struct ground *g, const char *name)
{
	DIR *folder = opendir(ground_path(g, name));
	const struct dirent *entry;
	size_t n = 0;

	if (folder == NULL)
		return (0);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has it */
	while ((entry = readdir(folder)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			n++;
	closedir(folder);
	return (n);
}

bool
ground_has(const struct ground *g, const char *name)
{
	struct stat st;

	return (lstat(ground_path(g, name), &st) == 0);
}

int
ground_in_child(int (*body)(void *arg), void *arg)
{
	int status;
	pid_t child;

	(void)fflush(NULL);
	if ((child = fork()) < 0)
		end_because("fork");
	if (child == 0)
		_exit(body(arg));
	if (waitpid(child, &status, 0) < 0)
		end_because("waitpid");
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}
