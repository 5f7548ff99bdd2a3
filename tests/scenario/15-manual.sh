#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the program says of itself is what its manual, its completion and the
# runbook say: no command, option or setting is missing in one of them, and none
# is made up.
. "$(dirname "$0")/../lib/scenario.sh"
PAGE=$TOP/docs/man/triplicate.1
CONF_PAGE=$TOP/docs/man/triplicate.conf.5
RUNBOOK=$TOP/docs/runbook.md

# --- what the program says ---------------------------------------------------
run "$TRIPLICATE" --help
exits 0 "--help"
commands=$(sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p' <<<"$out")
at_least "$(wc -w <<<"$commands")" 12 "it lists the commands"
# -c and --config, -h and --help …: --help names the rest of them in prose
globals='-c --config --json -q -v --progress -h --help --version'
options_of() { # the option lines are indented, prose is not
	"$TRIPLICATE" "$1" --help | sed -n 's/^  \(-[^ ]*\).*/\1/p' | sort
}

# --- the manual page ---------------------------------------------------------
# section NAME MACRO PAGE: the lines below .SH or .SS NAME, dashes made plain
section() {
	sed 's/\\-/-/g' "$3" | awk -v name="$1" -v macro="$2" '
		$1 == ".SS" || $1 == ".SH" {
			title = $0
			sub(/^\.S[SH] *"?/, "", title)
			word = title
			sub(/[" ].*/, "", word)
			if ($1 == macro) inside = word == name || title == name "\""
			else if ($1 == ".SH") inside = 0
		}
		inside'
}
# Words that stand alone in the tag line after .TP
tags() {
	awk 'tag { print } { tag = /^\.TP/ }' | grep -oE -- '(^|[" ])--?[a-z][a-z-]*' |
		tr -d '" ' | sort -u
}

for command in $commands; do
	text=$(section "$command" .SS "$PAGE")
	isnt "$text" "" "triplicate(1) has $command"
	is "$(tags <<<"$text" | tr '\n' ' ')" "$(options_of "$command" | tr '\n' ' ')" \
		"triplicate(1): $command has these options and no others"
done
is "$(section OPTIONS .SH "$PAGE" | tags | tr '\n' ' ')" \
	"$(tr ' ' '\n' <<<"$globals" | sort | tr '\n' ' ')" \
	"triplicate(1) has the options of all commands"
is "$(section COMMANDS .SH "$PAGE" | sed -n 's/^\.SS "\{0,1\}\([a-z]*\).*/\1/p')" \
	"$commands" "triplicate(1) has no other command"

# --- the configuration's page ------------------------------------------------
# "KIND KEY" of each setting that the reader knows
awk '/^static const struct key [a-z]+_keys/ { kind = $5; sub(/_keys.*/, "", kind) }
	/^};/ { kind = "" }
	kind != "" && /^\t\{ "/ { split($0, part, "\""); print kind, part[2] }' \
	"$TOP/repository/settings_keys.c" | sort >"$T/keys"
sed 's/\\-/-/g' "$CONF_PAGE" | awk '
	/^\.SH/ { kind = "" }
	/^\.SH "SECTION \[/ { kind = $2 == "" ? "" : $3; gsub(/[][" ]/, "", kind) }
	tag && kind != "" {
		sub(/^\.[A-Z]+ /, "")
		n = split($0, word, /[" ,]+/)
		for (i = 1; i <= n; i++) if (word[i] != "") print kind, word[i]
	}
	{ tag = /^\.TP/ }' | sort >"$T/documented"
at_least "$(wc -l <"$T/keys")" 50 "settings_keys.c has its tables"
ok "triplicate.conf(5) has these settings and no others" \
	diff "$T/keys" "$T/documented"

# --- the pages as troff ------------------------------------------------------
for page in "$PAGE" "$CONF_PAGE"; do
	if command -v groff >/dev/null; then
		is "$(groff -man -ww -z -Tutf8 "$page" 2>&1)" "" \
			"groff finds nothing in ${page##*/}"
	else skip "no groff" "groff finds nothing in ${page##*/}"; fi
	if command -v mandoc >/dev/null; then
		is "$(mandoc -T lint "$page" 2>&1)" "" \
			"mandoc finds nothing in ${page##*/}"
	else skip "no mandoc" "mandoc finds nothing in ${page##*/}"; fi
done

# --- completion --------------------------------------------------------------
# complete WORDS…: what is offered for the last word, in a shell of its own
complete_words() {
	bash -c '. "$0" && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) &&
		_triplicate && printf "%s\n" "${COMPREPLY[@]}"' \
		"$TOP/conf/completions/triplicate.bash" "$TRIPLICATE" "$@" | sort
}
is "$(complete_words '')" "$(sort <<<"$commands")" "completion knows the commands"
for command in $commands; do
	is "$(complete_words "$command" - | tr '\n' ' ')" \
		"$({
			options_of "$command"
			tr ' ' '\n' <<<"${globals% --version}"
		} | sort | tr '\n' ' ')" "completion knows the options of $command"
done
cat >"$CONF" <<-E
	[repository]
	state = state
	agent-key = agent.key
	restore-key = restore.key
	[endpoint fra]
	url = file://$T/fra
	[branch notes]
	stage = staging
E
is "$(complete_words -c "$CONF" restore latest --to '')" notes \
	"completion knows the branches of the configuration"
is "$(complete_words --config = "$CONF" sync f)" fra "and its endpoints"
must "$TRIPLICATE" -c "$CONF" init
echo "a line" >"$T/in"
"$TRIPLICATE" -c "$CONF" --json backup notes --stdin line <"$T/in" >"$T/out"
id=$(json .backup.id)
isnt "$id" "" "a backup to complete"
is "$(complete_words -c "$CONF" show 2)" "$id" "and the backups' ids"

# --- the runbook -------------------------------------------------------------
# Each command line of it has a command and options that there are.
grep -E '^ *triplicate ' "$RUNBOOK" | sed 's/^ *//' | sort -u >"$T/lines"
at_least "$(wc -l <"$T/lines")" 10 "the runbook has command lines"
wrong=
while read -r _ first line; do
	known=" $(options_of "$first" 2>/dev/null | tr '\n' ' ') $globals "
	grep -qx -- "$first" <<<"$commands" || wrong+="$first; "
	for word in $line; do
		case $word in
		-*) [ "$known" != "${known/ ${word%%=*} /}" ] || wrong+="$first $word; " ;;
		esac
	done
done <"$T/lines"
is "$wrong" "" "the runbook's command lines are understood"
tap_done
