# SPDX-License-Identifier: Apache-2.0
#
# Completion for bash. Verbs and options come from the command itself, so that they are those of the version
# that is installed; names come from `postern ls`.

_postern_lines()
{
	"${COMP_WORDS[0]}" complete "$@" 2>/dev/null | cut -f 1
}

_postern()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]-} i
	local reply

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_postern_lines) --help --version" -- "$word")
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = --exec ] || continue
		if [ "$i" -eq $((COMP_CWORD - 1)) ]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		fi
		return
	done
	case $before in
	--access) reply='user group world' ;;
	--allow-uid | --server-uid) reply=$(compgen -u) ;;
	--allow-gid | --group) reply=$(compgen -g) ;;
	--idle | --drain | --deadline) reply='500ms 5s 30s 2m forever' ;;
	--bytes-per-uid | --high-water | --low-water | --unread) reply='64K 256K 1M 8M 64M' ;;
	--attempts | --backlog | --connections | --connections-per-uid | --max) reply= ;;
	*)
		case $verb,$word in
		help,*) reply=$(_postern_lines) ;;
		*,-*) reply=$(_postern_lines "$verb") ;;
		connect,* | wait,* | doctor,*) reply=$("${COMP_WORDS[0]}" ls --all --quiet 2>/dev/null) ;;
		*) reply= ;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$reply" -- "$word")
}

complete -o default -F _postern postern
