/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit as a page: one file that needs no other, no script and no network,
 * and that prints on A4.
 */
#ifndef RETENTION_AUDIT_HTML_H
#define RETENTION_AUDIT_HTML_H

#include "retention/audit_facts.h"

/* Appended to out. */
void audit_html(const struct audit_facts *f, struct buf *out);

#endif
