/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit as plain text, for a terminal or a mail.
 */
#ifndef RETENTION_AUDIT_TEXT_H
#define RETENTION_AUDIT_TEXT_H

#include "retention/audit_facts.h"

/* Appended to out. */
void audit_text(const struct audit_facts *f, struct buf *out);

#endif
