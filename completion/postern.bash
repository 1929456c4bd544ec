# SPDX-License-Identifier: Apache-2.0
#
# Completion for bash. Verbs and options come from the command itself, so that they are those of the version
# that is installed; names come from `postern ls`.
#
# bash breaks words at ':' and '=' (COMP_WORDBREAKS), so that system:clock and --access=user come as three. What
# is completed is therefore the text up to the cursor since the last space; and as readline puts the reply in the
# place of the last part only, what stands before that part is taken off again.

_postern_lines()
{
	"${COMP_WORDS[0]}" complete "$@" 2>/dev/null | cut -f 1
}

_postern_reply()
{
	local word=$1 before=${1%"${1##*[:=]}"} i

	mapfile -t COMPREPLY < <(compgen -W "$2" -- "$word")
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$before"}
	done
}

# The values of an option that takes one; false: there are none to choose from. Those of `review` have names of their
# own; that of a baseline or of knowledge is a file.
_postern_values()
{
	case $1 in
	--access) echo user group world ;;
	--format)
		# A flag of `check`.
		[ "${COMP_WORDS[1]}" != check ] || return 1
		echo text json sarif html gcc github
		;;
	--min-severity) echo advice warning error ;;
	--color) echo always never ;;
	--only | --except | --explain) "${COMP_WORDS[0]}" review --rules 2>/dev/null | awk '/^  [A-Z]/ { print $1 }' ;;
	--allow-uid | --server-uid) compgen -u ;;
	--allow-gid | --group) compgen -g ;;
	--to) echo client server both ;;
	--then) echo close reset half-close stall ;;
	--framing) echo lines nul ;;
	--idle | --drain | --deadline | --delay | --interval | --wait) echo 500ms 5s 30s 2m forever ;;
	--bytes-per-uid | --high-water | --low-water | --unread) echo 64K 256K 1M 8M 64M ;;
	--after | --at-byte | --corrupt | --count | --drop | --duplicate | --glue | --half | --random | --rate | --split | --fd) ;;
	--attempts | --backlog | --connections | --connections-per-uid | --jobs | --max | --max-calls) ;;
	--nats | --prefix | --queue | --title | --allow | --creds | --tls-ca | --tls-cert | --tls-key) ;; # or a file
	*) return 1 ;;
	esac
}

# Of a verb that calls, after a line: services, then what the one that is named there has.
_postern_service()
{
	local word option='' words=()

	read -ra word <<<"${2#*"$1"}"
	for word in "${word[@]}"; do
		case $option,$word in
		*,-*) ;;
		--deadline,* | --idle,* | --server-uid,* | --fd,*) ;; # its value
		*) words+=("$word") ;;
		esac
		option=$word
	done
	case $1,${#words[@]} in
	*,0) "${COMP_WORDS[0]}" ls --all --quiet --services 2>/dev/null ;;
	call,1) "${COMP_WORDS[0]}" introspect --methods --deadline 1s "${words[0]}" 2>/dev/null ;;
	introspect,1) "${COMP_WORDS[0]}" introspect --list --deadline 1s "${words[0]}" 2>/dev/null ;;
	esac
}

# Its verbs, the options of one, services to export.
_postern_bridge()
{
	local verb=${COMP_WORDS[2]-}

	if [ "$COMP_CWORD" -eq 2 ]; then
		_postern_lines bridge
	elif [[ $1 == -* ]]; then
		_postern_lines bridge "$verb"
	elif [ "$verb" = export ]; then
		"${COMP_WORDS[0]}" ls --all --quiet --services 2>/dev/null
	fi
}

_postern()
{
	local verb=${COMP_WORDS[1]-} line=${COMP_LINE:0:COMP_POINT} word before i reply

	COMPREPLY=()
	for ((i = 2; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = --exec ] || continue
		word=${COMP_WORDS[COMP_CWORD]}
		if [ "$i" -eq $((COMP_CWORD - 1)) ]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		fi
		return
	done
	word=${line##*[[:space:]]}
	line=${line%"$word"}
	line=${line%"${line##*[![:space:]]}"}
	before=${line##*[[:space:]]}
	if [ "$COMP_CWORD" -eq 1 ]; then
		_postern_reply "$word" "$(_postern_lines) --help --version"
	elif [[ $word == --*=* ]] && reply=$(_postern_values "${word%%=*}"); then
		_postern_reply "${word#*=}" "$reply"
	elif reply=$(_postern_values "$before"); then
		_postern_reply "$word" "$reply"
	else
		case $verb,$word in
		help,*) reply=$(_postern_lines) ;;
		bridge,*) reply=$(_postern_bridge "$word") ;;
		*,-*) reply=$(_postern_lines "$verb") ;;
		connect,* | wait,* | doctor,* | relay,*) reply=$("${COMP_WORDS[0]}" ls --all --quiet 2>/dev/null) ;;
		top,*) reply=$("${COMP_WORDS[0]}" ls --all --quiet --services 2>/dev/null) ;;
		call,* | info,* | introspect,* | stats,* | trace,*) reply=$(_postern_service "$verb" "$line") ;;
		*) reply= ;;
		esac
		_postern_reply "$word" "$reply"
	fi
}

complete -o default -F _postern postern
