/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before everything when clang-tidy and cppcheck look at a file, and
 * never otherwise: they see one file at a time, and cannot know that what
 * records a failure always answers -1.
 */
#ifndef TESTS_LINT_TIDY_H
#define TESTS_LINT_TIDY_H

#include "base/conf.h"
#include "base/err.h"

#define err_set(...)	(err_set(__VA_ARGS__), -1)
#define err_errno(...)	(err_errno(__VA_ARGS__), -1)
#define err_within(...) (err_within(__VA_ARGS__), -1)
#define err_hint(...)	(err_hint(__VA_ARGS__), -1)
#define conf_bad(...)	(conf_bad(__VA_ARGS__), -1)

#endif
