/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTML and SVG out of shapes: what a shape says stands as it is, what is put in
 * is escaped, so that no name ever becomes a tag.
 */
#ifndef RETENTION_HTML_H
#define RETENTION_HTML_H

#include "base/buf.h"

/* Appends the shape with each '$' replaced by the next text, escaped: as many
 * texts as there are '$'. */
void html_put(struct buf *out, const char *shape, ...);
/* One text, escaped: for attributes between double quotes, too. */
void html_text(struct buf *out, const char *text);

#endif
