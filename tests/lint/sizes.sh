#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# No function over 120 lines, no file over 800, the license in the first line.
# In our style a brace in the first column opens and closes a function.
set -u
cd "$(dirname "$0")/../.." || exit 2

files=()
for file in {base,storage-drivers,repository,retention,restore,backupd,cli}/*.[ch] \
	tests/{unit,drivers,fuzz,services,tools}/*.[ch]; do
	[ -e "$file" ] && files+=("$file")
done
[ ${#files[@]} = 0 ] && exit 0

awk '
function complain(at, what) { print at ": " what; bad = 1 }
function end_of_file() {
	if (lines > 800)
		complain(name, lines " lines; a file has at most 800")
}
FNR == 1 {
	if (name != "")
		end_of_file()
	name = FILENAME
	opened = 0
	if ($0 != "/* SPDX-License-Identifier: BSD-2-Clause */")
		complain(FILENAME ":1", "the first line is the license line")
}
{ lines = FNR }
/^[a-z_A-Z].*\(/ && !/;[ \t]*$/ { title = $0 }
/^\{/ { opened = FNR }
/^\}/ {
	if (opened && FNR - opened > 120)
		complain(FILENAME ":" opened, FNR - opened \
		    " lines; a function has at most 120: " title)
	opened = 0
}
END { end_of_file(); exit bad }
' "${files[@]}"
