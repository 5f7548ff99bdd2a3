/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of settings that are neither numbers nor paths: is this one spelled
 * as it should be? Each is a pure function of its text.
 */
#ifndef REPOSITORY_SETTINGS_VALUE_H
#define REPOSITORY_SETTINGS_VALUE_H

#include <stdbool.h>

/* Is text a value that this key takes, whatever section it is of? If not,
 * *expected says what would be. True for keys that any text will do for. */
bool settings_value_is_good(
    const char *key, const char *text, const char **expected);

bool settings_value_is_keep(const char *text);	     /* 7 daily, 4 weekly */
bool settings_value_is_replaced(const char *text);   /* none, next, 7 days */
bool settings_value_is_drill(const char *text);	     /* no, daily, 7 days … */
bool settings_value_is_web_url(const char *text);    /* https://host/… */
bool settings_value_is_place(const char *text);	     /* HOST:PORT */
bool settings_value_is_addressing(const char *text); /* path, virtual */
bool settings_value_is_lock(const char *text);	     /* yes, no, or a mode */
bool settings_value_is_rate(const char *text);	     /* 20M, 06:00-20:00 5M */
bool settings_value_is_told(const char *text); /* mailto:… and web URLs, "," */

#endif
