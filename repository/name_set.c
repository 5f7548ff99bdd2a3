/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing with linear probing; a removal moves later entries of its
 * run back, so there are no tombstones and probing never degrades.
 */
#include "repository/name_set.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 64

static size_t
home_of(const struct name_set *s, const struct name *name, uint8_t kind)
{
	uint64_t h;

	memcpy(&h, name->b, sizeof(h));
	return ((size_t)(h + kind) & (s->cap - 1));
}

static bool
is(const struct name_set_entry *at, const struct name *name, uint8_t kind)
{
	return (at->kind == kind && name_equals(&at->name, name));
}

/* Its place, or the free one where it would go. cap is not 0. */
static size_t
find(const struct name_set *s, const struct name *name, uint8_t kind)
{
	size_t i = home_of(s, name, kind);

	while (s->v[i].kind != 0 && !is(&s->v[i], name, kind))
		i = (i + 1) & (s->cap - 1);
	return (i);
}

static void
grow(struct name_set *s)
{
	struct name_set old = *s;

	s->cap = old.cap == 0 ? CAP_FIRST : old.cap * 2;
	s->v = mem_array(s->cap, sizeof(*s->v));
	for (size_t i = 0; i < old.cap; i++)
		if (old.v[i].kind != 0)
			s->v[find(s, &old.v[i].name, old.v[i].kind)] = old.v[i];
	free(old.v);
}

void
name_set_free(struct name_set *s)
{
	free(s->v);
	*s = (struct name_set)NAME_SET_INIT;
}

bool
name_set_add(struct name_set *s, const struct name *name, uint8_t kind)
{
	size_t i;

	if (2 * (s->n + 1) > s->cap)
		grow(s);
	i = find(s, name, kind);
	if (s->v[i].kind != 0)
		return (false);
	s->v[i].name = *name;
	s->v[i].kind = kind;
	s->n++;
	return (true);
}

bool
name_set_has(const struct name_set *s, const struct name *name, uint8_t kind)
{
	return (s->n > 0 && s->v[find(s, name, kind)].kind != 0);
}

void
name_set_remove(struct name_set *s, const struct name *name, uint8_t kind)
{
	size_t mask = s->cap - 1, hole, i;

	if (s->n == 0 || s->v[hole = find(s, name, kind)].kind == 0)
		return;
	s->n--;
	for (i = (hole + 1) & mask; s->v[i].kind != 0; i = (i + 1) & mask) {
		size_t home = home_of(s, &s->v[i].name, s->v[i].kind);

		/* It may move into the hole when that is not before home. */
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			s->v[hole] = s->v[i];
			hole = i;
		}
	}
	s->v[hole].kind = 0;
}
