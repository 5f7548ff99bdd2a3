/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * argv flows in, options and operands flow out; nothing of their meaning is
 * known here. What is not known is refused with the nearest known name.
 */
#include "cli/args.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct args_option *
find(const struct args_option *known, const char *word, size_t n)
{
	for (; known->name != NULL; known++)
		if (strlen(known->name) == n &&
		    strncmp(known->name, word, n) == 0)
			return (known);
	return (NULL);
}

static int
unknown(const struct args_option *known, const char *word, struct err *e)
{
	const char *nearest = NULL;
	size_t least = 4;

	for (; known->name != NULL; known++) {
		size_t d = text_distance(word, known->name);

		if (d < least) {
			least = d;
			nearest = known->name;
		}
	}
	(void)err_set(e, ERR_USAGE, "unknown option '%s'", word);
	return (nearest != NULL ? err_hint(e, "did you mean %s?", nearest)
				: err_hint(e, "--help shows what there is"));
}

/* Of an option whose value ends with "…" there may be several. */
static bool
is_repeatable(const struct args_option *option)
{
	static const char mark[] = "…";
	size_t n = strlen(option->value);

	return (n >= sizeof(mark) - 1 &&
	    strcmp(option->value + n - (sizeof(mark) - 1), mark) == 0);
}

/* Which of two values is meant? Nobody but the operator knows. */
static int
check_once(
    const struct args *a, const struct args_option *option, struct err *e)
{
	if (option->value == NULL || is_repeatable(option) ||
	    args_count(a, option->name) == 0)
		return (0);
	return (err_set(
	    e, ERR_USAGE, "%s is given twice: expected it once", option->name));
}

/* Is this word the value that an option lacks, or the next option? */
static bool
is_value(const struct args *a, const char *word)
{
	return (strncmp(word, "--", 2) != 0 ||
	    find(a->known, word, strcspn(word, "=")) == NULL);
}

/* One option word and perhaps its value. Returns how many words it took. */
static int
take_option(struct args *a, int left, char **argv, struct err *e)
{
	const char *word = argv[0], *equals = strchr(word, '=');
	size_t n = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct args_option *option = find(a->known, word, n);
	const char *value = equals != NULL ? equals + 1 : NULL;
	int took = 1;

	if (option == NULL)
		return (unknown(a->known, word, e));
	if (option->value == NULL && value != NULL)
		return (
		    err_set(e, ERR_USAGE, "%s takes no value", option->name));
	if (option->value != NULL && value == NULL) {
		if (left < 2 || !is_value(a, argv[1]))
			return (err_set(e, ERR_USAGE, "%s: expected %s",
			    option->name, option->value));
		value = argv[1];
		took = 2;
	}
	if (check_once(a, option, e) < 0)
		return (-1);
	a->given[a->ngiven].name = option->name;
	a->given[a->ngiven++].value = value;
	return (took);
}

int
args_parse(struct args *a, int argc, char **argv,
    const struct args_option *known, struct err *e)
{
	bool options_end = false;

	*a = (struct args){ .known = known };
	if (argc > ARGS_MAX)
		return (err_set(e, ERR_USAGE, "more than %d words", ARGS_MAX));
	a->given = mem_array((size_t)argc + 1, sizeof(*a->given));
	a->operands = mem_array((size_t)argc + 1, sizeof(*a->operands));
	for (int i = 0; i < argc;) {
		int took = 1;

		if (!options_end && strcmp(argv[i], "--") == 0)
			options_end = true;
		else if (!options_end && argv[i][0] == '-' &&
		    argv[i][1] != '\0')
			took = take_option(a, argc - i, argv + i, e);
		else
			a->operands[a->noperands++] = argv[i];
		if (took < 0)
			return (-1);
		i += took;
	}
	return (0);
}

void
args_free(struct args *a)
{
	free(a->given);
	free(a->operands);
	*a = (struct args){ .known = NULL };
}

size_t
args_count(const struct args *a, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < a->ngiven; i++)
		n += strcmp(a->given[i].name, name) == 0;
	return (n);
}

const char *
args_nth(const struct args *a, const char *name, size_t nth)
{
	for (size_t i = 0; i < a->ngiven; i++)
		if (strcmp(a->given[i].name, name) == 0 && nth-- == 0)
			return (a->given[i].value);
	return (NULL);
}

bool
args_flag(const struct args *a, const char *name)
{
	return (args_count(a, name) > 0);
}

const char *
args_value(const struct args *a, const char *name)
{
	size_t n = args_count(a, name);

	return (n == 0 ? NULL : args_nth(a, name, n - 1));
}
