# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# bash completion for fanctl and fanatic. What can be completed is read from `PROGRAM help` and `PROGRAM COMMAND --help`, and fans from
# `fanctl show --json`, so it cannot differ from the program that is installed. Functions only: sourcing it prints and runs nothing.
# shellcheck shell=bash

# The commands, one a line. fanatic has names of its own for two of them.
_fanctl_commands() {
    if [ "${1##*/}" = fanatic ]; then
        printf '%s\n' enable-fan disable-fan show help
        return
    fi
    "$1" help 2>/dev/null | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

# The options of a command with their metavariables: "--mtu BYTES". Both spellings where there are two.
_fanctl_options() {
    "$1" "$2" --help 2>/dev/null |
        sed -nE -e 's/^ {2}(-[a-zA-Z]), (--[a-z-]+)( [^ ]+)?( .*)?$/\1\3\n\2\3/p' \
            -e 's/^ {2}(-[a-zA-Z])( [^ ]+)?(  .*)?$/\1\2/p' -e 's/^ {6}(--[a-z-]+)( [^ ]+)?( .*)?$/\1\2/p'
}

# Of lines those that mean nothing to a shell: `compgen -W` expands what it is given, and a device may be named '$(reboot)'.
_fanctl_plain() {
    LC_ALL=C grep -x '[A-Za-z0-9._@+=:/-]*'
}

# The fans there are, by bridge, overlay or gateway ("bridge", ...).
_fanctl_fans() {
    fanctl show --json 2>/dev/null | sed -nE "s/^ *\"$1\": \"([^\"]+)\",?\$/\1/p" | sort -u | _fanctl_plain
}

_fanctl_devices() { # of /sys, as ip(8) need not be there
    local device
    for device in /sys/class/net/*; do printf '%s\n' "${device##*/}"; done | _fanctl_plain
}

# What may stand for a metavariable of the help.
_fanctl_values() {
    local program=$1 metavariable=$2 current=$3
    case $metavariable in
    FILE*) compgen -f -- "$current" ;;
    DIRECTORY) compgen -d -- "$current" ;;
    BRIDGE | FAN | NAME) compgen -W "$(_fanctl_fans bridge)" -- "$current" ;;
    OVERLAY) compgen -W "$(_fanctl_fans overlay) 250.0.0.0/8" -- "$current" ;;
    UNDERLAY) compgen -W "default/16 $(_fanctl_devices | sed 's,$,/16,')" -- "$current" ;;
    DEVICE) compgen -W "$(_fanctl_devices)" -- "$current" ;;
    LIST) compgen -W "ipip vxlan ipip,vxlan" -- "$current" ;;
    *[a-z]\|* | *\|[a-z]*) compgen -W "$(tr '|' '\n' <<<"$metavariable" | grep -x '[a-z][a-z-]*')" -- "$current" ;;
    esac
}

# Each once: what the help has as an option it may have as a word, too.
_fanctl() {
    local reply
    _fanctl_offer "$@"
    mapfile -t reply < <(printf '%s\n' "${COMPREPLY[@]}" | awk 'length && !said[$0]++')
    COMPREPLY=("${reply[@]}")
}

_fanctl_offer() {
    local program=$1 current=$2 previous=$3 command='' metavariable index options
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in -*) ;; *) command=${COMP_WORDS[index]} && break ;; esac
    done
    if [ -z "$command" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_fanctl_commands "$program") --help --version" -- "$current")
        return
    fi
    if [ "$command" = help ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_fanctl_commands "$program")" -- "$current")
        return
    fi
    options=$(_fanctl_options "$program" "$command")
    # The value of an option, or of its word: `--mtu BYTES` and `mtu BYTES`.
    metavariable=$(awk -v option="${previous#--}" 'NF == 2 && ($1 == "--" option || $1 == option) { print $2; exit }' <<<"$options")
    if [ -n "$metavariable" ]; then
        mapfile -t COMPREPLY < <(_fanctl_values "$program" "$metavariable" "$current")
        return
    fi
    case $current in
    -*) mapfile -t COMPREPLY < <(compgen -W "$(awk '{ print $1 }' <<<"$options")" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(_fanctl_words "$program" "$command" "$current" "$options" $((COMP_CWORD - index))) ;;
    esac
}

# What is no option: the arguments in their places, and the words of `up`.
_fanctl_words() {
    local program=$1 command=$2 current=$3 options=$4 place=$5
    case $command:$place in
    up:1) _fanctl_values "$program" OVERLAY "$current" ;;
    up:2) _fanctl_values "$program" UNDERLAY "$current" ;;
    up:* | enable:* | enable-fan:*) compgen -W "$(fanctl up --help 2>/dev/null | sed -n 's/^words: //p' | tr '|,' '\n\n' | awk 'NF && NF < 3 { print $1 }')
        $(awk '/^--/ { print substr($1, 3) }' <<<"$options" | grep -vxE 'help|verbose|json|dry-run|wait|all|config|dir|overlay|underlay')" -- "$current" ;;
    down:2) _fanctl_values "$program" UNDERLAY "$current" ;;
    show:*)
        if [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " == *' --diff '* ]]; then
            compgen -f -- "$current"
        else
            compgen -W "$(_fanctl_fans bridge) $(_fanctl_fans overlay)" -- "$current"
        fi
        ;;
    down:* | explain:* | doctor:*) compgen -W "$(_fanctl_fans bridge) $(_fanctl_fans overlay)" -- "$current" ;;
    endpoint:1) compgen -W "add del list apply watch" -- "$current" ;;
    docker:1) compgen -W "enable disable rules" -- "$current" ;;
    docker:2) compgen -W "$(_fanctl_fans bridge) $(_fanctl_fans overlay)" -- "$current" ;;
    broadcast:1) compgen -W "reset off allow disallow receive list" -- "$current" ;;
    broadcast:*) compgen -W "$(_fanctl_devices)" -- "$current" ;;
    endpoint:*)
        compgen -W "$(_fanctl_fans bridge) $(_fanctl_fans overlay)" -- "$current"
        if [ "${COMP_WORDS[COMP_CWORD - place + 1]}" = apply ]; then compgen -f -- "$current"; fi
        ;;
    trace:1 | trace:2) compgen -W "$(_fanctl_fans gateway)" -- "$current" ;;
    apply:* | try:* | import:*) compgen -f -- "$current" ;;
    esac
}

complete -F _fanctl fanctl fanatic
