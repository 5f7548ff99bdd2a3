/* SPDX-License-Identifier: BSD-2-Clause */
/* The program's own version. */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#define VERSION "0.1.0"

#endif
