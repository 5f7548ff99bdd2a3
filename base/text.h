/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that may be anything, made fit for one line of a terminal, a journal
 * or a JSON string.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the well-formed UTF-8 sequence at p takes, of n that are
 * there; 0 when it is not one. */
size_t text_sequence(const uint8_t *p, size_t n);

/* Replaces control characters (C0, DEL, C1) and every byte that is not part of
 * well-formed UTF-8 by '?', in place. */
void text_clean(char *text);

/* Is all of it well-formed UTF-8? */
bool text_is_valid(const char *text);

/*
 * The same without loss, allocated: what text_clean replaces, and what changes
 * the direction of writing, as \n, \t, \r or \xNN a byte, a backslash as two.
 * It is what a shell reads between $' and '.
 */
char *text_escaped(const char *text);

/* Is all of it well-formed UTF-8 without control characters? */
bool text_is_plain(const char *text);

/* Takes an incomplete UTF-8 sequence off the end of a text that was cut. */
void text_mend_end(char *text);

/*
 * Any bytes as valid UTF-8 and back, for names in databases whose text isn't
 * UTF-8. What is valid stays as it is; a byte that belongs to no well-formed
 * sequence becomes U+10FF00 + that byte, and so does each byte of a character
 * from U+10FF80 on, so that no two texts become the same. text_armor's answer
 * is allocated; text_unarmor works in place.
 */
char *text_armor(const char *bytes);
void text_unarmor(char *text);

/* Several lines as one, allocated: line ends and the tabs around them become a
 * space, those at the ends go. */
char *text_one_line(const char *text);

/*
 * How many letters to add, drop, change or swap to get from word a to word b;
 * for "nearest known …". Overlong words are far from everything.
 */
#define TEXT_FAR 1000
size_t text_distance(const char *a, const char *b);

#endif
