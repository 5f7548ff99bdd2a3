#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Local state is a cache: whatever of it is lost, and whenever, the next command
# goes on by itself, no backup that was acknowledged is gone, and no number of
# the chains is taken twice.
. "$(dirname "$0")/../lib/scenario.sh"

plain_branch
init_repository
backup
first=$id
plain_change one
backup
exits 0 "two backups"
second=$id
must "$TRIPLICATE" -c "$CONF" restore latest --to-dir "$T/back"
ok "a restore leaves its folder in the state" test -d "$T/state/restores"
keep_all

known() { # the ids that list gives, in order
	json '[.backups[].id] | join(" ")'
}

# Two entries of one epoch and number would be a fork of the chain.
no_fork() {
	is "$(numbers_taken_twice)" "" "$1: no number is taken twice"
}

same_everywhere() {
	tri sync
	exits 0 "$1: sync"
	ok "$1: fra holds what ams holds" diff <(object_sums ams) <(object_sums fra)
	ok "$1: waw holds what ams holds" diff <(object_sums ams) <(object_sums waw)
}

goes_on() { # goes_on WHAT FIRST-COMMAND…: after a loss
	local what=$1
	shift
	trij "$@"
	exits 0 "$what: ${1}"
	trij list
	is "$(known)" "$second $first" "$what: both backups are known"
	rm -rf "$T/back"
	tri restore latest --to-dir "$T/back"
	exits 0 "$what: restore"
	is "$(file_sums "$T/back/filestore")" "$(file_sums "$T/files")" \
		"$what: of the right files"
	plain_change two
	backup
	exits 0 "$what: the next backup needs no other step"
	trij list
	is "$(known)" "$id $second $first" "$what: and is the newest of three"
	same_everywhere "$what"
	tri verify --depth data
	exits 0 "$what: all is whole"
	no_fork "$what"
}

first_try=list
for part in . db db/data.mdb db/lock.mdb db/clean spool spool/packs lock restores \
	cache; do
	[ -e "$T.kept/state/$part" ] || {
		fail "there is a state/$part to lose" "$(ls -R "$T.kept/state")"
		continue
	}
	put_back
	rm -rf "$T/state/$part" 2>/dev/null
	[ "$part" != . ] || rm -rf "$T/state"
	what="state/$part"
	case $first_try in
	list) goes_on "$what" list && first_try=verify ;;
	verify) goes_on "$what" verify && first_try=status ;;
	status) goes_on "$what" status && first_try=init ;;
	*) goes_on "$what" init && first_try=list ;;
	esac
done

# --- what says so ------------------------------------------------------------
put_back
rm -rf "$T/state"
tri backup
exits 0 "a backup is the first command after the loss"
like "$err" "local state was gone; it was rebuilt from the endpoints: 2 backups" \
	"it says what it did"
like "$err" "goes on as writer 2" "and that it writes under a new number"
tri backup
unlike "$err" "rebuilt|goes on" "once"

# --- no endpoint answers -----------------------------------------------------
put_back
rm -rf "$T/state"
for endpoint in $ENDPOINTS; do mv "$T/$endpoint" "$T/$endpoint.away"; done
trij list
exits 1 "state gone and no endpoint there: list"
json_is .error.kind network "of what kind"
like "$err$(json .error.message)" "can't be rebuilt now.*(fra|ams|waw)" "says what is the matter"
like "$err$(json .error.hint)" "by itself" "and what comes next"
ok "and leaves no half state" test ! -e "$T/state/db"
for endpoint in $ENDPOINTS; do mv "$T/$endpoint.away" "$T/$endpoint"; done
tri list
exits 0 "the next command goes on when they are back"

# --- a key that is not ours, or gone -----------------------------------------
put_back
rm -rf "$T/state"
mv "$T/agent.key" "$T/agent.away"
tri list
exits 4 "state and agent key gone: no repository is here"
like "$err" "recover" "recover brings both back"

# --- another machine's turn --------------------------------------------------
# The newest writer is not this machine: reading goes on, writing does not.
put_back
mkdir "$T/second"
sed "s|$T/state|$T/second/state|;s|$T/agent.key|$T/second/agent.key|" "$CONF" \
	>"$T/second/from.conf"
must "$TRIPLICATE" -c "$T/second/from.conf" recover --from ams --from fra --from waw \
	--key "$T/restore.key" --state "$T/second/state" \
	-o "$T/second/triplicate.conf" --take-over
rm -rf "$T/state"
tri list
exits 0 "another machine took over, then state is lost: list"
tri backup
exits 8 "but it does not make itself the writer again"
like "$err" "may be another machine" "and says why"
like "$err" "recover --take-over" "and what would"
tri recover --take-over
exits 0 "as an operator may"
tri backup
exits 0 "and then it writes"
tap_done
