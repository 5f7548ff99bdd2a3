#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs all tests with the coverage build and prints, for each source file, the
# share of its lines that ran; the least covered first.
set -u
cd "$(dirname "$0")/.." || exit 2
find build/cover -name '*.gcda' -delete 2>/dev/null
tests/run-check.sh cover
status=$?
echo
find build/cover -name '*.gcda' -not -path '*/tests/*' -print0 |
	xargs -0 -r gcov --no-output --relative-only 2>/dev/null |
	awk '/^File / { gsub("\x27", "", $2); file = $2 }
		/^Lines executed:/ && file !~ /^\// && file ~ /\.c$/ {
			split($2, part, /[:%]/)
			printf "%6.1f %% of %4d  %s\n", part[2], $4, file
			lines += $4
			ran += $4 * part[2] / 100
			file = "/"
		}
		END {
			if (lines)
				printf "%6.1f %% of %d lines in all\n", ran / lines * 100, lines
		}' | sort -n
exit $status
