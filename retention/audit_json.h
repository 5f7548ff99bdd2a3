/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit as JSON: CLI.md's keys of `audit`, and more beside them.
 */
#ifndef RETENTION_AUDIT_JSON_H
#define RETENTION_AUDIT_JSON_H

#include "base/json.h"
#include "retention/audit_facts.h"

/* What stands under "audit"; the caller's to free. */
struct json *audit_json(const struct audit_facts *f);

#endif
