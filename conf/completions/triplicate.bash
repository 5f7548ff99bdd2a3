# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Completion of triplicate's commands, options and names for bash. Installed as
# share/bash-completion/completions/triplicate; or: . conf/completions/triplicate.bash
# Names of branches and endpoints come from the configuration that the words so
# far mean; ids of backups from `triplicate list`, which reads local state only.

_triplicate_commands='init backup list show diff find restore verify audit sync
prune pin unpin storage status doctor recover neutralize key version'

# Options of a command, or the global ones.
_triplicate_options() {
	case $1 in
	backup) echo --type --comment --reread --stdin ;;
	show) echo --files --tables ;;
	restore) echo --to --to-dir --only --table --dry-run --yes --confirm --force ;;
	verify) echo --depth --endpoint --repair ;;
	audit) echo --format -o ;;
	prune) echo --dry-run --force --at ;;
	pin) echo --comment ;;
	find) echo --branch ;;
	status | neutralize) echo --check ;;
	recover)
		echo --from --key --passphrase-file --state -o --take-over \
			--user --password-file --identity --known-hosts --ca-file
		;;
	key) echo --passphrase-file --force ;;
	esac
	echo -c --config --json -q -v --progress --help -h
	[ -n "$1" ] || echo --version
}

# Does this option take a value?
_triplicate_takes_value() {
	case $1 in
	-c | --config | --progress | --format | --type | --comment | --stdin | --to | \
		--to-dir | --only | --table | --depth | --endpoint | --confirm | \
		--branch | --at | \
		--from | --key | --passphrase-file | --state | -o | --user | \
		--password-file | --identity | --known-hosts | --ca-file) return 0 ;;
	esac
	return 1
}

# The configuration that the program would read.
_triplicate_conf() {
	local conf=$1
	# ~ is not expanded yet in a word that is being typed
	[ "${conf#\~/}" = "$conf" ] || conf=$HOME/${conf#\~/}
	[ -n "$conf" ] || conf=${TRIPLICATE_CONF:-}
	[ -n "$conf" ] || { [ -r triplicate.conf ] && conf=triplicate.conf; }
	echo "${conf:-/etc/triplicate/triplicate.conf}"
}

# Names of the sections of a kind: branch, endpoint.
_triplicate_names() { # KIND CONF
	[ -r "$2" ] || return 0
	sed -n "s/^[[:blank:]]*\[[[:blank:]]*$1[[:blank:]]\{1,\}\([A-Za-z0-9._-]*\)[[:blank:]]*\].*/\1/p" "$2"
}

_triplicate_backups() { # PROGRAM CONF
	echo latest
	[ -r "$2" ] || return 0
	"$1" -c "$2" -q list 2>/dev/null </dev/null |
		sed -n 's/^\([0-9]\{8\}T[0-9]\{6\}Z-[0-9a-f]\{8\}\) .*/\1/p'
}

_triplicate_words() { # CURRENT WORDS
	local word
	COMPREPLY=()
	while IFS= read -r word; do
		COMPREPLY+=("$word")
	done < <(compgen -W "$2" -- "$1")
}

_triplicate_files() { # f for files, d for folders; CURRENT
	local word
	COMPREPLY=()
	while IFS= read -r word; do
		COMPREPLY+=("$word")
	done < <(compgen -"$1" -- "$2")
	compopt -o filenames 2>/dev/null
	return 0
}

# The value of an option.
_triplicate_value() { # OPTION CURRENT CONF
	case $1 in
	--to | --confirm | --branch) _triplicate_words "$2" "$(_triplicate_names branch "$3")" ;;
	--endpoint) _triplicate_words "$2" "$(_triplicate_names endpoint "$3")" ;;
	--from)
		_triplicate_words "$2" "$(_triplicate_names endpoint "$3")"
		[ ${#COMPREPLY[@]} -gt 0 ] || _triplicate_files f "$2"
		;;
	--depth) _triplicate_words "$2" 'presence hash data' ;;
	--progress) _triplicate_words "$2" 'text json none' ;;
	--type) _triplicate_words "$2" 'manual daily update' ;;
	--only)
		local done=
		# compgen -W would run what stands in $( )
		[ -z "${2//[a-z,]/}" ] || return 0
		[ "${2%,*}" = "$2" ] || done=${2%,*},
		_triplicate_words "$2" "${done}database ${done}filestore ${done}logs"
		;;
	--to-dir | --state) _triplicate_files d "$2" ;;
	-c | --config | -o | --key | --*-file | --identity | --known-hosts)
		_triplicate_files f "$2"
		;;
	esac
}

# An operand: the Nth of the command, from 0.
_triplicate_operand() { # COMMAND N CURRENT CONF PROGRAM
	case $1 in
	'') _triplicate_words "$3" "$_triplicate_commands" ;;
	backup | list | neutralize)
		[ "$2" -gt 0 ] ||
			_triplicate_words "$3" "$(_triplicate_names branch "$4")"
		;;
	show | restore | pin | unpin)
		[ "$2" -gt 0 ] ||
			_triplicate_words "$3" "$(_triplicate_backups "$5" "$4")"
		;;
	diff)
		[ "$2" -gt 1 ] ||
			_triplicate_words "$3" "$(_triplicate_backups "$5" "$4")"
		;;
	verify) _triplicate_words "$3" "$(_triplicate_backups "$5" "$4")" ;;
	sync) _triplicate_words "$3" "$(_triplicate_names endpoint "$4")" ;;
	recover) _triplicate_files f "$3" ;;
	key)
		[ "$2" -gt 0 ] ||
			_triplicate_words "$3" 'show kit add-passphrase remove'
		;;
	esac
}

# bash makes three words of --option=VALUE: option, =, VALUE.
_triplicate() {
	local current=${COMP_WORDS[COMP_CWORD]} command='' conf='' word i
	local waiting='' operands=0
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ -n "$waiting" ]; then
			[ "$word" = = ] && continue
			case $waiting in -c | --config) conf=$word ;; esac
			waiting=
		elif _triplicate_takes_value "$word"; then
			waiting=$word
		elif [ "${word#-}" != "$word" ]; then
			:
		elif [ -z "$command" ]; then
			command=$word
		else
			operands=$((operands + 1))
		fi
	done
	[ "$current" != = ] || current=
	conf=$(_triplicate_conf "$conf")
	if [ -n "$waiting" ]; then
		_triplicate_value "$waiting" "$current" "$conf"
	elif [ "${current#-}" != "$current" ]; then
		_triplicate_words "$current" "$(_triplicate_options "$command")"
	else
		_triplicate_operand "$command" "$operands" "$current" "$conf" \
			"${COMP_WORDS[0]}"
	fi
}

complete -F _triplicate triplicate
